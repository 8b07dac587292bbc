"""Results of the future: of a node whose clock is ahead, when the workflow was killed before it took them over.

Snakemake dates each result by the workflow's clock when its job has ended, whatever the node's clock said. Only where
nobody was left to do so the node's date stays; then each job that reads the result fails, for what it makes looks
older, until that time has come.
"""

import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

_SECONDS_ALLOWED = 2.0
_STAMP = ".snakemake_timestamp"  # what Snakemake reads the date of a folder from


def redate(results: Iterable[Path], folder: Path) -> str | None:
    """Date results of the future by the file system's present, before a job reads them.

    Args:
        results: results that there may be.
        folder: where a file may be made to ask for the time, on the file system of the results.

    Returns:
        What to tell; None when there are none.

    Raises:
        OSError: the folder or a result cannot be written.
    """
    late = time.time() + _SECONDS_ALLOWED  # so that no file is made where there is nothing to find
    dates = {path: date for path in results if (date := _date(path)) > late}
    if not dates:
        return None
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        now = os.fstat(probe.fileno()).st_mtime
    ahead = {path: date - now for path, date in dates.items() if date - now > _SECONDS_ALLOWED}
    for path in ahead:
        os.utime(path / _STAMP if path.is_dir() else path)
    if not ahead:
        return None
    path = max(ahead, key=lambda one: ahead[one])
    return (
        f"{len(ahead)} result{'s' * (len(ahead) > 1)} of an earlier workflow dated up to {ahead[path]:.0f} s in the "
        f"future ({path}), by a node whose clock is ahead, now dated by this machine's; set that node's clock "
        "(chronyc, ntpd)"
    )


def _date(path: Path) -> float:
    try:
        return (path / _STAMP if path.is_dir() else path).stat().st_mtime
    except OSError:
        return 0.0
