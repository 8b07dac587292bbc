"""Trying each stage on three photos on this machine, to learn what an item takes. Nothing is sent to a server.

The stages' own functions run in a temporary folder with the study's config, cut down: three train photos, one shard,
one round, one edit per photo and attribute, one picture at a time.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from varireal.names import FEASIBILITIES
from varireal.observing.cutting import Cut
from varireal.observing.probed import Probed, mean, measured, size, timed
from varireal.paths import run_name, shard_name
from varireal.plaintext import one_line
from varireal.running.job_record import uses_gpu
from varireal.stages.summary import Summary

logger = logging.getLogger(__name__)

_SHARD = shard_name(0, 1)
_FEW_STEPS, _MORE_STEPS = 1, 4


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


def _images(cut: Cut) -> Probed:
    from varireal.stages import images

    paths = cut.paths
    watch, seconds, rows = timed(
        lambda: images.run(
            cut.slice("images"),
            output=Path(paths.images),
            rejects=Path(paths.rejects),
            photos=Path(paths.photos),
            store=Path(paths.store("images")),
        )
    )
    found = measured(watch, seconds, rows, size(paths.images, paths.store("images"), paths.photos))
    if cut.slice("images").images.source == "demo":  # its pictures are rendered first
        found.seconds.append(seconds / rows)
    return found


def _masks(cut: Cut) -> Probed:
    from varireal.stages import masks

    paths = cut.paths
    table = Path(paths.masks(_SHARD))
    store = Path(paths.store_of(str(table)))
    watch, seconds, rows = timed(
        lambda: masks.run(
            cut.slice("masks"),
            images=Path(paths.images),
            shard=_SHARD,
            output=table,
            store=store,
            machine=cut.machine,
        )
    )
    return measured(watch, seconds, rows, size(table, store))


def _priors(cut: Cut) -> Probed:
    from varireal.stages import priors

    found = []
    for attribute, feasibility in cut.pools:
        table = Path(cut.paths.priors(attribute, feasibility))
        store = Path(cut.paths.store_of(str(table)))
        run = partial(
            priors.run,
            cut.slice("edits"),
            images=Path(cut.paths.images),
            prompts=cut.prompts,
            attribute=attribute,
            feasibility=feasibility,
            output=table,
            store=store,
            machine=cut.machine,
        )
        found.append(measured(*timed(run), size(table, store)))
    return mean(found)


def _edits(cut: Cut) -> Probed:
    from varireal.stages import edits

    found = []
    for attribute, feasibility in cut.settings:
        table = Path(cut.paths.edits(attribute, feasibility, 0, _SHARD))
        store = Path(cut.paths.store_of(str(table)))
        pool = [Path(cut.paths.priors(attribute, feasibility))] if (attribute, feasibility) in cut.pools else []
        run = partial(
            edits.run,
            cut.slice("edits"),
            images=Path(cut.paths.images),
            masks=Path(cut.paths.masks(_SHARD)),
            prompts=cut.prompts,
            attribute=attribute,
            feasibility=feasibility,
            round_=0,
            shard=_SHARD,
            priors=pool,
            output=table,
            store=store,
            machine=cut.machine,
        )
        watch, seconds, rows = timed(run)
        if not watch.intervals:
            continue  # no photo with a usable mask
        found.append(measured(watch, seconds, rows, size(table, store)))
    if not found:
        return Probed(problem="none of the photos that were tried has a usable mask")
    return mean(found)


def _verdicts(cut: Cut) -> Probed:
    from varireal.stages import verdicts

    found = []
    for attribute, feasibility in cut.settings:
        table = Path(cut.paths.verdicts(attribute, feasibility, 0, _SHARD))
        store = Path(cut.paths.store_of(str(table)))
        run = partial(
            verdicts.run,
            cut.slice("verdicts"),
            edits=Path(cut.paths.edits(attribute, feasibility, 0, _SHARD)),
            masks=Path(cut.paths.masks(_SHARD)),
            output=table,
            store=store,
            machine=cut.machine,
        )
        watch, seconds, rows = timed(run)
        if rows and cut.judges_pictures and watch.intervals:
            found.append(measured(watch, seconds, rows, size(table, store)))
        elif rows and not cut.judges_pictures:
            _, again, _ = timed(run)  # without the imports
            found.append(Probed([again / rows], seconds, size(table) / rows))
    if not found:
        return Probed(problem="no edit that was tried passed the receipt, so no picture was judged")
    return mean(found)


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
    _, seconds, _ = timed(
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
    return Probed([0.0], seconds, size(paths.dataset) / max(rows, 1))


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

    _, first, _ = timed(run(_FEW_STEPS))
    few, _, _ = timed(run(_FEW_STEPS + 1))
    more, _, _ = timed(run(_FEW_STEPS + 1 + _MORE_STEPS))
    step = max(1e-4, (more.intervals[0] - few.intervals[0]) / _MORE_STEPS)
    taken = size(Path(cut.paths.root) / f"adapters{_FEW_STEPS}", cut.paths.store(f"adapters-{_FEW_STEPS}"))
    return Probed([step, more.intervals[0] / (_FEW_STEPS + 1 + _MORE_STEPS)], first, float(taken), uses_gpu())


def _predictions(cut: Cut) -> Probed:
    from varireal.stages import predictions

    watch, seconds, rows = timed(
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
    taken = size(cut.paths.predictions("zero-shot", 0), cut.paths.store("predictions"))
    each = pictures / max(rows, 1)
    return Probed([each], max(0.0, seconds - pictures), taken / max(rows, 1), uses_gpu())


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
