"""The status of a study: items, rates, acceptance, GPU hours and money of every stage. Light: no table is opened.

Jobs tell their own items. Edits and verdicts are followed from round to round besides, for how many candidates a round
has is known only when the round before it is judged.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.core.stages import STAGES, TRAINING_STAGES, slice_of
from varireal.errors import DataError
from varireal.hosted.money import Prices
from varireal.names import HOPELESS, OK, TRAIN
from varireal.running.job_record import (
    ENDED,
    FAILED,
    RUNNING,
    SILENT,
    STOPPED,
    amounts_of_job,
    folder_bytes,
    gpu_hours,
    state_of,
)
from varireal.study.jobs import Job, Shape, Slices, adapter_files, prediction_files
from varireal.tools.status_files import ACCEPTED, REFUSED, WAITING, Gatherer, JobState, count_splits


@dataclass
class SettingStatus:
    """One attribute and feasibility.

    Attributes:
        attribute: what is edited.
        feasibility: the arm.
        wanted: accepted edits that are wanted; None before the photos are known.
        candidates: made so far, in tables and by jobs at work.
        judged: candidates with a verdict.
        accepted: of them.
        accept_rate: accepted of judged; None before any is judged.
    """

    attribute: str
    feasibility: str
    wanted: int | None
    candidates: int = 0
    judged: int = 0
    accepted: int = 0
    accept_rate: float | None = None


@dataclass
class Flow:
    """What the tables of edits and verdicts say together.

    Attributes:
        settings: one entry each.
        wanted: candidates that are known to be wanted, of all rounds; None before the photos are known.
        exact: whether no later round can add to them.
        made: candidates that are made.
        judged: candidates that are judged.
        judging: candidates that jobs at work are done with.
    """

    settings: list[SettingStatus] = field(default_factory=list)
    wanted: int | None = None
    exact: bool = False
    made: int = 0
    judged: int = 0
    judging: int = 0

    def put(self, edits: "StageStatus", verdicts: "StageStatus") -> None:
        """Fill in the items of both stages."""
        for stage, done in ((edits, self.made), (verdicts, self.judged + self.judging)):
            if stage.jobs is None:
                continue
            stage.items, stage.exact, stage.done = self.wanted, self.exact, done
            stage.left = None if self.wanted is None else max(0, self.wanted - done)
        if verdicts.jobs is not None:
            verdicts.accepted = sum(setting.accepted for setting in self.settings)
            verdicts.judged = self.judged
            verdicts.failed = {}


def follow(
    shape: Shape, train: int | None, edits: Sequence[JobState] | None, verdicts: Sequence[JobState] | None
) -> Flow:
    """Follow every setting and shard through its rounds.

    Args:
        shape: what the study is meant to be.
        train: train photos; None when that is not known.
        edits: states of the jobs of edits.
        verdicts: states of the jobs of verdicts.
    """
    settings, per_image = shape.settings, shape.per_image
    if settings is None or edits is None or verdicts is None or per_image is None:
        return Flow()
    each = None if train is None else train * per_image
    by_setting = {setting: SettingStatus(*setting, each) for setting in settings}
    flow = Flow(list(by_setting.values()), None if each is None else each * len(settings), exact=each is not None)
    judged = {_place(state): state for state in verdicts}
    last: dict[tuple[str, str, str], int | None] = {}
    for state in edits:  # a round after the one before it
        chain = (state.job.attribute, state.job.feasibility, state.job.shard)
        _follow_one(flow, state, judged[_place(state)], by_setting[chain[:2]], last, chain)
    for setting in by_setting.values():
        setting.accept_rate = setting.accepted / setting.judged if setting.judged else None
        flow.made += setting.candidates
        flow.judged += setting.judged
    return flow


def _follow_one(
    flow: Flow,
    edit: JobState,
    verdict: JobState,
    setting: SettingStatus,
    last: dict[tuple[str, str, str], int | None],
    chain: tuple[str, str, str],
) -> None:
    """Count one table of each kind, and note how many items its round leaves to the next."""
    if edit.job.round:
        wanted = last.get(chain)
        if wanted is None:
            flow.exact = False
        if flow.wanted is not None:
            flow.wanted += _done(edit) if wanted is None else wanted
        edit.total = wanted
    rows, done = sum(edit.counts.values()), _done(edit)
    if edit.state != ENDED and edit.total is not None:
        done = min(done, edit.total)
    setting.candidates += done
    flow.judging += 0 if verdict.state == ENDED else verdict.done or 0
    accepted = verdict.counts.get(ACCEPTED, 0)
    setting.accepted += accepted
    setting.judged += accepted + verdict.counts.get(REFUSED, 0)
    known = edit.state == ENDED and verdict.state == ENDED
    last[chain] = rows - accepted - _hopeless(edit.counts) if known else None


def _done(state: JobState) -> int:
    return sum(state.counts.values()) if state.state == ENDED else state.done or 0


def _hopeless(counts: Mapping[str, int]) -> int:
    return sum(count for status, count in counts.items() if status in HOPELESS)


def _place(state: JobState) -> tuple[str, str, int, str]:
    return state.job.attribute, state.job.feasibility, state.job.round, state.job.shard


SCHEMA = 1


@dataclass
class StageStatus:
    """One stage; see docs/watching.md for every field. None is unknown.

    Attributes:
        stage: its name.
        unit: what an item is.
        jobs: jobs in all.
        by_state: jobs per state.
        outdated: finished jobs whose table was made with another config.
        items: items in all; at least so many unless ``exact``.
        exact: whether later rounds can add no more items.
        done: items that are done.
        failed: items per status of failure.
        left: items that are not done.
        rate: items per second of the jobs that run now.
        eta_seconds: until what is left is done, at that rate.
        seconds_per_item: of finished jobs, starting included.
        accepted: candidates that were accepted.
        judged: candidates that were judged.
        gpu_hours: hours with a GPU, of all attempts.
        usd: US dollars, of all attempts.
    """

    stage: str
    unit: str
    jobs: int | None = None
    by_state: dict[str, int] = field(default_factory=dict)
    outdated: int = 0
    items: int | None = None
    exact: bool = True
    done: int | None = None
    failed: dict[str, int] = field(default_factory=dict)
    left: int | None = None
    rate: float | None = None
    eta_seconds: float | None = None
    seconds_per_item: float | None = None
    accepted: int | None = None
    judged: int | None = None
    gpu_hours: float | None = None
    usd: float | None = None


@dataclass
class RunningJob:
    """A job that runs now, or gave no sign of life for a while.

    Attributes:
        job: name of its log.
        state: running or silent.
        host: machine.
        pid: process there.
        done: items.
        total: items.
        rate: items per second.
        eta_seconds: until it ends.
        seconds: since it started.
        seen_seconds_ago: since its last sign of life.
    """

    job: str
    state: str
    host: str
    pid: int
    done: int | None
    total: int | None
    rate: float | None
    eta_seconds: float | None
    seconds: float
    seen_seconds_ago: float


@dataclass
class StudyStatus:
    """The whole; see docs/watching.md."""

    study: str
    time: float
    stages: list[StageStatus]
    settings: list[SettingStatus]
    running: list[RunningJob]
    gpu_hours: float
    usd: float | None
    budget: dict[str, float | None]
    disk_gb: float | None
    finished: bool
    notes: list[str]
    schema: int = SCHEMA


JOB_STATES = (ENDED, RUNNING, SILENT, FAILED, STOPPED, WAITING)


def stage_numbers(name: str, states: Sequence[JobState] | None) -> StageStatus:
    """Jobs and items of a stage as far as its own jobs tell."""
    stage = StageStatus(name, STAGES[name].unit)
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
    if STAGES[_stage_of(record)].keyed and computed is not None:
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


_MOST_NOTES = 20


class Observer:
    """Looks at a study, again and again.

    Args:
        root: folder of the study.

    Raises:
        DataError: there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(f"{root} is not a folder; expected the folder of a study such as results/demo")
        self._root = root
        self._gatherer = Gatherer(root)
        self._splits: dict[tuple[int, int], dict[str, int] | None] = {}

    def look(self) -> StudyStatus:
        """The status now."""
        gatherer = self._gatherer
        gatherer.look()
        slices = Slices.of_study(self._root)
        shape = slices.shape()
        train = self._train()
        notes: list[str] = [] if slices.parts else [f"{self._root} has no config slices: nothing was started yet"]
        states = {stage: self._states(shape.jobs(stage), stage, slices.digests) for stage in STAGES}
        stages = {stage: stage_numbers(stage, states[stage]) for stage in STAGES}
        flow = follow(shape, train, states["edits"], states["verdicts"])
        put_masks(stages["masks"], train)
        flow.put(stages["edits"], stages["verdicts"])
        if shape.runs is not None and shape.scored is not None:
            self._put_files(stages["adapters"], [adapter_files([run])[-1] for run in shape.runs])
            self._put_files(stages["predictions"], prediction_files(shape.scored))
        if shape.classes is not None:
            self._put_files(stages["prompts"], [f"prompts/{class_id}.yaml" for class_id in shape.classes])
        prices = Prices.of_study(self._root)
        self._put_spending(stages, prices)
        by_stage: dict[str, list[Mapping[str, Any]]] = {}
        for record in gatherer.records.values():
            by_stage.setdefault(_stage_of(record), []).append(record)
        for stage in stages.values():
            put_rate(stage, by_stage.get(stage.stage, ()), gatherer.now)
        notes += notes_of(state for members in states.values() for state in members or ())
        return self._whole(slices, list(stages.values()), flow.settings, notes)

    def _whole(
        self, slices: Slices, stages: list[StageStatus], settings: list[SettingStatus], notes: list[str]
    ) -> StudyStatus:
        budget = slices.find("machine.budget", "server.budget") or {}
        limits = {name: budget.get(name) for name in ("usd", "gpu_hours", "disk_gb")}
        money = [stage.usd for stage in stages]
        return StudyStatus(
            study=str(self._root),
            time=self._gatherer.now,
            stages=stages,
            settings=settings,
            running=self._running(),
            gpu_hours=sum(stage.gpu_hours or 0.0 for stage in stages),
            usd=None if None in money else sum(part for part in money if part is not None),
            budget=limits,
            disk_gb=None if limits["disk_gb"] is None else folder_bytes(str(self._root)) / 1e9,
            finished=all(stage.left == 0 for stage in stages),
            notes=notes[:_MOST_NOTES] + ([f"and {len(notes) - _MOST_NOTES} more"] if len(notes) > _MOST_NOTES else []),
        )

    def _states(self, jobs: list[Job] | None, stage: str, digests: Mapping[str, str]) -> list[JobState] | None:
        if jobs is not None:
            digest = digests.get(slice_of(stage))
            return [self._gatherer.job(job, digest) for job in jobs]
        if stage not in TRAINING_STAGES:
            return None
        # how trainings are dealt to jobs is in no slice: the jobs are those that have run
        names = sorted(name for name in self._gatherer.records if name.startswith(f"{stage}/"))
        return [self._by_record(Job(stage, name, (), name.replace("/", "-"))) for name in names] or None

    def _by_record(self, job: Job) -> JobState:
        """A job with several outputs, as its record tells."""
        record = self._gatherer.records[job.name]
        state = state_of(record, self._gatherer.now)
        return JobState(job, state, record.get("done"), record.get("total"), record=record)

    def _train(self) -> int | None:
        """Train photos, once the stage images has ended."""
        stamp = self._gatherer.files.find("images.parquet")
        if stamp is None:
            return None
        record = self._gatherer.records.get("images")
        if record is not None and record["state"] == ENDED and record.get("size") == stamp[0]:
            splits = record.get("splits")
            if isinstance(splits, dict):
                return int(splits.get(TRAIN, 0))
        if stamp not in self._splits:
            self._splits[stamp] = count_splits(self._root / "images.parquet")
        counts = self._splits[stamp]
        return None if counts is None else counts.get(TRAIN, 0)

    def _put_files(self, stage: StageStatus, outputs: Sequence[str]) -> None:
        """Items of a stage that are files of their own."""
        stage.items = len(outputs)
        stage.done = sum(self._gatherer.files.find(output) is not None for output in outputs)
        stage.left = stage.items - stage.done
        stage.failed = {}

    def _put_spending(self, stages: Mapping[str, StageStatus], prices: Prices) -> None:
        """Sums over all jobs that ever ran, those of another number of shards too."""
        sums: dict[str, Counter[str]] = {}
        for record in self._gatherer.records.values():
            amounts = amounts_of_job(self._root, record, self._gatherer.now)
            sums.setdefault(record["stage"], Counter()).update(amounts)
        for name, stage in stages.items():
            asked = sums.get("prompts-ask", Counter()) if name == "prompts" else Counter()
            spent = sums.get(name, Counter())
            recorded = stage.by_state.get(ENDED, 0) == 0 or spent or asked
            stage.gpu_hours = gpu_hours(dict(spent)) if recorded else None
            parts = [prices.usd(name, dict(spent)), prices.usd("prompts-ask", dict(asked))]
            stage.usd = None if None in parts or not recorded else sum(part for part in parts if part is not None)

    def _running(self) -> list[RunningJob]:
        now, running = self._gatherer.now, []
        for name, record in sorted(self._gatherer.records.items()):
            state = state_of(record, now)
            if state not in (RUNNING, SILENT):
                continue
            done, total, rate = record.get("done"), record.get("total"), record.get("rate")
            eta = (
                max(0.0, total - done - (record.get("part") or 0.0)) / rate
                if state == RUNNING and rate and total is not None and done is not None
                else None
            )
            seconds, seen = now - record["started"], now - record["seen"]
            place = str(record.get("host")), int(record.get("pid") or 0)
            running.append(RunningJob(name, state, *place, done, total, rate, eta, max(0.0, seconds), max(0.0, seen)))
        return running


def _stage_of(record: Mapping[str, Any]) -> str:
    return "prompts" if record["stage"] == "prompts-ask" else str(record["stage"])
