"""How many items each stage of a study has, and how many of them are done already."""

from dataclasses import dataclass, field
from pathlib import Path

from varireal import names
from varireal.config.edits import uses_pool
from varireal.datasets.sources import file_source
from varireal.datasets.splits import draw_splits
from varireal.layout import Layout
from varireal.observing.cutting import known_prompts
from varireal.observing.plan_left import Count, subtract
from varireal.observing.status_records import StudyStatus
from varireal.observing.study_status import Observer

# Share of the candidates that is accepted, where the study has none of its own to tell.
_BEST, _WORST = 1.0, 0.5
_ENOUGH = 30  # verdicts from which a study's own share is taken


@dataclass(frozen=True)
class Rate:
    """The share of accepted candidates that the plan reckons with.

    Attributes:
        low: at worst.
        high: at best.
        source: where it comes from.
    """

    low: float
    high: float
    source: str


@dataclass
class Amounts:
    """How much there is to do.

    Attributes:
        photos: photos of the source.
        train: photos to edit.
        test: photos to score.
        val: photos that a checkpoint is chosen on.
        rate: share of accepted candidates.
        stages: items by stage.
        notes: what the numbers leave out.
    """

    photos: int
    train: int
    test: int
    val: int
    rate: Rate
    stages: dict[str, Count] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def count_items(layout: Layout) -> Amounts:
    """Count the items of every stage.

    Raises:
        ConfigError: the photos cannot be listed.
    """
    root = Path(layout.paths.root)
    status = Observer(root).look() if root.is_dir() else None
    amounts = _photos(layout, status)
    config, edits = layout.config, layout.config.edits
    wanted = amounts.train * edits.per_image * len(layout.settings)
    candidates = _rounds(wanted, amounts.rate, edits.rounds)
    classes, settings, shards = len(layout.classes), len(layout.settings), config.study.shards
    pools = [setting for setting in layout.settings if uses_pool(edits, setting[0])]
    trainings, tables = (sum(map(len, jobs.values())) for jobs in (layout.trainings, layout.scorings))
    amounts.stages = {
        "images": Count(amounts.photos, amounts.photos, jobs=1),
        "prompts": Count(classes, classes, jobs=1 if layout.asks else classes),
        "masks": Count(amounts.train, amounts.train, jobs=shards),
        "priors": Count(*_priors(layout, pools), jobs=len(pools)),
        "edits": Count(*candidates, jobs=settings * edits.rounds * shards),
        "verdicts": Count(*candidates, jobs=settings * edits.rounds * shards),
        "dataset": Count(1, 1, jobs=1),
        "adapters": Count(trainings, trainings, jobs=len(layout.trainings)),
        "predictions": Count(tables, tables, jobs=len(layout.scorings)),
        "report": Count(1, 1, jobs=1),
    }
    if status is not None:
        subtract(layout, amounts.stages, amounts.notes, status)
    return amounts


def _photos(layout: Layout, status: StudyStatus | None) -> Amounts:
    """Photos by split: of the table of images when it is there, else of the source."""
    images, seed = layout.config.images, layout.config.study.seed
    rate = _rate(status)
    splits = None
    if status is not None and Path(layout.paths.images).is_file():
        from varireal.observing.gathering import count_splits

        splits = count_splits(Path(layout.paths.images))
    if splits is not None:
        train, val = splits.get(names.TRAIN, 0), splits.get(names.VAL, 0)
        total = sum(splits.values())
        return Amounts(total, train, total - train - val, val, rate)
    if images.source == "demo":
        demo, species = images.demo, len(images.demo.species)
        shifted = 3 * demo.test  # test, and the two shifted test sets
        return Amounts(
            species * (demo.train + demo.val + shifted),
            species * demo.train,
            species * shifted,
            species * demo.val,
            rate,
        )
    items = list(file_source(images).items())
    drawn = draw_splits(items, val_fraction=images.val_fraction, test_fraction=images.test_fraction, seed=seed)
    found = list(drawn.values())
    train, val = found.count(names.TRAIN), found.count(names.VAL)
    note = "photos are counted as listed: those that turn out damaged, too small or duplicates are left out later"
    return Amounts(len(items), train, len(items) - train - val, val, rate, notes=[note])


def _rate(status: StudyStatus | None) -> Rate:
    verdicts = None if status is None else next(stage for stage in status.stages if stage.stage == "verdicts")
    if verdicts is not None and verdicts.judged and verdicts.judged >= _ENOUGH and verdicts.accepted is not None:
        own = verdicts.accepted / verdicts.judged
        return Rate(max(0.01, 0.9 * own), min(1.0, 1.1 * own), f"this study's own {own:.1%}, give or take a tenth")
    return Rate(_WORST, _BEST, "not measured yet: taken as between a half and all")


def _rounds(wanted: int, rate: Rate, rounds: int) -> tuple[int, int]:
    """Candidates in all rounds; each edits what the one before did not get accepted."""
    low, high = (sum(wanted * (1 - share) ** number for number in range(rounds)) for share in (rate.high, rate.low))
    return round(low), round(high)


def _priors(layout: Layout, pools: list[tuple[str, str]]) -> tuple[int, int]:
    """Prior pictures, at most: classes that share a prompt share its pictures."""
    if not pools:
        return 0, 0
    from varireal.config.diffusion import DEFAULT_POOL

    sdxl = layout.config.edits.sdxl
    size = DEFAULT_POOL[sdxl.preset] if sdxl.pool_size is None else sdxl.pool_size
    texts: set[tuple[str, str, str, str]] = set()
    most = 0
    for class_id in layout.classes:
        prompts = known_prompts(layout, class_id)
        if prompts is None:
            most += layout.config.prompts.openai.count * len(pools)
            continue
        own = [p for p in prompts if (p.attribute, p.feasibility) in pools]
        most += len(own)
        texts |= {(p.attribute, p.feasibility, p.name, p.description) for p in own}
    return len(texts) * size, most * size
