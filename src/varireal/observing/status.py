"""``varireal status``: how far a study is, from its files alone."""

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from varireal.observing.status_records import StageStatus, StudyStatus
from varireal.observing.study_status import Observer

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

    from varireal.observing.status_view import view

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
