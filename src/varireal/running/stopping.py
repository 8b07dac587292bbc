"""Stopping in good order: SIGTERM and SIGUSR1 let a job finish the item in hand, keep it, and end.

A scheduler sends SIGTERM when a job is preempted, cancelled, or over its time, and kills the job a little later
(SLURM: ``KillWait`` or ``GraceTime``). SIGUSR1 is for those who want to be told earlier (``sbatch --signal``). Nothing
is interrupted in the middle: loops over items look here between two items.
"""

import signal
from types import FrameType

EXIT_STOPPED = 75  # EX_TEMPFAIL of sysexits.h: try again; Snakemake does so when it has ``retries``
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

_received: list[int] = []


class StoppedError(BaseException):
    """Raised between two items after a signal. No ``Exception``: nothing that mends one bad item may swallow it."""


def listen() -> None:
    """From now on the signals are noted instead of ending the process."""
    _received.clear()
    for number in SIGNALS:
        signal.signal(number, _note)


def _note(number: int, _frame: FrameType | None) -> None:
    _received.append(number)


def requested() -> bool:
    """Whether a signal has come."""
    return bool(_received)


def checkpoint() -> None:
    """Call it where nothing is in hand.

    Raises:
        StoppedError: a signal has come.
    """
    if _received:
        name = signal.Signals(_received[0]).name
        raise StoppedError(f"stopped by {name}; what was finished is kept, run the same command again to go on")
