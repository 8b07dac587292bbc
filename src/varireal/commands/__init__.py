"""The table of commands: what each is called, which options it takes, and where its code is. Light."""

from varireal.commands.base import Command, Option
from varireal.commands.stage_table import STAGES
from varireal.commands.tool_table import TOOLS

COMMANDS: dict[str, Command] = {**STAGES, **TOOLS}

__all__ = ["COMMANDS", "Command", "Option"]
