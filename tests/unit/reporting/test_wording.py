import pytest

from unit.reporting.study_results import difference
from varireal.reporting import answer
from varireal.statistics.records import Finding, Interval


def test_accuracies_and_differences_are_written_alike_everywhere():
    assert answer.accuracy_text(Interval(0.714, 0.66, 0.765)) == "71.4 % [66.0, 76.5]"
    assert answer.difference_text(Interval(0.021, -0.004, 0.046)) == "+2.1 points [−0.4, 4.6]"
    assert answer.difference_text(Interval(-0.0004, -0.02, 0.0001)) == "0.0 points [−2.0, 0.0]"
    assert answer.margin_text(0.0025) == "0.25 points"
    assert answer.level_text(0.95) == "95 %"
    assert [answer.p_text(p) for p in (None, 0.0004, 0.0456, 1.0)] == ["–", "< 0.001", "0.046", "1.000"]


@pytest.mark.parametrize(
    ("names", "sides"),
    [
        (["real + synthetic · color: feasible − infeasible"], ("feasible", "infeasible")),
        (["a: feasible - infeasible", "b: feasible - infeasible"], ("feasible", "infeasible")),
        (["synthetic · color · feasible − real", "duplicated real − real"], ("the regime", "real")),
        (["real − zero-shot"], ("real", "zero-shot")),
        (["a − b", "c − d"], answer.UNNAMED),
        (["anything"], answer.UNNAMED),
    ],
)
def test_sides_are_named_as_in_the_comparisons(names, sides):
    assert answer.sides([difference(name=name) for name in names]) == sides


def test_an_open_finding_is_called_open():
    assert [answer.finding_text(finding, ("a", "b")) for finding in Finding] == [
        "a higher",
        "b higher",
        "equivalent",
        "could not tell",
    ]


def test_test_sets_are_named_by_their_shift():
    names = ["test", "test_background", "test_new_york", "val", "test_"]
    assert [answer.test_set_text(name) for name in names] == [
        "test",
        "test (background)",
        "test (new york)",
        "val",
        "test_",
    ]
