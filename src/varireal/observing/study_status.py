"""The status of a study: items, rates, acceptance, GPU hours and money of every stage. Light: no table is opened."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from varireal.errors import DataError
from varireal.names import TRAIN
from varireal.observing.candidates import SettingStatus, follow
from varireal.observing.expected import STAGES, Job, Plan, adapter_output, prediction_output
from varireal.observing.gathering import Gatherer, JobState, count_splits
from varireal.observing.money import Prices
from varireal.observing.records import SILENT, amounts_of_job, folder_bytes, gpu_hours, state_of
from varireal.observing.stage_numbers import notes_of, put_masks, put_rate, stage_numbers
from varireal.observing.status_records import RunningJob, StageStatus, StudyStatus
from varireal.running.job_record import ENDED, RUNNING

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
        plan = Plan.of_study(self._root)
        train = self._train()
        notes: list[str] = [] if plan.slices else [f"{self._root} has no config slices: nothing was started yet"]
        states = {stage: self._states(plan, stage) for stage in STAGES}
        stages = {stage: stage_numbers(stage, states[stage]) for stage in STAGES}
        flow = follow(plan, train, states["edits"], states["verdicts"])
        put_masks(stages["masks"], train)
        flow.put(stages["edits"], stages["verdicts"])
        for name, outputs in (("adapters", _outputs(plan.runs)), ("predictions", _outputs(plan.scored, tables=True))):
            self._put_files(stages[name], outputs)
        self._put_prompts(stages["prompts"], plan)
        prices = Prices.of_study(self._root)
        self._put_spending(stages, prices)
        by_stage: dict[str, list[Mapping[str, Any]]] = {}
        for record in gatherer.records.values():
            by_stage.setdefault(_stage_of(record), []).append(record)
        for stage in stages.values():
            put_rate(stage, by_stage.get(stage.stage, ()), gatherer.now)
        notes += notes_of(state for found in states.values() for state in found or ())
        return self._whole(plan, list(stages.values()), flow.settings, notes)

    def _whole(
        self, plan: Plan, stages: list[StageStatus], settings: list[SettingStatus], notes: list[str]
    ) -> StudyStatus:
        budget = plan.find("machine.budget", "server.budget") or {}
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

    def _states(self, plan: Plan, stage: str) -> list[JobState] | None:
        jobs = plan.jobs(stage)
        if jobs is None and stage in ("adapters", "predictions"):
            names = [name for name in self._gatherer.records if name.startswith(f"{stage}/")]
            jobs = [Job(stage, name, "", name.replace("/", "-")) for name in sorted(names)] or None
            return None if jobs is None else [self._by_record(job) for job in jobs]
        digest = plan.digests.get("edits" if stage == "priors" else stage)
        return None if jobs is None else [self._gatherer.job(job, digest) for job in jobs]

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
        found = self._splits[stamp]
        return None if found is None else found.get(TRAIN, 0)

    def _put_files(self, stage: StageStatus, outputs: Sequence[str] | None) -> None:
        """Items of a stage that are files of their own."""
        if outputs is None:
            return
        stage.items = len(outputs)
        stage.done = sum(self._gatherer.files.find(output) is not None for output in outputs)
        stage.left = stage.items - stage.done
        stage.failed = {}

    def _put_prompts(self, stage: StageStatus, plan: Plan) -> None:
        if plan.classes is not None:
            self._put_files(stage, [f"prompts/{class_id}.yaml" for class_id in plan.classes])

    def _put_spending(self, stages: Mapping[str, StageStatus], prices: Prices) -> None:
        """Sums over all jobs that ever ran, those of another number of shards too."""
        sums: dict[str, Counter[str]] = {}
        for record in self._gatherer.records.values():
            amounts = amounts_of_job(self._root, record, self._gatherer.now)
            sums.setdefault(record["stage"], Counter()).update(amounts)
        for name, stage in stages.items():
            asked = sums.get("prompts-ask", Counter()) if name == "prompts" else Counter()
            own = sums.get(name, Counter())
            recorded = stage.by_state.get(ENDED, 0) == 0 or own or asked
            stage.gpu_hours = gpu_hours(dict(own)) if recorded else None
            parts = [prices.usd(name, dict(own)), prices.usd("prompts-ask", dict(asked))]
            stage.usd = None if None in parts or not recorded else sum(part for part in parts if part is not None)

    def _running(self) -> list[RunningJob]:
        now, found = self._gatherer.now, []
        for name, record in sorted(self._gatherer.records.items()):
            state = state_of(record, now)
            if state not in (RUNNING, SILENT):
                continue
            done, total, rate = record.get("done"), record.get("total"), record.get("rate")
            eta = (
                (total - done) / rate if state == RUNNING and rate and total is not None and done is not None else None
            )
            seconds, seen = now - record["started"], now - record["seen"]
            place = str(record.get("host")), int(record.get("pid") or 0)
            found.append(RunningJob(name, state, *place, done, total, rate, eta, max(0.0, seconds), max(0.0, seen)))
        return found


def _stage_of(record: Mapping[str, Any]) -> str:
    return "prompts" if record["stage"] == "prompts-ask" else str(record["stage"])


def _outputs(runs: Sequence[str] | None, *, tables: bool = False) -> list[str] | None:
    if runs is None:
        return None
    return [prediction_output(run) if tables else adapter_output(run) for run in runs]
