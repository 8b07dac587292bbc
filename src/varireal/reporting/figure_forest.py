"""Paired differences for a paper: in one column where they fit, else with one panel per test set over the page."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from varireal.reporting.figure_style import (
    BAND,
    COLUMN,
    FINDING_MARKS,
    INK,
    PAGE,
    bare,
    new_figure,
    short,
)
from varireal.reporting.wording import (
    UNNAMED,
    finding_text,
    level_text,
    margin_text,
    sides,
    subject,
    test_set_text,
)
from varireal.statistics.records import DifferenceRow

_ROW, _ENDS = 0.17, 0.75
_COLUMN_LINES, _COLUMN_TITLE = 40, 30
_TITLE = 60


def forest_figure(rows: Sequence[DifferenceRow], level: float) -> Any:
    """Draw the differences of one family with their intervals, the margin and the findings."""
    titles = {_title(row, rows) for row in rows}
    if len(rows) + len(titles) <= _COLUMN_LINES and max(map(len, titles)) <= _COLUMN_TITLE:
        return _column(rows, level)
    return _panels(rows, level)


def _title(row: DifferenceRow, rows: Sequence[DifferenceRow]) -> str:
    return short(row.name if sides(rows) == UNNAMED else subject(row), _TITLE)


def _column(rows: Sequence[DifferenceRow], level: float) -> Any:
    """Draw one line per comparison and test set, grouped by what is compared."""
    # by comparison, test sets in the order given
    order = {name: place for place, name in enumerate(dict.fromkeys(row.name for row in rows))}
    groups = [
        (name, list(found)) for name, found in groupby(sorted(rows, key=lambda row: order[row.name]), lambda r: r.name)
    ]
    lines = len(rows) + len(groups)
    figure = new_figure(COLUMN, _ENDS + 0.3 + _ROW * lines)
    axes = figure.subplots()
    _ground(axes, rows)
    ticks, place = [], 0
    for _, found in groups:
        ticks.append((place, _title(found[0], rows), True))
        for row in found:
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
    found = [finding for finding in FINDING_MARKS if any(row.finding is finding for row in rows)]
    marks = [
        Line2D([], [], ls="", ms=4, mew=0.9, label=finding_text(finding, sides(rows)), **FINDING_MARKS[finding])
        for finding in found
    ]
    margin = max(row.margin for row in rows)
    return [*marks, Patch(facecolor=BAND, label=f"margin of {margin_text(margin)}")]


def _panels(rows: Sequence[DifferenceRow], level: float) -> Any:
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
