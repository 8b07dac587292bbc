"""Everything about candidates that needs their pictures: the model's answers and the object's outline, as columns."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from varireal.backends import make_backend
from varireal.config.machine import BackendContext
from varireal.config.slices import MachineSlice, VerdictsSlice
from varireal.judges.base import Answer, AskedJudge, Verdict
from varireal.judges.gates import answer_failures, outline_failures
from varireal.judges.interview import Interview
from varireal.judges.outline import OutlineCheck
from varireal.judges.questions import BLANK, ON_PICTURE, Questions
from varireal.judges.scoring import feasible_logit, pairs_on, score, sigmoid, usable, yes_bias
from varireal.segmenters.again import Resegmented
from varireal.store import ItemStore

Row = Mapping[str, Any]


_AT_ONCE = 16


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
        said = self._interview.answers(candidates) if self._interview else [None] * len(candidates)
        looks = self._outlines.look(candidates) if self._outlines else [None] * len(candidates)
        for row, answers, look in zip(candidates, said, looks, strict=True):
            reasons: list[str] = []
            columns: dict[str, Any] = {}
            if answers is not None:
                reasons += self._failures(answers, row["feasibility"])
                columns |= self._answer_columns(answers, row["feasibility"])
            if self._outlines is not None:
                reasons += outline_failures(look, self._config.silhouette)
                columns |= _outline_columns(look)
            yield Verdict(not reasons, tuple(reasons)), columns

    def _failures(self, answers: Mapping[str, Answer], feasibility: str) -> Iterator[str]:
        mass = self._config.questions.min_mass
        return answer_failures(answers, self._config.answer_gates, feasibility=feasibility, min_mass=mass)

    def _answer_columns(self, answers: Mapping[str, Answer], feasibility: str) -> dict[str, Any]:
        said = usable(answers, self._config.questions.min_mass)
        masses = [answer.mass for key, answer in answers.items() if key in ON_PICTURE and answer.mass is not None]
        raw, words = feasible_logit(said), feasible_logit(said, BLANK)
        return {
            **{f"p_{key}": value for key, value in said.items()},
            "answer_mass": min(masses, default=None),
            "unknown": [key for key in answers if key not in said],
            "yes_bias": yes_bias(said, pairs_on("")),
            "blank_bias": yes_bias(said, pairs_on(BLANK)),
            "score": score(said, feasibility),
            "feasible_logit": raw,
            "p_feasible_raw": None if raw is None else sigmoid(raw),
            "p_feasible_words": None if words is None else sigmoid(words),
            "judge_model": self._judge.model if self._judge else None,
            "judge_revision": self._judge.revision if self._judge else None,
        }


def _outline_columns(look: Resegmented | None) -> dict[str, Any]:
    if look is None:
        return {}
    return {
        "segmented_iou": _finite(look.iou),
        "segmented_area_ratio": _finite(look.area_ratio),
        "segmented_objects": look.objects,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
