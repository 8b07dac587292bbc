"""Running a stage as a job that says how it is going, within the study's budget.

What all jobs have spent is compared with ``budget`` before each piece of work.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from varireal.config.base import StrictModel
from varireal.config.slices import (
    AdaptersSlice,
    EditsSlice,
    MachineSlice,
    MasksSlice,
    PredictionsSlice,
    ServerSlice,
    VerdictsSlice,
    read_slice,
    slice_digest,
)
from varireal.config.study import BudgetConfig
from varireal.core.registry import needs_gpu
from varireal.errors import BudgetSpentError, ConfigError
from varireal.hosted.money import Prices, check_limit, prices_place
from varireal.running import job_record
from varireal.running.job_record import (
    JobRecord,
    Records,
    amounts_of_job,
    folder_bytes,
    gpu_hours,
    read_store,
    uses_gpu,
)
from varireal.stages.common import Summary

_BETWEEN_LOOKS = 30.0  # seconds after which the other jobs are looked at again


def guard(record: JobRecord, stage: str, config: StrictModel, slice_file: Path | None) -> None:
    """Let a job ask for the study's budget, when there is one.

    Args:
        record: the job's record.
        stage: name of the command.
        config: the stage's slice.
        slice_file: the slice that has the budget, ``config/machine.json`` or ``config/server.json`` of the study.

    Raises:
        ConfigError: the file is no such slice.
    """
    if slice_file is None:
        return
    asking = stage == "prompts-ask"
    budget = (read_slice(slice_file, ServerSlice) if asking else read_slice(slice_file, MachineSlice)).budget
    if budget.limited:
        record.usd_limited = budget.usd is not None
        record.checks.append(Guard(budget, record, stage, slice_file.parents[1], on_gpu=wants_gpu(config)).check)


def wants_gpu(config: StrictModel) -> bool:
    """Whether a stage with this slice runs models that want a GPU."""
    if isinstance(config, MasksSlice):
        return any(needs_gpu("segmenters", name) for name in config.masks.chain)
    if isinstance(config, EditsSlice):
        return needs_gpu("editors", config.edits.backend)
    if isinstance(config, VerdictsSlice):
        looks = config.segmenting is not None and needs_gpu("segmenters", config.segmenting.backend)
        return looks or needs_gpu("judges", config.verdicts.judge)
    if isinstance(config, AdaptersSlice):
        return config.adapters.wants_gpu
    return isinstance(config, PredictionsSlice) and config.model.wants_gpu


class Guard:
    """Compares what was spent with the budget.

    Args:
        budget: the limits.
        record: the job's record.
        stage: name of the command.
        root: folder of the study.
        on_gpu: whether the stage is meant for a GPU; one that is not goes on when the GPU hours are spent.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        budget: BudgetConfig,
        record: JobRecord,
        stage: str,
        root: Path,
        *,
        on_gpu: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._record, self._stage, self._root = budget, record, stage, root
        self._on_gpu, self._clock = on_gpu, clock
        self._records = Records(root)
        self._prices = Prices.of_study(root)
        self._looked: float | None = None
        self._others_hours = self._others_usd = 0.0
        self._disk = 0

    def check(self, usd: float) -> None:
        """Refuse the next piece of work when a limit is reached.

        Args:
            usd: what it may cost.

        Raises:
            BudgetSpentError: it is.
            ConfigError: money is limited and a model in use has no price.
        """
        now = self._clock()
        if self._looked is None or now - self._looked >= _BETWEEN_LOOKS:
            self._look()
            self._looked = now
        budget = self._budget
        if budget.gpu_hours is not None and (self._on_gpu or uses_gpu()):
            hours = self._others_hours + gpu_hours(self._record.amounts)
            if hours >= budget.gpu_hours:
                self._stop("gpu_hours", f"{hours:.4g} of {budget.gpu_hours:g} GPU hours are spent")
        if budget.disk_gb is not None and self._disk >= budget.disk_gb * 1e9:
            self._stop("disk_gb", f"{self._root} has {self._disk / 1e9:.4g} of {budget.disk_gb:g} GB")
        if budget.usd is not None and usd > 0:
            spent, end = self._others_usd + self._own_usd(), self._end("usd")
            counted = "spent or under way"
            check_limit("budget.usd", budget.usd, spent, usd, error=BudgetSpentError, end=end, counted=counted)

    def _look(self) -> None:
        """Add up the other jobs: their records, and stores whose record is gone."""
        self._others_hours = self._others_usd = 0.0
        now = time.time()
        this = None if self._record.path is None else self._record.path.resolve()
        known = set()
        for name, record in self._records.look().items():
            known.add(Path(record.get("store") or "").name)
            if (self._root / "logs" / f"{name}.json").resolve() == this:
                continue
            amounts = amounts_of_job(self._root, record, now)
            self._others_hours += gpu_hours(amounts)
            self._others_usd += self._usd(record["stage"], amounts)
        for path in (self._root / "store").glob("*.sqlite"):
            if path.name not in known and (store := read_store(path)) is not None:
                self._others_hours += gpu_hours(store.spent)
                self._others_usd += self._usd(_stage_of(path), store.spent)
        if self._budget.disk_gb is not None:
            self._disk = folder_bytes(str(self._root))

    def _own_usd(self) -> float:
        return self._usd(self._stage, self._record.amounts)

    def _usd(self, stage: str, amounts: dict[str, float]) -> float:
        usd = self._prices.usd(stage, amounts)
        if usd is None and self._budget.usd is not None:
            place = prices_place(self._root, stage)
            raise ConfigError(f"budget.usd: a model of the stage {stage} was used and has no price; set {place}")
        return usd or 0.0

    def _stop(self, limit: str, reason: str) -> None:
        raise BudgetSpentError(f"budget.{limit}: {reason}; {self._end(limit)}")

    def _end(self, limit: str) -> str:
        """The end of the message: what is kept, and what to do."""
        record = self._record
        here = "" if not record.total else f"{record.done} of {record.total} items of this job are done; "
        safe = "finished items are kept" if record.keeps_items else "what other jobs finished is kept"
        return (
            f"{here}{safe}: raise budget.{limit} and run the same command again to go on "
            f"('varireal status {self._root}' says what is left)"
        )


def _stage_of(store: Path) -> str:
    word = store.stem.partition("-")[0]
    return "prompts-ask" if word == "prompts" else word


def run_job(
    run: Callable[..., Summary], stage: str, config: StrictModel, values: Mapping[str, Any], log: Path | None
) -> Summary:
    """Run a stage; its record lies beside its log, and is kept in memory when it has none.

    Args:
        run: the stage's function.
        stage: name of the command.
        config: the stage's slice.
        values: the other arguments; ``budget`` is for this function alone.
        log: the job's log.

    Raises:
        ConfigError: the slice with the budget cannot be read.
    """
    passed = {name: value for name, value in values.items() if name != "budget"}
    output, store = values.get("output"), values.get("store")
    facts = {
        "stage": stage,
        "config": slice_digest(config),
        "output": None if output is None else str(output),
        "store": None if store is None else str(store),
    }
    record = job_record.JobRecord(None if log is None else log.with_suffix(".json"), facts)
    with job_record.recorded(record):
        guard(record, stage, config, values.get("budget") or values.get("machine") or values.get("server"))
        summary = run(config, **passed)
        size = output.stat().st_size if output is not None and output.is_file() else None
        job_record.tell(counts=summary.counts, computed=summary.computed, size=size, lines=list(summary.lines))
    return summary
