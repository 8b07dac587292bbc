from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from simulated_runs import COMPARISON, World, result
from statsmodels.stats.weightstats import ttost_paired

from varireal.errors import DataError
from varireal.statistics.paired import difference, majority
from varireal.statistics.records import Finding, StatisticsSettings

SETTINGS = StatisticsSettings()
RUNS = 350


def compare(a, b, settings=SETTINGS):
    return difference(a, b, COMPARISON, settings)


def test_one_seed_agrees_with_statsmodels_and_scipy():
    a, b = World(seed=0).run(np.random.default_rng(0), 1, 4000)
    row = compare(a, b, StatisticsSettings(margin=0.02))
    # The imagined pictures: two that only a gets right, two that only b does.
    of_a = np.append(a.correct[0], [1, 1, 0, 0]).astype(float)
    of_b = np.append(b.correct[0], [0, 0, 1, 1]).astype(float)
    assert row.tost_p == pytest.approx(ttost_paired(of_a, of_b, -0.02, 0.02)[0])
    assert row.p == pytest.approx(stats.ttest_rel(of_a, of_b).pvalue)
    plain = stats.ttest_rel(a.correct[0].astype(float), b.correct[0].astype(float)).confidence_interval()
    assert (row.difference.low, row.difference.high) == pytest.approx((plain.low, plain.high), abs=2e-4)
    assert row.difference.value == pytest.approx(a.correct.mean() - b.correct.mean())


def test_mcnemar_is_exact_on_the_majority():
    right_a = np.array([[1] * 12, [1] * 12, [0] * 12])
    right_b = np.array([[1] * 3 + [0] * 9, [1] * 4 + [0] * 8, [1] * 3 + [0] * 9])
    row = compare(result(right_a), result(right_b, "b"))
    assert row.mcnemar_p == pytest.approx(stats.binomtest(9, 9, 0.5).pvalue)
    mixed = compare(result([[1] * 7 + [0] * 3]), result([[0] * 7 + [1] * 2 + [0]], "b"))
    assert mixed.mcnemar_p == pytest.approx(stats.binomtest(2, 9, 0.5).pvalue)


def test_a_tie_of_seeds_is_no_majority():
    assert majority(np.array([[1, 1, 0], [1, 0, 0]], bool)).tolist() == [True, False, False]


def test_seeds_are_paired_by_their_value():
    rng = np.random.default_rng(1)
    right = rng.random((3, 50)) > 0.3
    a = result(right, seeds=(1, 2, 3))
    b = result(right[[2, 1]], "b", seeds=(2, 3))  # b's seed 2 is as a's 3
    row = compare(a, b)
    assert row.seeds == 2
    assert row.difference.value == pytest.approx(0)
    assert row == compare(result(right[[1, 2]], seeds=(2, 3)), b)
    with pytest.raises(DataError, match="share no seed"):
        compare(a, result(right[:2], "b", seeds=(8, 9)))


def test_zero_shot_meets_every_seed():
    rng = np.random.default_rng(2)
    right, zero = rng.random((3, 80)) > 0.2, rng.random((1, 80)) > 0.5
    row = compare(result(right, seeds=(4, 5, 6)), result(zero, "zero-shot", seeds=(0,)))
    repeated = compare(result(right, seeds=(4, 5, 6)), result(np.repeat(zero, 3, 0), "zero-shot", seeds=(4, 5, 6)))
    assert row.seeds == 3
    assert row == repeated
    back = compare(result(zero, "zero-shot", seeds=(0,)), result(right, seeds=(4, 5, 6)))
    assert back.difference.low == pytest.approx(-row.difference.high)


def test_other_pictures_are_refused():
    a, b = World().run(np.random.default_rng(3), 2, 5)
    with pytest.raises(DataError, match="2 pictures are in one only, such as 000004"):
        compare(a, replace(b, image_ids=(*b.image_ids[:4], "x")))
    with pytest.raises(DataError, match="labels differ, such as for 000002"):
        compare(a, replace(b, labels=np.array([0, 0, 1, 0, 0])))
    with pytest.raises(DataError, match="two test sets"):
        compare(a, replace(b, test_set="test_fog"))


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_same_predictions_are_equivalent_only_with_enough_pictures(seeds):
    findings = {}
    for pictures in (1, 2, 64, 800, 5000):
        right = np.tile(np.arange(pictures) % 3 > 0, (seeds, 1))
        row = compare(result(right), result(right, "b"))
        assert row.mcnemar_p is None
        assert row.p == 1.0
        assert row.difference.low < 0 < row.difference.high
        findings[pictures] = row.finding
    assert [size for size, found in findings.items() if found is Finding.EQUIVALENT] == [5000]


@pytest.mark.parametrize("pictures", [1, 2, 5])
def test_a_handful_of_pictures_proves_nothing(pictures):
    row = compare(result(np.ones((1, pictures))), result(np.zeros((1, pictures)), "b"))
    assert row.difference.value == 1.0
    assert row.difference.high == 1.0
    assert row.finding is Finding.UNDECIDED


def test_clear_differences_have_a_direction():
    a, b = World(mean=2, seed=0.02).run(np.random.default_rng(4), 5, 2000)
    c = World(mean=0, seed=0.02).run(np.random.default_rng(4), 5, 2000)[0]
    assert compare(a, c).finding is Finding.HIGHER
    assert compare(c, b).finding is Finding.LOWER


def test_swapping_the_sides_mirrors_everything():
    a, b = World(shift=0.2).run(np.random.default_rng(5), 3, 100)
    row, back = compare(a, b), compare(b, a)
    assert (back.p, back.tost_p, back.mcnemar_p) == pytest.approx((row.p, row.tost_p, row.mcnemar_p))
    assert (-back.difference.high, -back.difference.low) == pytest.approx((row.difference.low, row.difference.high))


@pytest.mark.parametrize(("seeds", "pictures"), [(3, 64), (3, 200), (5, 64), (5, 200)])
def test_the_interval_covers_the_true_difference(seeds, pictures):
    world, rng = World().apart(0.05), np.random.default_rng(100 + seeds * pictures)
    inside = 0
    for _ in range(RUNS):
        row = compare(*world.run(rng, seeds, pictures))
        inside += row.difference.low <= world.difference <= row.difference.high
    assert 0.92 <= inside / RUNS <= 0.985


@pytest.mark.parametrize(("seeds", "seed_effect"), [(3, 0.3), (3, 0.1), (5, 0.3), (5, 0.1)])
def test_a_difference_is_seldom_found_where_there_is_none(seeds, seed_effect):
    rng, world = np.random.default_rng(seeds), World(seed=seed_effect)
    found = sum(compare(*world.run(rng, seeds, 400)).p < 0.05 for _ in range(RUNS))
    assert 0.005 <= found / RUNS <= 0.07


@pytest.mark.parametrize(("seeds", "seed_effect"), [(1, 0.0), (3, 0.1), (5, 0.1)])
def test_equivalence_is_seldom_found_at_the_margin(seeds, seed_effect):
    settings = StatisticsSettings(margin=0.05)
    rng, world = np.random.default_rng(10 + seeds), World(seed=seed_effect)
    at_margin = world.apart(0.05)
    wrong = sum(compare(*at_margin.run(rng, seeds, 400), settings).tost_p < 0.05 for _ in range(RUNS))
    right = sum(compare(*world.run(rng, seeds, 400), settings).tost_p < 0.05 for _ in range(60))
    assert wrong / RUNS <= 0.07
    assert right / 60 > 0.15  # where it holds it is found far more often


def test_pictures_alone_would_find_differences_that_are_not_there():
    """What the seeds' variance is for: one seed's p value speaks of two models, not of two regimes."""
    rng, found = np.random.default_rng(6), 0
    for _ in range(100):
        a, b = World().run(rng, 1, 400)
        found += compare(a, b).p < 0.05
    assert found > 40
