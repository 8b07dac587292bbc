"""What a command is: its name in help, its options, and where its code is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command.

    Attributes:
        dest: name of the argument of the function.
        help: one line.
        kind: type of the value; bool makes a switch.
        flag: ``--name``; empty for a positional argument.
        default: ``...`` makes the option required.
        many: takes any number of values.
        choices: allowed values.
    """

    dest: str
    help: str
    kind: Any = Path
    flag: str = ""
    default: Any = ...
    many: bool = False
    choices: tuple[str, ...] | None = None

    @property
    def metavar(self) -> str:
        """What stands for the value in the help text."""
        return {Path: "PATH", int: "N"}.get(self.kind, self.dest.rstrip("_").upper())


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        target: ``module:function``; a stage's function takes its slice and the options, another only the options.
        help: one line.
        options: what it takes.
        slice_model: class of the stage's slice in ``config.slices``; None when the command is not a stage.
    """

    target: str
    help: str
    options: tuple[Option, ...]
    slice_model: str | None = None


def option(dest: str, help_: str, **settings: Any) -> Option:
    """An option whose flag is its name."""
    return Option(dest, help_, flag="--" + dest.rstrip("_").replace("_", "-"), **settings)


# The config file of a study, as people give it.
STUDY = option("configfile", "config file of the study; repeat for several", many=True, default=())
# The same by its results, as far as a config is known for them.
STUDY_OR_FOLDER = (
    Option("study", "folder of the study, such as results/demo; its config is found by it", default=None),
    STUDY,
)
# A study by its results.
STUDY_FOLDER = option("study", "folder of the study, such as results/demo")
