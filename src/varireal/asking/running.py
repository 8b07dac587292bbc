"""Many requests at once, as far as the traffic lets; on a signal, what is under way ends and is kept."""

import asyncio
import logging
import signal
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from varireal.asking.sending import Sender, StoppedError
from varireal.errors import VariRealError

logger = logging.getLogger(__name__)

A = TypeVar("A")


async def run_all(asker: Sender, work: Sequence[Coroutine[Any, Any, A]]) -> list[A]:
    """Results of all, in order.

    Args:
        asker: what they ask; a signal stops it.
        work: what asks.

    Raises:
        BaseException: the first failure once all have ended: a bug before an expected one.
        KeyboardInterrupt: a signal stopped it.
    """
    loop = asyncio.get_running_loop()
    # only the main thread gets signals
    stops = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    for stop in stops:
        loop.add_signal_handler(stop, _stop, asker)
    try:
        results = await asyncio.gather(*work, return_exceptions=True)
    finally:
        for stop in stops:
            loop.remove_signal_handler(stop)
    failures = [result for result in results if isinstance(result, BaseException)]
    unexpected = [error for error in failures if not isinstance(error, VariRealError | StoppedError)]
    for error in unexpected or failures:
        if not isinstance(error, StoppedError):
            raise error
    if failures:
        raise KeyboardInterrupt
    return [result for result in results if not isinstance(result, BaseException)]


def _stop(asker: Sender) -> None:
    logger.warning("stopping: waiting for the answers under way, so that nothing that is paid for is lost")
    asker.stopped = True
