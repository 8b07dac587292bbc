"""The answer of a study in two sentences that follow from its numbers, and how numbers are written for people.

Accuracies are in percent and differences in points, always alike. What could not be told is said to
be open: an undecided comparison never becomes a claim that there is nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from varireal.records import PredictionMeasure
from varireal.reporting.study_results import StudyResults
from varireal.statistics.records import DifferenceRow, Finding, Interval

MINUS = "−"
"""The real minus sign: as wide as the plus, so that columns of differences stand straight."""


UNNAMED = ("the first", "the second")


class Unit(NamedTuple):
    """How numbers are written: times ``factor``, with so many digits after the point."""

    factor: float
    digits: int

    def text(self, value: float) -> str:
        """Return a number as people read it, without a unit."""
        return f"{self.factor * value:.{self.digits}f}"


POINTS = Unit(100.0, 1)
"""Fractions in percent, differences of them in points."""


def unit_of(measure: PredictionMeasure) -> Unit:
    """Return how numbers of a measure are written."""
    return POINTS if measure.percent else Unit(1.0, 3)


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as a number of percent, without the sign of percent."""
    return f"{100 * value:.{digits}f}"


def accuracy_text(interval: Interval) -> str:
    """Return an accuracy with its interval, such as ``71.4 % [66.0, 76.5]``."""
    return f"{percent(interval.value)} % {accuracy_range(interval)}"


def accuracy_range(interval: Interval, unit: Unit = POINTS) -> str:
    """Return the bounds of an accuracy or of another mean, such as ``[66.0, 76.5]``."""
    return f"[{unit.text(interval.low)}, {unit.text(interval.high)}]"


def signed(value: float, unit: Unit = POINTS) -> str:
    """Return a difference with its sign, a fraction in points; what rounds to nothing has none."""
    text = unit.text(abs(value))
    sign = "" if float(text) == 0 else "+" if value > 0 else MINUS
    return sign + text


def difference_range(interval: Interval, unit: Unit = POINTS) -> str:
    """Return the bounds of a difference, such as ``[−0.4, 4.6]``."""
    low, high = (signed(bound, unit).removeprefix("+") for bound in (interval.low, interval.high))
    return f"[{low}, {high}]"


def difference_text(interval: Interval) -> str:
    """Return a difference with its interval, such as ``+2.1 points [−0.4, 4.6]``."""
    return f"{signed(interval.value)} points {difference_range(interval)}"


def margin_text(margin: float) -> str:
    """Return a margin in points with as many digits as it has."""
    return f"{round(100 * margin, 4):g} points"


def level_text(level: float) -> str:
    """Return a confidence level, such as ``95 %``."""
    return f"{round(100 * level, 4):g} %"


def p_text(p: float | None) -> str:
    """Return a p value; a very small one only as a bound."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count_text(count: int | None) -> str:
    """Return a count with thousands apart; a dash when there is none."""
    return "–" if count is None else f"{count:,}"


def counted(count: int, word: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def sides(rows: Sequence[DifferenceRow]) -> tuple[str, str]:
    """Return what the two sides of some comparisons are called, such as ``feasible`` and ``infeasible``.

    They are the words around the minus at the end of the names. Where only what is subtracted is common to all names,
    the other side is called the regime.
    """
    pairs = {_around_minus(row.name.rpartition(": ")[2]) for row in rows}
    if len(pairs) == 1:
        return pairs.pop() or UNNAMED
    seconds = {pair[1] if pair else "" for pair in pairs}
    second = seconds.pop() if len(seconds) == 1 else ""
    return ("the regime", second) if second else UNNAMED


def _around_minus(text: str) -> tuple[str, str] | None:
    for minus in (" - ", f" {MINUS} ", " – "):
        first, _, second = text.rpartition(minus)
        if first.strip() and second.strip():
            return first.strip(), second.strip()
    return None


def subject(row: DifferenceRow) -> str:
    """Return what is compared, without the sides, such as ``real+synthetic, background``."""
    head, colon, _ = row.name.rpartition(": ")
    return head if colon else row.name


def finding_text(finding: Finding, names: tuple[str, str]) -> str:
    """Return a finding in a few words; an open one is called what it is.

    Args:
        finding: the finding.
        names: what the two sides are called.
    """
    return {
        Finding.HIGHER: f"{names[0]} higher",
        Finding.LOWER: f"{names[1]} higher",
        Finding.EQUIVALENT: "equivalent",
        Finding.UNDECIDED: "could not tell",
    }[finding]


def better(finding: Finding, measure: PredictionMeasure) -> int | None:
    """Return which side of a comparison a finding favours, 0 or 1; None when neither."""
    if finding not in (Finding.HIGHER, Finding.LOWER):
        return None
    return int((finding is Finding.HIGHER) != (measure.direction == "higher"))


def better_text(finding: Finding, names: tuple[str, str], measure: PredictionMeasure) -> str:
    """Return a finding on a measure in a few words, which say the better side and not the higher one."""
    side = better(finding, measure)
    return finding_text(finding, names) if side is None else f"{names[side]} better"


def test_set_text(test_set: str) -> str:
    """Return the name of a test set for people: ``test`` or ``test (background)``."""
    head, _, shift = test_set.partition("_")
    return f"test ({shift.replace('_', ' ')})" if head == "test" and shift else test_set


test_set_text.__test__ = False  # type: ignore[attr-defined]  # no test for pytest


def one_line(text: str) -> str:
    """Return text with every run of blanks and line ends as one blank."""
    return " ".join(text.split())


Rows = Sequence[DifferenceRow]


def answer_sentences(results: StudyResults) -> tuple[str, str]:
    """Return the finding on the main family of comparisons, and what this run could have seen."""
    rows = [row for row in results.answers.differences if row.family == results.main_family]
    if not results.regimes:
        return (
            "No classifier was trained, so this run cannot say whether feasibility matters.",
            "What a run could have seen can be said once classifiers were trained and tested.",
        )
    if not rows:
        return (
            f"{counted(len(results.regimes), 'regime')} ran, but none of the comparisons that ask whether "
            "feasibility matters, so this run cannot say.",
            "What a run could have seen can be said once both arms of a comparison were trained and tested.",
        )
    return _finding(rows), _power(rows, results.answers.settings.level)


def _finding(rows: Rows) -> str:
    by = {finding: [row for row in rows if row.finding is finding] for finding in Finding}
    if len(by[Finding.UNDECIDED]) == len(rows):
        return _undecided(rows)
    if len(by[Finding.EQUIVALENT]) == len(rows):
        return _equivalent(rows)
    return _mixed(rows, by)


def _undecided(rows: Rows) -> str:
    largest = _largest(rows)
    tests = "the one comparison is" if len(rows) == 1 else f"all {len(rows)} comparisons are"
    return (
        f"This run could not tell whether feasibility matters: {tests} undecided, neither a difference nor "
        f"equivalence within {_margins(rows)} could be shown ({_seen(rows)} {difference_text(largest.difference)}, "
        f"{_place(largest)})."
    )


def _equivalent(rows: Rows) -> str:
    first, second = sides(rows)
    largest = _largest(rows)
    where = _place(largest) if len(rows) == 1 else f"all {len(rows)} comparisons"
    return (
        f"{_capital(first)} and {second} are equivalent within {_margins(rows)} in {where} "
        f"({_seen(rows)} {difference_text(largest.difference)}"
        f"{'' if len(rows) == 1 else ', ' + _place(largest)})."
    )


def _mixed(rows: Rows, by: dict[Finding, list[DifferenceRow]]) -> str:
    first, second = sides(rows)
    parts = []
    for finding, name, other in ((Finding.HIGHER, first, second), (Finding.LOWER, second, first)):
        if not by[finding]:
            continue
        top = _largest(by[finding])
        if len(rows) == 1:
            parts.append(f"{name} is higher than {other}: {_gap(top)}, {_place(top)}")
            continue
        most = "" if len(by[finding]) == 1 else "most "
        count = f"{len(by[finding])} of {len(rows)} comparisons"
        parts.append(f"{name} is higher than {other} in {count} ({most}by {_gap(top)}, {_place(top)})")
    if by[Finding.EQUIVALENT]:
        equivalent = f"{len(by[Finding.EQUIVALENT])} of {len(rows)}"
        parts.append(f"both are equivalent within {_margins(by[Finding.EQUIVALENT])} in {equivalent}")
    if by[Finding.UNDECIDED]:
        parts.append(f"{len(by[Finding.UNDECIDED])} of {len(rows)} could not be told")
    return f"{_capital('; '.join(parts))}."


def _gap(row: DifferenceRow) -> str:
    """Return a difference as a gap: its size first, its sign is said by the words around it."""
    interval = row.difference
    low, high = (interval.low, interval.high) if interval.value >= 0 else (-interval.high, -interval.low)
    return f"{percent(abs(interval.value))} points [{_plain(low)}, {_plain(high)}]"


def _plain(value: float) -> str:
    text = percent(value)
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def _largest(rows: Rows) -> DifferenceRow:
    """Return the row with the largest difference; the first of several."""
    return max(rows, key=lambda row: abs(row.difference.value))


def _seen(rows: Rows) -> str:
    return "seen:" if len(rows) == 1 else "largest difference seen:"


def _place(row: DifferenceRow) -> str:
    return f"{subject(row)} on {test_set_text(row.test_set)}"


def _margins(rows: Rows) -> str:
    """Return the margin of the rows; the range where they differ."""
    margins = sorted({row.margin for row in rows})
    if len(margins) == 1:
        return margin_text(margins[0])
    return f"{margin_text(margins[0]).removesuffix(' points')} to {margin_text(margins[-1])}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _power(rows: Rows, level: float) -> str:
    known = sorted(row.power.smallest for row in rows if row.power.smallest is not None)
    if not known:
        can = "How small a difference this run could have seen cannot be computed, or is above 100 points"
    else:
        low, high = percent(known[0]), percent(known[-1])
        span = low if low == high else f"{low} to {high}"
        of = "" if len(known) == len(rows) else f" in the {len(known)} of {len(rows)} comparisons where it is known"
        can = (
            f"At the {level_text(level)} level and before correction for several tests, this run would have found a "
            f"true difference of {span} points with 80 % power{of}"
        )
    return f"{can}; {_needed(rows)}."


def _needed(rows: Rows) -> str:
    """Say what an answer as fine as the margin would need."""
    wide = [row for row in rows if not _narrow(row)]
    if not wide:
        return f"its intervals are already as narrow as the margin of {_margins(rows)}"
    seeds = _span([row.power.seeds_needed for row in wide], "seed")
    pictures = _span([row.power.images_needed for row in wide], "test picture")
    has = _span([row.seeds for row in wide]), _span([row.images for row in wide])
    if not seeds and not pictures:
        return (
            f"neither more seeds alone nor more test pictures alone are known to reach the margin of {_margins(rows)}"
        )
    missing = "; for no comparison are more {} alone known to suffice"
    if not seeds:
        return f"intervals as narrow as the margin of {_margins(rows)} would need {pictures} in place of {has[1]}" + (
            missing.format("seeds")
        )
    if not pictures:
        return f"intervals as narrow as the margin of {_margins(rows)} would need {seeds} in place of {has[0]}" + (
            missing.format("test pictures")
        )
    return (
        f"intervals as narrow as the margin of {_margins(rows)} would need {seeds} in place of {has[0]}, "
        f"or {pictures} in place of {has[1]}"
    )


def _narrow(row: DifferenceRow) -> bool:
    """Return whether an interval is within the margin on both sides of its estimate already."""
    seeds = row.power.seeds_needed
    return (seeds is not None and seeds <= row.seeds) or (row.difference.high - row.difference.low) / 2 <= row.margin


def _span(counts: Sequence[int | None], word: str = "") -> str:
    """Return the range of the counts that are known, and of how many comparisons; empty when none is."""
    known = sorted(count for count in counts if count is not None)
    if not known:
        return ""
    low, high = known[0], known[-1]
    most = counted(high, word) if word else f"{high:,}"
    text = most if low == high else f"{low:,} to {most}"
    return text if len(known) == len(counts) else f"{text} (in {len(known)} of {len(counts)} comparisons)"
