"""Logging, set up by ``cli`` only: one line per event, progress with rate and time left, a last line with counts.

A person at a terminal sees the summary and the errors; the log file of the job has everything, every item too. Where
the workflow shows how its jobs are doing, they say warnings alone.
"""

import logging
import os
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from varireal.attributes import problem_text
from varireal.running import job_record, stopping

T = TypeVar("T")

SUMMARY = 25  # between INFO and WARNING: shown on the console even when INFO is not
logging.addLevelName(SUMMARY, "SUMMARY")

_SECONDS_BETWEEN_LINES = 5.0

# Set by a workflow that shows its jobs' progress and failures (``snakemake_logger_plugin_varireal``).
QUIET = "VARIREAL_QUIET_JOBS"
# Their warnings at import sound like faults to a person who asked for nothing of theirs: bitsandbytes, which PEFT
# imports wherever it is installed, misses a kernel for 4-bit models on CPUs, which no stage runs.
_NOISY = ("bitsandbytes",)


def is_quiet(log_file: Path | None) -> bool:
    """Whether what this job has to say is shown by its workflow, which reads it in the job's log."""
    return log_file is not None and bool(os.environ.get(QUIET))


class _Failures:
    """What is said of failures of items in this process."""

    tracebacks = False
    said: set[str] = set()  # noqa: RUF012 - of the process


def tell_failure(logger: logging.Logger, message: str, *args: object, error: BaseException) -> None:
    """Say in one line that an item failed, whose row says why.

    The first of its kind is for the screen, the others for the job's log: a job may have a hundred thousand items. The
    traceback goes there too with ``--debug``.

    Args:
        logger: of the module.
        message: what failed, with places for ``args``.
        args: its values.
        error: why.
    """
    level = logging.INFO if message in _Failures.said else logging.WARNING
    _Failures.said.add(message)
    logger.log(level, f"{message}: %s", *args, problem_text(error))
    if _Failures.tracebacks:
        logger.debug("where it failed", exc_info=error)


def set_up(log_file: Path | None, *, verbose: bool, debug: bool = False) -> None:
    """Send this package's messages to the console, and to ``log_file`` when given.

    Args:
        log_file: of the job.
        verbose: whether the console gets every message.
        debug: whether the log has the traceback of each item that failed.

    Raises:
        OSError: the log file cannot be created.
    """
    _Failures.tracebacks, _Failures.said = debug, set()
    logger = logging.getLogger("varireal")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers.clear()
    console = logging.StreamHandler(sys.stderr)
    quiet = logging.WARNING if is_quiet(log_file) else SUMMARY
    console.setLevel(logging.DEBUG if verbose else logging.INFO if log_file is None else quiet)
    console.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(console)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def progress(items: Iterable[T], logger: logging.Logger, what: str, total: int) -> Iterator[T]:
    """Yield the items and log a line with count, rate and time left every few seconds.

    Raises:
        StoppedError: a signal has come; the items before it are done.
    """
    start = last = time.monotonic()
    try:
        stopping.checkpoint()
        job_record.tick(0, total)
        for done, item in enumerate(items, 1):
            yield item
            job_record.tick(done, total)
            if done < total:
                stopping.checkpoint()
            now = time.monotonic()
            if now - last >= _SECONDS_BETWEEN_LINES and done < total:
                last = now
                rate = done / (now - start)
                left, spent = (total - done) / rate, job_record.spending()
                more = f"; {spent}" if spent else ""
                logger.info("%s: %d of %d, %.1f/s, %.0f s left%s", what, done, total, rate, left, more)
    finally:
        if isinstance(items, Generator):
            items.close()  # now, while the store that it writes to is open


def summary_line(stage: str, counts: dict[str, int], seconds: float, *, computed: int | None = None) -> str:
    """The last line of a stage: counts per status, items computed and seconds."""
    parts = [f"{status} {count}" for status, count in sorted(counts.items())] or ["nothing to do"]
    made = "" if computed is None else f"; computed {computed} now"
    return f"{stage}: {', '.join(parts)}{made}; {seconds:.1f} s"
