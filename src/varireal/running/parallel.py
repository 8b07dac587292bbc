"""Work on several cores inside one job, without leaving orphans when the job is killed."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from varireal.running import stopping

# Seconds of work below which no process is started: each one imports what it needs first, for a second or two.
_WORTH_PROCESSES = 2.0

A = TypeVar("A")
B = TypeVar("B")


def process_map(function: Callable[[A], B], items: Sequence[A], workers: int, chunksize: int = 4) -> Iterator[B]:
    """Apply a module-level function to the items, in order, in ``workers`` processes (in this one when 1).

    ``chunksize`` items go to a process at a time. The first item is done here, and so are all others where they
    promise to take less time than processes take to start.
    """
    if not items:
        return
    start = time.monotonic()
    first = function(items[0])
    items, expected = items[1:], (time.monotonic() - start) * (len(items) - 1)
    yield first
    if workers <= 1 or len(items) <= 1 or expected < _WORTH_PROCESSES:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of running threads
    with ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=_begin_worker) as pool:
        try:
            yield from pool.map(function, items, chunksize=chunksize)
        except BrokenProcessPool:
            for worker in multiprocessing.active_children():
                worker.kill()  # the pool itself would only ask them to end, which they leave to this process
            raise


def _begin_worker() -> None:
    """Signals are the parent's; a killed parent cannot tell its workers to stop, so each one watches it."""
    stopping.leave_to_parent()
    single_thread()
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def single_thread() -> None:
    """Keep OpenCV to one thread: jobs run side by side, and the number of threads must not change a pixel."""
    import cv2

    cv2.setNumThreads(1)
