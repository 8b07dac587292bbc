"""What edits were made with: the texts of a setting's prompts, kept under the digest that makes them run again.

The prompt files hold only what they say now. By these copies ``varireal why`` can tell the old text of a prompt.
"""

import contextlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from varireal.files import write_whole
from varireal.prompting.class_file import setting_digests
from varireal.prompting.files import read_class_file
from varireal.records import Prompt
from varireal.seeds import digest

Texts = dict[str, tuple[str, str, str]]

SEEN = ".seen"  # folder beside the prompt files


def texts_of(prompts: Iterable[Prompt], attribute: str, feasibility: str) -> Texts:
    """Prompt id -> name, description and colour, of one setting."""
    return {
        prompt.prompt_id: (prompt.name, prompt.description, prompt.rgb)
        for prompt in prompts
        if (prompt.attribute, prompt.feasibility) == (attribute, feasibility)
    }


def remember(files: Sequence[Path], attribute: str, feasibility: str, name: str) -> None:
    """Keep the texts of a setting; nothing happens when they are kept already, or cannot be.

    Args:
        files: prompt files of all classes, in the order that the digest was taken in.
        attribute: background, color or texture.
        feasibility: the arm.
        name: the digest that the workflow runs edits by; empty when a stage is run by hand.

    Raises:
        ConfigError: a file is not a prompt file.
    """
    if not name or not files or _place(files, name).exists():
        return
    classes = [read_class_file(path) for path in files]
    # a person may have edited a file since the workflow was parsed
    name = digest(*(setting_digests(prompts)[attribute, feasibility] for prompts in classes), size=8)
    texts = texts_of((prompt for prompts in classes for prompt in prompts), attribute, feasibility)
    # jobs of other shards may write the same file at the same time, and a result is worth more than its memory
    with contextlib.suppress(OSError):
        write_whole(_place(files, name), json.dumps(texts, sort_keys=True) + "\n")


def _place(files: Sequence[Path], name: str) -> Path:
    return files[0].parent / SEEN / f"{name}.json"
