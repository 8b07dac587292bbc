"""``varireal status``: how far a study is, from its files alone, as tables for a terminal or as JSON."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from varireal.running.job_record import ENDED, RUNNING
from varireal.tools.status_study import Observer, SettingStatus, StageStatus, StudyStatus

UNKNOWN = "?"


def view(status: StudyStatus) -> RenderableType:
    """Everything, one below the other."""
    head = f"{status.study}, {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(status.time))}"
    parts: list[RenderableType] = [Text(head, style="bold"), _stages(status.stages)]
    if any(setting.candidates for setting in status.settings):
        parts.append(_settings(status.settings))
    if status.running:
        parts.append(_running(status))
    parts += [Text(line) for line in (*_failures(status.stages), *_sums(status))]
    parts += [Text(f"note: {note}", style="yellow") for note in status.notes]
    return Group(*parts)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    return table


# Cells that say nothing; a column that has no others is left out, so that the rest fits into a narrow terminal.
_NOTHING = frozenset({"", "-", "0", "0.00", "$0.00"})
_COLUMNS = ("stage", "jobs", "items", "failed", "left", "rate", "time left", "accepted", "GPU h", "money")


def _stages(stages: list[StageStatus]) -> Table:
    shown = [stage for stage in stages if stage.jobs != 0 or stage.items]
    rows = [list(_stage_cells(stage)) for stage in shown]
    columns = [n for n in range(len(_COLUMNS)) if n <= 2 or any(row[n] not in _NOTHING for row in rows)]
    table = _table(*(_COLUMNS[n] for n in columns))
    for stage, row in zip(shown, rows, strict=True):
        style = "green" if stage.left == 0 else "cyan" if stage.by_state.get(RUNNING) else None
        table.add_row(*(row[n] for n in columns), style=style)
    return table


def _stage_cells(stage: StageStatus) -> Iterator[str]:
    ended = stage.by_state.get(ENDED, 0)
    more = "" if stage.exact else "+"
    yield stage.stage
    yield f"{ended:,}/{_count(stage.jobs)}" if stage.by_state else UNKNOWN
    yield f"{_count(stage.done)}/{_count(stage.items)}{more}"
    yield f"{sum(stage.failed.values()):,}"
    yield UNKNOWN if stage.left is None else f"{stage.left:,}{more}"
    yield "-" if stage.rate is None else f"{stage.rate:.3g}/s"
    yield "-" if stage.eta_seconds is None else duration(stage.eta_seconds) + more
    yield "" if not stage.judged or stage.accepted is None else f"{stage.accepted / stage.judged:.0%}"
    yield UNKNOWN if stage.gpu_hours is None else f"{stage.gpu_hours:.2f}"
    yield UNKNOWN if stage.usd is None else f"${stage.usd:.2f}"


def _settings(settings: list[SettingStatus]) -> Table:
    table = _table("setting", "candidates", "judged", "accepted", "wanted", "accept rate")
    for one in settings:
        rate = UNKNOWN if one.accept_rate is None else f"{one.accept_rate:.1%}"
        numbers = (one.candidates, one.judged, one.accepted, one.wanted)
        table.add_row(f"{one.attribute}/{one.feasibility}", *(_count(number) for number in numbers), rate)
    return table


def _running(status: StudyStatus) -> Table:
    table = _table("at work", "where", "items", "rate", "time left", "for", left=2)
    for job in status.running:
        place = escape(f"{job.host}, process {job.pid}")
        silent = "" if job.state == RUNNING else f"no sign of life for {duration(job.seen_seconds_ago)}"
        rate = "-" if job.rate is None else f"{job.rate:.3g}/s"
        eta = silent or ("-" if job.eta_seconds is None else duration(job.eta_seconds))
        items = f"{_count(job.done)}/{_count(job.total)}"
        table.add_row(escape(job.job), place, items, rate, eta, duration(job.seconds), style="red" if silent else None)
    return table


def _failures(stages: list[StageStatus]) -> Iterator[str]:
    for stage in stages:
        if stage.failed:
            counts = sorted(stage.failed.items(), key=lambda pair: -pair[1])
            text = ", ".join(f"{status} {count:,}" for status, count in counts)
            yield f"failed {stage.unit} of {stage.stage}: {text}"


def _sums(status: StudyStatus) -> Iterator[str]:
    limit = status.budget
    usd = UNKNOWN if status.usd is None else f"${status.usd:.2f}"
    yield (
        f"GPU hours {status.gpu_hours:.2f}{_of(limit.get('gpu_hours'), '{:g}')}, "
        f"money {usd}{_of(limit.get('usd'), '${:g}')}"
        + ("" if status.disk_gb is None else f", disk {status.disk_gb:.2f}{_of(limit.get('disk_gb'), '{:g}')} GB")
    )
    outdated = sum(stage.outdated for stage in status.stages)
    if outdated:
        yield f"{outdated} tables were made with another config; the next run makes them again (varireal why)"
    if any(not stage.exact for stage in status.stages):
        yield "+ at least: how many candidates a round has is known when the round before it is judged"
    if status.finished:
        yield "finished: nothing is left to do"


def _of(limit: float | None, form: str) -> str:
    return "" if limit is None else f" of {form.format(limit)}"


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def duration(seconds: float) -> str:
    """Time for people: ``42 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


_BETWEEN_LOOKS = 2.0
_WIDE = 160  # characters of a line in a file


def run(*, study: Path, json_: bool, watch: bool) -> int:
    """Print the status of a study; with ``watch`` again and again until it is finished or Ctrl-C.

    Args:
        study: folder of the study.
        json_: print one JSON object per look instead of tables.
        watch: look again every two seconds.

    Raises:
        DataError: the folder does not exist.
    """
    observer = Observer(study)
    try:
        if json_:
            _print_json(observer, watch=watch)
        else:
            _show(observer, watch=watch)
    except KeyboardInterrupt:
        if not watch:
            raise
    return 0


def _print_json(observer: Observer, *, watch: bool) -> None:
    while True:
        status = observer.look()
        sys.stdout.write(json.dumps(as_json(status), indent=None if watch else 1) + "\n")
        sys.stdout.flush()
        if not watch or status.finished:
            return
        time.sleep(_BETWEEN_LOOKS)


def as_json(status: StudyStatus) -> dict[str, Any]:
    """The status as JSON; docs/watching.md has the meaning of every field. Unknown is null."""
    moment = datetime.fromtimestamp(status.time, UTC).isoformat(timespec="seconds")
    return {**asdict(status), "time": moment, "stages": [_stage_as_json(stage) for stage in status.stages]}


def _stage_as_json(stage: StageStatus) -> dict[str, Any]:
    rate = stage.accepted / stage.judged if stage.judged and stage.accepted is not None else None
    return {
        "stage": stage.stage,
        "unit": stage.unit,
        "jobs": {"total": stage.jobs, **stage.by_state, "outdated": stage.outdated},
        "items": {
            "total": stage.items,
            "exact": stage.exact,
            "done": stage.done,
            "failed": stage.failed,
            "left": stage.left,
        },
        "rate_per_second": stage.rate,
        "eta_seconds": stage.eta_seconds,
        "seconds_per_item": stage.seconds_per_item,
        "acceptance": {"accepted": stage.accepted, "judged": stage.judged, "rate": rate},
        "gpu_hours": stage.gpu_hours,
        "usd": stage.usd,
    }


def _show(observer: Observer, *, watch: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    if not (watch and console.is_terminal):
        status = observer.look()
        console.print(view(status))
        while watch and not status.finished:
            time.sleep(_BETWEEN_LOOKS)
            status = observer.look()
            console.print(view(status))
        return
    from rich.live import Live

    status = observer.look()
    with Live(view(status), console=console, auto_refresh=False) as live:
        while not status.finished:
            time.sleep(_BETWEEN_LOOKS)
            status = observer.look()
            live.update(view(status), refresh=True)
