"""One process for one job, also when a workflow was killed and its jobs live on.

A killed workflow leaves its running jobs behind, here or on a cluster. Run again, the same job waits for the one that
is still at work and then finds all its items, so that nothing is computed twice and no file has two writers.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from varireal.running import stopping
from varireal.running.clock import check_clock
from varireal.running.owned_lock import OwnedLock
from varireal.running.ownership import OWNER

_SECONDS_BETWEEN_TRIES = 0.2


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
    told = False
    while not lock.take():
        if not told:
            sys.stderr.write(f"the same job is at work already: {lock.owner() or 'elsewhere'}; waiting for its end\n")
            told = True
        stopping.checkpoint()
        time.sleep(_SECONDS_BETWEEN_TRIES)
    lock.sign()
    try:
        owners = (parent / OWNER for parent in place.absolute().parents)
        check_clock(lock.path, next((path for path in owners if path.exists()), Path(OWNER)))
        yield
    finally:
        lock.release()
