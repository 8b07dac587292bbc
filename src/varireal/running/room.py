"""Room on the disk: what is free, what is still needed, and words for a disk that cannot be written."""

import errno
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from varireal.core.files import error_text
from varireal.errors import DataError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
AGAIN = "what was finished is kept, run the same command again to go on"


class DiskFullError(DataError):
    """The disk is full, or would be before what is in hand could be written."""


class Room(AbstractContextManager["Room"]):
    """Watches the disk while a job writes; a full disk leaves the block as an error that says how much is needed.

    Args:
        folder: where the results are; on the disk that is watched.
        total: items of the job.
        copies: times that an item is written: 2 where it is kept in a store first and goes into a table last; 1 where
            all of it is gone again when the job fails.
    """

    def __init__(self, folder: Path, total: int, *, copies: int = 2) -> None:
        self._folder, self._total, self._copies = folder, total, copies
        self._done = self._bytes = 0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Tell what is needed where the disk was full."""
        if isinstance(error, DiskFullError) or (isinstance(error, OSError) and error.errno in FULL):
            raise DiskFullError(self._shortage()) from error

    def count(self, size: int) -> None:
        """Count an item of ``size`` bytes whose first copy is on the disk.

        Raises:
            DiskFullError: the other copies of what is there, and one more item, would not fit any more.
        """
        self._done += 1
        self._bytes += size
        if free_bytes(self._folder) < self._bytes * (self._copies - 1) + self._bytes / self._done:
            raise DiskFullError

    def _shortage(self) -> str:
        average = self._bytes / max(self._done, 1)
        if self._copies == 1:
            needed = f" of about {size_text(average * self._total)} that this job writes" if self._done else ""
            free = size_text(free_bytes(self._folder) + self._bytes)
            return (
                f"the disk of {self._folder} is full: only {free}{needed} fit; make room there and run the same "
                "command again"
            )
        rest = average * (self._copies * self._total - self._done)
        needed = f"about {size_text(rest)} are needed for the rest" if self._done else "the need is not known yet"
        return (
            f"the disk of {self._folder} is full with {self._done} of {self._total} items kept: {needed}, "
            f"{size_text(free_bytes(self._folder))} are free; make room there, {AGAIN}"
        )


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk of a folder, or of the nearest one above that is there."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


def size_text(size: float) -> str:
    """A number of bytes for people."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"


def os_error_text(error: OSError) -> str:
    """An error of the operating system in one line; with what to do where the disk is at fault."""
    if error.errno not in {*FULL, errno.EROFS, errno.EIO, errno.ESTALE}:
        return error_text(error)
    place = Path(os.fsdecode(error.filename)).parent if isinstance(error.filename, (str, bytes)) else Path()
    what = {
        errno.EROFS: "is read-only",
        errno.EIO: "cannot be read or written (input/output error)",
        errno.ESTALE: "went away (stale file handle)",
    }.get(error.errno or 0, f"is full: {size_text(free_bytes(place))} are free")
    todo = "make room there" if error.errno in FULL else "mend that"
    return f"the disk of {place.absolute()} {what}; {todo}, {AGAIN}"
