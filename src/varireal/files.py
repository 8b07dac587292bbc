"""Files are written whole or not at all: under a temporary name beside their place, then moved into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
