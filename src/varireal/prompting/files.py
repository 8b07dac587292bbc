"""The prompts of a study on disk: one file per class that people read, edit and compare.

Light: PyYAML only. Snakemake reads digests of these files whenever it parses the workflow.
"""

from collections.abc import Sequence
from pathlib import Path

from varireal.errors import ConfigError
from varireal.files import write_whole
from varireal.prompting.class_file import merge, parse, setting_digests
from varireal.prompting.layout import Comments, find_comments, render
from varireal.records import ClassInfo, Prompt


def write_class_file(path: Path, class_info: ClassInfo, prompts: Sequence[Prompt], *, origin: str) -> list[str]:
    """Write a class's prompts, merged into the file that is there.

    What a person edited, added or deleted is kept, see ``class_file.merge``. When nothing changes, the file is not
    touched, so a person's layout stays; otherwise it is laid out anew, with its comments. The file appears whole or
    not at all.

    Args:
        path: ``…/{class_id}.yaml``; its folder is made.
        class_info: the class.
        prompts: what was generated now; ids are unique.
        origin: where it comes from, for a reader of the file; the same in each run.

    Returns:
        What was kept of a person's work, one sentence per prompt.

    Raises:
        ConfigError: the file that is there cannot be read, or a text holds a character that no file can hold.
    """
    return update_class_file(path, class_info, prompts, origin=origin)[1]


def update_class_file(
    path: Path, class_info: ClassInfo, prompts: Sequence[Prompt], *, origin: str
) -> tuple[list[Prompt], list[str]]:
    """As ``write_class_file``, and return what the file holds now as well."""
    if not path.exists():
        content, notes = merge(None, class_info, prompts, origin)
        _replace(path, render(content, Comments()))
        return list(content.prompts), notes
    old, document = parse(path)
    content, notes = merge(old, class_info, prompts, origin)
    if content != old:
        _replace(path, render(content, find_comments(document, old, content)))
    return list(content.prompts), notes


def planned_digests(
    path: Path, class_info: ClassInfo, prompts: Sequence[Prompt], *, origin: str
) -> dict[tuple[str, str], str]:
    """(attribute, feasibility) -> digest of what the file will say once ``write_class_file`` was called like this.

    Raises:
        ConfigError: the file that is there cannot be read; the message has file and line.
    """
    old = parse(path)[0] if path.exists() else None
    return setting_digests(merge(old, class_info, prompts, origin)[0].prompts)


def read_class_file(path: Path) -> list[Prompt]:
    """Prompts of a class's file, by setting and then in file order; what a person changed has the source ``edited``.

    Raises:
        ConfigError: the file is missing or is not a file of prompts; the message has file and line.
    """
    return list(parse(path)[0].prompts)


def _replace(path: Path, text: str) -> None:
    """Put a text in place of a file in one step."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        odd = text[error.start]
        raise ConfigError(f"{path}: a text holds U+{ord(odd):04X}, which is no character; remove it") from error
    write_whole(path, data)
