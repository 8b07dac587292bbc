"""Candidates from round to round: how many a round has is known once the round before it is judged. Light."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from varireal.names import EditStatus
from varireal.observing.expected import Plan
from varireal.observing.gathering import ACCEPTED, REFUSED, JobState
from varireal.running.job_record import ENDED

if TYPE_CHECKING:
    from varireal.observing.status_records import StageStatus

# As in stages.items, which imports pyarrow; a test compares them.
HOPELESS = frozenset(
    {EditStatus.NO_MASK, EditStatus.NO_PROMPT, EditStatus.UNKNOWN_PROMPT, EditStatus.IMAGE_UNREADABLE}
)


@dataclass
class SettingStatus:
    """One attribute and feasibility.

    Attributes:
        attribute: what is edited.
        feasibility: the arm.
        wanted: accepted edits that are wanted; None before the photos are known.
        candidates: made so far, in tables and by jobs at work.
        judged: candidates with a verdict.
        accepted: of them.
        accept_rate: accepted of judged; None before any is judged.
    """

    attribute: str
    feasibility: str
    wanted: int | None
    candidates: int = 0
    judged: int = 0
    accepted: int = 0
    accept_rate: float | None = None


@dataclass
class Flow:
    """What the tables of edits and verdicts say together.

    Attributes:
        settings: one entry each.
        wanted: candidates that are known to be wanted, of all rounds; None before the photos are known.
        exact: whether no later round can add to them.
        made: candidates that are made.
        judged: candidates that are judged.
        judging: candidates that jobs at work are done with.
    """

    settings: list[SettingStatus] = field(default_factory=list)
    wanted: int | None = None
    exact: bool = False
    made: int = 0
    judged: int = 0
    judging: int = 0

    def put(self, edits: "StageStatus", verdicts: "StageStatus") -> None:
        """Fill in the items of both stages."""
        for stage, done in ((edits, self.made), (verdicts, self.judged + self.judging)):
            if stage.jobs is None:
                continue
            stage.items, stage.exact, stage.done = self.wanted, self.exact, done
            stage.left = None if self.wanted is None else max(0, self.wanted - done)
        if verdicts.jobs is not None:
            verdicts.accepted = sum(setting.accepted for setting in self.settings)
            verdicts.judged = self.judged
            verdicts.failed = {}


def follow(
    plan: Plan, train: int | None, edits: Sequence[JobState] | None, verdicts: Sequence[JobState] | None
) -> Flow:
    """Follow every setting and shard through its rounds.

    Args:
        plan: what the study is meant to be.
        train: train photos; None when that is not known.
        edits: states of the jobs of edits.
        verdicts: states of the jobs of verdicts.
    """
    settings, per_image = plan.settings(), plan.per_image
    if settings is None or edits is None or verdicts is None or per_image is None:
        return Flow()
    each = None if train is None else train * per_image
    found = {setting: SettingStatus(*setting, each) for setting in settings}
    flow = Flow(list(found.values()), None if each is None else each * len(settings), exact=each is not None)
    judged = {_place(state): state for state in verdicts}
    last: dict[tuple[str, str, str], int | None] = {}
    for state in edits:  # by setting and round
        chain = (state.job.attribute, state.job.feasibility, state.job.shard)
        _follow_one(flow, state, judged[_place(state)], found[chain[:2]], last, chain)
    for setting in found.values():
        setting.accept_rate = setting.accepted / setting.judged if setting.judged else None
        flow.made += setting.candidates
        flow.judged += setting.judged
    return flow


def _follow_one(
    flow: Flow,
    edit: JobState,
    verdict: JobState,
    setting: SettingStatus,
    last: dict[tuple[str, str, str], int | None],
    chain: tuple[str, str, str],
) -> None:
    """Count one table of each kind, and note how many items its round leaves to the next."""
    if edit.job.round:
        wanted = last.get(chain)
        if wanted is None:
            flow.exact = False
        if flow.wanted is not None:
            flow.wanted += _done(edit) if wanted is None else wanted
        edit.total = wanted
    rows, done = sum(edit.counts.values()), _done(edit)
    if edit.state != ENDED and edit.total is not None:
        done = min(done, edit.total)
    setting.candidates += done
    flow.judging += 0 if verdict.state == ENDED else verdict.done or 0
    accepted = verdict.counts.get(ACCEPTED, 0)
    setting.accepted += accepted
    setting.judged += accepted + verdict.counts.get(REFUSED, 0)
    known = edit.state == ENDED and verdict.state == ENDED
    last[chain] = rows - accepted - _hopeless(edit.counts) if known else None


def _done(state: JobState) -> int:
    return sum(state.counts.values()) if state.state == ENDED else state.done or 0


def _hopeless(counts: Mapping[str, int]) -> int:
    return sum(count for status, count in counts.items() if status in HOPELESS)


def _place(state: JobState) -> tuple[str, str, int, str]:
    return state.job.attribute, state.job.feasibility, state.job.round, state.job.shard
