"""Bias, scores and gates from known answers."""

import itertools
import math

import pytest

from varireal.config.model import parse_config
from varireal.config.verdicts import PAPER_GATES, AnswerGates, ArmAgreement, SilhouetteCheck
from varireal.judges.answers import feasible_logit, logit, pairs_on, score, sigmoid, usable, yes_bias
from varireal.judges.base import Answer
from varireal.judges.gates import answer_failures, outline_failures
from varireal.names import BLANK, EVERY, MAIN, ON_PICTURE, TWIN
from varireal.segmenters.again import Resegmented


def answers(**p_yes):
    return {key: Answer(value, 1.0) for key, value in p_yes.items()}


def codes(found, gates=None, feasibility="feasible", min_mass=0.5):
    reasons = answer_failures(found, gates or AnswerGates(), feasibility=feasibility, min_mass=min_mass)
    return [reason.partition(":")[0] for reason in reasons]


FAIR = {"present_1": 0.9, "present_2": 0.8, "feasible_1": 0.7, "feasible_2": 0.6}
FAIR |= {key + TWIN: 1 - value for key, value in FAIR.items()}
FAIR |= {key + BLANK: 0.5 for key in list(FAIR)}


def judge(belief, bias):
    """Answers of a judge with a belief and a leaning, as log-odds, on the picture and on the grey one."""
    return {key: sigmoid((-1 if TWIN in key else 1) * (0.3 if BLANK in key else belief) + bias) for key in EVERY}


@pytest.mark.parametrize("belief", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("bias", [-1.5, 0.0, 2.5])
def test_a_leaning_towards_yes_cancels(belief, bias):
    assert feasible_logit(judge(belief, bias)) == pytest.approx(belief)
    assert feasible_logit(judge(belief, bias), BLANK) == pytest.approx(0.3)


@pytest.mark.parametrize("lost", ["", TWIN])
def test_with_one_answer_missing_the_grey_picture_takes_the_leaning_away(lost):
    said = judge(1.2, 2.0)
    for key in ("feasible_1", "feasible_2"):
        del said[key + lost]
    assert feasible_logit(said) == pytest.approx(1.2)


def test_without_controls_the_answers_are_taken_as_they_are():
    assert feasible_logit({"feasible_1": 0.8, "feasible_2": 0.6}) == pytest.approx((logit(0.8) + logit(0.6)) / 2)
    assert feasible_logit({"present_1": 0.9}) is None


def test_answers_in_words_are_held_off_certainty():
    said = {"feasible_1": 1.0, "feasible_1_twin": 0.0, "feasible_2": 1.0, "feasible_2_twin": 0.0}
    assert feasible_logit(said) == pytest.approx(math.log(999))


def test_yes_bias_is_half_of_what_question_and_twin_add_up_to_beyond_one():
    always = dict.fromkeys(ON_PICTURE, 1.0)
    assert yes_bias(always, pairs_on("")) == 0.5
    assert yes_bias(dict.fromkeys(ON_PICTURE, 0.0), pairs_on("")) == -0.5
    assert yes_bias(FAIR, pairs_on("")) == pytest.approx(0.0)
    assert yes_bias(always, pairs_on(BLANK)) is None


def test_the_published_score_on_every_pattern_of_answers():
    for pattern in itertools.product((True, False), repeat=4):
        said = {key: 0.9 if yes else 0.1 for key, yes in zip(MAIN, pattern, strict=True)}
        assert score(said, "feasible") == sum(pattern) / 4
        assert score(said, "infeasible") == (pattern[0] + pattern[1] + (not pattern[2]) + (not pattern[3])) / 4
        passed = codes(answers(**said), PAPER_GATES, "infeasible") == []
        assert passed == (score(said, "infeasible") >= 0.5)


def test_unknown_answers_are_never_as_expected():
    assert score({}, "feasible") == score({}, "infeasible") == 0
    assert codes({}, PAPER_GATES, "infeasible") == ["score"]


def test_presence_alone_passes_the_published_threshold():
    """The defect of the published filter, reproduced: feasibility answers are never needed."""
    said = answers(present_1=0.9, present_2=0.9, feasible_1=0.1, feasible_2=0.1)
    assert codes(said, PAPER_GATES, "feasible") == []


def test_a_fair_judge_that_sees_what_was_put_in_accepts():
    assert codes(answers(**FAIR)) == []
    assert codes(answers(**FAIR), feasibility="infeasible") == []  # feasibility is measured, not gated


@pytest.mark.parametrize("key", ["present_1", "present_2"])
def test_each_question_on_presence_has_its_gate(key):
    assert codes(answers(**FAIR | {key: 0.49, key + TWIN: 0.51})) == ["present"]
    assert codes(answers(**FAIR | {key: 0.5, key + TWIN: 0.5})) == []
    assert codes(answers(**FAIR | {key: math.nan})) != []


def test_a_gate_that_is_off_asks_nothing():
    off = AnswerGates(min_present_1=None, min_present_2=None, max_yes_bias=None)
    assert codes({}, off) == []


@pytest.mark.parametrize("lost", [Answer(None, None, "refused"), Answer(0.99, 0.1)])
def test_an_unknown_answer_fails_its_gate(lost):
    found = answers(**FAIR) | {"present_2": lost}
    assert codes(found) == ["present_unknown"]
    assert "present_2" not in usable(found, 0.5)
    (reason,) = answer_failures(found, AnswerGates(), feasibility="feasible", min_mass=0.5)
    assert "refused" in reason or "probability 0.1 together, below 0.5" in reason


def test_a_smaller_least_mass_makes_an_answer_known():
    assert codes(answers(**FAIR) | {"present_2": Answer(0.99, 0.1)}, min_mass=0.05) == []


def test_agreement_with_the_arm_can_be_asked_for():
    gates = AnswerGates(feasibility_agrees=ArmAgreement(feasible=0.65, infeasible=0.65))
    assert codes(answers(**FAIR), gates, "feasible") == ["feasibility"]  # feasible_2 is 0.6
    assert codes(answers(**FAIR), gates, "infeasible") == ["feasibility", "feasibility"]
    assert codes(answers(**FAIR) | {"feasible_1": Answer(None)}, gates, "infeasible")[0] == "feasibility_unknown"


def test_a_judge_that_says_yes_to_everything_accepts_nothing():
    assert codes(answers(**dict.fromkeys(EVERY, 0.97))) == ["yes_bias", "yes_bias"]
    assert codes(answers(**dict.fromkeys(ON_PICTURE, 0.97))) == ["yes_bias"]
    unknown = {key: Answer(None) if TWIN in key else Answer(0.9, 1.0) for key in EVERY}
    assert codes(unknown) == ["yes_bias_unknown", "yes_bias_unknown"]


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (Resegmented(0.9, 1.0, 1, "ok", ""), []),
        (Resegmented(0.6, 1.0, 1, "ok", ""), ["outline"]),
        (Resegmented(0.76, 1.3, 1, "ok", ""), ["outline_grown"]),
        (Resegmented(0.76, 0.7, 1, "ok", ""), ["outline_cut"]),
        (Resegmented(0.9, 1.0, 2, "ok", ""), ["outline_objects"]),
        (Resegmented(0.9, 1.0, None, "ok", ""), []),
        (Resegmented(0.0, 0.0, 0, "mask_not_found", "no box"), ["outline", "outline_cut"]),
        (Resegmented(None, None, None, "mask_failed", "it broke"), ["outline_missing"]),
        (Resegmented(math.nan, math.nan, 1, "ok", ""), ["outline", "outline_cut", "outline_grown"]),
        (None, ["outline_missing"]),
    ],
)
def test_gates_on_the_outline(look, expected):
    check = SilhouetteCheck(segmenter="grabcut")
    assert [reason.partition(":")[0] for reason in outline_failures(look, check)] == expected


def test_the_preset_brings_its_gates_unless_others_are_given():
    def gates(**verdicts):
        return parse_config({"verdicts": verdicts}).verdicts.answer_gates

    assert gates() == AnswerGates()
    assert gates(questions={"preset": "paper"}) == PAPER_GATES
    assert gates(questions={"preset": "paper"}, answers={"min_score": 0.75}).min_score == 0.75
