"""Calls SLURM's own programs. Nothing goes through a shell: what a cluster calls its parts is data."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from varireal.errors import BackendError

PATIENCE = 60.0  # seconds; a busy controller answers late


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


def _of_a_job(name: str) -> bool:
    return name.startswith(("SLURM_", "SBATCH_", "SINFO_", "SQUEUE_", "SACCT_", "SCANCEL_"))
