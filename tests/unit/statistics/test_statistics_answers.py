import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from simulated_runs import World

from varireal.errors import DataError
from varireal.statistics.accuracy import accuracy_row, answer
from varireal.statistics.paired import difference
from varireal.statistics.records import Comparison, StatisticsSettings

SETTINGS = StatisticsSettings(resamples=200)
WANTED = [Comparison("a - b", "x", "a", "b"), Comparison("b - c", "x", "b", "c"), Comparison("c - z", "y", "c", "z")]


@pytest.fixture
def results():
    rng, found = np.random.default_rng(0), {}
    for test_set in ("test", "test_fog"):
        for side in World(shift=0.5, seed=0.1).run(rng, 3, 100):
            found[side.regime, test_set] = replace(side, test_set=test_set)
    found["c", "test"] = replace(found["b", "test"], regime="c")
    return found


def test_every_result_and_every_possible_comparison_is_answered(results):
    found = answer(results, WANTED, SETTINGS)
    assert [(row.regime, row.test_set) for row in found.accuracies] == list(results)
    assert [(row.name, row.test_set) for row in found.differences] == [
        ("a - b", "test"),
        ("b - c", "test"),
        ("a - b", "test_fog"),
    ]
    assert found.accuracies[0] == accuracy_row(results["a", "test"], SETTINGS)
    assert found.settings == SETTINGS


def test_comparisons_are_corrected_over_their_family(results):
    found = answer(results, WANTED, SETTINGS).differences
    alone = [
        difference(results["a", "test"], results["b", "test"], WANTED[0], SETTINGS).p,
        difference(results["a", "test_fog"], results["b", "test_fog"], WANTED[0], SETTINGS).p,
    ]
    smaller, larger = sorted(alone)
    assert min(row.p_holm for row in found) == pytest.approx(3 * smaller)
    assert sorted(row.p_holm for row in found)[1] == pytest.approx(max(3 * smaller, 2 * larger))


def test_the_same_question_has_the_same_answer(results):
    assert answer(results, WANTED, SETTINGS) == answer(results, WANTED, SETTINGS)
    backwards = dict(reversed(results.items()))
    assert set(answer(backwards, [], SETTINGS).accuracies[0].by_seed) == set(
        answer(results, [], SETTINGS).accuracies[-1].by_seed
    )
    assert answer(backwards, [], SETTINGS).accuracies[::-1] == answer(results, [], SETTINGS).accuracies


def test_nothing_gives_nothing():
    assert answer({}, WANTED, SETTINGS).differences == ()


def test_other_pictures_are_refused_by_name(results):
    b = results["b", "test"]
    results["b", "test"] = replace(b, image_ids=(*b.image_ids[:-1], "x"))
    with pytest.raises(DataError, match="a on test and b on test cannot be paired"):
        answer(results, WANTED, SETTINGS)


def test_ten_thousand_pictures_of_which_all_differ_need_little_memory():
    sides = World(noise=3.0).run(np.random.default_rng(1), 30, 10_000)
    tracemalloc.start()
    try:
        found = answer({(side.regime, "test"): side for side in sides}, WANTED, StatisticsSettings())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.differences[0].images == 10_000
    assert peak < 80e6  # all 2000 resamples at once would be 160 MB of weights
