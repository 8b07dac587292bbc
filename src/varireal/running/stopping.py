"""Stopping in good order: SIGTERM and SIGUSR1 let a job finish the item in hand, keep it, and end.

A scheduler sends SIGTERM when a job is preempted, cancelled, or over its time, and kills the job a little later
(SLURM: ``KillWait`` or ``GraceTime``). SIGUSR1 is for those who want to be told earlier (``sbatch --signal``). Nothing
is interrupted in the middle: loops over items look here between two items, and what waits for somebody else, such as a
server, is told at once (``heard``). No other module sets the handler of a signal: it would undo these.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

EXIT_STOPPED = 75  # EX_TEMPFAIL of sysexits.h: try again; Snakemake does so when it has ``retries``
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

# What the log of a job says that Ctrl-C stopped; no fault, so its workflow does not count it as failed.
INTERRUPTED = "stopped by Ctrl-C; what was finished is kept, run the same command again to go on"

_Handler = Callable[[int, FrameType | None], Any]

_received: list[int] = []
_hearers: list[Callable[[int], None]] = []


class StoppedError(BaseException):
    """Raised between two items after a signal. No ``Exception``: nothing that mends one bad item may swallow it.

    Args:
        message: what happened, and how to go on.
        done: of a call that makes several things at once: what it had made by then, by its number in the call.
    """

    def __init__(self, message: str, done: Mapping[int, Any] | None = None) -> None:
        super().__init__(message)
        self.done: Mapping[int, Any] = done or {}


def listen() -> None:
    """From now on the signals are noted instead of ending the process."""
    _received.clear()
    for number in SIGNALS:
        signal.signal(number, _note)


def leave_to_parent() -> None:
    """In a process that works for a job: the job hears the signal and says what is still done.

    A scheduler signals every process of a job, and a terminal every process that it shows.
    """
    for number in (*SIGNALS, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def heard(callback: Callable[[int], None]) -> Iterator[None]:
    """Be told of a signal the moment it comes, while the block runs.

    In the main thread Ctrl-C is heard as well; the second one does what it did before. It is no business of
    ``requested`` and ``checkpoint``. Where nobody listens, as in a command for people, the signals of a scheduler are
    noted for as long as the block runs. What the process was told to ignore stays ignored.

    Args:
        callback: gets the signal's number. It runs in the main thread, in the middle of whatever is done there, so it
            may do little more than wake somebody up.
    """
    _hearers.append(callback)
    former = _take() if threading.current_thread() is threading.main_thread() else {}
    try:
        yield
    finally:
        _hearers.remove(callback)
        for number, handler in former.items():
            signal.signal(number, handler)


def _take() -> dict[int, Any]:
    """Take the signals over; return the handlers that they had."""
    handlers = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGINT)}
    former: dict[int, Any] = {n: handler for n, handler in handlers.items() if handler not in (None, signal.SIG_IGN)}
    for number, handler in former.items():
        signal.signal(number, _note if number in SIGNALS else _interrupt_once(handler))
    return former


def _interrupt_once(former: Any) -> _Handler:
    def interrupt(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, former)
        _tell(number)

    return interrupt


def _note(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    _tell(number)


def _tell(number: int) -> None:
    for callback in tuple(_hearers):
        callback(number)


def requested() -> bool:
    """Whether a signal has come."""
    return bool(_received)


def stopped(outcome: str = "what was finished is kept", done: Mapping[int, Any] | None = None) -> StoppedError:
    """The error that ends a job for which a signal has come.

    Args:
        outcome: what becomes of its work.
        done: see ``StoppedError``.
    """
    name = signal.Signals(_received[0]).name
    return StoppedError(f"stopped by {name}; {outcome}, run the same command again to go on", done)


def checkpoint() -> None:
    """Call it where nothing is in hand.

    Raises:
        StoppedError: a signal has come.
    """
    if _received:
        raise stopped()
