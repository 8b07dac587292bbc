"""The difference of two regimes on the same pictures and seeds: interval, tests of difference and of equivalence."""

import numpy as np

from varireal.arrays import Array
from varireal.statistics.crossed import Crossed, crossed
from varireal.statistics.family import finding
from varireal.statistics.inputs import check_pair, paired_correct
from varireal.statistics.power import power
from varireal.statistics.records import (
    Comparison,
    DifferenceRow,
    Interval,
    StatisticsSettings,
    TestSetResult,
)


def difference(
    a: TestSetResult, b: TestSetResult, comparison: Comparison, settings: StatisticsSettings
) -> DifferenceRow:
    """Return the accuracy of ``a`` less that of ``b``, paired by picture and seed.

    Interval and tests count pictures and seeds as samples (``varireal.statistics.crossed``). With one pair of seeds
    they count pictures only: they then speak of these two trained models, not of the regimes.

    Args:
        a: result of the first regime.
        b: result of the regime that is subtracted.
        comparison: names of the row.
        settings: level and margin.

    Returns:
        The row, not yet corrected for its family: the corrected p values equal the plain ones until
        ``family.settle`` has seen all the rows.

    Raises:
        DataError: the results are not of the same pictures, share no seed, or do not fit themselves.
    """
    check_pair(a, b)
    right_a, right_b = paired_correct(a, b)
    values = right_a.astype(np.int8) - right_b.astype(np.int8)
    estimate = crossed(values, -1.0, 1.0)
    interval = difference_interval(float(values.mean()), estimate, 1 - settings.level)
    p, tost_p = estimate.two_sided(0.0), equivalence_p(estimate, settings.margin)
    return DifferenceRow(
        name=comparison.name,
        family=comparison.family,
        a=a.regime,
        b=b.regime,
        test_set=a.test_set,
        images=values.shape[1],
        seeds=values.shape[0],
        difference=interval,
        mcnemar_p=mcnemar_p(majority(right_a), majority(right_b)),
        p=p,
        p_holm=p,
        margin=settings.margin,
        tost_p=tost_p,
        tost_p_holm=tost_p,
        finding=finding(interval, p, tost_p, settings),
        power=power(estimate, settings),
    )


def difference_interval(value: float, estimate: Crossed, alpha: float) -> Interval:
    """Return the exact difference with the interval around the estimate's centre, which few pictures pull to zero."""
    half = estimate.half_width(alpha)
    low, high = estimate.centre - half, estimate.centre + half
    return Interval(value=value, low=max(-1.0, min(value, low)), high=min(1.0, max(value, high)))


def equivalence_p(estimate: Crossed, margin: float) -> float:
    """Return the p value of two one-sided tests (Schuirmann 1987) that the difference is within the margin."""
    return max(estimate.above(-margin), estimate.below(margin))


def majority(correct: Array) -> Array:
    """Return (N,) bool, whether more than half of the seeds are right; a tie of an even number counts as wrong."""
    more: Array = 2 * correct.sum(axis=0) > correct.shape[0]
    return more


def mcnemar_p(a: Array, b: Array) -> float | None:
    """Return the exact McNemar p value of two (N,) bool arrays; None when they agree everywhere."""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return None
    # it loads pandas, which takes seconds: only where two classifiers differ
    from statsmodels.stats.contingency_tables import mcnemar

    table = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
    return float(mcnemar(table, exact=True).pvalue)
