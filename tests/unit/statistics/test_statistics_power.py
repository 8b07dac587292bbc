import numpy as np
import pytest
from scipy import stats
from simulated_runs import COMPARISON, World
from statsmodels.stats.power import TTestPower

from varireal.statistics.crossed import Crossed
from varireal.statistics.paired import LIMIT, difference, first, power, smallest_difference
from varireal.statistics.records import StatisticsSettings

SETTINGS = StatisticsSettings(margin=0.01)


def of_pictures(variance, pictures):
    return Crossed(0.0, pictures, 1, variance, 0.0, 0.0, 0.0)


def test_one_seed_agrees_with_statsmodels():
    for pictures in (10, 100, 10_000):
        effect = TTestPower().solve_power(nobs=pictures, alpha=0.05, power=0.8)
        assert smallest_difference(of_pictures(0.04, pictures), 0.05) == pytest.approx(effect * 0.2, rel=0.01)


def test_few_degrees_agree_with_noncentral_t():
    seeds = Crossed(0.0, 10**9, 3, 0.0, 0.0003, 0.0, 0.0001)
    smallest = smallest_difference(seeds, 0.05)
    assert stats.nct.sf(stats.t.isf(0.025, 2), 2, smallest / 0.01) == pytest.approx(0.8, abs=0.005)


def test_a_difference_above_one_cannot_be_found():
    assert smallest_difference(of_pictures(1.0, 4), 0.05) is None


@pytest.mark.parametrize(("seeds", "pictures"), [(1, 1000), (5, 200), (5, 1000)])
def test_the_smallest_difference_is_found_four_times_in_five(seeds, pictures):
    world, rng = World(seed=0.1 if seeds > 1 else 0.0), np.random.default_rng(seeds + pictures)
    stated = [difference(*world.run(rng, seeds, pictures), COMPARISON, SETTINGS).power.smallest for _ in range(150)]
    there = world.apart(float(np.median(stated)))
    found = sum(difference(*there.run(rng, seeds, pictures), COMPARISON, SETTINGS).p < 0.05 for _ in range(250))
    assert found / 250 == pytest.approx(0.8, abs=0.08)


def test_the_numbers_needed_are_the_first_that_reach_the_margin():
    estimate = Crossed(0.0, 2004, 3, 0.02, 0.0002, 0.05, 0.00008)
    found = power(estimate, SETTINGS)
    assert estimate.half_width(0.05) > 0.01
    for needed, resized in (
        (found.seeds_needed, lambda number: estimate.resized(2000, number)),
        (found.images_needed, lambda number: estimate.resized(number, 3)),
    ):
        if needed is not None:
            assert resized(needed).half_width(0.05) <= 0.01 < resized(needed - 1).half_width(0.05)
    assert found.seeds_needed is not None
    assert found.images_needed is None  # three seeds alone leave t(2) sqrt(.0002 / 3) = 3.5 points


def test_pictures_needed_by_hand_for_one_seed():
    found = power(of_pictures(0.1, 1004), SETTINGS)
    assert found.seeds_needed is None  # nothing is known of seeds
    assert found.images_needed == pytest.approx(0.1 * 1.96**2 / 0.01**2, rel=0.002)


def test_seeds_cannot_make_up_for_pictures():
    found = power(Crossed(0.0, 104, 3, 0.04, 0.0, 0.01, 0.00003), SETTINGS)
    assert found.seeds_needed is None
    assert found.images_needed > 1000


def test_what_is_there_is_enough_when_the_margin_is_reached():
    found = power(of_pictures(0.01, 10_004), SETTINGS)
    assert found.images_needed == 10_000
    assert found.seeds_needed == 1


def test_absurd_numbers_count_as_never():
    assert power(of_pictures(0.1, 1004), StatisticsSettings(margin=0.0001)).images_needed is None
    assert first(lambda number: number >= LIMIT, 5) == LIMIT
    assert first(lambda number: number > LIMIT, 5) is None
    assert first(lambda number: number >= 6, 5) == 6
    assert first(lambda _: True, LIMIT) is None
