"""Holm's correction over the comparisons of a family, and what the corrected p values allow to say."""

from collections.abc import Sequence
from dataclasses import replace

from varireal.statistics.records import DifferenceRow, Finding, Interval, StatisticsSettings


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
            what = finding(rows[place].difference, p, tost_p, settings)
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
