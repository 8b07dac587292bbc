"""Which ``varireal`` the jobs of a workflow run: this one, or in an environment of their own one of its version.

Also how a command of ours gets before those that a job would find by itself.
"""

import atexit
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from varireal import __version__
from varireal.core.files import one_line
from varireal.errors import BackendError

# Version and place of the workflow's package, for its jobs.
EXPECTED = "VARIREAL_EXPECTED"
_COMMAND = "varireal"
_SCRIPT = """#!/bin/sh
exec {python} -P -m varireal "$@"
"""


def put_first() -> None:
    """Let jobs find this installation's command before any other, in this process and its children.

    Jobs in a conda environment or a container are not concerned: these put a place of their own before it.
    """
    folder = Path(sys.executable).parent
    if not os.access(folder / _COMMAND, os.X_OK) or os.pathsep in str(folder):
        # the interpreter has no command beside it, or one at a place that PATH would cut
        folder = folder_with(_COMMAND, _SCRIPT.format(python=shlex.quote(sys.executable)))
    put_on_path(folder)


def folder_with(command: str, script: str) -> Path:
    """A new folder that holds one command; it is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="varireal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / command
    path.write_text(script, encoding="utf-8", errors="surrogateescape")
    path.chmod(0o700)
    return folder


def put_on_path(folder: Path) -> None:
    """Let this process and its children look for commands in a folder first."""
    path = os.environ.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != str(folder):
        os.environ["PATH"] = os.pathsep.join((str(folder), path))


def shell_prefix(*, alone: bool = True) -> str:
    """What stands before each rule's command, as a template of Snakemake.

    The command takes the shell's place, so that a signal of the scheduler reaches it and nothing ends before it. It
    learns which version the workflow has; as part of the command, that also gets into a container started clean.

    Args:
        alone: all rules are ours; in another workflow, whose rules may be several commands, the shell stays.
    """
    expected = shlex.quote(f"{__version__} {_place()}").replace("{", "{{").replace("}", "}}")
    return f"{EXPECTED}={expected} exec " if alone else f"export {EXPECTED}={expected}; "


def check_version() -> None:
    """Refuse to do a job for a workflow of another version.

    Raises:
        BackendError: with both versions, where they are, and what to do.
    """
    version, _, place = os.environ.get(EXPECTED, "").partition(" ")
    if version and version != __version__:
        raise BackendError(
            f"the workflow is of varireal {version} (in {place}), this job has {__version__} (in {_place()}); install "
            f"{version} here too: make the conda environment or the image anew, or start snakemake from the same "
            "installation"
        )


def _place() -> str:
    return one_line(str(Path(__file__).resolve().parents[1]))
