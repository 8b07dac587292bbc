"""Answers about the state of jobs on SLURM that its executor plugin for Snakemake understands.

The plugin (2.8.0) asks ``squeue`` or ``sacct``, as the profile says; when slurmctld does not answer ``squeue`` it
takes ``sacct``, if that program is installed, and keeps to it. Two things go wrong there:

- where accounting is off ``sacct`` never answers, so the workflow would forget its jobs or wait for ever;
- where it is on, ``sacct`` says ``CANCELLED by 1000`` of a cancelled job, which the plugin takes for a job at work and
  waits for it for ever; and it names a task of a job array by a number of its own, so that the plugin takes the state
  of the array's last task for each task's.

So the plugin finds a ``sacct`` that asks ``squeue``, or one that mends the answer of the real one.
"""

import atexit
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

_SECONDS = 30.0
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
    folder = Path(tempfile.mkdtemp(prefix="varireal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    script = folder / "sacct"
    script.write_text(_WITH.format(real=shlex.quote(real)) if storage == _DATABASE else _WITHOUT, encoding="utf-8")
    script.chmod(0o700)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
    return True


def _storage() -> str | None:
    """What SLURM keeps its accounts in; None when it does not say."""
    command = ["scontrol", "show", "config"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)  # noqa: S603 - a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = [line.partition("=")[2].strip() for line in done.stdout.splitlines() if "AccountingStorageType" in line]
    return said[0] if len(said) == 1 else None
