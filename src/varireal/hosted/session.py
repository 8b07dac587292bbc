"""Many requests at once, as far as the traffic lets; on a signal, what is under way ends and is kept."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from varireal.errors import VariRealError
from varireal.hosted.client import NoMoreAskingError, Sender
from varireal.running import stopping

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_NEWS = 10.0

A = TypeVar("A")
S = TypeVar("S", bound=Sender)


class Session(Generic[S]):
    """What a backend of a job needs to ask a server: the sender and its loop, from the first request to ``close``.

    One loop for the job, because a connection lives in its loop.

    Args:
        connect: makes the sender; nothing is sent by it.
    """

    def __init__(self, connect: Callable[[], S]) -> None:
        self._connect = connect
        self._sender: S | None = None
        self._runner: asyncio.Runner | None = None

    @property
    def sender(self) -> S:
        """The sender, made when it is first needed."""
        if self._sender is None:
            self._sender = self._connect()
        return self._sender

    @property
    def open(self) -> bool:
        """Whether anything was asked since the session was made or closed."""
        return self._runner is not None

    def run(self, requests: Callable[[S], Sequence[Coroutine[Any, Any, A]]]) -> list[A]:
        """Results of requests to the sender, in order; see ``run_all``."""
        sender = self.sender
        sender.meter.look()
        self._runner = self._runner or asyncio.Runner()
        return self._runner.run(run_all(sender, requests(sender)))

    def close(self) -> None:
        """Write what waits, and close the connections; a later request opens them again."""
        if self._runner is not None:
            self._runner.run(self.sender.close())
            self._runner.close()
        self._runner = self._sender = None


async def run_all(sender: Sender, work: Sequence[Coroutine[Any, Any, A]]) -> list[A]:
    """Results of all, in order.

    After a signal nothing more is sent, and what only waits to be sent ends at once. Answers that are under way are
    waited for: those of a scheduler's signal for the sender's grace, because the process is killed a little later;
    those of Ctrl-C as long as they take, or until the next Ctrl-C.

    Args:
        sender: what they ask; a signal stops it.
        work: what asks.

    Raises:
        BaseException: the first failure once all have ended: a bug before an expected one.
        StoppedError: a signal stopped it; ``done`` are the results that came.
        KeyboardInterrupt: Ctrl-C stopped it.
    """
    batch = _Batch(sender, work)
    news = asyncio.create_task(_say_spending(sender))
    try:
        with stopping.heard(batch.wake):
            if stopping.requested():  # it came between two batches
                sender.stopped = True
            results = await batch.results()
    finally:
        news.cancel()
    failures = [result for result in results if isinstance(result, BaseException)]
    faults = [error for error in failures if not isinstance(error, NoMoreAskingError | asyncio.CancelledError)]
    unexpected = [error for error in faults if not isinstance(error, VariRealError)]
    for error in unexpected or faults:
        raise error
    done = {number: result for number, result in enumerate(results) if not isinstance(result, BaseException)}
    if not failures:
        return list(done.values())
    if stopping.requested():
        raise stopping.stopped(batch.outcome, done)
    raise KeyboardInterrupt("interrupted by Ctrl-C; what was answered is kept")


async def _say_spending(sender: Sender) -> None:
    """Say now and then what was spent: a batch may take half an hour, in which no item ends."""
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_NEWS)
        logger.info("asking: %s", sender.meter.words() or "no answer yet")


class _Batch(Generic[A]):
    """Work that runs together, and how it ends when a signal comes."""

    def __init__(self, sender: Sender, work: Sequence[Coroutine[Any, Any, A]]) -> None:
        self._sender = sender
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(one) for one in work]
        self._end: asyncio.TimerHandle | None = None
        self._given_up = 0

    async def results(self) -> list[A | BaseException]:
        """What each gives, or the error that it ended with."""
        try:
            return await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            if self._end is not None:
                self._end.cancel()

    @property
    def outcome(self) -> str:
        """What became of the answers after a scheduler's signal."""
        if not self._given_up:
            return "what was answered is kept"
        answers, were = ("1 answer", "was") if self._given_up == 1 else (f"{self._given_up} answers", "were")
        return (
            f"{answers} that {were} under way after {self._sender.grace:g} s {were} given up and may be billed; "
            "what was answered is kept"
        )

    def wake(self, number: int) -> None:
        """Tell the loop of a signal, from within its handler."""
        with contextlib.suppress(RuntimeError):  # the loop of another thread may have ended a moment ago
            self._loop.call_soon_threadsafe(self._stop, number)

    def _stop(self, number: int) -> None:
        self._sender.stopped = True
        for task in self._tasks:
            if task not in self._sender.under_way:
                task.cancel()
        limit = ""
        if number in stopping.SIGNALS:
            limit = f" at most {self._sender.grace:g} s"
            self._end = self._end or self._loop.call_later(self._sender.grace, self._give_up)
        logger.warning(
            "stopping: waiting%s for the answers under way, so that nothing that is paid for is lost", limit
        )

    def _give_up(self) -> None:
        for task in self._tasks:
            self._given_up += task in self._sender.under_way
            task.cancel()
