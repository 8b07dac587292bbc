"""One GPU for one job: jobs of a workflow on a machine with several GPUs do not meet on the same one.

A lease is a file lock that the kernel drops when its owner dies, however it dies. It counts among the jobs of one user
on one machine. Where SLURM has given GPUs to the job there is nothing to lease.
"""

import atexit
import logging
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from varireal.errors import BackendError
from varireal.running import stopping
from varireal.running.locks import OwnedLock

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
_GIVEN_BY_SLURM = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE")
_SECONDS_BETWEEN_TRIES = 0.5
_SECONDS_BETWEEN_LINES = 60.0

_leased: list[str] = []


def lease_gpu() -> str | None:
    """Wait for a free GPU, keep it until this process ends, and let CUDA see no other.

    Call it before CUDA is started. A second call changes nothing.

    Returns:
        The GPU as ``CUDA_VISIBLE_DEVICES`` names it; None when there is none, or when SLURM chose.

    Raises:
        BackendError: the folder of the locks is not this user's.
        StoppedError: a signal came while waiting.
    """
    if not _leased:
        gpus = leasable(os.environ, installed_gpus)
        if not gpus:
            return None
        _leased.append(_wait_for_one(gpus, locks_folder()))
        os.environ[VISIBLE] = _leased[0]
    return _leased[0]


def leasable(environ: Mapping[str, str], installed: Callable[[], list[str]]) -> list[str]:
    """GPUs that this process may choose from; empty when it has no choice to make.

    Args:
        environ: environment variables.
        installed: lists the GPUs of the machine; called only when nothing else names them.
    """
    if any(environ.get(name) for name in _GIVEN_BY_SLURM):
        return []
    if VISIBLE not in environ:
        return installed()
    gpus = []
    for name in environ[VISIBLE].split(","):
        if name.strip() in ("", "-1", "NoDevFiles"):  # CUDA itself stops reading at the first one it does not know
            break
        gpus.append(name.strip())
    return gpus


def installed_gpus() -> list[str]:
    """UUIDs of the machine's GPUs by ``nvidia-smi``, which starts no CUDA; empty without it."""
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603 - a fixed command
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("GPU-")]


def locks_folder() -> Path:
    """This user's folder of locks, on this machine and not on a shared disk.

    Raises:
        BackendError: somebody else made it.
    """
    folder = Path(tempfile.gettempdir()) / f"varireal-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise BackendError(f"{folder} belongs to somebody else; remove it, or set TMPDIR to a folder of yours")
    return folder


def _wait_for_one(gpus: Sequence[str], folder: Path) -> str:
    locks = {gpu: OwnedLock(folder / f"{re.sub(r'[^A-Za-z0-9-]', '_', gpu)}.lock") for gpu in gpus}
    logged = 0.0
    while True:
        for gpu, lock in locks.items():
            if lock.take():
                lock.sign()
                atexit.register(lock.release)
                logger.info("GPU %s is this job's", gpu)
                return gpu
        if not logged or time.monotonic() - logged >= _SECONDS_BETWEEN_LINES:
            logged = time.monotonic()
            owners = (f"{gpu} is leased by {lock.owner() or 'an unnamed process'}" for gpu, lock in locks.items())
            logger.info("waiting for a GPU: %s", "; ".join(owners))
        stopping.checkpoint()
        time.sleep(_SECONDS_BETWEEN_TRIES)
