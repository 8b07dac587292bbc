import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from varireal.statistics.crossed import Crossed, crossed


def table(rng, seeds, pictures):
    return rng.normal(0, 0.3, pictures) + rng.normal(0, 0.1, (seeds, 1)) + rng.normal(0, 0.2, (seeds, pictures))


def with_imagined(values):
    return np.concatenate([values, np.tile([-1.0, -1, 1, 1], (values.shape[0], 1))], axis=1)


def test_parts_are_those_of_the_two_way_analysis_of_variance():
    values = table(np.random.default_rng(0), 4, 30)
    whole = with_imagined(values)
    # By sums of squares, the textbook's way: total, rows, columns, and what is left.
    correction = whole.sum() ** 2 / whole.size
    of_seeds = (whole.sum(axis=1) ** 2).sum() / 34 - correction
    of_pictures = (whole.sum(axis=0) ** 2).sum() / 4 - correction
    rest = ((whole**2).sum() - correction - of_seeds - of_pictures) / (33 * 3)
    found = crossed(values, -1, 1)
    assert found.v_rest == pytest.approx(rest)
    assert found.v_picture == pytest.approx((of_pictures / 33 - rest) / 4)
    assert found.v_seed == pytest.approx((of_seeds / 3 - rest) / 34)
    assert found.seed_square == pytest.approx(of_seeds / 3 / (34 * 4))
    variance = found.v_picture / 34 + found.v_seed / 4 + found.v_rest / (34 * 4)
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.centre == pytest.approx(values.sum() / (34 * 4))


def test_one_seed_is_the_t_test_of_the_pictures_and_the_imagined_ones():
    values = np.random.default_rng(1).choice([-1.0, 0, 1], (1, 60), p=[0.1, 0.7, 0.2])
    found = crossed(values, -1, 1)
    reference = DescrStatsW(with_imagined(values)[0])
    assert found.two_sided(0.02) == pytest.approx(reference.ttest_mean(0.02)[1])
    assert found.above(0.02) == pytest.approx(reference.ttest_mean(0.02, "larger")[1])
    assert found.below(0.02) == pytest.approx(reference.ttest_mean(0.02, "smaller")[1])
    low, high = reference.tconfint_mean(0.1)
    assert found.half_width(0.1) == pytest.approx((high - low) / 2)


def test_seeds_alone_are_the_t_test_of_the_seeds():
    by_seed = np.array([0.01, 0.05, 0.03])
    found = Crossed(by_seed.mean(), 10**9, 3, 0.0, by_seed.var(ddof=1), 0.0, by_seed.var(ddof=1) / 3)
    assert found.degrees == pytest.approx(2)
    assert found.two_sided(0) == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue)


def test_critical_is_the_larger_of_satterthwaite_and_cochran():
    mixed = Crossed(0.0, 1000, 3, 0.3, 0.0001, 0.0, 0.0001 / 3)
    share = (0.0001 / 3) / (0.0003 + 0.0001 / 3)
    cochran = share * stats.t.isf(0.025, 2) + (1 - share) * stats.t.isf(0.025, 999)
    assert mixed.critical(0.05) == pytest.approx(cochran)
    rest = Crossed(0.0, 1000, 3, 0.0, 0.0, 0.3, 0.0001)
    assert rest.degrees == pytest.approx(1 / (1 / 999 + 1 / 2))
    assert rest.critical(0.05) == pytest.approx(stats.t.isf(0.025, rest.degrees))


def test_p_values_belong_to_the_interval():
    found = crossed(table(np.random.default_rng(2), 3, 50), -1, 1)
    for alpha in (0.3, 0.05, 0.001):
        end = found.centre + found.half_width(alpha)
        assert found.two_sided(end) == pytest.approx(alpha, rel=1e-6)
        assert found.below(end) == pytest.approx(alpha / 2, rel=1e-6)
        assert found.above(end) == pytest.approx(1 - alpha / 2, rel=1e-6)
    assert found.two_sided(found.centre) == 1.0


def test_far_values_have_a_tiny_p_value_and_no_error():
    found = crossed(np.zeros((3, 100_000)), -1, 1)
    assert 0 < found.two_sided(1.0) <= 1e-99


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("pictures", [1, 2, 64, 10_000])
def test_no_difference_at_all_leaves_more_open_than_the_exact_bound(seeds, pictures):
    found = crossed(np.zeros((seeds, pictures)), -1, 1)
    exact = 1 - 0.025 ** (1 / pictures)  # upper bound of the share of pictures that differ when none does
    assert exact * 0.98 < found.half_width(0.05) < 2.0 * exact


def test_resized_expects_the_same_at_the_same_size():
    found = crossed(table(np.random.default_rng(3), 3, 50), -1, 1)
    same = found.resized(50, 3)
    assert same.standard_error == pytest.approx(found.standard_error)
    assert same.degrees == pytest.approx(found.degrees)
    assert found.resized(50, 12).from_seeds == pytest.approx(found.from_seeds / 4)
    assert found.resized(104, 3).from_pictures == pytest.approx(found.from_pictures / 2)
