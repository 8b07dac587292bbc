"""``varireal plan``: what a study will take, before it starts. Nothing is sent to a server, nothing is written.

The numbers are from ``plan_amounts``; here they become JSON, or a table for a terminal.
"""

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from varireal.config.study import BudgetConfig
from varireal.core.files import one_line
from varireal.core.stages import STAGES, slice_of
from varireal.running.room import size_text
from varireal.study.layout import Layout
from varireal.tools.check import load_study_config
from varireal.tools.plan_amounts import Amounts, Range, StagePlan, count_items, planned_stages, put_money
from varireal.tools.plan_probe import Probed
from varireal.tools.status import duration

logger = logging.getLogger(__name__)

SCHEMA = 1


def run(*, configfile: Sequence[Path], no_probe: bool, json_: bool, study: Path | None = None) -> int:
    """Say what a study will take.

    Args:
        configfile: config files of the study.
        no_probe: do not try a few items of each stage on this machine; then hours and disk stay unknown.
        json_: print JSON.
        study: folder of the study, by which its config is found when no file is given.

    Raises:
        ConfigError: the config is not valid, or its photos cannot be listed.
    """
    layout = Layout(load_study_config(configfile, study))
    layout.check()
    amounts = count_items(layout)
    probed = None if no_probe else try_stages(layout)
    stages = planned_stages(layout, amounts, probed)
    put_money(layout, amounts, stages)
    if json_:
        sys.stdout.write(json.dumps(as_json(layout, amounts, stages), indent=1) + "\n")
        return 0
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 160
    Console(highlight=False, width=wide).print(view(layout, amounts, stages, probe=probed is not None))
    return 0


def try_stages(layout: Layout) -> dict[str, Probed]:
    """Try the stages of a study that can run here; the others say why not.

    Raises:
        ConfigError: the photos cannot be listed.
    """
    from varireal.tools.plan_probe import cut_down, probe

    with tempfile.TemporaryDirectory(prefix="varireal-plan-") as folder:
        return probe(cut_down(layout, Path(folder), _not_here(layout)))


def _not_here(layout: Layout) -> dict[str, str]:
    """Why stages cannot be tried: hosted models, and models that are not on this machine."""
    from varireal.tools.models import examine

    config = layout.config
    problems: dict[str, str] = {}
    for model in examine(config, verify=False).models:
        for stage in model.stages:
            if model.problem:
                problems.setdefault(stage, one_line(model.problem))
    problems |= {stage: problems[slice_of(stage)] for stage in STAGES if slice_of(stage) in problems}
    if "adapters" in problems:
        problems["predictions"] = problems["adapters"]
    hosted = "a hosted model does it; nothing is sent to plan"
    asked = {place.partition(".")[0] for place, _ in config.hosted()}
    return problems | {stage: hosted for stage in asked if stage != "prompts"}


def as_json(layout: Layout, amounts: Amounts, stages: Sequence[StagePlan]) -> dict[str, Any]:
    """The plan as JSON; docs/watching.md has the meaning of every field. Unknown is null."""
    return {
        "schema": SCHEMA,
        "study": layout.paths.root,
        "estimate": True,
        "photos": amounts.photos,
        "train_photos": amounts.train,
        "accept_rate": asdict(amounts.rate),
        "stages": [stage.as_json() for stage in stages],
        "totals": totals(stages),
        "free_disk_gb": free_gb(layout),
        "budget": layout.config.budget.model_dump(mode="json"),
        "over_budget": over_budget(layout.config.budget, stages),
        "notes": amounts.notes,
    }


def totals(stages: Sequence[StagePlan]) -> dict[str, Any]:
    """Sums over the stages; where a stage's part is unknown, ``high`` is null: there is no upper bound."""
    sums: dict[str, Any] = {"jobs": sum(stage.jobs_left for stage in stages)}
    for name in ("gpu_hours", "cpu_hours", "disk_gb", "tokens", "usd"):
        known, complete = total(stages, name)
        sums[name] = {"low": known.low, "high": known.high if complete else None}
    return sums


def total(stages: Sequence[StagePlan], name: str) -> tuple[Range, bool]:
    """The sum of what is known of an amount, and whether all stages' are."""
    parts = [getattr(stage, name) for stage in stages]
    known = [part for part in parts if part is not None]
    return Range(sum(part.low for part in known), sum(part.high for part in known)), len(known) == len(parts)


def over_budget(budget: BudgetConfig, stages: Sequence[StagePlan]) -> list[str]:
    """The limits that the plan may pass, one line each."""
    lines = []
    for name in ("usd", "gpu_hours", "disk_gb"):
        limit, (sums, complete) = getattr(budget, name), total(stages, name)
        if limit is not None and sums.high > limit:
            sure = "passes" if sums.low > limit else "may pass"
            more = "" if complete else " and what is unknown"
            lines.append(f"{sure} budget.{name} {limit:g}: {sums.low:.3g} to {sums.high:.3g} more are wanted{more}")
    return lines


def free_gb(layout: Layout) -> float | None:
    """Free GB where the results go."""
    root = Path(layout.paths.root)
    place = next((folder for folder in (root, *root.absolute().parents) if folder.exists()), None)
    try:
        return None if place is None else shutil.disk_usage(place).free / 1e9
    except OSError:
        return None


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
    yield "-" if stage.seconds_per_item is None else range_text(stage.seconds_per_item, _time)
    for name, form in _FORMS.items():
        yield range_text(getattr(stage, name), form)


def _sums(stages: Sequence[StagePlan]) -> Iterator[str]:
    for name, form in _FORMS.items():
        sums, complete = total(stages, name)
        yield range_text(sums, form) + ("" if complete else f" + {UNKNOWN}")


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


def range_text(amount: Range | None, form: Callable[[float], str]) -> str:
    """A range for people."""
    if amount is None:
        return UNKNOWN
    low, high = form(amount.low), form(amount.high)
    return low if low == high else f"{low} to {high}"


def _time(seconds: float) -> str:
    if not seconds:
        return "0"
    return duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"
