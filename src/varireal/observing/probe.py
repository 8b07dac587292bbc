"""Trying each stage on three photos on this machine, to learn what an item takes. Nothing is sent to a server.

The stages' own functions run in a temporary folder with the study's config, cut down: three train photos, one shard,
one round, one edit per photo and attribute, one picture at a time.
"""

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.names import FEASIBILITIES
from varireal.observing.cutting import Cut
from varireal.paths import run_name, shard_name
from varireal.plaintext import one_line
from varireal.running.job_record import JobRecord, recorded, uses_gpu
from varireal.stages.summary import Summary

logger = logging.getLogger(__name__)

_SHARD = shard_name(0, 1)
_FEW_STEPS, _MORE_STEPS = 1, 4


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


def probe(cut: Cut) -> dict[str, Probed]:
    """Try every stage; one that cannot run here says why.

    Args:
        cut: the study cut down, with its folder.
    """
    with _quiet():
        return dict(_probes(cut))


def _probes(cut: Cut) -> Iterator[tuple[str, Probed]]:
    found: dict[str, Probed] = {}
    for stage, needs, function in _STEPS:
        reason = cut.problems.get(stage, "")
        broken = next((need for need in needs if found[need].problem), None)
        if reason:
            found[stage] = Probed(problem=reason)
        elif broken is not None:
            found[stage] = Probed(problem=f"needs {broken}, which could not be tried")
        elif stage in cut.idle:
            found[stage] = Probed()
        else:
            logger.info("trying %s on a few items", stage)
            found[stage] = _tried(stage, function, cut)
        yield stage, found[stage]


def _tried(stage: str, function: Callable[[Cut], Probed], cut: Cut) -> Probed:
    try:
        return function(cut)
    except Exception as error:  # whatever keeps a stage from running is what is to be told
        logger.debug("trying %s failed", stage, exc_info=error)
        return Probed(problem=f"{type(error).__name__}: {one_line(str(error))[:300]}")


def _timed(run: Callable[[], Summary]) -> tuple[Stopwatch, float, int]:
    """Run a stage; its stopwatch, seconds in all, and rows."""
    watch = Stopwatch()
    start = time.monotonic()
    with recorded(watch):
        summary = run()
    return watch, time.monotonic() - start, sum(summary.counts.values())


def _measured(watch: Stopwatch, seconds: float, rows: int, size: int) -> Probed:
    """The first item has loading in it, and the last interval is the closing of the store."""
    kept = watch.intervals[:-1]
    rows = max(rows, 1)
    if not kept:
        return Probed([seconds / rows], seconds, size / rows, uses_gpu())
    puts = len(kept) / rows  # a judge keeps several answers of one picture
    items = [interval * puts for interval in kept[1:]] or [kept[0] / rows]
    start = max(0.0, seconds - statistics.median(items) * rows)
    return Probed(items, start, size / rows, uses_gpu())


def _images(cut: Cut) -> Probed:
    from varireal.stages import images

    paths = cut.paths
    watch, seconds, rows = _timed(
        lambda: images.run(
            cut.slice("images"),
            output=Path(paths.images),
            rejects=Path(paths.rejects),
            photos=Path(paths.photos),
            store=Path(paths.store("images")),
        )
    )
    found = _measured(watch, seconds, rows, _size(paths.images, paths.store("images"), paths.photos))
    if cut.slice("images").images.source == "demo":  # its pictures are rendered first
        found.seconds.append(seconds / rows)
    return found


def _masks(cut: Cut) -> Probed:
    from varireal.stages import masks

    paths = cut.paths
    table, store = Path(paths.masks(_SHARD)), Path(paths.store(f"masks-{_SHARD}"))
    watch, seconds, rows = _timed(
        lambda: masks.run(
            cut.slice("masks"),
            images=Path(paths.images),
            shard=_SHARD,
            output=table,
            store=store,
            machine=cut.machine,
        )
    )
    return _measured(watch, seconds, rows, _size(table, store))


def _priors(cut: Cut) -> Probed:
    from varireal.stages import priors

    found = []
    for attribute, feasibility in cut.pools:
        table = Path(cut.paths.priors(attribute, feasibility))
        store = Path(cut.paths.store(f"priors-{attribute}-{feasibility}"))

        def run(
            attribute: str = attribute, arm: str = feasibility, table: Path = table, store: Path = store
        ) -> Summary:
            return priors.run(
                cut.slice("edits"),
                images=Path(cut.paths.images),
                prompts=cut.prompts,
                attribute=attribute,
                feasibility=arm,
                output=table,
                store=store,
                machine=cut.machine,
            )

        found.append(_measured(*_timed(run), _size(table, store)))
    return _mean(found)


def _edits(cut: Cut) -> Probed:
    from varireal.stages import edits

    found = []
    for attribute, feasibility in cut.settings:
        table = Path(cut.paths.edits(attribute, feasibility, 0, _SHARD))
        store = Path(cut.paths.store(f"edits-{attribute}-{feasibility}-round0-{_SHARD}"))
        pool = [Path(cut.paths.priors(attribute, feasibility))] if (attribute, feasibility) in cut.pools else []

        def run(
            attribute: str = attribute,
            arm: str = feasibility,
            table: Path = table,
            store: Path = store,
            pool: list[Path] = pool,
        ) -> Summary:
            return edits.run(
                cut.slice("edits"),
                images=Path(cut.paths.images),
                masks=Path(cut.paths.masks(_SHARD)),
                prompts=cut.prompts,
                attribute=attribute,
                feasibility=arm,
                round_=0,
                shard=_SHARD,
                priors=pool,
                output=table,
                store=store,
                machine=cut.machine,
            )

        watch, seconds, rows = _timed(run)
        if not watch.intervals:
            continue  # no photo with a usable mask
        found.append(_measured(watch, seconds, rows, _size(table, store)))
    if not found:
        return Probed(problem="none of the photos that were tried has a usable mask")
    return _mean(found)


def _verdicts(cut: Cut) -> Probed:
    from varireal.stages import verdicts

    found = []
    for attribute, feasibility in cut.settings:
        table = Path(cut.paths.verdicts(attribute, feasibility, 0, _SHARD))
        store = Path(cut.paths.store(f"verdicts-{attribute}-{feasibility}-round0-{_SHARD}"))

        def run(
            attribute: str = attribute, arm: str = feasibility, table: Path = table, store: Path = store
        ) -> Summary:
            return verdicts.run(
                cut.slice("verdicts"),
                edits=Path(cut.paths.edits(attribute, arm, 0, _SHARD)),
                masks=Path(cut.paths.masks(_SHARD)),
                output=table,
                store=store,
                machine=cut.machine,
            )

        watch, seconds, rows = _timed(run)
        if rows and cut.judges_pictures and watch.intervals:
            found.append(_measured(watch, seconds, rows, _size(table, store)))
        elif rows and not cut.judges_pictures:
            _, again, _ = _timed(run)  # without the imports
            found.append(Probed([again / rows], seconds, _size(table) / rows))
    if not found:
        return Probed(problem="no edit that was tried passed the receipt, so no picture was judged")
    return _mean(found)


def _dataset(cut: Cut) -> Probed:
    from varireal import tables
    from varireal.schemas import EDITS, VERDICTS
    from varireal.stages import dataset

    paths = cut.paths
    for attribute, feasibility in cut.settings:  # nothing was tried in the other arm
        other = next(arm for arm in FEASIBILITIES if arm != feasibility)
        place = (attribute, other, 0, _SHARD)
        tables.write(Path(paths.edits(*place)), [], EDITS, stage="edits", digest="")
        tables.write(Path(paths.verdicts(*place)), [], VERDICTS, stage="verdicts", digest="")
    _, seconds, _ = _timed(
        lambda: dataset.run(
            cut.slice("dataset"),
            study=Path(paths.root),
            images=Path(paths.images),
            output=Path(paths.dataset),
            manifest=Path(paths.manifest),
            funnel=Path(paths.funnel),
            card=Path(paths.card),
        )
    )
    rows = sum(
        1 for setting in cut.settings for _ in tables.read(Path(paths.edits(*setting, 0, _SHARD)), EDITS, ["k"])
    )
    return Probed([0.0], seconds, _size(paths.dataset) / max(rows, 1))


def _adapters(cut: Cut) -> Probed:
    from varireal.stages import adapters

    def run(steps: int) -> Callable[[], Summary]:
        return lambda: adapters.run(
            cut.training(steps),
            study=Path(cut.paths.root),
            images=Path(cut.paths.images),
            runs=[run_name("real", 0)],
            store=Path(cut.paths.store(f"adapters-{steps}")),
            output=Path(cut.paths.root) / f"adapters{steps}",
        )

    _, first, _ = _timed(run(_FEW_STEPS))
    few, _, _ = _timed(run(_FEW_STEPS + 1))
    more, _, _ = _timed(run(_FEW_STEPS + 1 + _MORE_STEPS))
    step = max(1e-4, (more.intervals[0] - few.intervals[0]) / _MORE_STEPS)
    size = _size(Path(cut.paths.root) / f"adapters{_FEW_STEPS}", cut.paths.store(f"adapters-{_FEW_STEPS}"))
    return Probed([step, more.intervals[0] / (_FEW_STEPS + 1 + _MORE_STEPS)], first, float(size), uses_gpu())


def _predictions(cut: Cut) -> Probed:
    from varireal.stages import predictions

    watch, seconds, rows = _timed(
        lambda: predictions.run(
            cut.slice("predictions"),
            images=Path(cut.paths.images),
            adapters=Path(cut.paths.root) / "adapters",
            runs=[run_name("zero-shot", 0)],
            store=Path(cut.paths.store("predictions")),
            output=Path(cut.paths.root) / "predictions",
        )
    )
    pictures = watch.intervals[0] if watch.intervals else seconds
    size = _size(cut.paths.predictions("zero-shot", 0), cut.paths.store("predictions"))
    each = pictures / max(rows, 1)
    return Probed([each], max(0.0, seconds - pictures), size / max(rows, 1), uses_gpu())


_STEPS: tuple[tuple[str, tuple[str, ...], Callable[[Cut], Probed]], ...] = (
    ("images", (), _images),
    ("masks", ("images",), _masks),
    ("priors", ("images",), _priors),
    ("edits", ("masks", "priors"), _edits),
    ("verdicts", ("edits",), _verdicts),
    ("dataset", ("verdicts",), _dataset),
    ("adapters", ("dataset",), _adapters),
    ("predictions", ("images",), _predictions),
)


def _mean(found: list[Probed]) -> Probed:
    """A stage whose items are spread evenly over several jobs."""
    low = statistics.mean(one.low for one in found)
    high = statistics.mean(one.high for one in found)
    sizes = [one.bytes_each for one in found if one.bytes_each is not None]
    size = statistics.mean(sizes) if sizes else None
    return Probed([low, high], max(one.start for one in found), size, any(one.on_gpu for one in found))


def _size(*paths: Path | str) -> int:
    from varireal.observing.records import folder_bytes

    total = 0
    for path in map(Path, paths):
        total += folder_bytes(str(path)) if path.is_dir() else path.stat().st_size if path.exists() else 0
    return total


@contextmanager
def _quiet() -> Iterator[None]:
    """The stages' own messages are about the probe, not about the study."""
    stages: list[Any] = [
        logging.getLogger(f"varireal.{name}")
        for name in ("stages", "editors", "judges", "segmenters", "classifiers", "models")
    ]
    before = [one.level for one in stages]
    for one in stages:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(stages, before, strict=True):
            one.setLevel(level)
