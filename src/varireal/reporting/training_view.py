"""What the tab of training shows: regimes, learning curves and the facts of the run."""

from collections.abc import Sequence
from typing import Any

from varireal.reporting.axes import Axis, axis, digits_of, thinned
from varireal.reporting.confusion import regime_label
from varireal.reporting.results_records import LearningCurve, StudyResults
from varireal.reporting.wording import count_text

View = dict[str, Any]

_ALL_POINTS, _MOST_POINTS, _FEWEST_POINTS = 16_000, 160, 16
_UNITS = 1000  # of a panel's inner view box


def training_view(results: StudyResults) -> View:
    """Return everything of the tab."""
    curves = results.curves
    limit = max(_FEWEST_POINTS, min(_MOST_POINTS, _ALL_POINTS // max(1, len(curves))))
    steps = axis((0.0, *(float(step) for c in curves for step in (*c.steps, *c.val_steps))), floor_at=0.0, count=3)
    accuracy = axis((100 * x for c in curves for x in c.val_accuracies), floor_at=0.0, top_at=100.0)
    loss = axis((0.0, *(x for c in curves for x in c.losses)), floor_at=0.0)
    slugs = list(dict.fromkeys([*results.regimes, *(curve.regime for curve in curves)]))
    seeds = {slug: [curve.seed for curve in curves if curve.regime == slug] for slug in slugs}
    return {
        "regimes": [
            {
                "slug": slug,
                "label": regime.label,
                "real": count_text(regime.real),
                "synthetic": count_text(regime.synthetic),
                "seeds": len(seeds[slug]) or "–",
                "notes": regime.notes,
            }
            for slug, regime in results.regimes.items()
        ],
        "panels": [
            {
                "label": regime_label(results, slug),
                "seeds": len(seeds[slug]),
                "charts": _charts([c for c in curves if c.regime == slug], limit, steps, accuracy, loss),
            }
            for slug in slugs
            if seeds[slug]
        ],
        "averaged": any(len(curve.steps) > limit for curve in curves),
        "facts": results.facts,
    }


def _charts(curves: Sequence[LearningCurve], limit: int, steps: Axis, accuracy: Axis, loss: Axis) -> list[View]:
    scored = [curve for curve in curves if curve.val_steps]
    charts = []
    if scored:
        lines = [_line(c.val_steps, tuple(100 * x for x in c.val_accuracies), limit, steps, accuracy) for c in scored]
        charts.append(
            {**_frame("val top-1, %", steps, accuracy), "lines": lines, "dots": _chosen(scored, steps, accuracy)}
        )
    trained = [curve for curve in curves if curve.steps]
    if trained:
        lines = [_line(curve.steps, curve.losses, limit, steps, loss) for curve in trained]
        charts.append({**_frame("training loss", steps, loss), "lines": lines, "dots": []})
    return charts


def _frame(label: str, across: Axis, up: Axis) -> View:
    return {"label": label, "across": across.labels(0), "up": _upward(up), "steps": f"{across.high:g}"}


def _upward(up: Axis) -> list[tuple[str, str]]:
    """Return place from the top and text of each tick."""
    digits = digits_of(up.ticks)
    return [(f"{100 * (1 - up.share(tick)):.2f}%", f"{tick:.{digits}f}") for tick in up.ticks]


def _line(steps: tuple[int, ...], values: tuple[float, ...], limit: int, across: Axis, up: Axis) -> str:
    """Return the points of one seed in the units of the panel."""
    points = thinned(steps, values, limit)
    return " ".join(f"{_UNITS * across.share(x):.0f},{_UNITS * (1 - up.share(y)):.0f}" for x, y in points)


def _chosen(curves: Sequence[LearningCurve], across: Axis, up: Axis) -> list[tuple[str, str]]:
    """Return the places of the steps whose weights are the adapters."""
    dots = []
    for curve in curves:
        if curve.chosen_step in curve.val_steps:
            accuracy = curve.val_accuracies[curve.val_steps.index(curve.chosen_step)]
            dots.append((across.at(curve.chosen_step), f"{100 * (1 - up.share(100 * accuracy)):.2f}%"))
    return dots
