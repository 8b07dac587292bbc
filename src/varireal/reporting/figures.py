"""Figures for a paper, each as SVG and PNG: paired differences, accuracies, learning curves, confusions."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from slugify import slugify

from varireal.reporting.confusion import (
    class_label,
    counts,
    matrix_of,
    regime_label,
    telling_regime,
    test_sets,
)
from varireal.reporting.figure_curves import curve_figures
from varireal.reporting.figure_forest import forest_figure
from varireal.reporting.figure_style import (
    BAND,
    BLUE,
    INK,
    LINE,
    PAGE,
    SOFT,
    bare,
    new_figure,
    paper_style,
    save,
    short,
)
from varireal.reporting.results_records import StudyResults
from varireal.reporting.wording import test_set_text
from varireal.statistics.records import DifferenceRow

_ROW, _ENDS = 0.17, 0.75


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
    families: dict[str, list[DifferenceRow]] = {}
    for row in results.answers.differences:
        families.setdefault(row.family, []).append(row)
    level = results.answers.settings.level
    taken: set[str] = set()
    for family, rows in families.items():
        name = "forest" if family == results.main_family else _free(f"forest-{slugify(family) or 'family'}", taken)
        yield name, f"Paired differences, {family}", forest_figure(rows, level)
    if results.answers.accuracies:
        yield "accuracy", "Accuracies with intervals", _accuracy(results)
    yield from curve_figures(results)
    for test_set in test_sets(results):
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
    rows = results.answers.accuracies
    sets = [name for name in test_sets(results) if any(row.test_set == name for row in rows)]
    slugs = list(dict.fromkeys([*results.regimes, *(row.regime for row in rows)]))
    slugs = [slug for slug in slugs if any(row.regime == slug for row in rows)]
    figure = new_figure(PAGE, _ENDS + _ROW * len(slugs))
    panels = figure.subplots(1, len(sets), sharey=True, squeeze=False)[0]
    for axes, test_set in zip(panels, sets, strict=True):
        axes.grid(axis="y", color=BAND, lw=0.6)
        for row in rows:
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
    panels[0].set_yticks(range(len(slugs)), [short(regime_label(results, slug), 60) for slug in slugs])
    return figure


def _confusion(results: StudyResults, regime: str, test_set: str) -> Any:
    """Draw the shares of each true class; above 25 classes the hardest 20 with the rest as one column."""
    table = counts(results.predictions[regime, test_set], len(results.class_names))
    shown, shares, whole = matrix_of(table)
    names = [short(class_label(results, number), 24) for number in shown]
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
    for (true, said), share in _entries(matrix):
        color = "white" if share > 60 else INK
        axes.text(said, true, f"{share:.0f}", ha="center", va="center", fontsize=size, color=color)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true class" if whole else f"true class, the {len(names)} hardest")
    axes.set_title(short(f"{regime_label(results, regime)}; {test_set_text(test_set)}", 70))
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label="share of the true class, %")
    bar.outline.set_edgecolor(LINE)
    return figure


def _entries(matrix: Any) -> Iterable[tuple[tuple[int, int], float]]:
    """Yield the cells that are not empty when rounded."""
    for true, row in enumerate(matrix.tolist()):
        for said, share in enumerate(row):
            if share >= 0.5:
                yield (true, said), share
