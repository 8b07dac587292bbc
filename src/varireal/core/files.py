"""Files that are written whole or not at all, config files on one another, and text of strangers on one line.

Strangers' are class names, prompts and errors.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # would turn the text that follows around
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """The text with line breaks, control characters and lone surrogates as spaces, without direction controls."""
    visible = (" " if unicodedata.category(c) in _BREAKING else c for c in _DIRECTION.sub("", text))
    return " ".join("".join(visible).split())


def error_text(error: BaseException, most: int | None = None) -> str:
    """What an error says, on one line, of at most so many characters; the name of its class when it says nothing."""
    return one_line(str(error))[:most] or type(error).__name__


def few(names: Sequence[str], most: int = 5) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping on top of another, block by block, as Snakemake puts one config file on another."""
    whole = dict(base)
    for key, value in over.items():
        old = whole.get(key)
        whole[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return whole


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, its file is synced and becomes ``path``.

    The temporary name is always the same, so what a killed process left is overwritten by the next one: each file has
    one writer at a time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write bytes, or text as UTF-8 with its line ends as they are."""
    with whole_file(path) as part:
        part.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
