"""What SLURM says of a cluster."""

import shutil

from varireal.errors import BackendError
from varireal.running.slurm_programs import call

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


def node_lines() -> str:
    """One line for each pair of partition and node, with ``NODE_FIELDS``."""
    return ask("sinfo", "--noheader", "--Node", "--exact", f"--format={_NODE_FORMAT}")


def last_line(text: str) -> str:
    """The last line that says something; SLURM puts the cause there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("sbatch: ").removeprefix("error: ") if lines else ""
