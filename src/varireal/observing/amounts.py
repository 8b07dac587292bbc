"""From items and what a few of them took to hours and gigabytes, with a range."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from varireal.classifiers.names import TINY
from varireal.layout import Layout
from varireal.needs import backends
from varireal.observing.plan_items import Amounts
from varireal.observing.plan_left import Count
from varireal.observing.probed import Probed
from varireal.observing.status_records import UNITS
from varireal.registry import needs_gpu

_NOT_TRIED = "not tried (--no-probe)"


@dataclass(frozen=True)
class Estimate:
    """A range.

    Attributes:
        low: at best.
        high: at worst.
    """

    low: float
    high: float

    def times(self, low: float, high: float) -> "Estimate":
        """The range of a product."""
        return Estimate(self.low * low, self.high * high)

    def plus(self, value: float) -> "Estimate":
        """The range of a sum."""
        return Estimate(self.low + value, self.high + value)


NOTHING = Estimate(0.0, 0.0)


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
    seconds_per_item: Estimate | None = None
    start_seconds: float | None = None
    gpu_hours: Estimate | None = None
    cpu_hours: Estimate | None = None
    disk_gb: Estimate | None = None
    tokens: Estimate | None = NOTHING
    usd: Estimate | None = NOTHING
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
        told = {name: None if (found := getattr(self, name)) is None else asdict(found) for name in ranges}
        low, high = self.left
        return {
            "stage": self.stage,
            "unit": self.unit,
            "jobs": {"total": self.count.jobs, "done": self.count.jobs_done},
            "items": {"low": self.count.low, "high": self.count.high, "done": self.count.done},
            "left": {"low": low, "high": high},
            "start_seconds": self.start_seconds,
            **told,
            "reasons": self.reasons,
        }


def planned_stages(layout: Layout, amounts: Amounts, probed: Mapping[str, Probed] | None) -> list[StagePlan]:
    """Hours and disk of every stage.

    Args:
        layout: the study.
        amounts: items.
        probed: what trying each stage told; None when nothing was tried.
    """
    plans = [StagePlan(stage, UNITS[stage], count) for stage, count in amounts.stages.items()]
    for plan in plans:
        if plan.left == (0, 0) and not plan.jobs_left:
            plan.gpu_hours = plan.cpu_hours = plan.disk_gb = NOTHING
        elif plan.stage in ("prompts", "report", "dataset"):
            _put_small(layout, plan, amounts, None if probed is None else probed.get(plan.stage))
        elif probed is None:
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
        plan.disk_gb = Estimate(probed.bytes_each, probed.bytes_each).times(least / 1e9, wanted / 1e9)


def _put(layout: Layout, plan: StagePlan, amounts: Amounts, probed: Mapping[str, Probed]) -> None:
    """Items times what an item took, jobs times what starting took."""
    found = probed[plan.stage]
    each = Estimate(found.low, found.high)
    size = Estimate(found.bytes_each or 0.0, found.bytes_each or 0.0)
    if plan.stage == "adapters":
        each = _training(layout, each, amounts, probed["predictions"])
    elif plan.stage == "predictions":
        each = each.times(amounts.test, amounts.test)
        size = size.times(amounts.test, amounts.test)
    plan.seconds_per_item, plan.start_seconds = each, found.start
    low, high = plan.left
    hours = each.times(low / 3600, high / 3600).plus(plan.jobs_left * found.start / 3600)
    plan.gpu_hours, plan.cpu_hours = (hours, NOTHING) if found.on_gpu else (NOTHING, hours)
    plan.disk_gb = size.times(low / 1e9, high / 1e9)
    if _wants_gpu(layout, plan.stage) and not found.on_gpu:
        plan.reasons.append("tried on the CPU, as this machine has no GPU in use; on a GPU it takes far less")


def _wants_gpu(layout: Layout, stage: str) -> bool:
    if stage in ("adapters", "predictions"):
        return layout.config.adapters.model != TINY
    return any(needs_gpu(*backend) for backend in backends(layout.config, stage))


def _training(layout: Layout, step: Estimate, amounts: Amounts, scored: Probed) -> Estimate:
    """A training: its steps, and the val photos that are scored now and then."""
    training = layout.config.adapters.training
    looks = training.steps // training.validate_every + 1
    picture = 0.0 if scored.problem or not scored.seconds else scored.high
    return step.times(training.steps, training.steps).plus(looks * amounts.val * picture)
