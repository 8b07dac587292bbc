"""The difference of two regimes on the same pictures and seeds: interval, tests of difference and of equivalence."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import scipy

from varireal.errors import DataError
from varireal.records import Array, PredictionMeasure
from varireal.statistics.crossed import IMAGINED, Crossed, crossed
from varireal.statistics.prediction_measures import TOP1, values
from varireal.statistics.records import (
    Comparison,
    DifferenceRow,
    Finding,
    Interval,
    Power,
    StatisticsSettings,
    TestSetResult,
)


def check_result(result: TestSetResult) -> None:
    """Refuse a result whose parts do not fit one another.

    Raises:
        DataError: there is no picture or no seed, shapes differ, or ids or seeds are not ascending and unique.
    """
    where = f"The predictions of {result.regime} on {result.test_set}"
    shape = (len(result.seeds), len(result.image_ids))
    if 0 in shape:
        raise DataError(f"{where} hold {shape[0]} seeds and {shape[1]} pictures: at least one of each is needed.")
    if result.labels.shape != shape[1:] or result.top1.shape != shape or result.in_top5.shape != shape:
        shapes = f"labels {result.labels.shape}, top1 {result.top1.shape}, in_top5 {result.in_top5.shape}"
        raise DataError(f"{where} do not fit {shape[0]} seeds and {shape[1]} pictures: {shapes}.")
    if list(result.image_ids) != sorted(set(result.image_ids)) or list(result.seeds) != sorted(set(result.seeds)):
        raise DataError(f"{where} must have ids and seeds that are ascending and appear once.")


def check_pair(a: TestSetResult, b: TestSetResult) -> None:
    """Refuse two results that are not of the same pictures.

    Raises:
        DataError: test sets, pictures or labels differ, or a result does not fit itself (``check_result``).
    """
    check_result(a)
    check_result(b)
    where = f"{a.regime} on {a.test_set} and {b.regime} on {b.test_set} cannot be paired"
    if a.test_set != b.test_set:
        raise DataError(f"{where}: these are two test sets.")
    if a.image_ids != b.image_ids:
        odd = sorted(set(a.image_ids) ^ set(b.image_ids))
        raise DataError(f"{where}: {len(odd)} pictures are in one only, such as {odd[0]}.")
    if not np.array_equal(a.labels, b.labels):
        first = a.image_ids[int(np.argmax(a.labels != b.labels))]
        raise DataError(f"{where}: their labels differ, such as for {first}.")


def paired(a: TestSetResult, b: TestSetResult, measure: PredictionMeasure = TOP1) -> tuple[Array, Array]:
    """Return both sides' (S, N) values of a measure for the seeds they share; of top-1, whether they are right.

    A side with one seed (zero-shot, which no seed changes) meets every seed of the other.

    Raises:
        BackendError: the measure cannot be taken.
        DataError: both have several seeds and none in common.
    """
    of_a, of_b = values(measure, a), values(measure, b)
    if len(a.seeds) == 1 or len(b.seeds) == 1:
        shape = (max(len(a.seeds), len(b.seeds)), len(a.image_ids))
        return np.broadcast_to(of_a, shape), np.broadcast_to(of_b, shape)
    common = sorted(set(a.seeds) & set(b.seeds))
    if not common:
        raise DataError(
            f"{a.regime} (seeds {list(a.seeds)}) and {b.regime} (seeds {list(b.seeds)}) on {a.test_set} "
            "share no seed: train both with the same seeds."
        )
    return of_a[np.isin(a.seeds, common)], of_b[np.isin(b.seeds, common)]


def settle(rows: Sequence[DifferenceRow], settings: StatisticsSettings) -> tuple[DifferenceRow, ...]:
    """Return the rows with Holm's corrections (1979, Scandinavian Journal of Statistics 6:65) and their findings.

    All rows of the same family name are corrected together, whatever their test set: the reader sees them all. Tests
    of difference and of equivalence are corrected apart, for each is a question of its own.

    Args:
        rows: comparisons in any order, which is kept.
        settings: level.
    """
    settled = list(rows)
    for family in dict.fromkeys(row.family for row in rows):
        places = [place for place, row in enumerate(rows) if row.family == family]
        p_holm = holm([rows[place].p for place in places])
        tost_p_holm = holm([rows[place].tost_p for place in places])
        for place, p, tost_p in zip(places, p_holm, tost_p_holm, strict=True):
            what = finding(rows[place].difference, p, tost_p, replace(settings, margin=rows[place].margin))
            settled[place] = replace(rows[place], p_holm=p, tost_p_holm=tost_p, finding=what)
    return tuple(settled)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's corrected p values in the given order."""
    # it loads pandas, which takes seconds: only where there are comparisons
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]


def finding(interval: Interval, p: float, tost_p: float, settings: StatisticsSettings) -> Finding:
    """Return what corrected p values allow to say.

    A difference may be real and yet within the margin. Then "equivalent" is said only if the whole interval is within
    the margin, which asks more than the test of equivalence; otherwise the direction is said.

    Args:
        interval: the difference with its interval.
        p: p value of "no difference".
        tost_p: p value of "the margin or more apart".
        settings: level and margin.
    """
    alpha = 1 - settings.level
    differs, equivalent = p < alpha, tost_p < alpha
    within = -settings.margin < interval.low and interval.high < settings.margin
    if equivalent and (within or not differs):
        return Finding.EQUIVALENT
    if differs:
        return Finding.HIGHER if interval.value > 0 else Finding.LOWER
    return Finding.UNDECIDED


POWER = 0.8
QUANTILES = 400
LIMIT = 10_000_000  # more seeds or pictures than that count as never


def power(estimate: Crossed, settings: StatisticsSettings, largest: float = 1.0) -> Power:
    """Return what the comparison could have seen, whatever difference it did see.

    Args:
        estimate: the comparison's error and its parts; its centre is not used.
        settings: level and margin.
        largest: the largest difference that there can be.
    """
    alpha = 1 - settings.level
    pictures = estimate.pictures - 2 * IMAGINED

    def reached(expected: Crossed) -> bool:
        return expected.half_width(alpha) <= settings.margin

    seeds_needed = images_needed = None
    if reached(estimate):
        seeds_needed, images_needed = estimate.seeds, pictures
    else:
        images_needed = first(lambda number: reached(estimate.resized(number, estimate.seeds)), pictures)
        if estimate.seeds > 1:  # one seed says nothing of how much seeds vary
            seeds_needed = first(lambda number: reached(estimate.resized(pictures, number)), estimate.seeds)
    return Power(smallest_difference(estimate, alpha, largest), seeds_needed, images_needed)


def smallest_difference(estimate: Crossed, alpha: float, largest: float = 1.0) -> float | None:
    """Return the smallest true difference that the two-sided test finds with 80 % power; None when above ``largest``.

    The statistic is taken as non-central t with the estimate's degrees of freedom (Cohen 1988, *Statistical Power
    Analysis*, ch. 2). It is the power of a single test: Holm's correction asks for more. With three seeds the
    error itself is so poorly known that the typical value stated is found 67 % of the time only (simulated); from five
    seeds on, 80 %.
    """
    critical = estimate.critical(alpha)
    # The error that a run estimates, over the true one. By its quantiles, for scipy's nct gives NaN at some values.
    ranks = (np.arange(QUANTILES) + 0.5) / QUANTILES
    limits = critical * np.sqrt(scipy.stats.chi2.ppf(ranks, estimate.degrees) / estimate.degrees)

    def lacking(shift: float) -> float:
        return float(np.mean(scipy.stats.norm.sf(limits - shift) + scipy.stats.norm.cdf(-limits - shift))) - POWER

    # At the largest limit half of the runs find it even where the error is largest; one more is far above 80 %.
    smallest = float(scipy.optimize.brentq(lacking, 0.0, float(limits[-1]) + 1.0)) * estimate.standard_error
    return smallest if smallest <= largest else None


def first(reached: Callable[[int], bool], present: int) -> int | None:
    """Return the smallest number above ``present`` where ``reached`` turns true; None above ``LIMIT``."""
    low, high = present, LIMIT
    if high <= low or not reached(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def difference(
    a: TestSetResult,
    b: TestSetResult,
    comparison: Comparison,
    settings: StatisticsSettings,
    measure: PredictionMeasure = TOP1,
) -> DifferenceRow:
    """Return the accuracy of ``a``, or another measure, less that of ``b``, paired by picture and seed.

    Interval and tests count pictures and seeds as samples (``varireal.statistics.crossed``). With one pair of seeds
    they count pictures only: they then speak of these two trained models, not of the regimes.

    Args:
        a: result of the first regime.
        b: result of the regime that is subtracted.
        comparison: names of the row.
        settings: level and margin.
        measure: what is compared.

    Returns:
        The row, not yet corrected for its family: the corrected p values equal the plain ones until
        ``settle`` has seen all the rows.

    Raises:
        BackendError: the measure cannot be taken.
        DataError: the results are not of the same pictures, share no seed, or do not fit themselves.
    """
    check_pair(a, b)
    of_a, of_b = paired(a, b, measure)
    apart = of_a.astype(np.float64) - of_b.astype(np.float64)
    largest = measure.scale[1] - measure.scale[0]
    estimate = crossed(apart, -largest, largest)
    interval = difference_interval(float(apart.mean()), estimate, 1 - settings.level, largest)
    p, tost_p = estimate.two_sided(0.0), equivalence_p(estimate, settings.margin)
    return DifferenceRow(
        name=comparison.name,
        family=comparison.family,
        a=a.regime,
        b=b.regime,
        test_set=a.test_set,
        images=apart.shape[1],
        seeds=apart.shape[0],
        difference=interval,
        mcnemar_p=mcnemar_p(majority(of_a), majority(of_b)) if of_a.dtype == of_b.dtype == bool else None,
        p=p,
        p_holm=p,
        margin=settings.margin,
        tost_p=tost_p,
        tost_p_holm=tost_p,
        finding=finding(interval, p, tost_p, settings),
        power=power(estimate, settings, largest),
    )


def difference_interval(value: float, estimate: Crossed, alpha: float, largest: float = 1.0) -> Interval:
    """Return the exact difference with the interval around the estimate's centre, which few pictures pull to zero."""
    half = estimate.half_width(alpha)
    low, high = estimate.centre - half, estimate.centre + half
    return Interval(value=value, low=max(-largest, min(value, low)), high=min(largest, max(value, high)))


def equivalence_p(estimate: Crossed, margin: float) -> float:
    """Return the p value of two one-sided tests (Schuirmann 1987) that the difference is within the margin."""
    return max(estimate.above(-margin), estimate.below(margin))


def majority(correct: Array) -> Array:
    """Return (N,) bool, whether more than half of the seeds are right; a tie of an even number counts as wrong."""
    return np.asarray(2 * correct.sum(axis=0) > correct.shape[0])


def mcnemar_p(a: Array, b: Array) -> float | None:
    """Return the exact McNemar p value of two (N,) bool arrays; None when they agree everywhere."""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return None
    # it loads pandas, which takes seconds: only where two classifiers differ
    from statsmodels.stats.contingency_tables import mcnemar

    table = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
    return float(mcnemar(table, exact=True).pvalue)
