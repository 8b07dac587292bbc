"""SLURM as the workflow needs it: its programs, answers that the executor plugin understands, jobs that were left.

Nothing goes through a shell: what a cluster calls its parts is data.

Answers on states of jobs: the plugin (2.8.0) asks ``squeue`` or ``sacct``, as the profile says; when slurmctld does
not answer ``squeue`` it takes ``sacct``, if that program is installed, and keeps to it. Two things go wrong there:

- where accounting is off ``sacct`` never answers, so the workflow would forget its jobs or wait for ever;
- where it is on, ``sacct`` says ``CANCELLED by 1000`` of a cancelled job, which the plugin takes for a job at work
  and waits for it for ever; and it names a task of a job array by a number of its own, so that the plugin takes the
  state of the array's last task for each task's.

So the plugin finds a ``sacct`` that asks ``squeue``, or one that mends the answer of the real one.

Jobs of a killed workflow that are still in the queue: those that wait are cancelled, those at work are named. A job
that only waits is handed in anew by the workflow that follows. Left in the queue it would cost a start, and as
Snakemake runs each job by force, it would write its table once more, long after, and make what follows look outdated.
The executor gives all jobs of a run of Snakemake one name, a random one. Each run notes it in the study's folder, so
its jobs are known for sure: no job of another study, folder or user is looked at or touched.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from varireal.core.files import few, write_whole
from varireal.errors import BackendError
from varireal.running.installation import folder_with, put_on_path

PATIENCE = 60.0  # seconds; a busy controller answers late
RUNS = "logs/slurm-runs.json"  # in the folder of a study

_OF_A_JOB = ("SLURM_", "SBATCH_", "SINFO_", "SQUEUE_", "SACCT_", "SCANCEL_")  # variables that a job has
_NAME = re.compile(r"[A-Za-z0-9_-]{8,100}")
_WAITING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT")
_OFF = ("accounting_storage/none", "(null)")
_DATABASE = "accounting_storage/slurmdbd"

# Only the question for the states of a workflow's jobs is answered.
_WITHOUT = """#!/bin/sh
for word; do
  if [ "$last" = --name ]; then
    exec squeue --format='%i|%T' --states=all --noheader --name "$word"
  fi
  last=$word
done
echo "Slurm accounting storage is disabled" >&2
exit 1
"""

# All other questions go to the real one as they are.
_WITH = """#!/bin/sh
case " $* " in
  *" --format=JobIdRaw,State "*) ;;
  *) exec {real} "$@" ;;
esac
for word; do
  shift
  [ "$word" = --format=JobIdRaw,State ] && word=--format=JobID,State
  set -- "$@" "$word"
done
answer=$({real} "$@") || exit
printf '%s\\n' "$answer" | sed 's/|CANCELLED by .*/|CANCELLED/'
"""


def mend_sacct() -> bool:
    """Put a ``sacct`` before the real one whose answers the plugin understands, for this process and its children.

    Returns:
        Whether there is a ``sacct`` to mend, and SLURM says whether accounting is on.
    """
    real = shutil.which("sacct")
    storage = _storage() if real is not None else None
    if real is None or storage not in (*_OFF, _DATABASE):
        return False
    script = _WITH.format(real=shlex.quote(real)) if storage == _DATABASE else _WITHOUT
    put_on_path(folder_with("sacct", script))
    return True


def _storage() -> str | None:
    """What SLURM keeps its accounts in; None when it does not say."""
    settings = (_ask("scontrol", "show", "config") or "").splitlines()
    values = [line.partition("=")[2].strip() for line in settings if "AccountingStorageType" in line]
    return values[0] if len(values) == 1 else None


def ask_if_possible(*command: str) -> str | None:
    """What a program prints, for what not every cluster has: None when the program is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    done = call(command)
    return None if done.returncode else done.stdout


def call(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a program, with its messages in English and without the settings of a job that this may run in.

    Raises:
        BackendError: it says nothing for a minute, or is not there.
    """
    outside = {
        name: value for name, value in os.environ.items() if name == "SLURM_CONF" or not name.startswith(_OF_A_JOB)
    }
    try:
        return subprocess.run(  # noqa: S603 - a list of arguments, never a shell
            list(command),
            env={**outside, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BackendError(
            f"{command[0]} did not answer within {PATIENCE:.0f} s; is the cluster's controller up? try 'scontrol ping'"
        ) from error
    except OSError as error:
        raise BackendError(f"{command[0]} cannot be run: {error}") from error


@dataclass(frozen=True, slots=True)
class _QueuedJob:
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
    names = before if left is None else [name for name in before if name in {job.run for job in left}]
    names = [*names, *([run] if run else [])]
    if names != before or run:
        _note(folder, names)
    if left is None:
        ask = f"squeue --name={','.join(before)}"
        return (
            f"Whether its jobs are in SLURM's queue is not known, for that did not answer: {ask}" if killed else None
        )
    return _tell(left)


def _tell(left: Sequence[_QueuedJob]) -> str | None:
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


def _numbers(jobs: Sequence[_QueuedJob]) -> str:
    return few([job.number for job in jobs])


def _in_queue(names: Sequence[str]) -> list[_QueuedJob] | None:
    """This user's jobs of these names that have not ended; None when the queue cannot be asked."""
    rows = _ask(
        *("squeue", "--noheader", "--array", f"--user={os.getuid()}", f"--name={','.join(names)}"),
        "--format=%i|%T|%j",
    )
    if rows is None:
        return None
    jobs = [_QueuedJob(*line.split("|", 2)) for line in rows.splitlines() if line.count("|") >= 2]
    return [job for job in jobs if job.run in names]


def _noted(folder: Path) -> list[str]:
    """Names that workflows of this folder noted; in a copy of the folder none, for they are the original's."""
    try:
        note = json.loads((folder / RUNS).read_text("utf-8"))
        here = {key: note[key] for key in ("place", "inode")} == _place(folder)
        return [name for name in note["runs"] if _NAME.fullmatch(name)] if here else []
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
