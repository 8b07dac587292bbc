"""What trying a stage tells: seconds of its items, of its start, bytes on disk."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from varireal.observing.records import folder_bytes
from varireal.running.job_record import JobRecord, recorded, uses_gpu
from varireal.stages.summary import Summary


@dataclass
class Probed:
    """What trying a stage told.

    Attributes:
        seconds: of single items, without starting; the shortest and the longest say the range.
        start: seconds that a job takes beside its items: imports, models.
        bytes_each: bytes on disk per item, in tables and stores; None when not measured.
        on_gpu: whether a GPU was used.
        problem: why it could not be tried, one line; then the rest means nothing.
    """

    seconds: list[float] = field(default_factory=list)
    start: float = 0.0
    bytes_each: float | None = None
    on_gpu: bool = False
    problem: str = ""

    @property
    def low(self) -> float:
        """Seconds of the fastest item."""
        return min(self.seconds)

    @property
    def high(self) -> float:
        """Seconds of the slowest item."""
        return max(self.seconds)


class Stopwatch(JobRecord):
    """A record in memory that notes when an item begins and when it is kept."""

    def __init__(self) -> None:
        super().__init__(None, {"stage": "probe"})
        self.intervals: list[float] = []
        self._last = time.monotonic()
        self.checks.append(self._begins)

    def _begins(self, usd: float) -> None:  # noqa: ARG002 - nothing is spent
        self._last = time.monotonic()

    def _take(self) -> Mapping[str, float]:
        found = super()._take()
        now = time.monotonic()
        self.intervals.append(now - self._last)
        self._last = now
        return found


def timed(run: Callable[[], Summary]) -> tuple[Stopwatch, float, int]:
    """Run a stage; its stopwatch, seconds in all, and rows."""
    watch = Stopwatch()
    start = time.monotonic()
    with recorded(watch):
        summary = run()
    return watch, time.monotonic() - start, sum(summary.counts.values())


def measured(watch: Stopwatch, seconds: float, rows: int, size: int) -> Probed:
    """The first item has loading in it, and the last interval is the closing of the store."""
    kept = watch.intervals[:-1]
    rows = max(rows, 1)
    if not kept:
        return Probed([seconds / rows], seconds, size / rows, uses_gpu())
    puts = len(kept) / rows  # a judge keeps several answers of one picture
    items = [interval * puts for interval in kept[1:]] or [kept[0] / rows]
    start = max(0.0, seconds - statistics.median(items) * rows)
    return Probed(items, start, size / rows, uses_gpu())


def mean(found: list[Probed]) -> Probed:
    """A stage whose items are spread evenly over several jobs."""
    low = statistics.mean(one.low for one in found)
    high = statistics.mean(one.high for one in found)
    sizes = [one.bytes_each for one in found if one.bytes_each is not None]
    size = statistics.mean(sizes) if sizes else None
    return Probed([low, high], max(one.start for one in found), size, any(one.on_gpu for one in found))


def size(*paths: Path | str) -> int:
    """Bytes of files and folders."""
    total = 0
    for path in map(Path, paths):
        total += folder_bytes(str(path)) if path.is_dir() else path.stat().st_size if path.exists() else 0
    return total
