"""The prompts of a study on disk: one file per class that people read, edit and compare.

Light: PyYAML only. Snakemake reads digests of these files whenever it parses the workflow.
"""

from collections.abc import Sequence
from functools import lru_cache
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
    if not path.exists():
        content, notes = merge(None, class_info, prompts, origin)
        _replace(path, render(content, Comments()))
        return notes
    old, document = parse(path)
    content, notes = merge(old, class_info, prompts, origin)
    if content != old:
        _replace(path, render(content, find_comments(document, old, content)))
    return notes


def read_class_file(path: Path) -> list[Prompt]:
    """Prompts of a class's file, by setting and then in file order; what a person changed has the source ``edited``.

    Raises:
        ConfigError: the file is missing or is not a file of prompts; the message has file and line.
    """
    return list(parse(path)[0].prompts)


def class_digests(path: Path) -> dict[tuple[str, str], str]:
    """(attribute, feasibility) -> digest of what the prompts of that setting say, for every setting.

    Comments, order, sources and layout do not count. Answers are remembered while the file's time and size stay.

    Raises:
        ConfigError: as ``read_class_file``.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a YAML file of prompts") from error
    return dict(_digests(path, stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=4096)
def _digests(path: Path, mtime_ns: int, size: int) -> dict[tuple[str, str], str]:  # noqa: ARG001 (part of the key)
    return setting_digests(read_class_file(path))


def _replace(path: Path, text: str) -> None:
    """Put a text in place of a file in one step."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        odd = text[error.start]
        raise ConfigError(f"{path}: a text holds U+{ord(odd):04X}, which is no character; remove it") from error
    write_whole(path, data)
