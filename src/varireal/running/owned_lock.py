"""A file lock that says whose it is.

The lock is the kernel's (``flock``, by filelock), so it is free the moment its owner is dead, however it died. Who the
owner is stands in the locked file; an owner that ends in good order wipes it out. What is found there by the next one
is therefore the name of somebody who was killed.
"""

import getpass
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that holds or held a lock.

    Attributes:
        host: name of its machine.
        pid: its process id there.
        user: login name.
        since: when it took the lock, local time.
        job: its job on SLURM, if it is one.
    """

    host: str
    pid: int
    user: str
    since: str
    job: str | None

    def __str__(self) -> str:
        job = f", SLURM job {self.job}" if self.job else ""
        return f"process {self.pid} of {self.user} on {self.host}{job} (since {self.since})"


def this_process() -> Owner:
    """The running process as an owner."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run under an id without a name
        user = f"user {os.getuid()}"
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return Owner(socket.gethostname(), os.getpid(), user, since, os.environ.get("SLURM_JOB_ID"))


class OwnedLock:
    """One lock; ``path`` is made where it is missing and stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path, thread_local=False)

    def take(self) -> bool:
        """Try once; the owner's name is not written yet, so the one before can be read.

        Raises:
            OSError: the file cannot be made.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def owner(self) -> Owner | None:
        """Who is named in the file: of a lock that is held its owner, of one just taken whoever was killed with it."""
        try:
            return Owner(**json.loads(self.path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def sign(self) -> None:
        """Write this process into the file."""
        self.path.write_text(json.dumps(asdict(this_process())), encoding="utf-8")

    def release(self) -> None:
        """Wipe the name out and let go."""
        self.path.write_text("", encoding="utf-8")
        self._lock.release()
