"""Asks SLURM's own programs. Nothing goes through a shell: what a cluster calls its parts is data."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from varireal.errors import BackendError

PATIENCE = 60.0  # seconds; a busy controller answers late
NEEDED = ("sinfo", "scontrol", "sbatch")
# Lines of ``sinfo``: one for each pair of partition and node.
NODE_FIELDS = ("partition", "node", "cpus", "memory", "gres", "features", "state")
_NODE_FORMAT = "%R|%N|%c|%m|%G|%f|%t"


def check_slurm() -> None:
    """Make sure that SLURM's programs are here.

    Raises:
        BackendError: they are not.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise BackendError(
            f"no SLURM on this machine: {', '.join(missing)} not found; run this on a login node of the cluster"
        )


def ask(*command: str) -> str:
    """What a program of SLURM prints.

    Raises:
        BackendError: it fails, or says nothing for a minute.
    """
    done = call(command)
    if done.returncode:
        said = last_line(done.stderr) or f"exit code {done.returncode}"
        raise BackendError(f"'{' '.join(command)}' failed: {said}; is this a login node of the cluster?")
    return done.stdout


def ask_if_possible(*command: str) -> str | None:
    """As ``ask``, for what not every cluster has: None when the program is missing or fails."""
    if shutil.which(command[0]) is None:
        return None
    done = call(command)
    return None if done.returncode else done.stdout


def call(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a program, with its messages in English and without the settings of a job that this may run in.

    Raises:
        BackendError: it says nothing for a minute, or is not there.
    """
    outside = {name: value for name, value in os.environ.items() if name == "SLURM_CONF" or not _of_a_job(name)}
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


def node_lines() -> str:
    """One line for each pair of partition and node, with ``NODE_FIELDS``."""
    return ask("sinfo", "--noheader", "--Node", "--exact", f"--format={_NODE_FORMAT}")


def last_line(text: str) -> str:
    """The last line that says something; SLURM puts the cause there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("sbatch: ").removeprefix("error: ") if lines else ""


def _of_a_job(name: str) -> bool:
    return name.startswith(("SLURM_", "SBATCH_", "SINFO_", "SQUEUE_", "SACCT_"))
