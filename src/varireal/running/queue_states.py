"""The state of jobs on a SLURM without accounting, also while its controller is away.

The SLURM executor of Snakemake asks ``squeue`` as the profile says, but when slurmctld does not answer it takes
``sacct`` instead, if that program is installed, and keeps to it. Where accounting is off ``sacct`` never answers, so
the workflow would forget its jobs or wait for ever. There, the executor finds a ``sacct`` that asks ``squeue``.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_SECONDS = 30.0

# Only the question for the states of a workflow's jobs is answered.
_SACCT = """#!/bin/sh
for word; do
  if [ "$last" = --name ]; then
    exec squeue --format='%i|%T' --states=all --noheader --name "$word"
  fi
  last=$word
done
echo "Slurm accounting storage is disabled" >&2
exit 1
"""


def answer_without_accounting() -> bool:
    """Put a ``sacct`` that asks ``squeue`` before the real one, where SLURM says that accounting is off.

    Returns:
        Whether it was necessary.
    """
    if shutil.which("sacct") is None or not _accounting_is_off():
        return False
    folder = Path(tempfile.mkdtemp(prefix="varireal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    script = folder / "sacct"
    script.write_text(_SACCT, encoding="utf-8")
    script.chmod(0o700)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
    return True


def _accounting_is_off() -> bool:
    command = ["scontrol", "show", "config"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)  # noqa: S603 - a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return False
    said = [line.partition("=")[2].strip() for line in done.stdout.splitlines() if "AccountingStorageType" in line]
    return said in (["accounting_storage/none"], ["(null)"])
