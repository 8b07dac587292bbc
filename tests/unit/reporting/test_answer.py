import re

import pytest

from unit.reporting.study_results import MAIN, difference, study
from varireal.reporting.answer import answer_sentences
from varireal.statistics.records import Finding, Interval, Power

DENIALS = re.compile(
    r"no effect|no difference|not differ|does not matter|makes no|same (as|accuracy)|no evidence|insignificant", re.I
)
HIGHER, LOWER, EQUIVALENT, UNDECIDED = Finding.HIGHER, Finding.LOWER, Finding.EQUIVALENT, Finding.UNDECIDED


def answer(*rows):
    return answer_sentences(study(differences=rows))


def test_all_undecided_could_not_tell():
    first, _ = answer(difference(value=0.021, half=0.025), difference(value=-0.01, test_set="test_color"))
    assert first == (
        "This run could not tell whether feasibility matters: all 2 comparisons are undecided, neither a difference "
        "nor equivalence within 0.3 points could be shown (largest difference seen: +2.1 points [−0.4, 4.6], "
        "real+synthetic, color on test)."
    )


def test_one_undecided():
    first, _ = answer(difference(value=0.0))
    assert first == (
        "This run could not tell whether feasibility matters: the one comparison is undecided, neither a difference "
        "nor equivalence within 0.3 points could be shown (seen: 0.0 points [−2.0, 2.0], "
        "real+synthetic, color on test)."
    )


def test_all_equivalent():
    first, _ = answer(
        difference(EQUIVALENT, 0.001, half=0.001), difference(EQUIVALENT, -0.0005, half=0.001, test_set="test_color")
    )
    assert first == (
        "Feasible and infeasible are equivalent within 0.3 points in all 2 comparisons "
        "(largest difference seen: +0.1 points [0.0, 0.2], real+synthetic, color on test)."
    )


def test_one_higher_names_the_side_its_gap_and_its_place():
    first, _ = answer(difference(HIGHER, 0.031, half=0.019, test_set="test_background"))
    assert first == (
        "Feasible is higher than infeasible: 3.1 points [1.2, 5.0], real+synthetic, color on test (background)."
    )


def test_lower_turns_the_interval_with_the_sides():
    first, _ = answer(difference(LOWER, -0.031, difference=Interval(-0.031, -0.05, -0.012)))
    assert first == "Infeasible is higher than feasible: 3.1 points [1.2, 5.0], real+synthetic, color on test."


def test_mixed_findings_are_all_counted():
    first, _ = answer(
        difference(HIGHER, 0.031),
        difference(HIGHER, 0.05, test_set="test_color"),
        difference(LOWER, -0.04, test_set="test_texture"),
        difference(EQUIVALENT, 0.0, test_set="test_background"),
        difference(UNDECIDED, 0.09, half=0.2, test_set="test_all"),
    )
    assert first == (
        "Feasible is higher than infeasible in 2 of 5 comparisons (most by 5.0 points [3.0, 7.0], "
        "real+synthetic, color on test (color)); infeasible is higher than feasible in 1 of 5 comparisons "
        "(by 4.0 points [2.0, 6.0], real+synthetic, color on test (texture)); both are equivalent within 0.3 points "
        "in 1 of 5; 1 of 5 could not be told."
    )


def test_names_without_sides_are_told_apart_in_words():
    first, _ = answer(difference(HIGHER, 0.031, name="something"))
    assert first.startswith("The first is higher than the second: 3.1 points")


def test_other_families_do_not_answer_the_question():
    first, second = answer(difference(HIGHER, 0.2, family="other"))
    assert first == (
        "4 regimes ran, but none of the comparisons that ask whether feasibility matters, so this run cannot say."
    )
    assert "once both arms" in second


def test_no_regime():
    first, second = answer_sentences(study(regimes=(), differences=()))
    assert first == "No classifier was trained, so this run cannot say whether feasibility matters."
    assert "once classifiers were trained" in second


@pytest.mark.parametrize("others", [(), (HIGHER,), (EQUIVALENT,), (LOWER, EQUIVALENT, HIGHER)])
def test_an_undecided_comparison_is_never_denied(others):
    rows = [difference(UNDECIDED), *(difference(finding, test_set=finding.value) for finding in others)]
    for sentence in answer(*rows):
        assert not DENIALS.search(sentence)
    assert re.search("could not tell|could not be told", answer(*rows)[0])


def test_power_says_what_could_have_been_seen_and_what_is_needed():
    _, second = answer(difference(), difference(test_set="test_color", power=Power(0.05, 60, 20000)))
    assert second == (
        "At the 95 % level and before correction for several tests, this run would have found a true difference of "
        "3.1 to 5.0 points with 80 % power; intervals as narrow as the margin of 0.3 points would need 40 to 60 seeds "
        "in place of 3, or 9,000 to 20,000 test pictures in place of 90."
    )


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (Power(None, 40, 9000), "cannot be computed, or is above 100 points; "),
        (Power(0.1, None, 9000), "need 9,000 test pictures in place of 90; for no comparison are more seeds alone"),
        (Power(0.1, 40, None), "need 40 seeds in place of 3; for no comparison are more test pictures alone"),
        (Power(0.1, None, None), "neither more seeds alone nor more test pictures alone are known to reach"),
        (Power(0.001, 3, 90), "its intervals are already as narrow as the margin of 0.3 points."),
    ],
)
def test_power_that_is_known_in_part(power, said):
    assert said in answer(difference(power=power))[1]


def test_power_known_for_some_comparisons_says_for_how_many():
    _, second = answer(difference(), difference(test_set="b", power=Power(None, None, 100)))
    assert "3.1 points with 80 % power in the 1 of 2 comparisons where it is known" in second
    assert "40 seeds (in 1 of 2 comparisons) in place of 3, or 100 to 9,000 test pictures" in second


def test_the_family_of_the_question_is_the_one_that_is_named():
    assert study().main_family == MAIN
