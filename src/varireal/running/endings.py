"""The last words of a workflow that failed: stage, item, cause, what to do, and where the log is.

Snakemake's own account is long and ends with the least telling line. What failed is collected while it runs, from the
records that Snakemake logs, and told when the process ends, after everything else.
"""

import atexit
import logging
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from varireal.plaintext import one_line

_MOST = 5
_TAIL_BYTES = 200_000
_FAILED = re.compile(r" DEBUG failed: (?P<message>.+)")
_BY_SIGNAL = "stopped by SIG"
_STOPPED = re.compile(rf" WARNING \S+: (?P<message>{_BY_SIGNAL}.+)")
_COMPUTED = re.compile(r" DEBUG computed (?P<item>.+)")
_SCHEDULER = re.compile(r"SLURM status is: '?(?P<state>[A-Z_]+)")
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
        told: what Snakemake or its executor said of it.
    """

    rule: str
    log: Path | None
    told: str

    @property
    def name(self) -> str:
        """The stage and which of its jobs, as the log's place says it."""
        if self.log is None:
            return self.rule
        parts = self.log.with_suffix("").parts
        place = parts[parts.index("logs") + 1 :] if "logs" in parts else parts[-1:]
        return " ".join([place[0], "/".join(place[1:])]).strip()

    @property
    def lines(self) -> list[str]:
        """What a person reads."""
        text = _tail(self.log)
        message = _last(_FAILED, text) or _last(_STOPPED, text) or self._by_scheduler() or self._unexplained(text)
        cause, fix = _cause_and_fix(message)
        items = [match["item"].split(" (")[0] for match in _COMPUTED.finditer(text)]
        told = f"the one after {items[-1]}, number {len(items)} of this attempt" if items else "see the cause"
        return [
            f"  stage: {self.name}",
            f"  item:  {told}",
            f"  cause: {cause}",
            f"  to do: {fix or 'mend the cause, then run the same command again'}",
            f"  log:   {self.log or 'none; see the messages above'}",
        ]

    def _by_scheduler(self) -> str | None:
        state = _SCHEDULER.search(self.told)
        return _STATES.get(state["state"]) if state else None

    def _unexplained(self, text: str) -> str:
        if not text:
            return self.told[:300] or (
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
            told = one_line(str(getattr(record, "rule_msg", None) or ""))
            failure = Failure(str(getattr(record, "rule_name", "")), Path(logs[0]) if logs else None, told)
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
        failures = list(self._failures.values())
        if not failures:
            return ""
        lines = [f"\n{len(failures)} job{'s' * (len(failures) > 1)} failed:"]
        for failure in failures[:_MOST]:
            lines += [*failure.lines, ""]
        if len(failures) > _MOST:
            lines.append(f"  and {len(failures) - _MOST} more, with logs in the same folder")
        return "\n".join(lines).rstrip() + "\n"


def _cause_and_fix(message: str) -> tuple[str, str]:
    """A job that a signal stopped says in several parts what became of its work; what to do is the last."""
    cause, _, fix = message.rpartition("; ") if message.startswith(_BY_SIGNAL) else message.partition("; ")
    return cause, fix


def _tail(log: Path | None) -> str:
    if log is None or not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = [match["message"] for match in pattern.finditer(text)]
    return found[-1] if found else None
