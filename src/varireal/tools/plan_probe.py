"""Trying each stage on three photos on this machine, to learn what an item takes. Nothing is sent to a server.

The stages' own functions run in a temporary folder with the study's config, cut down: three train photos, one shard,
one round, one edit per photo and attribute, one picture at a time.
"""

import csv
import logging
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from varireal import names
from varireal.config.base import StrictModel
from varireal.config.edits import uses_pool
from varireal.config.images import CsvImages, ImagesConfig
from varireal.config.model import Config
from varireal.config.slices import AdaptersSlice, slice_text, stage_slices
from varireal.core.files import one_line
from varireal.core.paths import StudyPaths, run_name, shard_name
from varireal.datasets.sources import file_source
from varireal.errors import ConfigError
from varireal.models.lock import as_locked
from varireal.names import FEASIBILITIES
from varireal.prompts.class_file import read_class_file, write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.running.job_record import JobRecord, folder_bytes, recorded, uses_gpu
from varireal.stages.common import Summary
from varireal.study.layout import Layout

# A study cut down to three train photos, for trying its stages.

S = TypeVar("S", bound=StrictModel)

_SPLITS = (names.TRAIN, names.TRAIN, names.TRAIN, names.VAL, names.TEST)
_PRIORS = 2


@dataclass
class Cut:
    """The small study.

    Attributes:
        paths: its paths, in a temporary folder.
        slices: its slices by stage.
        machine: file of the machine's slice.
        prompts: its prompt files.
        settings: one arm of every attribute.
        pools: settings of those whose edits draw from a pool.
        judges_pictures: whether the judge looks at pictures.
        idle: stages that the study does not have.
        problems: why a stage cannot be tried, by stage.
    """

    paths: StudyPaths
    slices: dict[str, StrictModel]
    machine: Path
    prompts: list[Path]
    settings: list[tuple[str, str]]
    pools: list[tuple[str, str]]
    judges_pictures: bool
    idle: frozenset[str] = frozenset()
    problems: dict[str, str] = field(default_factory=dict)

    def slice(self, stage: str) -> Any:
        """A stage's slice."""
        return self.slices[stage]

    def training(self, steps: int) -> AdaptersSlice:
        """The slice of the stage adapters for so many steps."""
        found: AdaptersSlice = self.slice("adapters")
        training = found.adapters.training.model_copy(update={"steps": steps, "validate_every": 10_000})
        return found.model_copy(update={"adapters": found.adapters.model_copy(update={"training": training})})


def cut_down(layout: Layout, folder: Path, problems: dict[str, str]) -> Cut:
    """Write the config, photos' list and prompts of the small study.

    Args:
        layout: the whole study.
        folder: where it is put.
        problems: why a stage cannot be tried, by stage; more are added.

    Raises:
        ConfigError: the photos cannot be listed, or there is no train photo.
    """
    whole, _ = as_locked(layout.config)
    images = _few_photos(whole, folder)
    config = _small(whole, images, folder)
    paths = StudyPaths(f"{folder}/results/probe")
    small = Layout(config.model_copy(update={"machine": whole.machine}))
    classes = {class_id: name for class_id, name in small.classes.items() if class_id in layout.classes}
    slices = stage_slices(config, classes)
    machine = Path(paths.config("machine"))
    machine.parent.mkdir(parents=True, exist_ok=True)
    machine.write_text(slice_text(slices["machine"]) + "\n", encoding="utf-8")
    arms: list[tuple[str, str]] = [(attribute, names.FEASIBILITIES[0]) for attribute in config.edits.attributes]
    pools = [(a, f) for a, f in arms if uses_pool(config.edits, a)]
    idle = {"priors"} if not pools else set()
    idle |= set() if config.adapters.regimes else {"adapters", "predictions"}
    judged = config.verdicts.asks or config.verdicts.silhouette.segmenter is not None
    prompts = _prompts(layout, classes, Path(paths.prompts_folder), problems)
    return Cut(paths, slices, machine, prompts, arms, pools, judged, frozenset(idle), problems)


def _few_photos(config: Config, folder: Path) -> ImagesConfig:
    """A list of a few photos; of the demo, fewer are rendered."""
    images = config.images
    if images.source == "demo":
        demo = images.demo.model_copy(update={"species": images.demo.species[:1], "train": 3, "val": 1, "test": 1})
        return images.model_copy(update={"demo": demo, "near_duplicate_distance": None})
    items = sorted(file_source(images).items(), key=lambda item: item.split not in (None, names.TRAIN))
    found = list(islice((item for item in items if item.path.is_file()), len(_SPLITS)))
    if not found:
        raise ConfigError("images: the source lists no file that is there, so nothing can be tried")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "photos.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split", "mask"))
        for item, split in zip(found, _SPLITS, strict=False):
            mask = "" if item.mask_path is None else item.mask_path.absolute()
            writer.writerow((item.path.absolute(), item.class_name, split, mask))
    shown = {item.class_name: item.class_name for item in found}
    update = {"source": "csv", "csv": CsvImages(path=str(folder / "photos.csv")), "class_names": shown}
    return images.model_copy(update=update | {"near_duplicate_distance": None})


def _small(config: Config, images: ImagesConfig, folder: Path) -> Config:
    """One shard, one round, one edit per photo, one picture at a time."""
    edits = config.edits
    pooled = any(uses_pool(edits, attribute) for attribute in edits.attributes)
    sdxl = _with(edits.sdxl, pool_size=_PRIORS) if pooled else edits.sdxl
    return config.model_copy(
        update={
            "study": _with(config.study, name="probe", results=f"{folder}/results", shards=1, max_failed_fraction=1.0),
            "images": images,
            "edits": _with(edits, per_image=1, rounds=1, batch_size=1, sdxl=sdxl),
            "machine": _with(config.machine, batch_size=1),
            "budget": type(config.budget)(),
        }
    )


def _with(block: S, **changes: Any) -> S:
    return block.model_copy(update=changes)


def _prompts(layout: Layout, classes: dict[str, str], folder: Path, problems: dict[str, str]) -> list[Path]:
    """Prompt files of the classes, with the first prompts of each setting."""
    found = []
    for class_id, name in classes.items():
        prompts = known_prompts(layout, class_id)
        if prompts is None:
            told = "a language model writes the prompts, and has not yet; nothing is sent to plan"
            problems.update(dict.fromkeys(("priors", "edits", "verdicts"), told))
            return []
        path = folder / f"{class_id}.yaml"
        write_class_file(path, ClassInfo(class_id, name), _first(prompts), origin="a probe")
        found.append(path)
    return found


def known_prompts(layout: Layout, class_id: str) -> list[Prompt] | None:
    """The prompts of a class: of its file, else of the bank; None when a language model has yet to write them."""
    path = Path(layout.paths.prompts(class_id))
    if path.exists():
        return read_class_file(path)
    return None if layout.asks else layout.bank_prompts[class_id]


def _first(prompts: Sequence[Prompt]) -> list[Prompt]:
    kept: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        kept.setdefault((prompt.attribute, prompt.feasibility), []).append(prompt)
    return [prompt for members in kept.values() for prompt in members[:2]]


# What trying a stage tells: seconds of its items, of its start, bytes on disk.


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
    from varireal.stages import dataset
    from varireal.store import tables
    from varireal.store.schemas import EDITS, VERDICTS

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
