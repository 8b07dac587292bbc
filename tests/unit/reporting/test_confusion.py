import numpy as np
import pytest

from unit.reporting.study_results import difference, study
from varireal.reporting.confusions import (
    Miss,
    accuracies,
    confused_pairs,
    counts,
    hardest,
    matrix_of,
    misses,
    telling_regime,
)
from varireal.statistics.records import TestSetResult


@pytest.fixture
def result():
    """Class 0 is always right, 1 is taken for 2 by two of three seeds, 2 once for 0; class 3 has no picture."""
    labels = np.array([0, 1, 1, 2])
    top1 = np.array([[0, 2, 1, 2], [0, 2, 1, 0], [0, 1, 2, 2]])
    return TestSetResult("r", "test", ("a", "b", "c", "d"), labels, top1, top1 == labels, (0, 1, 2))


def test_counts_and_what_follows_from_them(result):
    table = counts(result, 4)
    assert table.tolist() == [[3, 0, 0, 0], [0, 3, 3, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    assert accuracies(table)[:3].tolist() == [1, 0.5, 2 / 3]
    assert np.isnan(accuracies(table)[3])
    assert hardest(table, 5) == [1, 2]
    assert confused_pairs(table, 5) == [(1, 2, 3), (2, 0, 1)]


def test_only_what_more_than_half_of_the_seeds_got_wrong_is_a_miss(result):
    assert misses(result, 1) == [Miss("b", 2, 2, 3)]
    assert misses(result, 2) == []


def test_a_small_matrix_is_whole(result):
    shown, shares, whole = matrix_of(counts(result, 4))
    assert (shown, whole) == ([0, 1, 2], True)
    assert shares.sum(axis=1) == pytest.approx([1, 1, 1])
    assert shares[:, -1].tolist() == [0, 0, 0]


def test_a_large_matrix_holds_the_hardest_and_the_rest_as_one_column():
    results = study(classes=40)
    table = counts(results.predictions["color-feasible", "test"], 40)
    shown, shares, whole = matrix_of(table)
    assert not whole
    assert len(shown) == 20
    assert shown[0] == hardest(table, 1)[0]
    assert shares.shape == (20, 21)
    assert shares.sum(axis=1) == pytest.approx(np.ones(20))


def test_the_telling_regime_is_the_worst_of_the_question():
    results = study()
    accuracy = {
        regime: float(one.correct.mean()) for (regime, name), one in results.predictions.items() if name == "test"
    }
    arms = ("color-feasible", "color-infeasible")
    assert telling_regime(results, "test") == min(arms, key=accuracy.get)
    trained = study(differences=())
    assert telling_regime(trained, "test") == min(accuracy.keys() - {"zero-shot"}, key=accuracy.get)
    assert telling_regime(study(regimes=("zero-shot",), differences=()), "test") == "zero-shot"
    assert telling_regime(results, "test_elsewhere") is None


def test_the_plain_test_set_comes_first():
    assert study(test_sets=("test_b", "test", "test_a"), differences=(difference(test_set="test_c"),)).test_sets == [
        "test",
        "test_b",
        "test_a",
        "test_c",
    ]
