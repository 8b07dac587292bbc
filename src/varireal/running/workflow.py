"""The beginning of a workflow, and the last words of one that failed.

A workflow begins by owning its study and by seeing to what a workflow before it left, such as results of the future:
Snakemake dates each result by the workflow's clock when its job has ended, whatever the node's clock said. Only where
nobody was left to do so the node's date stays; then each job that reads the result fails, for what it makes looks
older, until that time has come.

Snakemake's own account of a failure is long and ends with the least telling line. So what failed is collected while it
runs, from the records that Snakemake logs, and said when the process ends, after everything else: stage, item, cause,
what to do, and where the log is.
"""

import atexit
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from varireal.core.files import error_text, one_line, write_whole
from varireal.core.paths import StudyPaths
from varireal.errors import ConfigError
from varireal.running.locks import own_study
from varireal.running.slurm import clear_queue
from varireal.running.stopping import INTERRUPTED

# A note in the study's folder of what its workflow was started with, so that commands find the study's config.
#
# It is no input of a rule: what it says changes no result.

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Start:
    """What a workflow was started with.

    Attributes:
        root: the study's folder, as the workflow names it.
        folder: the folder that the workflow was started in.
        configfiles: config files; those in the folder relative to it, so that it may be moved, others absolute.
        config: values that were given on the command line, on top of the files.
        arguments: the same as Snakemake's words, ``KEY=VALUE``.
        replaces: whether ``config.yaml`` was left out (``--replace-workflow-config``).
    """

    root: str
    folder: str
    configfiles: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    replaces: bool = False

    def project(self, study: Path) -> Path:
        """The folder that the workflow is in now, which may have been moved or copied with the study.

        Args:
            study: absolute path that the study has now.
        """
        ends = os.sep + os.path.normpath(self.root)
        moved = not Path(self.root).is_absolute() and str(study).endswith(ends)
        return Path(str(study).removesuffix(ends) or os.sep) if moved else Path(self.folder)

    def files(self, project: Path) -> list[Path]:
        """The config files, where they are now.

        Args:
            project: the folder that the workflow is in now.

        Raises:
            ConfigError: one is gone.
        """
        files = []
        for name in self.configfiles:
            places = (project / name, Path(self.folder, name))
            there = next((place for place in places if place.is_file()), None)
            if there is None:
                raise ConfigError(
                    f"{self.root} was started with --configfile {name}, which is not in {project} any more; give the "
                    "study's config with --configfile"
                )
            files.append(there)
        return files


def note_start(start: Start) -> None:
    """Keep what a workflow was started with."""
    facts = {"schema": _SCHEMA, **asdict(start)}
    write_whole(Path(StudyPaths(start.root).started), json.dumps(facts, indent=1, default=str) + "\n")


def start_of(study: Path) -> Start | None:
    """What a study's workflow was last started with; None when it has no note.

    Raises:
        ConfigError: the note is damaged.
    """
    note = Path(StudyPaths(str(study)).started)
    if not note.is_file():
        return None
    try:
        facts = json.loads(note.read_text(encoding="utf-8"))
        return Start(
            str(facts["root"]),
            str(facts["folder"]),
            tuple(map(str, facts["configfiles"])),
            dict(facts["config"]),
            tuple(map(str, facts["arguments"])),
            bool(facts["replaces"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{note} is damaged ({error_text(error)}); delete it, or give --configfile") from error


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


def begin(folder: Path, executor: object, results: Iterable[Path]) -> list[str]:
    """Own a study until this process ends.

    Args:
        folder: the study's results.
        executor: Snakemake's; that for SLURM gives all jobs of this run one name, ``run_uuid``.
        results: results that there may be; looked at only where an earlier workflow was killed.

    Returns:
        What a person should know, a line each.

    Raises:
        DataError: another workflow is at work on the study; the message names it.
        OSError: the folder cannot be written.
    """
    killed = own_study(folder)
    left = clear_queue(folder, getattr(executor, "run_uuid", None), killed=killed is not None)
    late = redate(results, folder) if killed or left else None
    return [line for line in (killed, left, late) if line]


_MOST = 5
_TAIL_BYTES = 200_000
_FAILED = re.compile(r" DEBUG failed: (?P<message>.+)")
_BY_SIGNAL = "stopped by SIG"
_STOPPED = re.compile(rf" (?:SUMMARY|WARNING) [\w -]+: (?P<message>{_BY_SIGNAL}.+)")
_COMPUTED = re.compile(r" DEBUG computed (?P<item>.+)")
_SCHEDULER = re.compile(r"SLURM status is: '?(?P<state>[A-Z_]+)")
_REFUSED = re.compile(r"SLURM sbatch failed\. The error message was '(?P<words>.+?)'\.(?:\s|$)", re.S)
_STATES = {
    "TIMEOUT": "SLURM ended the job at its time limit; run the same command again to go on, or raise the limit "
    "(profile: set-resources, runtime)",
    "OUT_OF_MEMORY": "SLURM ended the job because it took more memory than asked for; ask for more (profile: "
    "set-resources, mem_mb)",
    "CANCELLED": "the job was cancelled; run the same command again to go on",
    "PREEMPTED": "the job was preempted; run the same command again to go on",
    "NODE_FAIL": "the node of the job failed; run the same command again to go on",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed.

    Attributes:
        rule: the stage.
        log: log file of the job, if it has one.
        message: what Snakemake or its executor said of it.
    """

    rule: str
    log: Path | None
    message: str

    @property
    def name(self) -> str:
        """The stage and which of its jobs, as the log's place says it."""
        if self.log is None:
            return self.rule
        parts = self.log.with_suffix("").parts
        place = parts[parts.index("logs") + 1 :] if "logs" in parts else parts[-1:]
        return " ".join([place[0], "/".join(place[1:])]).strip()

    @property
    def cause(self) -> str:
        """Why, and what to do, in one line."""
        text = _tail(self.log)
        return _last(_FAILED, text) or _last(_STOPPED, text) or self._by_scheduler() or self._unexplained(text)

    @property
    def interrupted(self) -> bool:
        """Whether it is Ctrl-C that ended it, of which a person needs no account."""
        return self.cause == INTERRUPTED

    @property
    def lines(self) -> list[str]:
        """What a person reads."""
        message = self.cause
        # a job that a signal stopped says in several parts what became of its work; what to do is the last
        cause, fix = _cut(message, last=message.startswith(_BY_SIGNAL))
        items = [match["item"].split(" (")[0] for match in _COMPUTED.finditer(_tail(self.log))]
        item = f"the one after {items[-1]}, number {len(items)} of this attempt" if items else "see the cause"
        return [
            f"  stage: {self.name}",
            f"  item:  {item}",
            f"  cause: {cause}",
            f"  to do: {fix or 'mend the cause, then run the same command again'}",
            f"  log:   {self.log or 'none; see the messages above'}",
        ]

    def _by_scheduler(self) -> str | None:
        if refused := _REFUSED.search(self.message):
            words = one_line(refused["words"].replace("sbatch: error: ", ""))
            return (
                f"SLURM refused the job: {words}; mend what it asks for (--set-threads, --set-resources "
                f"{self.rule}:...) or where it goes (profile: default-resources, slurm_partition, slurm_account), "
                "then run the same command again"
            )
        state = _SCHEDULER.search(self.message)
        return _STATES.get(state["state"]) if state else None

    def _unexplained(self, text: str) -> str:
        if not text:
            return one_line(self.message) or (
                "the job wrote no line: its command could not be started, or it was killed at once; see the messages "
                "above, mend the cause, then run the same command again"
            )
        return (
            "the job ended without a word: killed from outside, as for want of memory or with its node; run the same "
            "command again to go on, with more memory if it happens again"
        )


class Collector(logging.Handler):
    """Notes the jobs that Snakemake reports as failed."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._failures: dict[int, Failure] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record of Snakemake; all but those of failed jobs are passed over."""
        event = getattr(record, "event", None)
        if str(getattr(event, "value", event)) == "job_error":
            logs = list(getattr(record, "log", None) or [])
            message = one_line(str(getattr(record, "rule_msg", None) or ""))
            failure = Failure(str(getattr(record, "rule_name", "")), Path(logs[0]) if logs else None, message)
            self._failures[int(getattr(record, "jobid", -1))] = failure

    def take_back(self, finished: Iterable[int]) -> None:
        """Forget the jobs that a retry mended.

        Args:
            finished: Snakemake's numbers of the jobs that are done (not logged with ``--quiet progress``).
        """
        for number in finished:
            self._failures.pop(number, None)

    def tell_at_exit(self) -> None:
        """Write the summary to the screen when the process ends."""
        atexit.register(lambda: sys.stderr.write(self.summary()))

    def summary(self) -> str:
        """What failed, at most five jobs of it; empty when nothing did."""
        failures = [failure for failure in self._failures.values() if not failure.interrupted]
        if not failures:
            return ""
        lines = [f"\n{len(failures)} job{'s' * (len(failures) > 1)} failed:"]
        for failure in failures[:_MOST]:
            lines += [*failure.lines, ""]
        if len(failures) > _MOST:
            lines.append(f"  and {len(failures) - _MOST} more, with logs in the same folder")
        return "\n".join(lines).rstrip() + "\n"


def _cut(message: str, *, last: bool) -> tuple[str, str]:
    """A message at its first "; ", or its last one: cause and what to do. What is in brackets is no part of either."""
    depths = accumulate((character == "(") - (character == ")") for character in message)
    places = [place for place, depth in enumerate(depths) if depth <= 0 and message.startswith("; ", place)]
    place = places[-1 if last else 0] if places else len(message)
    return message[:place], message[place + 2 :]


def _tail(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    messages = [match["message"] for match in pattern.finditer(text)]
    return messages[-1] if messages else None
