"""The gates on a model's answers and on the object's new outline. A missing or unknown value never passes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from varireal import names
from varireal.config.verdicts import AnswerGates, Gates, GatesByAttribute, SilhouetteCheck
from varireal.judges.answers import pairs_on, score, usable, why_unknown, yes_bias
from varireal.judges.base import Answer, Verdict
from varireal.metrics import measures
from varireal.names import BLANK, FEASIBLE, PRESENT
from varireal.segmenters.again import Resegmented


class ReceiptJudge:
    """Accepts a candidate whose receipt passes every gate."""

    name = "receipt"
    version = 1
    revision: str | None = None

    def judge(self, candidates: Sequence[Mapping[str, Any]], gates: GatesByAttribute) -> list[Verdict]:
        """Return one verdict per row of edits; see ``Judge.judge``."""
        return [self._one(candidate, getattr(gates, candidate["attribute"])) for candidate in candidates]

    def _one(self, candidate: Mapping[str, Any], gates: Gates) -> Verdict:
        if candidate["status"] != names.OK:
            return Verdict(False, (f"{candidate['status']}: {candidate['reason']}",))
        reasons = tuple(_failures(candidate, gates))
        return Verdict(not reasons, reasons)


def _failures(candidate: Mapping[str, Any], gates: Gates) -> Iterator[str]:
    for gate, row in measures.gated().items():
        limit = getattr(gates, gate)
        if limit is None:
            continue
        value = candidate.get(row.column)
        if value is None:
            if not row.absent_passes:
                yield f"{row.reason}: {row.column} was not measured, so the gate {gate} cannot pass"
        elif not row.sign * value >= row.sign * limit:  # written so that NaN fails
            side = "below" if row.sign > 0 else "above"
            yield f"{row.reason}: {row.column} {value:.3g} is {side} the gate {limit:g}"


_WHERE = {"": "on the picture", BLANK: "on a grey picture"}


def answer_failures(
    answers: Mapping[str, Answer], gates: AnswerGates, *, feasibility: str, min_mass: float
) -> Iterator[str]:
    """Yield a reason for each gate on answers that fails.

    Args:
        answers: by question; one that was not asked is missing.
        gates: the limits.
        feasibility: the candidate's arm; the model was not told.
        min_mass: least probability of yes and no together.
    """
    p_yes = usable(answers, min_mass)
    for key in PRESENT:
        limit = getattr(gates, f"min_{key}")
        if limit is not None:
            yield from _least(answers, p_yes, key, limit, "yes", "present", min_mass)
    limit, word = getattr(gates.feasibility_agrees, feasibility), "yes" if feasibility == "feasible" else "no"
    if limit is not None:
        for key in FEASIBLE:
            yield from _least(answers, p_yes, key, limit, word, "feasibility", min_mass)
    if gates.max_yes_bias is not None:
        yield from _bias(answers, p_yes, gates.max_yes_bias)
    if gates.min_score is not None and (value := score(p_yes, feasibility)) < gates.min_score:
        yield f"score: {value:g} of the four answers are as expected, below the gate {gates.min_score:g}"


def _least(
    answers: Mapping[str, Answer],
    p_yes: Mapping[str, float],
    key: str,
    limit: float,
    word: str,
    code: str,
    min_mass: float,
) -> Iterator[str]:
    if key not in p_yes:
        why = why_unknown(answers[key], min_mass) if key in answers else "it was not asked"
        yield f"{code}_unknown: {key}: {why}"
        return
    value = p_yes[key] if word == "yes" else 1 - p_yes[key]
    if not value >= limit:
        yield f"{code}: {key}: the probability of {word} is {value:.2g}, below the gate {limit:g}"


def _bias(answers: Mapping[str, Answer], p_yes: Mapping[str, float], limit: float) -> Iterator[str]:
    for end, where in _WHERE.items():
        keys = pairs_on(end)
        value = yes_bias(p_yes, keys)
        asked = any(key in answers for key in keys) and any("_twin" in key for key in answers)
        if value is None and asked:
            yield f"yes_bias_unknown: {where}, no question and its twin both have an answer"
        elif value is not None and not value <= limit:
            yield f"yes_bias: {value:.2g} {where} is above the gate {limit:g}"


def outline_failures(outline: Resegmented | None, check: SilhouetteCheck) -> Iterator[str]:
    """Yield a reason for each gate on the object's outline in the edit that fails."""
    if outline is None or outline.iou is None or outline.area_ratio is None:
        why = outline.reason if outline is not None and outline.reason else "it was not segmented"
        if any(limit is not None for limit in (check.min_iou, check.min_area_ratio, check.max_area_ratio)):
            yield f"outline_missing: the object was not found again in the edit: {why}"
        return
    if check.min_iou is not None and not outline.iou >= check.min_iou:
        yield f"outline: its overlap with the mask is {outline.iou:.2g}, below the gate {check.min_iou:g}"
    if check.min_area_ratio is not None and not outline.area_ratio >= check.min_area_ratio:
        yield f"outline_cut: {outline.area_ratio:.2g} of the mask's area is below the gate {check.min_area_ratio:g}"
    if check.max_area_ratio is not None and not outline.area_ratio <= check.max_area_ratio:
        yield f"outline_grown: {outline.area_ratio:.2g} of the mask's area is above the gate {check.max_area_ratio:g}"
    if check.max_objects is not None and outline.objects is not None and outline.objects > check.max_objects:
        yield f"outline_objects: {outline.objects} objects were found, above the gate {check.max_objects}"
