"""What an item store was given in the last moment: written, but not yet waited for until it is on the disk.

To wait for the disk takes milliseconds, often longer than an item. So what comes in quick succession is written to a
plain file first, and brought into the store's database once a second. A process that is killed loses nothing of it,
because what was written is the system's by then; a machine that dies may lose this file, or leave half of it, which
is noticed: each record has its length and checksum.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from varireal.running.job_record import add_amounts

Items = Sequence[tuple[str, bytes]]

_HEAD = struct.Struct("<4sIQ")  # magic, checksum of the rest, its length
_MAGIC = b"vrt1"


class Tail:
    """The records of one store that are not yet in its database.

    Args:
        path: the file; it is there only while it holds something.
        generation: of the records that are written now. Those of an earlier one are in the database already.

    Attributes:
        items: values by key.
        spent: amounts by name.
        size: bytes of the file.

    Raises:
        OSError: from every method: the file cannot be read or written.
    """

    def __init__(self, path: Path, generation: int) -> None:
        self.path, self.generation = path, generation
        self.items: dict[str, bytes] = {}
        self.spent: dict[str, float] = {}
        self.size = 0
        self._file: int | None = None
        for items, spent in read_tail(path, generation):
            self._note(items, spent)

    def __bool__(self) -> bool:
        """Whether it holds anything."""
        return bool(self.items or self.spent)

    def append(self, items: Items, spent: Mapping[str, float]) -> None:
        """Write a record; it is whole in the file when this returns, or not at all."""
        head = {"generation": self.generation, "items": [(k, len(v)) for k, v in items], "spent": dict(spent)}
        data = b"".join((json.dumps(head).encode(), b"\n", *(value for _, value in items)))
        record = _HEAD.pack(_MAGIC, zlib.crc32(data), len(data)) + data
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            self.size = sum(_HEAD.size + len(data) for data in _records(self.path))  # up to one that is not whole
            os.ftruncate(self._file, self.size)
        try:
            written = os.pwrite(self._file, record, self.size)
            if written < len(record):  # the disk is full; writing the rest says so
                os.pwrite(self._file, record[written:], self.size + written)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(record)
        self._note(items, spent)

    def clear(self, generation: int) -> None:
        """Begin anew: the database has everything."""
        self.generation = generation
        self.items, self.spent = {}, {}
        if self._file is not None:
            os.ftruncate(self._file, 0)
            self.size = 0
        elif self.path.exists():
            self.path.unlink()

    def close(self) -> None:
        """Let go of the file, and remove it when it holds nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            if not self:
                self.path.unlink(missing_ok=True)

    def _note(self, items: Items, spent: Mapping[str, float]) -> None:
        self.items.update(items)
        add_amounts(self.spent, spent)


def read_tail(path: Path, generation: int) -> Iterator[tuple[list[tuple[str, bytes]], dict[str, float]]]:
    """Yield items and amounts of the whole records of a generation."""
    for data in _records(path):
        head, _, rest = data.partition(b"\n")
        facts = json.loads(head)
        if facts["generation"] != generation:
            continue
        items, place = [], 0
        for key, length in facts["items"]:
            items.append((key, rest[place : place + length]))
            place += length
        yield items, facts["spent"]


def _records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file up to the first that is not whole."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    place = 0
    while place + _HEAD.size <= len(text):
        magic, checksum, length = _HEAD.unpack_from(text, place)
        data = text[place + _HEAD.size : place + _HEAD.size + length]
        if magic != _MAGIC or len(data) < length or zlib.crc32(data) != checksum:
            return
        yield data
        place += _HEAD.size + length
