"""``varireal run``: the workflow of the installed package, without a clone of its repository."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import varireal
from varireal.config.finding import DEFAULT_FILE
from varireal.errors import ConfigError

# Words by which Snakemake is told, or learns from a profile, how many jobs may run at once.
_HOW_MANY = ("--cores", "-c", "--jobs", "-j", "--profile")


def run(*, configfile: Sequence[Path], options: Sequence[str]) -> int:
    """Let Snakemake take the place of this process, so that a signal reaches it.

    Args:
        configfile: config files of the study; without any, ``config.yaml`` here, and without that the demo's.
        options: of Snakemake.

    Raises:
        ConfigError: a config file is missing.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, command(configfile, options))  # noqa: S606 - no shell, and the words are the user's own


def command(configfile: Sequence[Path], options: Sequence[str]) -> list[str]:
    """What is run. Jobs use all cores unless Snakemake is told otherwise.

    Raises:
        ConfigError: a config file is missing.
    """
    snakefile = varireal.snakefile()
    files = list(configfile)
    for path in files:
        if not path.is_file():
            raise ConfigError(f"no config file {path}; 'varireal init FOLDER' writes one to start from")
    if not files and not _has(options, ("--configfile", "--configfiles")) and not DEFAULT_FILE.is_file():
        sys.stderr.write("no --configfile, and no config.yaml here: this is the demo\n")
        files = [snakefile.with_name("config.yaml")]
    words = ["--configfile", *map(str, files)] if files else []
    words += [] if _has(options, _HOW_MANY) else ["--cores", "all"]
    return [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(snakefile), *words, *options]


def _has(options: Sequence[str], names: Sequence[str]) -> bool:
    """Whether an option is given, also as ``--name=value`` or ``-c4``."""
    short = tuple(name for name in names if not name.startswith("--"))
    words = [word.partition("=")[0] for word in options if word.startswith("-")]
    return any(word in names or (not word.startswith("--") and word.startswith(short or "\0")) for word in words)
