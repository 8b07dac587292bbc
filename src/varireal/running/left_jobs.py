"""Jobs of a killed workflow that are still in SLURM's queue: those that wait are cancelled, those at work are named.

A job that only waits is handed in anew by the workflow that follows. Left in the queue it would cost a start, and as
Snakemake runs each job by force, it would write its table once more, long after, and make what follows look outdated.

The SLURM executor gives all jobs of a run of Snakemake one name, a random one. Each run notes it in the study's
folder, so its jobs are known for sure: no job of another study, folder or user is looked at or touched.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from varireal.errors import BackendError
from varireal.files import write_whole
from varireal.plaintext import few
from varireal.running.slurm_programs import ask_if_possible

RUNS = "logs/slurm-runs.json"  # in the folder of a study

_NAME = re.compile(r"[A-Za-z0-9_-]{8,100}")
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT")


@dataclass(frozen=True, slots=True)
class _Job:
    number: str
    state: str
    run: str


def clear_queue(folder: Path, run: str | None, *, killed: bool) -> str | None:
    """Cancel jobs of earlier workflows of this study that still wait in the queue. To be called by the study's owner.

    Args:
        folder: the study's results.
        run: name of the jobs that this workflow will hand to SLURM; None when it hands in none.
        killed: whether the workflow before this one was killed.

    Returns:
        What to tell about jobs that were left; None when there are none.

    Raises:
        OSError: the folder cannot be written.
    """
    before = _noted(folder)
    left = _in_queue(before) if before else []
    kept = before if left is None else [name for name in before if name in {job.run for job in left}]
    names = [*kept, *([run] if run else [])]
    if names != before or run:
        _note(folder, names)
    if left is None:
        ask = f"squeue --name={','.join(before)}"
        return (
            f"Whether its jobs are in SLURM's queue is not known, for that did not answer: {ask}" if killed else None
        )
    return _tell(left)


def _tell(left: Sequence[_Job]) -> str | None:
    """Cancel what waits, and say what was found."""
    waiting = [job for job in left if job.state in _WAITING]
    at_work = [job for job in left if job.state not in _WAITING]
    parts = []
    if at_work:
        # one that is preempted from now on must not come back after this workflow's own job
        _ask("scontrol", "update", f"JobId={','.join(job.number for job in at_work)}", "Requeue=0")
        parts.append(f"{len(at_work)} at work ({_numbers(at_work)}), whose items will be found")
    if waiting:
        commands = [
            ("scancel", f"--user={os.getuid()}", "--state=PENDING", f"--name={name}")
            for name in sorted({job.run for job in waiting})
        ]
        gone = None not in [_ask(*command) for command in commands]  # all are tried
        done = (
            "cancelled, for this one hands in what is left to do"
            if gone
            else "to be cancelled by hand: " + "; ".join(" ".join(command) for command in commands)
        )
        parts.append(f"{len(waiting)} that waited ({_numbers(waiting)}), {done}")
    return f"Jobs of an earlier workflow of this study on SLURM: {'; '.join(parts)}." if parts else None


def _numbers(jobs: Sequence[_Job]) -> str:
    return few([job.number for job in jobs])


def _in_queue(names: Sequence[str]) -> list[_Job] | None:
    """This user's jobs of these names that have not ended; None when the queue cannot be asked."""
    said = _ask(
        *("squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--name={','.join(names)}"),
        "--format=%i|%T|%j",
    )
    if said is None:
        return None
    jobs = [_Job(*line.split("|", 2)) for line in said.splitlines() if line.count("|") >= 2]
    return [job for job in jobs if job.run in names]


def _noted(folder: Path) -> list[str]:
    """Names that workflows of this folder noted; in a copy of the folder none, for they are the original's."""
    try:
        found = json.loads((folder / RUNS).read_text("utf-8"))
        here = {key: found[key] for key in ("place", "inode")} == _place(folder)
        return [name for name in found["runs"] if _NAME.fullmatch(name)] if here else []
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _note(folder: Path, names: Sequence[str]) -> None:
    write_whole(folder / RUNS, json.dumps({**_place(folder), "runs": list(names)}))


def _place(folder: Path) -> dict[str, str | int]:
    return {"place": str(folder.resolve()), "inode": folder.stat().st_ino}


def _ask(*command: str) -> str | None:
    """What a program of SLURM prints; None when it is missing, fails or is silent."""
    try:
        return ask_if_possible(*command)
    except BackendError:
        return None
