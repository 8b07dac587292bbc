"""Figures for a paper, each as SVG and PNG: paired differences, accuracies, learning curves, confusions.

The same numbers give the same bytes. White background, one type size that is legible at column width, the colours of
Okabe and Ito; what matters differs in shape too. Text is drawn as outlines, so that a figure looks the same in every
program; DejaVu comes with matplotlib.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import ceil
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from slugify import slugify

from varireal.core.files import whole_file
from varireal.reporting.answer import (
    UNNAMED,
    finding_text,
    level_text,
    margin_text,
    one_line,
    sides,
    subject,
    test_set_text,
)
from varireal.reporting.confusions import counts, matrix_of, telling_regime
from varireal.reporting.study_results import LearningCurve, StudyResults
from varireal.statistics.records import DifferenceRow, Finding

COLUMN, PAGE = 3.5, 7.2
"""Widths of one column and of a page of text, in inches."""

INK, SOFT, LINE, BAND = "#1b1b1b", "#595959", "#c8c8c8", "#e6e6e6"
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

FINDING_MARKS: dict[Finding, dict[str, Any]] = {
    Finding.HIGHER: {"marker": ">", "color": BLUE, "markerfacecolor": BLUE},
    Finding.LOWER: {"marker": "<", "color": ORANGE, "markerfacecolor": ORANGE},
    Finding.EQUIVALENT: {"marker": "s", "color": GREEN, "markerfacecolor": GREEN},
    Finding.UNDECIDED: {"marker": "o", "color": SOFT, "markerfacecolor": "white"},
}

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "text.parse_math": False,  # a dollar in a class name is a dollar
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "varireal",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

_NO_DATES = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@contextmanager
def paper_style() -> Iterator[None]:
    """Draw and write in the style of a paper; the settings of the process come back afterwards."""
    with mpl.rc_context(), warnings.catch_warnings():
        # letters that the font lacks are drawn as boxes; a log full of them helps nobody
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches; its parts are fitted when it is written."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> list[str]:
    """Write a figure as SVG and PNG; return the names of the files."""
    for kind, metadata in _NO_DATES.items():
        with whole_file(folder / f"{name}.{kind}") as part:
            figure.savefig(part, format=kind, metadata=metadata, dpi=300)
    return [f"{name}.{kind}" for kind in _NO_DATES]


def short(text: str, limit: int = 44) -> str:
    """Return text on one line, cut to what an axis has room for."""
    line = one_line(text)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def bare(axes: Any, *sides: str) -> None:
    """Remove sides of the frame of a plot and the ticks of a removed left side."""
    for side in sides:
        axes.spines[side].set_visible(False)
    if "left" in sides:
        axes.tick_params(axis="y", length=0)


Points = tuple[tuple[int, ...], list[float]]

_ACROSS, _PANEL = 4, 1.3


def curve_figures(results: StudyResults) -> Iterable[tuple[str, str, Any]]:
    """Yield name, label and figure of the accuracies on val and of the losses, as far as there are any."""
    if any(curve.val_steps for curve in results.curves):
        yield (
            "learning_accuracy",
            "Learning curves, accuracy on val",
            _curve_panels(
                results, lambda c: (c.val_steps, [100 * x for x in c.val_accuracies]), "val top-1, %", chosen=True
            ),
        )
    if any(curve.steps for curve in results.curves):
        yield (
            "learning_loss",
            "Learning curves, training loss",
            _curve_panels(results, lambda c: (c.steps, list(c.losses)), "training loss", chosen=False),
        )


def _curve_panels(
    results: StudyResults, points: Callable[[LearningCurve], Points], label: str, *, chosen: bool
) -> Any:
    """Draw one panel per regime on the same axes, one thin line per seed, so that regimes can be compared by eye."""
    by_regime = results.curves_by_regime
    across = min(_ACROSS, len(by_regime))
    down = ceil(len(by_regime) / across)
    figure = new_figure(PAGE * across / _ACROSS + (0.4 if across < _ACROSS else 0), 0.45 + _PANEL * down)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(by_regime) :]:
        axes.set_visible(False)
    for axes, (slug, curves) in zip(grid.flat, by_regime.items(), strict=False):
        axes.set_title(fill(short(results.label(slug), 60), 30), fontsize=6)
        axes.grid(color=BAND, lw=0.5)
        for curve in curves:
            _line(axes, curve, *points(curve), chosen=chosen)
    figure.supxlabel("optimiser step", fontsize=7)
    figure.supylabel(label, fontsize=7)
    return figure


def _line(axes: Any, curve: LearningCurve, steps: tuple[int, ...], values: list[float], *, chosen: bool) -> None:
    axes.plot(steps, values, color=BLUE, lw=0.6, alpha=0.8)
    if chosen and curve.chosen_step in steps:
        axes.plot([curve.chosen_step], [values[steps.index(curve.chosen_step)]], "o", color=ORANGE, ms=2.5)


_ROW, _ENDS = 0.17, 0.75
_COLUMN_LINES, _COLUMN_TITLE = 40, 30
_TITLE = 60


def forest_figure(rows: Sequence[DifferenceRow], level: float) -> Any:
    """Draw the differences of one family with their intervals, the margin and the findings.

    In one column where they fit, else with one panel per test set over the page.
    """
    titles = {_title(row, rows) for row in rows}
    if len(rows) + len(titles) <= _COLUMN_LINES and max(map(len, titles)) <= _COLUMN_TITLE:
        return _column(rows, level)
    return _forest_panels(rows, level)


def _title(row: DifferenceRow, rows: Sequence[DifferenceRow]) -> str:
    return short(row.name if sides(rows) == UNNAMED else subject(row), _TITLE)


def _column(rows: Sequence[DifferenceRow], level: float) -> Any:
    """Draw one line per comparison and test set, grouped by what is compared."""
    # by comparison, test sets in the order given
    order = {name: place for place, name in enumerate(dict.fromkeys(row.name for row in rows))}
    groups = [list(group) for _, group in groupby(sorted(rows, key=lambda row: order[row.name]), lambda r: r.name)]
    lines = len(rows) + len(groups)
    figure = new_figure(COLUMN, _ENDS + 0.3 + _ROW * lines)
    axes = figure.subplots()
    _ground(axes, rows)
    ticks, place = [], 0
    for group in groups:
        ticks.append((place, _title(group[0], rows), True))
        for row in group:
            place += 1
            _interval(axes, place, row)
            ticks.append((place, short(test_set_text(row.test_set)), False))
        place += 1
    axes.set_yticks([at for at, _, _ in ticks], [text for _, text, _ in ticks])
    for tick, (_, _, heading) in zip(axes.get_yticklabels(), ticks, strict=True):
        tick.set_fontweight("bold" if heading else "normal")
    axes.set_ylim(place - 0.4, -0.6)
    axes.set_xlabel(_axis_label(rows, level, "\n"))
    bare(axes, "left")
    figure.legend(handles=_legend(rows), loc="outside lower center", ncols=2, frameon=False, handlelength=1.2)
    return figure


def _interval(axes: Any, place: int, row: DifferenceRow) -> None:
    mark = FINDING_MARKS[row.finding]
    low, value, high = (100 * x for x in (row.difference.low, row.difference.value, row.difference.high))
    axes.plot([low, high], [place, place], color=mark["color"], lw=1.1, solid_capstyle="butt", zorder=2)
    axes.plot([value], [place], ls="", ms=4, mew=0.9, zorder=3, **mark)


def _legend(rows: Sequence[DifferenceRow]) -> list[Any]:
    marks = [
        Line2D([], [], ls="", ms=4, mew=0.9, label=finding_text(finding, sides(rows)), **mark)
        for finding, mark in FINDING_MARKS.items()
        if any(row.finding is finding for row in rows)
    ]
    margin = max(row.margin for row in rows)
    return [*marks, Patch(facecolor=BAND, label=f"margin of {margin_text(margin)}")]


def _forest_panels(rows: Sequence[DifferenceRow], level: float) -> Any:
    """Draw one line per comparison and one panel per test set, all panels with the same axis."""
    names = list(dict.fromkeys(row.name for row in rows))
    sets = list(dict.fromkeys(row.test_set for row in rows))
    titles = {row.name: _title(row, rows) for row in rows}
    figure = new_figure(PAGE, _ENDS + 0.3 + _ROW * len(names))
    panels = figure.subplots(1, len(sets), sharex=True, sharey=True, squeeze=False)[0]
    for axes, test_set in zip(panels, sets, strict=True):
        _ground(axes, rows)
        axes.grid(axis="y", color=BAND, lw=0.6)
        for row in rows:
            if row.test_set == test_set:
                _interval(axes, names.index(row.name), row)
        axes.set_title(short(test_set_text(test_set), 28))
        bare(axes, "left")
    panels[0].set_yticks(range(len(names)), [titles[name] for name in names])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.supxlabel(_axis_label(rows, level, "     "), fontsize=7)
    # below, the legend would lie on the label of the axes
    figure.legend(handles=_legend(rows), loc="outside upper center", ncols=4, frameon=False, handlelength=1.2)
    return figure


def _ground(axes: Any, rows: Sequence[DifferenceRow]) -> None:
    margin = 100 * max(row.margin for row in rows)
    axes.axvspan(-margin, margin, color=BAND, lw=0, zorder=0)
    axes.axvline(0, color=INK, lw=0.7, zorder=1)


def _axis_label(rows: Sequence[DifferenceRow], level: float, between: str) -> str:
    first, second = sides(rows)
    ways = f"← {second} higher   {first} higher →"
    return f"difference in top-1, points ({level_text(level)} interval){between}{ways}"


def write_figures(folder: Path, results: StudyResults) -> list[tuple[str, str]]:
    """Write every figure that the results have numbers for.

    Args:
        folder: where the files go; made when missing.
        results: what the pages show.

    Returns:
        What a figure shows and the name of its file, for each file.
    """
    written: list[tuple[str, str]] = []
    folder.mkdir(parents=True, exist_ok=True)
    with paper_style():
        for name, label, figure in _figures(results):
            written += [(label, file) for file in save(figure, folder, name)]
    return written


def _figures(results: StudyResults) -> Iterable[tuple[str, str, Any]]:
    level = results.answers.settings.level
    taken: set[str] = set()
    for family, rows in results.families.items():
        name = "forest" if family == results.main_family else _free(f"forest-{slugify(family) or 'family'}", taken)
        yield name, f"Paired differences, {family}", forest_figure(rows, level)
    if results.answers.accuracies:
        yield "accuracy", "Accuracies with intervals", _accuracy(results)
    yield from curve_figures(results)
    for test_set in results.test_sets:
        regime = telling_regime(results, test_set)
        if regime is not None:
            name = _free(f"confusion-{slugify(test_set) or 'set'}", taken)
            yield name, f"Confusions, {test_set_text(test_set)}", _confusion(results, regime, test_set)


def _free(name: str, taken: set[str]) -> str:
    """Return a name that no other figure of this call has."""
    free = name if name not in taken else next(f"{name}-{n}" for n in range(2, 1000) if f"{name}-{n}" not in taken)
    taken.add(free)
    return free


def _accuracy(results: StudyResults) -> Any:
    """Draw one panel per test set, one line per regime, the seeds as small ticks."""
    slugs, sets = results.tested
    figure = new_figure(PAGE, _ENDS + _ROW * len(slugs))
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, test_set in zip(panels, sets, strict=True):
        axes.grid(axis="y", color=BAND, lw=0.6)
        for row in results.answers.accuracies:
            if row.test_set != test_set:
                continue
            place = slugs.index(row.regime)
            axes.plot([100 * seed for seed in row.by_seed], [place] * len(row.by_seed), "|", color=SOFT, ms=4, mew=0.5)
            axes.plot([100 * row.top1.low, 100 * row.top1.high], [place, place], color=BLUE, lw=1.1)
            axes.plot([100 * row.top1.value], [place], "o", color=BLUE, ms=3.5)
        axes.set_title(short(test_set_text(test_set), 28))
        axes.set_ylim(len(slugs) - 0.5, -0.5)
        axes.set_xlabel("top-1, %")
        bare(axes, "left")
    panels[0].set_yticks(range(len(slugs)), [short(results.label(slug), 60) for slug in slugs])
    return figure


def _confusion(results: StudyResults, regime: str, test_set: str) -> Any:
    """Draw the shares of each true class; above 25 classes the hardest 20 with the rest as one column."""
    table = counts(results.predictions[regime, test_set], len(results.class_names))
    shown, shares, whole = matrix_of(table)
    names = [short(results.class_label(number), 24) for number in shown]
    matrix = 100 * (shares[:, :-1] if whole else shares)
    columns = names if whole else [*names, "any other class"]
    side = 1.6 + 0.2 * max(len(names), 6)
    figure = new_figure(min(PAGE, side + 0.2), min(PAGE, side))
    axes = figure.subplots()
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    axes.set_xticks(range(len(columns)), columns, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    bare(axes, "left", "bottom")
    size = 6.5 if len(names) <= 10 else 4.5
    # cells that are empty when rounded get no number
    for true, predicted in zip(*np.nonzero(matrix >= 0.5), strict=True):
        share = matrix[true, predicted]
        color = "white" if share > 60 else INK
        axes.text(predicted, true, f"{share:.0f}", ha="center", va="center", fontsize=size, color=color)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true class" if whole else f"true class, the {len(names)} hardest")
    axes.set_title(short(f"{results.label(regime)}; {test_set_text(test_set)}", 70))
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label="share of the true class, %")
    bar.outline.set_edgecolor(LINE)
    return figure
