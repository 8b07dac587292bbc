"""Asking about candidates: what the item store knows is not asked, the rest is, and is kept before anybody sees it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from varireal.judges.base import Answer, Asked, AskedJudge
from varireal.judges.pictures import grey_picture
from varireal.judges.questions import BLANK, Questions
from varireal.running import job_record
from varireal.seeds import digest
from varireal.store import ItemStore

Row = Mapping[str, Any]

_MOST_TEXTS = 16  # questions about one picture in one call


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One question about one picture, and where its answer is kept."""

    key: str
    picture: bytes
    text: str


class Interview:
    """Answers about candidates.

    Args:
        judge: who answers.
        questions: what is asked.
        store: the job's item store.
    """

    def __init__(self, judge: AskedJudge, questions: Questions, store: ItemStore) -> None:
        self._judge, self._questions, self._store = judge, questions, store
        self.asked = 0

    def answers(self, candidates: Sequence[Row]) -> list[dict[str, Answer]]:
        """Answers by question for each candidate, in order.

        Args:
            candidates: rows of edits with ``image``.

        Raises:
            BackendError: the model cannot run, or the server does not answer; what was answered is kept.
        """
        plans = [self._plan(row) for row in candidates]
        wanted = {one.key: one for plan in plans for one in plan.values()}
        known = {key: _unpacked(kept) for key in wanted if (kept := self._store.get(key)) is not None}
        known |= self._ask([one for key, one in wanted.items() if key not in known])
        return [{question: known[one.key] for question, one in plan.items()} for plan in plans]

    def _plan(self, row: Row) -> dict[str, _Wanted]:
        texts = self._questions.about(
            attribute=row["attribute"], class_name=row["class_name"], name=row["prompt_name"]
        )
        plan = {question: self._wanted(row["image"], text) for question, text in texts.items()}
        if self._questions.blank:
            grey = grey_picture()
            plan |= {question + BLANK: self._wanted(grey, text) for question, text in texts.items()}
        return plan

    def _wanted(self, picture: bytes, text: str) -> _Wanted:
        judge = self._judge
        who = (judge.name, judge.version, judge.model, judge.revision, judge.identity)
        return _Wanted(digest("answer", *who, digest(picture), text), picture, text)

    def _ask(self, missing: Sequence[_Wanted]) -> dict[str, Answer]:
        groups = list(_by_picture(missing))
        if groups:
            job_record.permit()
        asked = [Asked(group[0].picture, tuple(one.text for one in group)) for group in groups]
        found: dict[str, Answer] = {}
        answered = self._judge.ask(asked) if asked else iter(())
        for group, answers in zip(groups, answered, strict=True):
            pairs = [(one.key, answer) for one, answer in zip(group, answers, strict=True)]
            self._store.put_many([(key, _packed(answer)) for key, answer in pairs if answer.kept])
            found |= dict(pairs)
            self.asked += len(pairs)
        return found


def _by_picture(missing: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """Questions about the same picture, not too many at once."""
    groups: dict[bytes, list[_Wanted]] = {}
    for one in missing:
        groups.setdefault(one.picture, []).append(one)
    for members in groups.values():
        for start in range(0, len(members), _MOST_TEXTS):
            yield members[start : start + _MOST_TEXTS]


def _packed(answer: Answer) -> bytes:
    return json.dumps({"p_yes": answer.p_yes, "mass": answer.mass, "told": answer.told}).encode()


def _unpacked(kept: bytes) -> Answer:
    return Answer(**json.loads(kept))
