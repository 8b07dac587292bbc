"""From items and what a few of them took to hours, gigabytes and money, each with a range.

Three steps: count the items of every stage, less what the study has done already and would not make again; multiply
by what single items took when they were tried; count tokens and US dollars where hosted models are asked.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from varireal import names
from varireal.config.adapters import CLIP
from varireal.config.edits import HostedEdits
from varireal.config.slices import slice_digest, stage_slices
from varireal.config.verdicts import OpenAIJudging
from varireal.core.files import few
from varireal.core.registry import needs_gpu
from varireal.core.stages import STAGES, TRAINING_STAGES, slice_of
from varireal.datasets.sources import image_source
from varireal.datasets.splits import draw_splits
from varireal.errors import DataError
from varireal.hosted.money import PriceList, Spent, expected_tokens, expected_usd
from varireal.hosted.tokens import count_tokens, image_tokens
from varireal.judges.questions import Questions
from varireal.models.lock import as_locked
from varireal.prompts.agenda import open_requests
from varireal.study.jobs import Slices
from varireal.study.layout import Layout
from varireal.tools.plan_probe import Probed, known_prompts
from varireal.tools.status_study import Observer, StudyStatus

_AGAIN = "what item stores hold of the same inputs is found again"
_BEHIND = ("dataset", "adapters", "predictions", "report")  # stages that read every edit


@dataclass
class Count:
    """Items of a stage, in all.

    Attributes:
        low: at least.
        high: at most.
        done: done already.
        jobs: jobs in all.
        jobs_done: done already.
    """

    low: int
    high: int
    done: int = 0
    jobs: int = 0
    jobs_done: int = 0

    @property
    def open(self) -> bool:
        """Whether anything may be left."""
        return self.high > self.done


def subtract(layout: Layout, stages: Mapping[str, Count], notes: list[str], status: StudyStatus) -> None:
    """Note what is done by stages whose config and prompts are still the same.

    Args:
        layout: the study as it is wanted now.
        stages: items by stage; ``done`` is put in.
        notes: what the numbers leave out; more are added.
        status: the study as it is.
    """
    config, licences = as_locked(layout.config)
    now = {name: slice_digest(part) for name, part in stage_slices(config, layout.classes, licences).items()}
    then = Slices.of_study(Path(layout.paths.root)).digests
    for stage in status.stages:
        count, name = stages[stage.stage], slice_of(stage.stage)
        if name in then and then[name] != now[name]:
            notes.append(f"{stage.stage}: the config of this stage has changed, so all of it counts as left; {_AGAIN}")
            continue
        count.done = min(stage.done or 0, count.high)
        count.jobs_done = min(stage.by_state.get("ended", 0), count.jobs)
        if stage.left == 0:
            count.low = count.high = count.done
            count.jobs_done = count.jobs
        elif stage.outdated:
            notes.append(f"{stage.stage}: {stage.outdated} tables of another config count as done")
    if stages["edits"].done:
        _take_back_prompts(layout, stages, notes)
    if stages["masks"].open and stages["edits"].done:
        notes.append("edits: those of photos whose mask comes out otherwise are made again and are not counted")
    _take_back_behind(stages, notes)


def _take_back_prompts(layout: Layout, stages: Mapping[str, Count], notes: list[str]) -> None:
    """Edits whose prompt says something else now are left, and so are their verdicts."""
    rows, jobs = 0, 0
    prompts: set[str] = set()
    for setting_rows, setting_jobs, changed in _changed(layout):
        rows, jobs, prompts = rows + setting_rows, jobs + setting_jobs, prompts | changed
    if not rows:
        return
    for name in ("edits", "verdicts"):
        count = stages[name]
        count.done, count.jobs_done = max(0, count.done - rows), max(0, count.jobs_done - jobs)
    notes.append(f"edits: {rows} were made with a prompt that has changed since: {few(sorted(prompts))}")


def _changed(layout: Layout) -> Iterator[tuple[int, int, set[str]]]:
    """By setting and shard: edits made with a text that is no prompt any more, jobs that make them, ids of prompts."""
    paths, rounds = layout.paths, range(layout.config.edits.rounds)
    prompts = [prompt for class_id in layout.classes for prompt in known_prompts(layout, class_id) or ()]
    known = {(prompt.prompt_id, prompt.name, prompt.description) for prompt in prompts}
    for setting, shard in product(layout.settings, layout.shards):
        tables = [Path(paths.edits(*setting, number, shard)) for number in rounds]
        used = [pair for path in tables if path.is_file() for pair in _prompts_of(path)]
        changed = [(text, count) for text, count in used if text[0] and text not in known]
        if changed:
            yield sum(count for _, count in changed), len(tables), {text[0] for text, _ in changed}


def _prompts_of(path: Path) -> list[tuple[tuple[str, str, str], int]]:
    """Prompts that the edits of a table were made with, and how many each; a damaged table is made again anyway."""
    from varireal.store import tables
    from varireal.store.schemas import EDITS

    columns = ["prompt_id", "prompt_name", "prompt_description"]
    try:
        table = tables.read_columns(path, EDITS, columns)
    except DataError:
        return []
    groups = table.group_by(columns).aggregate([([], "count_all")]).to_pylist()
    return [((row["prompt_id"], row["prompt_name"], row["prompt_description"]), row["count_all"]) for row in groups]


def _take_back_behind(stages: Mapping[str, Count], notes: list[str]) -> None:
    """What reads every edit is made again when one is."""
    if not (stages["edits"].open or stages["verdicts"].open):
        return
    again = [name for name in _BEHIND if stages[name].done]
    for name in again:
        stages[name].done = stages[name].jobs_done = 0
    if again:
        notes.append(f"{', '.join(again)}: made again with the edits that are left; {_AGAIN}")


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
    edits = layout.config.edits
    wanted = amounts.train * edits.per_image * len(layout.settings)
    candidates = _rounds(wanted, amounts.rate, edits.rounds)
    ranges = {"priors": _priors(layout), "edits": candidates, "verdicts": candidates}
    exact = {
        "images": amounts.photos,
        "prompts": len(layout.classes),
        "masks": amounts.train,
        "dataset": 1,
        **{stage: sum(len(job.runs) for job in layout.jobs(stage)) for stage in TRAINING_STAGES},
        "report": 1,
    }
    for stage in STAGES:
        low, high = ranges.get(stage) or (exact.get(stage, len(layout.jobs(stage))),) * 2
        amounts.stages[stage] = Count(low, high, jobs=len(layout.jobs(stage)))
    if status is not None:
        subtract(layout, amounts.stages, amounts.notes, status)
    return amounts


def _photos(layout: Layout, status: StudyStatus | None) -> Amounts:
    """Photos by split: of the table of images when it is there, else of the source."""
    images, seed = layout.config.images, layout.config.study.seed
    rate = _rate(status)
    splits = None
    if status is not None and Path(layout.paths.images).is_file():
        from varireal.tools.status_files import count_splits

        splits = count_splits(Path(layout.paths.images))
    if splits is not None:
        train, val = splits.get(names.TRAIN, 0), splits.get(names.VAL, 0)
        total = sum(splits.values())
        return Amounts(total, train, total - train - val, val, rate)
    source = image_source(images)
    items = list(source.items())
    drawn = draw_splits(items, val_fraction=images.val_fraction, test_fraction=images.test_fraction, seed=seed)
    splits_drawn = Counter(drawn.values())
    train, val = splits_drawn[names.TRAIN], splits_drawn[names.VAL]
    note = "photos are counted as listed: those that turn out damaged, too small or duplicates are left out later"
    notes = [] if source.rendered else [note]
    return Amounts(len(items), train, len(items) - train - val, val, rate, notes=notes)


def _rate(status: StudyStatus | None) -> Rate:
    verdicts = None if status is None else next(stage for stage in status.stages if stage.stage == "verdicts")
    if verdicts is not None and verdicts.judged and verdicts.judged >= _ENOUGH and verdicts.accepted is not None:
        share = verdicts.accepted / verdicts.judged
        source = f"this study's own {share:.1%}, give or take a tenth"
        return Rate(max(0.01, 0.9 * share), min(1.0, 1.1 * share), source)
    return Rate(_WORST, _BEST, "not measured yet: taken as between a half and all")


def _rounds(wanted: int, rate: Rate, rounds: int) -> tuple[int, int]:
    """Candidates in all rounds; each edits what the one before did not get accepted."""
    low, high = (sum(wanted * (1 - share) ** number for number in range(rounds)) for share in (rate.high, rate.low))
    return round(low), round(high)


def _priors(layout: Layout) -> tuple[int, int]:
    """Prior pictures, at most: classes that share a prompt share its pictures."""
    pools = [(job.attribute, job.feasibility) for job in layout.jobs("priors")]
    if not pools:
        return 0, 0
    from varireal.names import DEFAULT_POOL

    sdxl = layout.config.edits.sdxl
    size = DEFAULT_POOL[sdxl.preset] if sdxl.pool_size is None else sdxl.pool_size
    texts: set[tuple[str, str, str, str]] = set()
    most = 0
    for class_id in layout.classes:
        prompts = known_prompts(layout, class_id)
        if prompts is None:
            most += layout.config.prompts.openai.count * len(pools)
            continue
        pooled = [p for p in prompts if (p.attribute, p.feasibility) in pools]
        most += len(pooled)
        texts |= {(p.attribute, p.feasibility, p.name, p.description) for p in pooled}
    return len(texts) * size, most * size


_NOT_TRIED = "not tried (--no-probe)"


@dataclass(frozen=True)
class Range:
    """A range.

    Attributes:
        low: at best.
        high: at worst.
    """

    low: float
    high: float

    def times(self, low: float, high: float) -> "Range":
        """The range of a product."""
        return Range(self.low * low, self.high * high)

    def plus(self, value: float) -> "Range":
        """The range of a sum."""
        return Range(self.low + value, self.high + value)


NOTHING = Range(0.0, 0.0)


@dataclass
class StagePlan:
    """What a stage will take; None is unknown, and ``reasons`` say why.

    Attributes:
        stage: its name.
        unit: what an item is.
        count: items and jobs.
        seconds_per_item: of one item.
        start_seconds: that a job takes beside its items.
        gpu_hours: hours with a GPU.
        cpu_hours: hours without one.
        disk_gb: GB that are written.
        tokens: sent and answered, for hosted models.
        usd: US dollars for them.
        reasons: why something is unknown, or what it leaves out.
    """

    stage: str
    unit: str
    count: Count
    seconds_per_item: Range | None = None
    start_seconds: float | None = None
    gpu_hours: Range | None = None
    cpu_hours: Range | None = None
    disk_gb: Range | None = None
    tokens: Range | None = NOTHING
    usd: Range | None = NOTHING
    reasons: list[str] = field(default_factory=list)

    @property
    def left(self) -> tuple[int, int]:
        """Items that are left, at least and at most."""
        return max(0, self.count.low - self.count.done), max(0, self.count.high - self.count.done)

    @property
    def jobs_left(self) -> int:
        """Jobs that are left."""
        return max(0, self.count.jobs - self.count.jobs_done)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        ranges = ("seconds_per_item", "gpu_hours", "cpu_hours", "disk_gb", "tokens", "usd")
        low, high = self.left
        return {
            "stage": self.stage,
            "unit": self.unit,
            "jobs": {"total": self.count.jobs, "done": self.count.jobs_done},
            "items": {"low": self.count.low, "high": self.count.high, "done": self.count.done},
            "left": {"low": low, "high": high},
            "start_seconds": self.start_seconds,
            **{name: None if (part := getattr(self, name)) is None else asdict(part) for name in ranges},
            "reasons": self.reasons,
        }


def planned_stages(layout: Layout, amounts: Amounts, probed: Mapping[str, Probed] | None) -> list[StagePlan]:
    """Hours and disk of every stage.

    Args:
        layout: the study.
        amounts: items.
        probed: what trying each stage told; None when nothing was tried.
    """
    plans = [StagePlan(stage, STAGES[stage].unit, count) for stage, count in amounts.stages.items()]
    for plan in plans:
        if plan.left == (0, 0) and not plan.jobs_left:
            plan.gpu_hours = plan.cpu_hours = plan.disk_gb = NOTHING
        elif plan.stage in ("prompts", "report", "dataset"):
            _put_small(layout, plan, amounts, None if probed is None else probed.get(plan.stage))
        elif probed is None or plan.stage not in probed:
            plan.reasons.append(_NOT_TRIED)
        elif probed[plan.stage].problem:
            plan.reasons.append(probed[plan.stage].problem)
            if "hosted" in probed[plan.stage].problem:
                plan.gpu_hours = NOTHING
        else:
            _put(layout, plan, amounts, probed)
    return plans


def _put_small(layout: Layout, plan: StagePlan, amounts: Amounts, probed: Probed | None) -> None:
    """Stages that one item says nothing about: they write everything at once, or wait for a server."""
    plan.gpu_hours = NOTHING
    if plan.stage == "prompts":
        plan.cpu_hours = NOTHING if not layout.asks else None
        plan.disk_gb = NOTHING
        plan.reasons += ["how long a server takes to answer is not known"] if layout.asks else []
        return
    plan.reasons.append("takes minutes for thousands of candidates; a few items do not tell")
    if plan.stage == "report":
        plan.disk_gb = NOTHING
        plan.reasons.append("its size is bounded and not counted")
    elif probed is not None and probed.bytes_each is not None:
        wanted = amounts.train * layout.config.edits.per_image * len(layout.settings)
        least = wanted * amounts.rate.low
        plan.disk_gb = Range(probed.bytes_each, probed.bytes_each).times(least / 1e9, wanted / 1e9)


def _put(layout: Layout, plan: StagePlan, amounts: Amounts, probed: Mapping[str, Probed]) -> None:
    """Items times what an item took, jobs times what starting took."""
    trial = probed[plan.stage]
    each = Range(trial.low, trial.high)
    size = Range(trial.bytes_each or 0.0, trial.bytes_each or 0.0)
    if plan.stage == "adapters":
        each = _training(layout, each, amounts, probed["predictions"])
    elif plan.stage == "predictions":
        each = each.times(amounts.test, amounts.test)
        size = size.times(amounts.test, amounts.test)
    plan.seconds_per_item, plan.start_seconds = each, trial.start
    low, high = plan.left
    hours = each.times(low / 3600, high / 3600).plus(plan.jobs_left * trial.start / 3600)
    plan.gpu_hours, plan.cpu_hours = (hours, NOTHING) if trial.on_gpu else (NOTHING, hours)
    plan.disk_gb = size.times(low / 1e9, high / 1e9)
    if _wants_gpu(layout, plan.stage) and not trial.on_gpu:
        plan.reasons.append("tried on the CPU, as this machine has no GPU in use; on a GPU it takes far less")


def _wants_gpu(layout: Layout, stage: str) -> bool:
    if stage in TRAINING_STAGES:
        return layout.config.adapters.wants_gpu
    return any(needs_gpu(*backend) for backend in layout.config.backends(stage))


def _training(layout: Layout, step: Range, amounts: Amounts, scored: Probed) -> Range:
    """A training: its steps, and the val photos that are scored now and then; of another learner as it was tried."""
    if layout.config.adapters.learner != CLIP:
        return step
    training = layout.config.adapters.training
    looks = training.steps // training.validate_every + 1
    picture = 0.0 if scored.problem or not scored.seconds else scored.high
    return step.times(training.steps, training.steps).plus(looks * amounts.val * picture)


_NO_PRICE = "no price for {model} in {place}"
# Tokens that a yes or a no takes, and what is sent around a question (as in asking.meter).
_ANSWER, _AROUND = 2, 4


def put_money(layout: Layout, amounts: Amounts, stages: Sequence[StagePlan]) -> None:
    """Fill in tokens and money of the stages that ask a server."""
    by_name = {stage.stage: stage for stage in stages}
    if layout.asks:
        _put_prompts(layout, by_name["prompts"])
    for place, block in layout.config.hosted():
        if place.startswith("edits."):
            _put_edits(place, block, by_name["edits"])
        if place.startswith("verdicts."):
            _put_verdicts(layout, amounts, by_name["verdicts"], place, block)


def _put_prompts(layout: Layout, plan: StagePlan) -> None:
    """As ``varireal prompts plan``; repairs and second attempts come on top, once each at worst here."""
    asking = layout.config.prompts.openai
    left = open_requests(layout.config, layout.classes, layout.paths, tokens=True)
    parts = [part for part in (left.write, left.judge) if part[1].tokens]
    tokens = sum(part.tokens for _, part in parts)
    plan.tokens = Range(tokens, 2 * tokens)
    usd = PriceList.of(asking.server).total(parts)
    plan.reasons.append(f"{left.answers} answers are kept; the range is from one attempt at everything to two")
    if usd is None:
        plan.usd = None
        plan.reasons.append(_NO_PRICE.format(model=asking.model, place="prompts.openai.server.prices"))
    else:
        plan.usd = Range(usd, 2 * usd)


def _put_edits(place: str, settings: HostedEdits, plan: StagePlan) -> None:
    low, high = plan.left
    each = sum(expected_tokens(settings))
    plan.tokens = Range(each * low, each * high)
    least, most = expected_usd(settings, low), expected_usd(settings, high)
    plan.usd = None if least is None or most is None else Range(least, most)
    plan.reasons.append("tokens as published for gpt-image-1; of other models they are a first guess")
    if plan.usd is None:
        prices = f"{place}.server (prices or usd_per_image)"
        plan.reasons.append(_NO_PRICE.format(model=settings.model, place=prices))


def _put_verdicts(layout: Layout, amounts: Amounts, plan: StagePlan, place: str, settings: OpenAIJudging) -> None:
    """Every question about every candidate at most; only those that pass the receipt are asked about."""
    verdicts = layout.config.verdicts
    questions = Questions(verdicts.questions, layout.config.images.noun)
    class_name = max(layout.classes.values(), key=len)
    side = _side(layout, settings)
    sent, asked = 0.0, 0.0
    for attribute in layout.config.edits.attributes:
        texts = questions.about(attribute=attribute, class_name=class_name, name="a short name").values()
        picture = _picture_tokens(settings, side)
        times = 2 if questions.blank else 1  # a grey picture is asked about as well
        sent += times * sum(count_tokens(text) + picture + _AROUND for text in texts)
        asked += times * len(texts)
    many = len(layout.config.edits.attributes)
    sent, answered = sent / many, _ANSWER * asked / many
    low, high = plan.left
    plan.tokens = Range((sent + answered) * low * amounts.rate.low, (sent + answered) * high)
    price = PriceList.of(settings.server).usd(settings.model, Spent(1, sent, answered))
    plan.usd = None if price is None else Range(price * low * amounts.rate.low, price * high)
    plan.reasons.append("only candidates that pass the receipt are asked about; at most all of them are")
    if price is None:
        plan.reasons.append(_NO_PRICE.format(model=settings.model, place=f"{place}.server.prices"))


def _side(layout: Layout, settings: OpenAIJudging) -> int:
    """Longest side of a picture that is sent."""
    images = layout.config.images
    largest = image_source(images).max_side or images.reading.max_side
    return min(largest, settings.long_side or largest)


def _picture_tokens(settings: OpenAIJudging, side: int) -> int:
    from varireal.core.pictures import encode_png
    from varireal.hosted.tokens import data_url

    return image_tokens(data_url(encode_png(np.zeros((side, side, 3), np.uint8)), "png")) if settings else 0
