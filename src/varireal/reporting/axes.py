"""Geometry of the charts in the page: values to percent of a chart's width, with round ticks.

The charts are SVG elements without a view box whose coordinates are percents, so that lines and letters keep their
size when the chart is narrow on a phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values over the width of a chart.

    Attributes:
        low: value at the left end.
        high: value at the right end, above ``low``.
        ticks: round values between both.
    """

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return the place of a value, 0..1; what lies outside is at the end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def at(self, value: float) -> str:
        """Return the place of a value as percent of the width."""
        return f"{100 * self.share(value):.2f}%"

    def labels(self, digits: int) -> list[tuple[str, str]]:
        """Return place and text of each tick."""
        return [(self.at(tick), f"{tick:.{digits}f}".replace("-", "−")) for tick in self.ticks]


def axis(
    values: Iterable[float],
    *,
    floor_at: float | None = None,
    top_at: float | None = None,
    count: int = 4,
    tight: bool = False,
) -> Axis:
    """Return an axis around some values.

    Args:
        values: what must fit; numbers that are not finite are left out.
        floor_at: the axis never goes below it.
        top_at: the axis never goes above it.
        count: about so many ticks.
        tight: the ends are the values themselves and not the next ticks beyond.
    """
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / count)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    if not tight:
        low, high = first * step, last * step
    if floor_at is not None:
        low = max(low, floor_at)
    if top_at is not None:
        high = min(high, top_at)
    ticks = tuple(round(n * step, 9) for n in range(first, last + 1) if low - 1e-9 <= n * step <= high + 1e-9)
    return Axis(low, high, ticks)


def _round_step(step: float) -> float:
    """Return the next step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(step))
    return next(power * nice for nice in (1, 2, 5, 10) if power * nice >= step * (1 - 1e-9))


def digits_of(ticks: Iterable[float]) -> int:
    """Return how many decimals the ticks need."""
    return max((_digits(tick) for tick in ticks), default=0)


def _digits(value: float) -> int:
    text = f"{value:.6f}".rstrip("0")
    return len(text.rpartition(".")[2])


def thinned(steps: tuple[int, ...], values: tuple[float, ...], limit: int) -> list[tuple[float, float]]:
    """Return points of a curve; of a long one the means over blocks of neighbours, at most ``limit`` in all."""
    size = ceil(len(steps) / limit) if steps else 1
    blocks = range(0, len(steps), size)
    return [
        (sum(steps[start : start + size]) / len(steps[start : start + size]), _mean(values[start : start + size]))
        for start in blocks
    ]


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
