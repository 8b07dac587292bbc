"""How far a running workflow is: by stage, with its setting or class, from what Snakemake says and jobs write.

Snakemake tells which jobs there are, and when each starts and ends. What a job at work has done is read from its
record (``running.job_record``), which works on a cluster too, where nothing but the disk is shared. Only records of
jobs that are under way are looked at, so 4,700 jobs cost one short read each, when they end. Light: no table is read.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.core.stages import STAGES
from varireal.hosted.money import Prices, spent_by_model, spent_text
from varireal.names import OK, TRIED_ANEW, EditStatus
from varireal.running.job_record import RUNNING, read_record, sound
from varireal.tools.status import duration
from varireal.tools.status_files import ACCEPTED, REFUSED

_UNSEEN = ("config",)  # a moment each, and no stage: counted, never named
_MOST_LINES = 10
_ASKING = "prompts-ask"
_GATHERED = "prompts_gathered"


@dataclass
class JobGroup:
    """The jobs of a stage that people think of as one thing: of a setting and round, or all of the stage.

    Attributes:
        stage: its stage.
        label: its name for people, such as ``edits color/feasible, round 1``.
        setting: such as ``color/feasible``; empty where the stage has none.
        jobs: how many it has.
        under_way: jobs that were handed out and have not ended: by number, the record at that time (its stamp).
        ended: jobs that are done.
        counts: rows per status of the jobs that are done.
        items: items of the jobs that are done.
        computed: those of them that were made now; None where the stage keeps no items.
        records: of jobs at work, the record as it was last read.
        amounts: what the jobs that are done have spent.
        began: when its first job was handed out.
        asks: whether a language model is asked to write the prompts.
    """

    stage: str
    label: str
    setting: str
    jobs: int = 0
    under_way: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    ended: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    items: int = 0
    computed: int | None = None
    records: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    amounts: Counter[str] = field(default_factory=Counter)
    began: float = 0.0
    asks: bool = False

    @property
    def unit(self) -> str:
        """What its items are."""
        return "requests" if self.asks else STAGES[self.stage].unit if self.stage in STAGES else ""

    @property
    def whole(self) -> bool:
        """Whether it makes one thing, which has no items."""
        row = STAGES.get(self.stage)
        return row is not None and row.per == "study" and not row.keeps

    @property
    def counted_by_job(self) -> bool:
        """Whether what its jobs count is not the stage's unit, but what each of them is about."""
        return self.stage in STAGES and STAGES[self.stage].per in ("class", "training")

    @property
    def done(self) -> int:
        """Items that are done, also by jobs that are at work."""
        return self.items + sum(record.get("done") or 0 for record in self.records.values())

    @property
    def total(self) -> int | None:
        """Items in all; None while not all jobs have said how many they have."""
        totals = [int(record["total"]) for record in self.records.values() if record.get("total") is not None]
        return self.items + sum(totals) if self.ended + len(totals) == self.jobs else None

    @property
    def rate(self) -> float | None:
        """Items per second of the jobs at work; None while that is not known."""
        rates = [record["rate"] for record in self.records.values() if record.get("rate")]
        return sum(rates) if rates else None

    @property
    def seconds_left(self) -> float | None:
        """Until it is done; None while that is not known."""
        total = self.likely_total if self.total is None else self.total
        part = sum(record.get("part") or 0.0 for record in self.records.values())
        return max(0.0, total - self.done - part) / self.rate if total is not None and self.rate else None

    @property
    def likely_total(self) -> int | None:
        """The same where jobs did not say yet: as many items each as the others have; None where none has said."""
        known = [record["total"] for record in self.records.values() if record.get("total")]
        said = self.ended + len(known)
        return round((self.items + sum(known)) / said * self.jobs) if said else None


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """What is to be seen of a group that is at work.

    Attributes:
        label: its name.
        jobs: jobs that are done, and all; empty where there is only one.
        items: items that are done, and all.
        unit: what an item is; empty where there are none.
        rate: items per second.
        time: until it is done; where that is not known, since when it runs.
        accepted: share of the setting's candidates that were accepted so far.
        spent: calls, tokens and money of a model that is asked over a network.
    """

    label: str
    jobs: str
    items: str
    unit: str
    rate: str
    time: str
    accepted: str
    spent: str

    @property
    def text(self) -> str:
        """The same as one line of a file."""
        parts = [f"{self.jobs} jobs" if self.jobs else "", f"{self.items} {self.unit}" if self.items else ""]
        parts += [self.rate, self.time, f"{self.accepted} accepted so far" if self.accepted else "", self.spent]
        return f"{self.label}: {', '.join(part for part in parts if part)}"


class Progress:
    """How far the jobs of a workflow are.

    Args:
        root: folder of the study.
        jobs: what is to be done: Snakemake's number of each job, and the name of its log below ``logs``.
        clock: seconds.
    """

    def __init__(self, root: Path, jobs: Mapping[int, str], clock: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self.jobs = dict(jobs)
        self.ended: set[int] = set()
        self.failed: set[int] = set()
        self._clock = clock
        self.began = clock()
        rounds = any("/round" in name and "/round0/" not in name for name in jobs.values())
        self._groups: dict[str, JobGroup] = {}
        self._group_of: dict[int, JobGroup] = {}
        for number, name in jobs.items():
            stage, label, setting = describe(name, rounds=rounds)
            group = self._groups.setdefault(label, JobGroup(stage, label, setting))
            group.jobs += 1
            self._group_of[number] = group
        self._prices: Prices | None = None

    @property
    def seconds(self) -> float:
        """Since the workflow began."""
        return self._clock() - self.began

    @property
    def head(self) -> str:
        """What is to be done, in one line."""
        counted = Counter(group.stage for group in self._group_of.values())
        stages = [f"{stage} {counted[stage]}" for stage in (*_UNSEEN, *STAGES) if counted[stage]]
        return f"{self.root}: {_counted(len(self.jobs), 'job')} to do ({', '.join(stages)})"

    @property
    def accepted(self) -> str:
        """Candidates that were accepted of those that were judged in this run; empty when none was."""
        return _share(self._judged())

    @property
    def states(self) -> list[str]:
        """How many jobs failed, are at work, and wait in a queue or start; what there are none of is left out."""
        work = sum(len(group.records) for group in self._groups.values())
        waiting = sum(len(group.under_way) for group in self._groups.values()) - work
        states = ((len(self.failed), "failed"), (work, "at work"), (waiting, "waiting"))
        return [f"{count:,} {state}" for count, state in states if count]

    @property
    def end(self) -> str:
        """How it ended, in one line."""
        left = len(self.jobs) - len(self.ended)
        done = "done" if not left else f"{len(self.ended):,} of {_counted(len(self.jobs), 'job')} done"
        failed = f", {len(self.failed):,} failed" if self.failed else ""
        accepted = f"; {self.accepted}" if self.accepted else ""
        page = self._groups.get("report")
        where = f"; the page is {self.root / 'report' / 'index.html'}" if page and page.ended else ""
        return f"{self.root}: {done}{failed} in {duration(self.seconds)}{accepted}{where}"

    def label(self, number: int) -> str:
        """Name of a job for people: its group, and which of several jobs it is."""
        group, name = self._group_of[number], self.jobs[number]
        if group.jobs == 1:
            return group.label
        last = name.rpartition("/")[2]
        return f"{group.label}, {last}"

    def start(self, number: int) -> None:
        """A job was handed out; it may have to wait for a free node."""
        if group := self._group_of.get(number):
            group.began = group.began or self._clock()
            group.under_way[number] = _stamp(self._record_path(number))
            group.records.pop(number, None)
            self.failed.discard(number)

    def fail(self, number: int, *, counts: bool = True) -> None:
        """A job has failed; it may be handed out again.

        Args:
            number: Snakemake's number of it.
            counts: whether it is a fault, and not Ctrl-C.
        """
        if group := self._group_of.get(number):
            group.under_way.pop(number, None)
            group.records.pop(number, None)
            if counts:
                self.failed.add(number)

    def finish(self, number: int) -> str:
        """A job is done.

        Returns:
            What its group came to, when that was its last job, with what the job itself had to say where it was the
            only one; else nothing.
        """
        group = self._group_of.get(number)
        if group is None or number in self.ended:
            return ""
        self.ended.add(number)
        self.failed.discard(number)
        group.under_way.pop(number, None)
        group.records.pop(number, None)
        group.ended += 1
        record = sound(read_record(self._record_path(number))) or {}
        if self.jobs[number] != _GATHERED:  # it stands for all classes, which were counted
            self._add(group, record)
        if group.ended < group.jobs or group.stage in _UNSEEN:
            return ""
        if not (group.items or group.whole):  # a round that had nothing left to do
            return ""
        more = _lines(record) if group.jobs == 1 else []
        return "\n".join([self._outcome(group), *more])

    def look(self) -> None:
        """Read the records of the jobs that are under way."""
        for group in self._groups.values():
            for number, before in group.under_way.items():
                path = self._record_path(number)
                if _stamp(path) == before:
                    continue  # an earlier attempt's
                record = sound(read_record(path))
                if record is not None and record["state"] == RUNNING:
                    group.records[number] = record
                    group.asks = group.asks or record["stage"] == _ASKING

    def rows(self) -> Iterator[ProgressRow]:
        """What is at work, in the order of the stages."""
        for group in sorted(self._groups.values(), key=lambda group: (_place(group.stage), group.label)):
            if group.under_way and group.stage not in _UNSEEN:
                yield self._row(group)

    def _row(self, group: JobGroup) -> ProgressRow:
        rate, left = group.rate, group.seconds_left
        named = not group.whole and group.likely_total is not None
        whole = f"{group.total:,}" if group.total is not None else f"~{group.likely_total or 0:,}"
        past = duration(self._clock() - group.began)
        since = f"running {past}" if group.records else f"waiting {past}"
        spent = group.amounts.copy()
        for record in group.records.values():
            spent.update(record["spent"])
        return ProgressRow(
            label=group.label,
            jobs=f"{group.ended:,}/{group.jobs:,}" if group.jobs > 1 else "",
            items=f"{group.done:,}/{whole}" if named else "",
            unit=group.unit,
            rate=rate_text(rate) if rate and named else "",
            time=since if left is None else f"{duration(left)} left",
            accepted=self._accepted_so_far(group.setting) if group.stage in ("edits", "verdicts") else "",
            spent=self._spent(group.stage, spent),
        )

    def _accepted_so_far(self, setting: str) -> str:
        counts = self._judged(setting)
        judged = counts[ACCEPTED] + counts[REFUSED]
        return f"{counts[ACCEPTED] / judged:.0%}" if judged else ""

    def _judged(self, setting: str = "") -> Counter[str]:
        """Candidates by verdict, of a setting or of all."""
        counts = Counter[str]()
        for group in self._groups.values():
            if group.stage == "verdicts" and setting in ("", group.setting):
                counts.update(group.counts)
        return counts

    def _spent(self, stage: str, amounts: Mapping[str, float]) -> str:
        """Calls, tokens and money of models that were asked over a network; empty when none was."""
        if not spent_by_model(amounts):
            return ""
        self._prices = self._prices or Prices.of_study(self.root)
        return spent_text(amounts, self._prices.usd(_ASKING if stage == "prompts" else stage, amounts))

    def _record_path(self, number: int) -> str:
        return f"{self.root}/logs/{self.jobs[number]}.json"

    def _add(self, group: JobGroup, record: Mapping[str, Any]) -> None:
        """Add what a job that is done says of itself."""
        counts: Mapping[str, int] = record.get("counts") or {}
        group.counts.update(counts)
        group.amounts.update(record.get("spent") or {})
        if group.counted_by_job:
            group.items += record.get("total") or 1
        else:
            group.items += sum(counts.values())
        group.asks = group.asks or record.get("stage") == _ASKING
        if record.get("computed") is not None:
            group.computed = (group.computed or 0) + int(record["computed"])

    def _outcome(self, group: JobGroup) -> str:
        """A group that is done, in one line."""
        seconds = self._clock() - group.began if group.began else 0.0
        if group.stage == "verdicts":
            what = _share(group.counts) or "nothing to judge"
        elif group.whole:
            what = "written"
        else:
            what = f"{group.items:,} {group.unit if group.items != 1 else _one(group.unit)}" + _bad(group)
        tried = any(group.counts[status] for status in TRIED_ANEW)  # and failed, so it is in no store
        left_out = group.counts[EditStatus.NO_MASK] + group.counts[EditStatus.NO_PROMPT]
        known = group.computed == 0 and group.items > left_out and not tried and not group.counted_by_job
        kept = ", all there already" if known else ""
        rate = f" ({rate_text(group.items / seconds)})" if group.computed and seconds > 1 else ""
        spent = self._spent(group.stage, group.amounts)
        return f"{group.label}: {what}{kept}, {duration(seconds)}{rate}" + (f"; {spent}" if spent else "")


def describe(name: str, *, rounds: bool) -> tuple[str, str, str]:
    """Stage, name for people and setting of the group of a job.

    Args:
        name: of the job's log below ``logs``, such as ``edits/color/feasible/round0/00000-of-00004``.
        rounds: whether the rounds are named.
    """
    stage, *rest = name.split("/")
    stage = "prompts" if stage == _GATHERED else stage
    if stage not in STAGES or STAGES[stage].per not in ("pool", "round") or len(rest) < 2:
        return stage, stage, ""
    setting = "/".join(rest[:2])
    round_ = f", round {rest[2].removeprefix('round')}" if rounds and len(rest) > 2 else ""
    return stage, f"{stage} {setting}{round_}", setting


def rate_text(rate: float) -> str:
    """Items per second for people, so that the number is one or more: ``12.9/s``, ``12/min``, ``40/h``."""
    each = next((pair for pair in ((1, "s"), (60, "min")) if rate * pair[0] >= 1), (3600, "h"))
    return f"{rate * each[0]:.3g}/{each[1]}"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _one(units: str) -> str:
    return units.removesuffix("es") if units.endswith("sses") else units.removesuffix("s")


def _lines(record: Mapping[str, Any]) -> list[str]:
    """What a job has to say to people at its end, as far as a screen has room for it."""
    lines = record.get("lines")
    lines = [f"  {line}" for line in lines] if isinstance(lines, list) else []
    left = len(lines) - _MOST_LINES
    return lines if left <= 1 else [*lines[:_MOST_LINES], f"  and {left} more lines in its log"]


def _share(counts: Mapping[str, int]) -> str:
    accepted = counts.get(ACCEPTED, 0)
    judged = accepted + counts.get(REFUSED, 0)
    return f"{accepted:,} of {judged:,} candidates accepted ({accepted / judged:.0%})" if judged else ""


def _bad(group: JobGroup) -> str:
    """Statuses of items that could not be made, most frequent first."""
    if group.counted_by_job:
        return ""
    bad = [(count, status) for status, count in group.counts.items() if status != OK and count]
    return "".join(f", {count:,} {status.replace('_', ' ')}" for count, status in sorted(bad, reverse=True))


def _place(stage: str) -> int:
    return list(STAGES).index(stage) if stage in STAGES else -1


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 - for each job under way, again and again
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
