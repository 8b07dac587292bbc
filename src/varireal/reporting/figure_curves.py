"""Learning curves for a paper: one small panel per regime, one thin line per seed."""

from collections.abc import Callable, Iterable
from math import ceil
from textwrap import fill
from typing import Any

from varireal.reporting.confusion import regime_label
from varireal.reporting.figure_style import BAND, BLUE, ORANGE, PAGE, new_figure, short
from varireal.reporting.results_records import LearningCurve, StudyResults

Points = tuple[tuple[int, ...], list[float]]

_ACROSS, _PANEL = 4, 1.3


def curve_figures(results: StudyResults) -> Iterable[tuple[str, str, Any]]:
    """Yield name, label and figure of the accuracies on val and of the losses, as far as there are any."""
    if any(curve.val_steps for curve in results.curves):
        yield (
            "learning_accuracy",
            "Learning curves, accuracy on val",
            _panels(
                results, lambda c: (c.val_steps, [100 * x for x in c.val_accuracies]), "val top-1, %", chosen=True
            ),
        )
    if any(curve.steps for curve in results.curves):
        yield (
            "learning_loss",
            "Learning curves, training loss",
            _panels(results, lambda c: (c.steps, list(c.losses)), "training loss", chosen=False),
        )


def _panels(results: StudyResults, points: Callable[[LearningCurve], Points], label: str, *, chosen: bool) -> Any:
    """Draw one panel per regime on the same axes, so that regimes can be compared by eye."""
    slugs = [slug for slug in results.regimes if any(curve.regime == slug for curve in results.curves)]
    slugs += [slug for slug in dict.fromkeys(curve.regime for curve in results.curves) if slug not in slugs]
    across = min(_ACROSS, len(slugs))
    down = ceil(len(slugs) / across)
    figure = new_figure(PAGE * across / _ACROSS + (0.4 if across < _ACROSS else 0), 0.45 + _PANEL * down)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(slugs):
            axes.set_visible(False)
            continue
        axes.set_title(fill(short(regime_label(results, slugs[place]), 60), 30), fontsize=6)
        axes.grid(color=BAND, lw=0.5)
        for curve in results.curves:
            if curve.regime == slugs[place]:
                _line(axes, curve, *points(curve), chosen=chosen)
    figure.supxlabel("optimiser step", fontsize=7)
    figure.supylabel(label, fontsize=7)
    return figure


def _line(axes: Any, curve: LearningCurve, steps: tuple[int, ...], values: list[float], *, chosen: bool) -> None:
    axes.plot(steps, values, color=BLUE, lw=0.6, alpha=0.8)
    if chosen and curve.chosen_step in steps:
        axes.plot([curve.chosen_step], [values[steps.index(curve.chosen_step)]], "o", color=ORANGE, ms=2.5)
