"""From the states and records of a stage's jobs to its numbers. Light."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from varireal.names import OK
from varireal.observing.gathering import ACCEPTED, REFUSED, WAITING, JobState
from varireal.observing.records import SILENT, state_of
from varireal.observing.status_records import UNITS, StageStatus
from varireal.running.job_record import ENDED, FAILED, RUNNING, STOPPED

JOB_STATES = (ENDED, RUNNING, SILENT, FAILED, STOPPED, WAITING)


def stage_numbers(name: str, states: Sequence[JobState] | None) -> StageStatus:
    """Jobs and items of a stage as far as its own jobs tell."""
    stage = StageStatus(name, UNITS[name])
    if states is None:
        return stage
    stage.jobs = len(states)
    counted = Counter(state.state for state in states)
    stage.by_state = {state: counted[state] for state in JOB_STATES}
    stage.outdated = sum(state.outdated for state in states)
    if name in ("dataset", "report"):
        stage.items, stage.done = len(states), counted[ENDED]
        stage.left = stage.items - stage.done
        return stage
    failed: Counter[str] = Counter()
    for state in states:
        failed.update({s: n for s, n in state.counts.items() if s not in (OK, ACCEPTED, REFUSED)})
    stage.failed = dict(sorted(failed.items()))
    stage.done = sum(state.done or 0 for state in states)
    totals = [state.total for state in states]
    if None not in totals:
        stage.items = sum(total for total in totals if total is not None)
        stage.left = max(0, stage.items - stage.done)
    return stage


def put_masks(stage: StageStatus, train: int | None) -> None:
    """Every train photo gets one row."""
    if stage.jobs is None or train is None:
        stage.items = stage.left = None
        return
    stage.items = train
    stage.done = min(stage.done or 0, train)
    stage.left = train - stage.done


def put_rate(stage: StageStatus, records: Iterable[Mapping[str, Any]], now: float) -> None:
    """Rate now and time left of the stage's jobs, and seconds per item of those that have ended."""
    rates, seconds, items = [], 0.0, 0
    for record in records:
        state = state_of(dict(record), now)
        if state == RUNNING:
            rates.append(record.get("rate"))
        made = _made(record)
        if state == ENDED and made:
            seconds += record["seen"] - record["started"]
            items += made
    stage.seconds_per_item = seconds / items if items else None
    known = [rate for rate in rates if rate is not None]
    stage.rate = sum(known) if known else None
    if stage.rate and stage.left is not None:
        stage.eta_seconds = stage.left / stage.rate


def _made(record: Mapping[str, Any]) -> int:
    """Items that a job made in its last attempt; of a stage that computes other things than items, all its items."""
    counts, computed = record.get("counts"), record.get("computed")
    if not isinstance(counts, dict):
        return 0
    total = sum(counts.values())
    if record["stage"] in ("edits", "masks", "priors") and computed is not None:
        return min(int(computed), total)
    return total if computed is None or computed else 0


def notes_of(states: Iterable[JobState]) -> list[str]:
    """What is wrong with jobs and their files, one line each."""
    notes = []
    for state in states:
        if state.problem:
            notes.append(f"{state.job.name}: {state.problem}")
        if state.state == FAILED and state.record is not None:
            notes.append(f"{state.job.name} failed: {state.record.get('error') or 'see its log'}")
        if state.state == STOPPED and state.record is not None:
            notes.append(f"{state.job.name} ended early: {state.record.get('error') or 'see its log'}")
        if state.state == SILENT and state.record is not None:
            ago = time.time() - float(state.record["seen"])
            host = state.record.get("host")
            notes.append(f"{state.job.name}: no sign of life from {host} for {ago:.0f} s; it was killed or is cut off")
    return notes
