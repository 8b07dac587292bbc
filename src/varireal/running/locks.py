"""A file lock that says whose it is, and what it guards: a study's workflow, and a job.

The lock is the kernel's (``flock``, by filelock), so it is free the moment its owner is dead, however it died. Who the
owner is stands in the locked file; an owner that ends in good order wipes it out. What is found there by the next one
is therefore the name of somebody who was killed.

One workflow for one study: a second one is refused, and what a dead one left stops nobody. Snakemake's own lock
survives its owner and names nobody, so the profiles turn it off in favour of this one.

One process for one job: a killed workflow leaves its running jobs behind, here or on a cluster. Run again, the same
job waits for the one that is still at work and then finds all its items, so that nothing is computed twice and no file
has two writers.
"""

import atexit
import getpass
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from varireal.errors import DataError
from varireal.running import stopping

OWNER = "logs/workflow.lock"  # in the folder of a study

_SECONDS_BETWEEN_BEATS = 20.0
_SECONDS_OF_SILENCE = 90.0  # of an owner on another machine, after which it counts as dead
_SECONDS_BETWEEN_TRIES = 0.2
_SECONDS_ALLOWED = 5.0  # a job takes about as long to start; nothing older than that is made again so soon


def check_clock(now: Path, beaten: Path) -> None:
    """Compare the date of a file that was written just now with that of the study's lock.

    A node whose clock is behind would date its results before those that are made from them, and nothing would follow.
    The owner of a study touches its lock every few seconds, so the date of that file is the time of the machine that
    runs the workflow. Where the file server dates the files, all dates agree and there is never a difference.

    Args:
        now: written by this process a moment ago.
        beaten: ``workflow.lock`` of the study; nothing is compared where it is not there.

    Raises:
        DataError: this machine's clock is behind.
    """
    if not beaten.exists():
        return
    behind = beaten.stat().st_mtime - now.stat().st_mtime
    if behind > _SECONDS_ALLOWED:
        raise DataError(
            f"the clock of {socket.gethostname()} is {behind:.0f} s behind that of the workflow's machine (by the "
            f"date of {beaten}), so its results would look older than what is made from them; set the clock (chronyc, "
            "ntpd), or keep the node out of the profile"
        )


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


def own_study(folder: Path) -> str | None:
    """Make this process the owner of a study until it ends.

    Args:
        folder: the study's results.

    Returns:
        What to tell about an owner that was killed; None when the last one ended in good order.

    Raises:
        DataError: another workflow is at work there.
        OSError: the folder cannot be written.
    """
    lock = OwnedLock(folder / OWNER)
    free = lock.take()
    last = lock.owner()
    if not free or (last is not None and _beats_elsewhere(lock.path, last)):
        raise DataError(
            f"{folder}: another workflow is at work on this study: {last or 'an unnamed process'}; wait for its end, "
            "or stop it and run the same command again"
        )
    lock.sign()
    _beat(lock.path)
    atexit.register(lock.release)
    if last is None:
        return None
    return (
        f"The workflow before this one, {last}, was killed. What it finished is kept and used; files that it was "
        "writing are made again; jobs of it that are still at work are waited for."
    )


def _beats_elsewhere(path: Path, owner: Owner) -> bool:
    """Whether an owner on another machine lives, where a file system does not carry locks between machines.

    Both dates are the file system's, so clocks that differ between machines do not matter.
    """
    if owner.host == this_process().host:
        return False
    with tempfile.NamedTemporaryFile(dir=path.parent) as probe:
        now = os.stat(probe.name).st_mtime  # noqa: PTH116 - a name, not a path of ours
    return now - path.stat().st_mtime < _SECONDS_OF_SILENCE


def _beat(path: Path) -> None:
    def keep_beating() -> None:
        while not ended.wait(_SECONDS_BETWEEN_BEATS):
            try:
                os.utime(path)
            except OSError:
                return  # the folder was removed, or its disk is gone

    ended = threading.Event()
    atexit.register(ended.set)
    threading.Thread(target=keep_beating, daemon=True).start()


@contextmanager
def sole_process(place: Path) -> Iterator[None]:
    """Hold the job's lock, after waiting for it.

    Args:
        place: a file that no other job has; the lock is beside it.

    Raises:
        DataError: the machine's clock is behind.
        StoppedError: a signal came while waiting.
        OSError: the lock cannot be made.
    """
    lock = OwnedLock(place.with_name(f"{place.name}.lock"))
    waits = False
    while not lock.take():
        if not waits:
            sys.stderr.write(f"the same job is at work already: {lock.owner() or 'elsewhere'}; waiting for its end\n")
            waits = True
        stopping.checkpoint()
        time.sleep(_SECONDS_BETWEEN_TRIES)
    lock.sign()
    try:
        owners = (parent / OWNER for parent in place.absolute().parents)
        check_clock(lock.path, next((path for path in owners if path.exists()), Path(OWNER)))
        yield
    finally:
        lock.release()
