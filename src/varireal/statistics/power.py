"""What a comparison could have seen, and what it would take to reach the margin."""

from collections.abc import Callable

import numpy as np
import scipy

from varireal.statistics.crossed import IMAGINED, Crossed
from varireal.statistics.records import Power, StatisticsSettings

POWER = 0.8
QUANTILES = 400
LIMIT = 10_000_000  # more seeds or pictures than that count as never


def power(estimate: Crossed, settings: StatisticsSettings) -> Power:
    """Return what the comparison could have seen, whatever difference it did see.

    Args:
        estimate: the comparison's error and its parts; its centre is not used.
        settings: level and margin.
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
    return Power(smallest_difference(estimate, alpha), seeds_needed, images_needed)


def smallest_difference(estimate: Crossed, alpha: float) -> float | None:
    """Return the smallest true difference that the two-sided test finds with 80 % power; None when above 1.

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
    return smallest if smallest <= 1 else None


def first(reached: Callable[[int], bool], present: int) -> int | None:
    """Return the smallest number above ``present`` where ``reached`` turns true; None above ``LIMIT``."""
    low, high = present, LIMIT
    if high <= low or not reached(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
