"""One workflow for one study: a second one is refused and told who is at work; what a dead one left stops nobody.

Snakemake's own lock survives its owner and names nobody, so the profiles turn it off in favour of this one.
"""

import atexit
import os
import tempfile
import threading
from pathlib import Path

from varireal.errors import DataError
from varireal.running.owned_lock import OwnedLock, Owner, this_process

OWNER = "logs/workflow.lock"  # in the folder of a study

_SECONDS_BETWEEN_BEATS = 20.0
_SECONDS_OF_SILENCE = 90.0  # of an owner on another machine, after which it counts as dead


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
