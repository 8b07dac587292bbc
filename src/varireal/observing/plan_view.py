"""The plan of a study as a table for a terminal."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from varireal.layout import Layout
from varireal.observing.amounts import Estimate, StagePlan
from varireal.observing.plan import free_gb, over_budget, total
from varireal.observing.plan_items import Amounts
from varireal.observing.status_view import duration
from varireal.running.room import size_text

UNKNOWN = "?"
_HEAD = ("stage", "jobs left", "items left", "per item", "GPU time", "CPU time", "disk", "tokens", "money")
_FORMS: dict[str, Callable[[float], str]] = {
    "gpu_hours": lambda hours: _time(3600 * hours),
    "cpu_hours": lambda hours: _time(3600 * hours),
    "disk_gb": lambda size: size_text(1e9 * size) if size else "0",
    "tokens": lambda count: f"{count:,.0f}",
    "usd": lambda usd: f"${usd:,.2f}",
}


def view(layout: Layout, amounts: Amounts, stages: Sequence[StagePlan], *, probe: bool) -> RenderableType:
    """Everything, one below the other."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(_HEAD):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for stage in stages:
        if stage.count.jobs or stage.count.high:
            table.add_row(*_cells(stage))
    table.add_row("all", f"{sum(stage.jobs_left for stage in stages):,}", "", "", *_sums(stages), style="bold")
    head = f"{layout.paths.root}: {amounts.photos:,} photos, {amounts.train:,} of them to edit. An estimate."
    parts: list[RenderableType] = [Text(head, style="bold"), table]
    parts += [Text(line) for line in _lines(layout, amounts, stages, probe=probe)]
    return Group(*parts)


def _cells(stage: StagePlan) -> Iterator[str]:
    yield stage.stage
    yield f"{stage.jobs_left:,}"
    low, high = stage.left
    yield f"{low:,}" if low == high else f"{low:,} to {high:,}"
    yield "-" if stage.seconds_per_item is None else told(stage.seconds_per_item, _time)
    for name, form in _FORMS.items():
        yield told(getattr(stage, name), form)


def _sums(stages: Sequence[StagePlan]) -> Iterator[str]:
    for name, form in _FORMS.items():
        sums, complete = total(stages, name)
        yield told(sums, form) + ("" if complete else f" + {UNKNOWN}")


def _lines(layout: Layout, amounts: Amounts, stages: Sequence[StagePlan], *, probe: bool) -> Iterator[str]:
    rounds = layout.config.edits.rounds
    yield (
        f"The range of items: {rounds} rounds at {amounts.rate.low:.0%} to {amounts.rate.high:.0%} accepted "
        f"({amounts.rate.source}). What is done already is not in it."
    )
    if probe:
        yield (
            "Time and disk: a few items of each stage, tried here one at a time just now; the range is from "
            "the fastest to the slowest. Snakemake's own time and that of a queue are not in them."
        )
    free = free_gb(layout)
    yield f"Free disk: {UNKNOWN if free is None else f'{free:.1f} GB'}"
    yield from (f"! {line}" for line in over_budget(layout.config.budget, stages))
    yield from (f"note: {note}" for note in amounts.notes)
    for stage in stages:
        yield from (f"{stage.stage}: {reason}" for reason in stage.reasons)


def told(amount: Estimate | None, form: Callable[[float], str]) -> str:
    """A range for people."""
    if amount is None:
        return UNKNOWN
    low, high = form(amount.low), form(amount.high)
    return low if low == high else f"{low} to {high}"


def _time(seconds: float) -> str:
    if not seconds:
        return "0"
    return duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"
