"""The beginning of a workflow: own the study, and see to what a workflow before it left."""

from collections.abc import Iterable
from pathlib import Path

from varireal.running.dates import redate
from varireal.running.left_jobs import clear_queue
from varireal.running.ownership import own_study


def begin(folder: Path, executor: object, results: Iterable[Path]) -> list[str]:
    """Own a study until this process ends.

    Args:
        folder: the study's results.
        executor: Snakemake's; that for SLURM gives all jobs of this run one name, ``run_uuid``.
        results: results that there may be; looked at only where an earlier workflow was killed.

    Returns:
        What a person should know, a line each.

    Raises:
        DataError: another workflow is at work on the study; the message names it.
        OSError: the folder cannot be written.
    """
    killed = own_study(folder)
    left = clear_queue(folder, getattr(executor, "run_uuid", None), killed=killed is not None)
    late = redate(results, folder) if killed or left else None
    return [line for line in (killed, left, late) if line]
