"""How numbers and findings are written for people: accuracies in percent, differences in points, always alike."""

from collections.abc import Sequence

from varireal.statistics.records import DifferenceRow, Finding, Interval

MINUS = "−"
"""The real minus sign: as wide as the plus, so that columns of differences stand straight."""


UNNAMED = ("the first", "the second")


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as a number of percent, without the sign of percent."""
    return f"{100 * value:.{digits}f}"


def accuracy_text(interval: Interval) -> str:
    """Return an accuracy with its interval, such as ``71.4 % [66.0, 76.5]``."""
    return f"{percent(interval.value)} % {accuracy_range(interval)}"


def accuracy_range(interval: Interval) -> str:
    """Return the bounds of an accuracy, such as ``[66.0, 76.5]``."""
    return f"[{percent(interval.low)}, {percent(interval.high)}]"


def signed(value: float) -> str:
    """Return a fraction in points with its sign; what rounds to nothing has none."""
    text = f"{abs(100 * value):.1f}"
    sign = "" if text == "0.0" else "+" if value > 0 else MINUS
    return sign + text


def difference_range(interval: Interval) -> str:
    """Return the bounds of a difference, such as ``[−0.4, 4.6]``."""
    low, high = (signed(bound).removeprefix("+") for bound in (interval.low, interval.high))
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
    found = {_around_minus(row.name.rpartition(": ")[2]) for row in rows}
    if len(found) == 1:
        return next(iter(found)) or UNNAMED
    seconds = {pair[1] if pair else "" for pair in found}
    second = seconds.pop() if len(seconds) == 1 else ""
    return ("the regime", second) if second else UNNAMED


def _around_minus(text: str) -> tuple[str, str] | None:
    for minus in (" - ", f" {MINUS} ", " – "):
        first, found, second = text.rpartition(minus)
        if found and first.strip() and second.strip():
            return first.strip(), second.strip()
    return None


def subject(row: DifferenceRow) -> str:
    """Return what is compared, without the sides, such as ``real+synthetic, background``."""
    head, found, _ = row.name.rpartition(": ")
    return head if found else row.name


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


def test_set_text(test_set: str) -> str:
    """Return the name of a test set for people: ``test`` or ``test (background)``."""
    head, found, shift = test_set.partition("_")
    return f"test ({shift.replace('_', ' ')})" if found and head == "test" and shift else test_set


test_set_text.__test__ = False  # type: ignore[attr-defined]  # no test for pytest


def one_line(text: str) -> str:
    """Return text with every run of blanks and line ends as one blank."""
    return " ".join(text.split())
