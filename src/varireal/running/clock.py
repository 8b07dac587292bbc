"""A node whose clock is behind would date its results before those that are made from them, and nothing would follow.

The owner of a study touches its lock every few seconds, so the date of that file is the time of the machine that runs
the workflow. On file systems where the server dates the files, all dates agree and nothing is ever found here.
"""

import socket
from pathlib import Path

from varireal.errors import DataError

_SECONDS_ALLOWED = 5.0  # a job takes about as long to start; nothing older than that is made again so soon


def check_clock(now: Path, beaten: Path) -> None:
    """Compare the date of a file that was written just now with that of the study's lock.

    Args:
        now: written by this process a moment ago.
        beaten: ``workflow.lock`` of the study; nothing is compared where it is not there.

    Raises:
        DataError: this machine's clock is behind.
    """
    if not beaten.exists():
        return
    behind = beaten.stat().st_mtime - now.stat().st_mtime
    if behind > _SECONDS_ALLOWED:
        raise DataError(
            f"the clock of {socket.gethostname()} is {behind:.0f} s behind that of the workflow's machine (by the "
            f"date of {beaten}), so its results would look older than what is made from them; set the clock (chronyc, "
            "ntpd), or keep the node out of the profile"
        )
