"""Running a stage as a job that says how it is going, within the study's budget."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from varireal.config.base import StrictModel
from varireal.config.slices import slice_digest
from varireal.observing.budgets import guard
from varireal.running import job_record
from varireal.stages.summary import Summary


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
        job_record.tell(counts=summary.counts, computed=summary.computed, size=size)
    return summary
