"""Room on the disk: what is free, what is still needed, and words for a disk that cannot be written."""

import errno
import os
import shutil
from pathlib import Path

from varireal.errors import DataError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
AGAIN = "what was finished is kept, run the same command again to go on"


class DiskFullError(DataError):
    """The disk is full, or would be before what is in hand could be written."""


class Room:
    """Watches the disk of one job: items are kept in its store first, and all of them are written to its table last.

    Args:
        folder: where the results are; on the disk that is watched.
        total: items of the job.
    """

    def __init__(self, folder: Path, total: int) -> None:
        self._folder, self._total = folder, total
        self._done = self._bytes = 0

    def kept(self, size: int) -> None:
        """Count an item of ``size`` bytes that is in the store now, or was there before.

        Raises:
            DiskFullError: the table of what is kept, and one more item, would not fit any more.
        """
        self._done += 1
        self._bytes += size
        average = self._bytes / self._done
        if free_bytes(self._folder) < self._bytes + average:
            raise DiskFullError(self.shortage())

    def shortage(self) -> str:
        """How much is needed for the rest and how much is free, in one line."""
        average = self._bytes / max(self._done, 1)
        needed = f"about {size_text(average * (2 * self._total - self._done))} more are needed" if self._done else ""
        return (
            f"the disk of {self._folder} is full with {self._done} of {self._total} items kept: "
            f"{needed or 'no item is kept yet, so the need is not known'}, {size_text(free_bytes(self._folder))} are "
            f"free; make room there, {AGAIN}"
        )


def free_bytes(folder: Path) -> int:
    """Bytes that this user may still write on the disk of a folder, or of the nearest one above that is there."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


def size_text(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def told(error: OSError) -> str:
    """An error of the operating system in one line; with what to do where the disk is at fault."""
    if error.errno not in {*FULL, errno.EROFS, errno.EIO, errno.ESTALE}:
        return " ".join(str(error).split()) or type(error).__name__
    place = Path(os.fsdecode(error.filename)).parent if isinstance(error.filename, (str, bytes)) else Path()
    what = {
        errno.EROFS: "is read-only",
        errno.EIO: "cannot be read or written (input/output error)",
        errno.ESTALE: "went away (stale file handle)",
    }.get(error.errno or 0, f"is full: {size_text(free_bytes(place))} are free")
    todo = "make room there" if error.errno in FULL else "mend that"
    return f"the disk of {place.absolute()} {what}; {todo}, {AGAIN}"
