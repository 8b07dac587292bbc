"""Everything about candidates that needs their pictures: the model's answers and the object's outline, as columns."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from varireal.backends import BackendContext, make_backend
from varireal.config.masks import MasksConfig
from varireal.config.slices import MachineSlice, VerdictsSlice
from varireal.core.pictures import decode_png
from varireal.core.seeds import digest
from varireal.judges.answers import feasible_logit, is_answer, pairs_on, score, sigmoid, usable, yes_bias
from varireal.judges.base import Answer, Asked, AskedJudge, Verdict, grey_picture
from varireal.judges.gates import answer_failures, outline_failures
from varireal.judges.questions import Questions
from varireal.names import BLANK, ON_PICTURE, MaskStatus
from varireal.running import job_record
from varireal.segmenters.again import Resegmented, segment_again
from varireal.segmenters.base import Segmenter
from varireal.segmenters.quality import decode_mask
from varireal.store.items import ItemStore

Row = Mapping[str, Any]

_AT_ONCE = 16
_MOST_TEXTS = 16  # questions about one picture in one call
_NO_MASK = Resegmented(None, None, None, MaskStatus.MISSING, "the photo has no mask")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One question about one picture, and where its answer is kept."""

    key: str
    picture: bytes
    text: str


class Interview:
    """Answers about candidates: what the item store knows is not asked, the rest is, and is kept before it is used.

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
        stored = {key: Answer(**json.loads(value)) for key in wanted if (value := self._store.get(key)) is not None}
        known = {key: answer for key, answer in stored.items() if is_answer(answer)}
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
        by_key: dict[str, Answer] = {}
        answered = self._judge.ask(asked) if asked else iter(())
        for group, answers in zip(groups, answered, strict=True):
            pairs = [(one.key, answer) for one, answer in zip(group, answers, strict=True)]
            self._store.put_many([(key, _packed(answer)) for key, answer in pairs if answer.kept])
            by_key |= dict(pairs)
            self.asked += len(pairs)
        return by_key


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


class OutlineCheck:
    """The object's outline in edits: segments those candidates again that the item store does not know.

    Args:
        segmenter: who segments.
        config: its options.
        noun: what all classes are, for segmenters that use names.
        masks: PNG bytes of the mask that an edit was made with, by image id.
        store: the job's item store.
    """

    def __init__(
        self, segmenter: Segmenter, config: MasksConfig, noun: str, masks: Mapping[str, bytes], store: ItemStore
    ) -> None:
        from varireal.segmenters.stored import own_options  # here, because few studies outline an edit again

        self._segmenter, self._noun, self._masks, self._store = segmenter, noun, masks, store
        self._options = own_options(config, segmenter.name)
        self.computed = 0

    def look(self, candidates: Sequence[Row]) -> list[Resegmented]:
        """One result per candidate, in order.

        Args:
            candidates: rows of edits with ``image``.

        Raises:
            BackendError: the segmenter cannot run here.
        """
        keys = {row["candidate_id"]: self._key(row) for row in candidates if self._mask(row)}
        stored = {name: value for name, key in keys.items() if (value := self._store.get(key)) is not None}
        outlines = {name: Resegmented(**json.loads(value)) for name, value in stored.items()}
        missing = [row for row in candidates if row["candidate_id"] in keys.keys() - stored.keys()]
        if missing:
            outlines |= self._segmented(missing, keys)
        return [outlines.get(row["candidate_id"], _NO_MASK) for row in candidates]

    def _segmented(self, rows: Sequence[Row], keys: Mapping[str, str]) -> dict[str, Resegmented]:
        job_record.permit()
        results = segment_again(
            self._segmenter,
            [decode_png(row["image"]) for row in rows],
            [decode_mask(self._mask(row)) for row in rows],
            [row["class_name"] for row in rows],
        )
        self.computed += len(rows)
        outlines = {row["candidate_id"]: result for row, result in zip(rows, results, strict=True)}
        self._store.put_many(
            [
                (keys[name], json.dumps(asdict(result)).encode())
                for name, result in outlines.items()
                if result.status != MaskStatus.FAILED
            ]
        )
        return outlines

    def _key(self, row: Row) -> str:
        segmenter = self._segmenter
        named = (self._noun, row["class_name"]) if segmenter.uses_names else ()
        made = (segmenter.name, segmenter.version, segmenter.revision, self._options)
        return digest("outline", 1, row["image"], self._mask(row), *made, *named)

    def _mask(self, row: Row) -> bytes:
        """PNG of the mask that the object should have in an edit: the edit's own, else the photo's."""
        return row.get("edit_mask") or self._masks.get(row["image_id"], b"")


class Panel:
    """Judges candidates that passed the receipt: the model that the config names, and its segmenter.

    Args:
        config: the stage's slice.
        masks: gives PNG bytes of the mask that an edit was made with, by image id; called where they are needed.
        store: the job's item store.
        machine: what models run on, and the server.

    Raises:
        BackendError: a backend cannot be imported.
    """

    def __init__(
        self,
        config: VerdictsSlice,
        masks: Callable[[], Mapping[str, bytes]],
        store: ItemStore,
        machine: MachineSlice,
    ) -> None:
        self._config = verdicts = config.verdicts
        context = BackendContext(machine=machine.machine, noun=config.noun, server=machine.judging, store=store)
        self._judge: AskedJudge | None = None
        self._interview: Interview | None = None
        self._outlines: OutlineCheck | None = None
        if verdicts.asks:
            self._judge = judge = make_backend("judges", verdicts.judge, verdicts, context)
            self._interview = Interview(judge, Questions(verdicts.questions, config.noun), store)
        if config.segmenting is not None:
            segmenter = make_backend("segmenters", config.segmenting.backend, config.segmenting, context)
            self._outlines = OutlineCheck(segmenter, config.segmenting, config.noun, masks(), store)

    @property
    def pictures(self) -> int:
        """How many candidates it likes to get at once."""
        return self._judge.pictures if self._judge else _AT_ONCE

    @property
    def computed(self) -> int:
        """Answers and outlines that were not in the store."""
        answers = self._interview.asked if self._interview else 0
        return answers + (self._outlines.computed if self._outlines else 0)

    @property
    def news(self) -> tuple[str, ...]:
        """What the judge has to say at the end."""
        return self._judge.news if self._judge else ()

    def close(self) -> None:
        """Let go of the model."""
        if self._judge is not None:
            self._judge.close()

    def verdicts(self, candidates: Sequence[Row]) -> Iterator[tuple[Verdict, dict[str, Any]]]:
        """Yield each candidate's verdict and its columns, in order.

        Args:
            candidates: rows of edits with ``image``.

        Raises:
            BackendError: a model cannot run here, or a server does not answer.
        """
        nothing = [None] * len(candidates)
        interviews = self._interview.answers(candidates) if self._interview else nothing
        outlines = self._outlines.look(candidates) if self._outlines else nothing
        for row, answers, outline in zip(candidates, interviews, outlines, strict=True):
            reasons: list[str] = []
            columns: dict[str, Any] = {}
            if answers is not None:
                limits = {"feasibility": row["feasibility"], "min_mass": self._config.questions.min_mass}
                reasons += answer_failures(answers, self._config.answer_gates, **limits)
                columns |= self._answer_columns(answers, row["feasibility"])
            if self._outlines is not None:
                reasons += outline_failures(outline, self._config.silhouette)
                columns |= _outline_columns(outline)
            yield Verdict(not reasons, tuple(reasons)), columns

    def _answer_columns(self, answers: Mapping[str, Answer], feasibility: str) -> dict[str, Any]:
        p_yes = usable(answers, self._config.questions.min_mass)
        masses = [answer.mass for key, answer in answers.items() if key in ON_PICTURE and answer.mass is not None]
        raw, words = feasible_logit(p_yes), feasible_logit(p_yes, BLANK)
        return {
            **{f"p_{key}": value for key, value in p_yes.items()},
            "answer_mass": min(masses, default=None),
            "unknown": [key for key in answers if key not in p_yes],
            "yes_bias": yes_bias(p_yes, pairs_on("")),
            "blank_bias": yes_bias(p_yes, pairs_on(BLANK)),
            "score": score(p_yes, feasibility),
            "feasible_logit": raw,
            "p_feasible_raw": None if raw is None else sigmoid(raw),
            "p_feasible_words": None if words is None else sigmoid(words),
            "judge_model": self._judge.model if self._judge else None,
            "judge_revision": self._judge.revision if self._judge else None,
        }


def _outline_columns(outline: Resegmented | None) -> dict[str, Any]:
    if outline is None:
        return {}
    return {
        "segmented_iou": _finite(outline.iou),
        "segmented_area_ratio": _finite(outline.area_ratio),
        "segmented_objects": outline.objects,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
