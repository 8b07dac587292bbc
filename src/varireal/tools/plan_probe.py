"""Trying each stage on three photos on this machine, to learn what an item takes. Nothing is sent to a server.

The stages' own functions run in a temporary folder with the study's config, cut down: three train photos, one shard,
one round, one edit per photo and attribute, one picture at a time. A trial tells the seconds of single items, those
that a job takes to start, and bytes on disk.
"""

import csv
import logging
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from varireal import names
from varireal.config.adapters import CLIP
from varireal.config.base import StrictModel
from varireal.config.edits import uses_pool
from varireal.config.images import CsvImages, ImagesConfig
from varireal.config.model import Config
from varireal.config.regimes import REAL, ZERO_SHOT
from varireal.config.slices import AdaptersSlice, slice_text, stage_slices
from varireal.core.files import one_line
from varireal.core.paths import StudyPaths, run_name
from varireal.core.registry import has_zero_shot
from varireal.core.stages import STAGES, TRAINING_STAGES, slice_of
from varireal.datasets.sources import image_source
from varireal.errors import ConfigError
from varireal.models.lock import as_locked
from varireal.prompts.class_file import read_class_file, write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.running.job_record import JobRecord, folder_bytes, recorded, uses_gpu
from varireal.stages.common import Summary
from varireal.study.jobs import Job
from varireal.study.layout import Layout

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=StrictModel)

_SPLITS = (names.TRAIN, names.TRAIN, names.TRAIN, names.VAL, names.TEST)
_PRIORS = 2


@dataclass
class Cut:
    """The small study.

    Attributes:
        layout: its jobs, in a temporary folder.
        slices: its slices by stage.
        machine: file of the machine's slice.
        prompts: its prompt files.
        judges_pictures: whether the judge looks at pictures.
        idle: stages that the study does not have.
        problems: why a stage cannot be tried, by stage.
    """

    layout: Layout
    slices: dict[str, StrictModel]
    machine: Path
    prompts: list[Path]
    judges_pictures: bool
    idle: frozenset[str] = frozenset()
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> StudyPaths:
        """Its paths."""
        return self.layout.paths

    def jobs(self, stage: str) -> list[Job]:
        """The jobs that are tried: those of one arm of every attribute."""
        return [job for job in self.layout.jobs(stage) if job.feasibility in ("", names.FEASIBILITIES[0])]

    def training(self, steps: int) -> AdaptersSlice:
        """The slice of the stage adapters for so many steps."""
        whole = cast(AdaptersSlice, self.slices["adapters"])
        training = _with(whole.adapters.training, steps=steps, validate_every=10_000)
        return _with(whole, adapters=_with(whole.adapters, training=training))


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
    small = Layout(config.model_copy(update={"machine": whole.machine}))
    classes = {class_id: name for class_id, name in small.classes.items() if class_id in layout.classes}
    slices = stage_slices(config, classes)
    machine = Path(small.paths.config("machine"))
    machine.parent.mkdir(parents=True, exist_ok=True)
    machine.write_text(slice_text(slices["machine"]) + "\n", encoding="utf-8")
    idle = {stage for stage in ("priors", *TRAINING_STAGES) if not small.jobs(stage)}
    judged = config.verdicts.asks or config.verdicts.silhouette.segmenter is not None
    prompts = _prompts(layout, classes, Path(small.paths.prompts_folder), problems)
    return Cut(small, slices, machine, prompts, judged, frozenset(idle), problems)


def _few_photos(config: Config, folder: Path) -> ImagesConfig:
    """A list of a few photos; of a source that makes its pictures, fewer are made."""
    images = config.images
    source = image_source(images)
    if source.rendered:
        return _with(images, **source.fewer(), near_duplicate_distance=None)
    items = sorted(source.items(), key=lambda item: item.split not in (None, names.TRAIN))
    there = [item for item in items if item.path.is_file()]
    few = there[: _SPLITS.count(names.TRAIN)]
    if not few:
        raise ConfigError("images: the source lists no file that is there, so nothing can be tried")
    trained = {item.class_name for item in few}  # no other class may be in val and test
    few += islice((item for item in there[len(few) :] if item.class_name in trained), len(_SPLITS) - len(few))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "photos.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split", "mask"))
        for item, split in zip(few, _SPLITS, strict=False):
            mask = "" if item.mask_path is None else item.mask_path.absolute()
            writer.writerow((item.path.absolute(), item.class_name, split, mask))
    shown = {item.class_name: item.class_name for item in few}
    listed = CsvImages(path=str(folder / "photos.csv"))
    return _with(images, source="csv", csv=listed, options={}, class_names=shown, near_duplicate_distance=None)


def _small(config: Config, images: ImagesConfig, folder: Path) -> Config:
    """One shard, one round, one edit per photo, one picture at a time."""
    edits = config.edits
    pooled = any(uses_pool(edits, attribute) for attribute in edits.attributes)
    sdxl = _with(edits.sdxl, pool_size=_PRIORS) if pooled else edits.sdxl
    return _with(
        config,
        study=_with(config.study, name="probe", results=f"{folder}/results", shards=1, max_failed_fraction=1.0),
        images=images,
        edits=_with(edits, per_image=1, rounds=1, batch_size=1, sdxl=sdxl),
        machine=_with(config.machine, batch_size=1),
        budget=type(config.budget)(),
    )


def _with(block: S, **changes: Any) -> S:
    return block.model_copy(update=changes)


def _prompts(layout: Layout, classes: dict[str, str], folder: Path, problems: dict[str, str]) -> list[Path]:
    """Prompt files of the classes, with the first prompts of each setting."""
    files = []
    for class_id, name in classes.items():
        prompts = known_prompts(layout, class_id)
        if prompts is None:
            reason = "a language model writes the prompts, and has not yet; nothing is sent to plan"
            problems.update(dict.fromkeys(("priors", "edits", "verdicts"), reason))
            return []
        path = folder / f"{class_id}.yaml"
        write_class_file(path, ClassInfo(class_id, name), _first(prompts), origin="a probe")
        files.append(path)
    return files


def known_prompts(layout: Layout, class_id: str) -> list[Prompt] | None:
    """The prompts of a class: of its file, else of the bank; None when a language model has yet to write them."""
    path = Path(layout.paths.prompts(class_id))
    if path.exists():
        return read_class_file(path)
    return None if layout.asks else layout.bank_prompts[class_id]


def _first(prompts: Sequence[Prompt]) -> list[Prompt]:
    by_setting: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        by_setting.setdefault((prompt.attribute, prompt.feasibility), []).append(prompt)
    return [prompt for members in by_setting.values() for prompt in members[:2]]


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
        amounts = super()._take()
        now = time.monotonic()
        self.intervals.append(now - self._last)
        self._last = now
        return amounts


def timed(run: Callable[[], Summary]) -> tuple[Stopwatch, float, int]:
    """Run a stage; its stopwatch, seconds in all, and rows."""
    watch = Stopwatch()
    start = time.monotonic()
    with recorded(watch):
        summary = run()
    return watch, time.monotonic() - start, sum(summary.counts.values())


def measured(watch: Stopwatch, seconds: float, rows: int, size: int) -> Probed:
    """The first item has loading in it, and the last interval is the closing of the store."""
    intervals = watch.intervals[:-1]
    rows = max(rows, 1)
    if not intervals:
        return Probed([seconds / rows], seconds, size / rows, uses_gpu())
    puts = len(intervals) / rows  # a judge keeps several answers of one picture
    items = [interval * puts for interval in intervals[1:]] or [intervals[0] / rows]
    start = max(0.0, seconds - statistics.median(items) * rows)
    return Probed(items, start, size / rows, uses_gpu())


def mean(trials: list[Probed]) -> Probed:
    """A stage whose items are spread evenly over several jobs."""
    low = statistics.mean(one.low for one in trials)
    high = statistics.mean(one.high for one in trials)
    sizes = [one.bytes_each for one in trials if one.bytes_each is not None]
    size = statistics.mean(sizes) if sizes else None
    return Probed([low, high], max(one.start for one in trials), size, any(one.on_gpu for one in trials))


def size(*paths: Path | str) -> int:
    """Bytes of files and folders."""
    total = 0
    for path in map(Path, paths):
        total += folder_bytes(str(path)) if path.is_dir() else path.stat().st_size if path.exists() else 0
    return total


_FEW_STEPS, _MORE_STEPS = 1, 4


def probe(cut: Cut) -> dict[str, Probed]:
    """Try every stage; one that cannot run here says why.

    Args:
        cut: the study cut down, with its folder.
    """
    with _quiet():
        return dict(_probes(cut))


def _probes(cut: Cut) -> Iterator[tuple[str, Probed]]:
    trials: dict[str, Probed] = {}
    for stage, needs, function in _STEPS:
        reason = cut.problems.get(stage, "")
        broken = next((need for need in needs if trials[need].problem), None)
        if reason:
            trials[stage] = Probed(problem=reason)
        elif broken is not None:
            trials[stage] = Probed(problem=f"needs {broken}, which could not be tried")
        elif stage in cut.idle:
            trials[stage] = Probed()
        else:
            logger.info("trying %s on a few items", stage)
            trials[stage] = _tried(stage, function, cut)
        yield stage, trials[stage]
    tried = {*trials, "prompts", "report"}  # those write what a few items say nothing about
    for stage in (stage for stage in STAGES if stage not in tried):
        reason = cut.problems.get(stage, "")
        yield stage, Probed(problem=reason) if reason else _tried(stage, partial(_by_its_row, stage), cut)


def _by_its_row(stage: str, cut: Cut) -> Probed:
    """A stage that came later: each of its jobs, with what the options of its row are called elsewhere; by job."""
    trials = []
    for job in cut.jobs(stage):
        output, store = Path(cut.paths.root) / job.output, Path(cut.paths.store(job.store or stage))
        known: dict[str, Any] = {
            **{"output": output, "store": store, "machine": cut.machine, "prompts": cut.prompts},
            **{"study": Path(cut.paths.root), "shard": job.shard, "runs": list(job.runs), "round_": job.round},
            **{"attribute": job.attribute, "feasibility": job.feasibility},
        }
        if job.shard:
            known["masks"] = Path(cut.paths.masks(job.shard))
        options: dict[str, Any] = {}
        for option in STAGES[stage].options:
            place = getattr(cut.paths, option.dest, None)
            if option.dest in known:
                options[option.dest] = known[option.dest]
            elif option.kind is Path and isinstance(place, str):
                options[option.dest] = Path(place)
            elif option.default is ... and option.dest != "config":
                return Probed(problem=f"what its option {option.flag} would be is not known before it runs")
        _, seconds, _ = timed(_stage(cut, stage, **options))
        trials.append(Probed([seconds], 0.0, float(size(output, store)), uses_gpu()))
    return mean(trials) if trials else Probed(problem="the cut down study has no job of it")


def _tried(stage: str, function: Callable[[Cut], Probed], cut: Cut) -> Probed:
    try:
        return function(cut)
    except Exception as error:  # whatever keeps a stage from running is what is to be told
        logger.debug("trying %s failed", stage, exc_info=error)
        return Probed(problem=f"{type(error).__name__}: {one_line(str(error))[:300]}")


def _stage(cut: Cut, stage: str, part: StrictModel | None = None, **options: Any) -> Callable[[], Summary]:
    """A stage with its slice and the options of its command; importing it is no part of its time."""
    run = import_module(f"varireal.stages.{stage}").run
    return partial(run, part or cut.slices[slice_of(stage)], **options)


def _job(cut: Cut, job: Job, **options: Any) -> tuple[Callable[[], Summary], tuple[Path, Path]]:
    """A job that writes one table: how it is run, and its table and store."""
    files = Path(cut.paths.root) / job.output, Path(cut.paths.store(job.store))
    return _stage(cut, job.stage, output=files[0], store=files[1], machine=cut.machine, **options), files


def _images(cut: Cut) -> Probed:
    paths = cut.paths
    files: dict[str, Any] = {
        "output": Path(paths.images),
        "photos": Path(paths.photos),
        "store": Path(paths.store("images")),
    }
    watch, seconds, rows = timed(_stage(cut, "images", rejects=Path(paths.rejects), **files))
    trial = measured(watch, seconds, rows, size(*files.values()))
    if image_source(cut.layout.config.images).rendered:  # its pictures are rendered first
        trial.seconds.append(seconds / rows)
    return trial


def _masks(cut: Cut) -> Probed:
    (job,) = cut.jobs("masks")
    run, files = _job(cut, job, images=Path(cut.paths.images), shard=job.shard)
    return measured(*timed(run), size(*files))


def _priors(cut: Cut) -> Probed:
    trials = []
    for job in cut.jobs("priors"):
        setting = {"attribute": job.attribute, "feasibility": job.feasibility}
        run, files = _job(cut, job, images=Path(cut.paths.images), prompts=cut.prompts, **setting)
        trials.append(measured(*timed(run), size(*files)))
    return mean(trials)


def _edits(cut: Cut) -> Probed:
    trials = []
    for job in cut.jobs("edits"):
        run, files = _job(
            cut,
            job,
            images=Path(cut.paths.images),
            masks=Path(cut.paths.masks(job.shard)),
            prompts=cut.prompts,
            attribute=job.attribute,
            feasibility=job.feasibility,
            round_=job.round,
            shard=job.shard,
            priors=list(map(Path, cut.layout.pool(job.attribute, job.feasibility))),
        )
        watch, seconds, rows = timed(run)
        if watch.intervals:  # else there is no photo with a usable mask
            trials.append(measured(watch, seconds, rows, size(*files)))
    return mean(trials) if trials else Probed(problem="none of the photos that were tried has a usable mask")


def _verdicts(cut: Cut) -> Probed:
    trials = []
    for edits, job in zip(cut.jobs("edits"), cut.jobs("verdicts"), strict=True):
        tables: dict[str, Any] = {
            "edits": Path(cut.paths.root) / edits.output,
            "masks": Path(cut.paths.masks(job.shard)),
        }
        run, files = _job(cut, job, **tables)
        watch, seconds, rows = timed(run)
        if rows and cut.judges_pictures and watch.intervals:
            trials.append(measured(watch, seconds, rows, size(*files)))
        elif rows and not cut.judges_pictures:
            _, again, _ = timed(run)  # without the imports
            trials.append(Probed([again / rows], seconds, size(files[0]) / rows))
    problem = "no edit that was tried passed the receipt, so no picture was judged"
    return mean(trials) if trials else Probed(problem=problem)


def _dataset(cut: Cut) -> Probed:
    from varireal.store import tables
    from varireal.store.schemas import EDITS, VERDICTS

    paths, root = cut.paths, Path(cut.paths.root)
    for stage, schema in (("edits", EDITS), ("verdicts", VERDICTS)):
        for job in cut.layout.jobs(stage):
            if job not in cut.jobs(stage):  # nothing was tried in the other arm
                tables.write(root / job.output, [], schema, stage=stage, digest="")
    files: dict[str, Any] = {name: Path(getattr(paths, name)) for name in ("images", "manifest", "funnel", "card")}
    _, seconds, _ = timed(_stage(cut, "dataset", study=root, output=Path(paths.dataset), **files))
    rows = sum(1 for job in cut.jobs("edits") for _ in tables.read(root / job.output, EDITS, ["k"]))
    return Probed([0.0], seconds, size(paths.dataset) / max(rows, 1))


def _adapters(cut: Cut) -> Probed:
    def folder_and_store(steps: int) -> tuple[Path, Path]:
        return Path(cut.paths.root) / f"adapters{steps}", Path(cut.paths.store(f"adapters-{steps}"))

    def run(steps: int) -> tuple[Stopwatch, float, int]:
        output, store = folder_and_store(steps)
        options: dict[str, Any] = {
            "study": Path(cut.paths.root),
            "images": Path(cut.paths.images),
            "runs": [run_name("real", 0)],
        }
        return timed(_stage(cut, "adapters", cut.training(steps), store=store, output=output, **options))

    _, first, _ = run(_FEW_STEPS)
    taken = float(size(*folder_and_store(_FEW_STEPS)))
    few, _, _ = run(_FEW_STEPS + 1)
    if cut.layout.config.adapters.learner != CLIP:  # one of another package: how its work grows is not known
        return Probed([few.intervals[0]], first, taken, uses_gpu())
    more, _, _ = run(_FEW_STEPS + 1 + _MORE_STEPS)
    step = max(1e-4, (more.intervals[0] - few.intervals[0]) / _MORE_STEPS)
    slowest = more.intervals[0] / (_FEW_STEPS + 1 + _MORE_STEPS)
    return Probed([step, slowest], first, taken, uses_gpu())


def _predictions(cut: Cut) -> Probed:
    root, store = Path(cut.paths.root), Path(cut.paths.store("predictions"))
    regime = ZERO_SHOT if has_zero_shot(cut.layout.config.adapters.learner) else REAL
    run = _stage(
        cut,
        "predictions",
        images=Path(cut.paths.images),
        adapters=root / f"adapters{_FEW_STEPS}",
        runs=[run_name(regime, 0)],
        store=store,
        output=root / "predictions",
    )
    watch, seconds, rows = timed(run)
    pictures = watch.intervals[0] if watch.intervals else seconds
    taken = size(cut.paths.predictions(regime, 0), store)
    return Probed([pictures / max(rows, 1)], max(0.0, seconds - pictures), taken / max(rows, 1), uses_gpu())


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
