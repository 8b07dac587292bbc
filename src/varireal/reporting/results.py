"""Everything that a report says about the classifiers: files for papers, and what the tabs show.

The template gets plain values: texts are written, and places are percents of a chart's width. The charts are SVG
elements without a view box, so that lines and letters keep their size when the chart is narrow on a phone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor, isfinite, log10
from pathlib import Path
from typing import Any
from urllib.parse import quote

from varireal.core.files import write_whole
from varireal.records import PredictionMeasure
from varireal.reporting.answer import (
    UNNAMED,
    Unit,
    accuracy_range,
    accuracy_text,
    answer_sentences,
    better_text,
    count_text,
    counted,
    difference_range,
    difference_text,
    finding_text,
    level_text,
    margin_text,
    p_text,
    percent,
    sides,
    signed,
    subject,
    test_set_text,
    unit_of,
)
from varireal.reporting.confusions import errors_view
from varireal.reporting.data_files import FIGURES, TABLES, remove_stale_files
from varireal.reporting.figures import write_figures
from varireal.reporting.paper_tables import accuracies_latex, measure_latex, write_tables
from varireal.reporting.records import Photos
from varireal.reporting.study_results import LearningCurve, StudyResults
from varireal.statistics.prediction_measures import TOP1
from varireal.statistics.records import AccuracyRow, DifferenceRow, Finding, Interval, MeasureAnswers, MeasureRow


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
    return [(_mean(steps[start : start + size]), _mean(values[start : start + size])) for start in blocks]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


View = dict[str, Any]

_ARMS = ("feasible", "infeasible")
_ENOUGH_SEEDS = 3
_REACH = 20
"""An axis reaches at most so many times the largest difference beyond nothing, however wide an interval is."""


def results_view(results: StudyResults) -> View:
    """Return everything of the tab of results."""
    families = [_family(results, name, rows) for name, rows in results.families.items()]
    named = {family["name"]: (family["first"], family["second"]) for family in families}
    settings = results.answers.settings
    return {
        "answer": answer_sentences(results),
        "published": results.augmentation == "published",
        "main": next((family for family in families if family["main"]), None),
        "families": [family for family in families if not family["main"]],
        "accuracy": _accuracy(results),
        "measures": [_measure(results, answers) for answers in results.answers.measures],
        "details": [_details(results, name) for name in results.test_sets],
        "tests": [_test(results, row, named[row.family]) for row in results.answers.differences],
        "level": level_text(settings.level),
        "margin": margin_text(settings.margin),
        "alpha": f"{round(1 - settings.level, 6):g}",
        "resamples": f"{settings.resamples:,}",
        "few_seeds": _few_seeds(results),
        "chosen": chosen_on_val(results),
        "statistics_seed": settings.seed,
    }


_CEILING = 0.9
"""From this accuracy of zero-shot on val on, few val pictures are left that could tell two steps apart."""


def chosen_on_val(results: StudyResults) -> list[str]:
    """Return what a reader must know where val chose each adapter's step: sentences, none where it did not."""
    if results.checkpoint != "val" or not results.curves:
        return []
    rows = results.answers.differences
    apart = sum(results.differ_in_steps(row.a, row.b) for row in rows)
    sentences = [
        f"The compared adapters had different training in {apart:,} of {counted(len(rows), 'comparison')} (marked †): "
        "val chose other steps for them, so they differ in more than their pictures. adapters.training.checkpoint: "
        "last compares equal steps."
        if apart
        else "Val chose the step of each adapter; here compared adapters are of equal steps."
    ]
    scored = [curve.val_accuracies for curve in results.curves if len(curve.val_accuracies) > 1]
    ties = sum(list(accuracies[1:]).count(max(accuracies[1:])) > 1 for accuracies in scored)
    if ties:
        sentences.append(
            f"In {ties:,} of {counted(len(scored), 'training')} several steps were equally right on val, and its loss "
            "decided."
        )
    start = sum(accuracies[0] for accuracies in scored) / len(scored) if scored else 0.0
    if start >= _CEILING:
        sentences.append(f"Without training {percent(start)} % of val is right already: there is little to choose by.")
    return sentences


def _few_seeds(results: StudyResults) -> int | None:
    """Return the smallest number of seeds of the main comparisons when intervals cannot be relied on with it."""
    seeds = [row.seeds for row in results.answers.differences if row.family == results.main_family]
    return min(seeds) if seeds and min(seeds) < _ENOUGH_SEEDS else None


def _family(results: StudyResults, name: str, rows: Sequence[DifferenceRow]) -> View:
    names = first, second = sides(rows)
    scale = _scale(rows)
    arms = _ARMS if names == _ARMS else ("", "")
    groups: dict[str, list[View]] = {}
    for row in rows:
        groups.setdefault(row.name if names == UNNAMED else subject(row), []).append(
            _forest_row(results, row, scale, names)
        )
    margin = 100 * max(row.margin for row in rows)
    tally = Counter(row.finding for row in rows)
    return {
        "name": name,
        "main": name == results.main_family,
        "first": first,
        "second": second,
        "arms": arms,
        "zero": scale.at(0),
        "margin": margin_text(margin / 100),
        "band": (scale.at(-margin), f"{100 * (scale.share(margin) - scale.share(-margin)):.2f}%"),
        "ticks": scale.labels(digits_of(scale.ticks)),
        "groups": list(groups.items()),
        "count": counted(len(rows), "comparison"),
        "tally": [f"{tally[finding]} {finding_text(finding, names)}" for finding in Finding if tally[finding]],
        "legend": [
            (finding.value, finding_text(finding, names), _arm(finding, arms)) for finding in Finding if tally[finding]
        ],
    }


def _scale(rows: Sequence[DifferenceRow]) -> Axis:
    """Return an axis in points, the same for both signs, with the margin in it."""
    bounds = [abs(100 * x) for row in rows for x in (row.difference.low, row.difference.high)]
    margin = 100 * max(row.margin for row in rows)
    limit = _REACH * max(margin, *(abs(100 * row.difference.value) for row in rows))
    reach = min(max(*bounds, 2 * margin), limit) * 1.02
    return axis((-reach, reach), count=6, tight=True)


def _marked(results: StudyResults, row: DifferenceRow) -> str:
    """Return the name of the test set, with a mark where the adapters had unequal training."""
    return test_set_text(row.test_set) + (" †" if results.differ_in_steps(row.a, row.b) else "")


def _forest_row(results: StudyResults, row: DifferenceRow, scale: Axis, names: tuple[str, str]) -> View:
    low, value, high = (100 * x for x in (row.difference.low, row.difference.value, row.difference.high))
    return {
        "test_set": _marked(results, row),
        "low": scale.at(low),
        "value": scale.at(value),
        "high": scale.at(high),
        "difference": f"{signed(row.difference.value)}",
        "range": difference_range(row.difference),
        "text": difference_text(row.difference),
        "finding": row.finding.value,
        "said": finding_text(row.finding, names),
        "arm": _arm(row.finding, names if names == _ARMS else ("", "")),
        "p_holm": p_text(row.p_holm),
    }


def _arm(finding: Finding, arms: tuple[str, str]) -> str:
    """Return the arm whose colour a finding has; none when it favours none."""
    return {Finding.HIGHER: arms[0], Finding.LOWER: arms[1]}.get(finding, "")


def _accuracy(results: StudyResults) -> View:
    rows = results.answers.accuracies
    cells = {(row.regime, row.test_set): (row.top1, row.by_seed) for row in rows}
    return _means(results, rows, cells, TOP1)


def _means(
    results: StudyResults,
    rows: Sequence[AccuracyRow | MeasureRow],
    cells: Mapping[tuple[str, str], tuple[Interval, Sequence[float]]],
    measure: PredictionMeasure,
) -> View:
    """Return the table regime x test set of means, each with its interval and its seeds."""
    slugs, sets = results.tested
    unit, sign = unit_of(measure), " %" if measure.percent else ""
    low, high = (unit.factor * end for end in measure.scale)
    bounds = [unit.factor * x for mean, by_seed in cells.values() for x in (mean.low, mean.high, *by_seed)]
    scale = axis(bounds, floor_at=low, top_at=high)
    return {
        "sets": [(test_set_text(name), _pictures(rows, name)) for name in sets],
        "ticks": scale.labels(digits_of(scale.ticks)),
        "rows": [
            (results.label(slug), [_cell(cells.get((slug, name)), scale, unit, sign) for name in sets])
            for slug in slugs
        ],
    }


def _pictures(rows: Sequence[AccuracyRow | MeasureRow], test_set: str) -> str:
    counts = sorted({row.images for row in rows if row.test_set == test_set})
    return counted(counts[0], "picture") if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,} pictures"


def _cell(mean: tuple[Interval, Sequence[float]] | None, scale: Axis, unit: Unit, sign: str) -> View | None:
    if mean is None:
        return None
    interval, by_seed = mean
    low, at, high, *seeds = (
        scale.at(unit.factor * x) for x in (interval.low, interval.value, interval.high, *by_seed)
    )
    return {
        "value": f"{unit.text(interval.value)}{sign}",
        "range": accuracy_range(interval, unit),
        "low": low,
        "at": at,
        "high": high,
        "seeds": seeds,
    }


def _measure(results: StudyResults, answers: MeasureAnswers) -> View:
    """Return the tables of a further measure: its means, and its comparisons, which say the better side."""
    measure, unit = answers.measure, unit_of(answers.measure)
    families: dict[str, list[DifferenceRow]] = {}
    for row in answers.differences:
        families.setdefault(row.family, []).append(row)
    names = {family: sides(rows) for family, rows in families.items()}
    cells = {(row.regime, row.test_set): (row.mean, ()) for row in answers.rows}
    return {
        "label": measure.label,
        "doc": measure.doc,
        "direction": measure.direction,
        "margin": margin_text(measure.margin) if measure.percent else f"{measure.margin:g}",
        "files": ("measures", "measure_differences", f"measure_{measure.name}"),
        "means": _means(results, answers.rows, cells, measure),
        "tests": [
            {
                "name": row.name,
                "test_set": _marked(results, row),
                "difference": f"{signed(row.difference.value, unit)} {difference_range(row.difference, unit)}",
                "said": better_text(row.finding, names[row.family], measure),
                **{name: p_text(getattr(row, name)) for name in ("p", "p_holm", "tost_p_holm")},
            }
            for row in answers.differences
        ],
    }


def _details(results: StudyResults, test_set: str) -> View:
    rows = [row for row in results.answers.accuracies if row.test_set == test_set]
    return {
        "name": test_set_text(test_set),
        "rows": [
            {
                "regime": results.label(row.regime),
                "images": count_text(row.images),
                "seeds": row.seeds,
                "top1": accuracy_text(row.top1),
                "top5": percent(row.top5),
                "macro": percent(row.macro),
                "worst": results.class_label(row.worst_class),
                "worst_accuracy": percent(row.worst_accuracy),
                "by_seed": "  ".join(percent(seed) for seed in row.by_seed),
                "steps": steps_text(results.steps(row.regime)),
            }
            for row in rows
        ],
    }


def _test(results: StudyResults, row: DifferenceRow, names: tuple[str, str]) -> View:
    smallest = row.power.smallest
    return {
        **asdict(row),
        "test_set": _marked(results, row),
        "images": count_text(row.images),
        "difference": difference_text(row.difference),
        "said": finding_text(row.finding, names),
        "margin": margin_text(row.margin).removesuffix(" points"),
        **{name: p_text(getattr(row, name)) for name in ("p", "p_holm", "mcnemar_p", "tost_p", "tost_p_holm")},
        "smallest": "–" if smallest is None else percent(smallest),
        "seeds_needed": count_text(row.power.seeds_needed),
        "images_needed": count_text(row.power.images_needed),
    }


def steps_text(steps: Sequence[int]) -> str:
    """Return the steps of a regime's adapters: one where they are equal, else those of each seed."""
    return "–" if not steps else f"{steps[0]:,}" if len(set(steps)) == 1 else "  ".join(f"{step:,}" for step in steps)


_ALL_POINTS, _MOST_POINTS, _FEWEST_POINTS = 16_000, 160, 16
_UNITS = 1000  # of a panel's inner view box


def training_view(results: StudyResults) -> View:
    """Return everything of the tab of training: regimes, learning curves and the facts of the run."""
    curves = results.curves
    limit = max(_FEWEST_POINTS, min(_MOST_POINTS, _ALL_POINTS // max(1, len(curves))))
    steps = axis((0.0, *(float(step) for c in curves for step in (*c.steps, *c.val_steps))), floor_at=0.0, count=3)
    accuracy = axis((100 * x for c in curves for x in c.val_accuracies), floor_at=0.0, top_at=100.0)
    loss = axis((0.0, *(x for c in curves for x in c.losses)), floor_at=0.0)
    by_regime = results.curves_by_regime
    return {
        "regimes": [
            {
                "slug": slug,
                "label": regime.label,
                "real": count_text(regime.real),
                "synthetic": count_text(regime.synthetic),
                "seeds": len(by_regime.get(slug, ())) or "–",
                "steps": steps_text(results.steps(slug)),
                "notes": regime.notes,
            }
            for slug, regime in results.regimes.items()
        ],
        "panels": [
            {
                "label": results.label(slug),
                "seeds": len(members),
                "charts": _charts(members, limit, steps, accuracy, loss),
            }
            for slug, members in by_regime.items()
        ],
        "by_val": results.checkpoint != "last",
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
    return [(_from_top(up, tick), f"{tick:.{digits}f}") for tick in up.ticks]


def _from_top(up: Axis, value: float) -> str:
    return f"{100 * (1 - up.share(value)):.2f}%"


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
            dots.append((across.at(curve.chosen_step), _from_top(up, 100 * accuracy)))
    return dots


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """What the template needs of the classifiers.

    Attributes:
        results: the tab of results.
        training: the tab of training.
        errors: the tab of errors, one entry per test set.
        tables: what a table holds, with format and address of each of its files.
        figures: the same of the figures.
    """

    results: dict[str, Any]
    training: dict[str, Any]
    errors: list[dict[str, Any]]
    tables: list[tuple[str, list[tuple[str, str]]]]
    figures: list[tuple[str, list[tuple[str, str]]]]

    def files(self, *stems: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return some of the figures and tables by the names of their files without ending."""
        figures = [(f"Figure: {label}", files) for label, files in self.figures]
        return [(label, files) for label, files in (*figures, *self.tables) if Path(files[0][1]).stem in stems]


def write_results(folder: Path, results: StudyResults, photos: Photos) -> ResultsPage:
    """Write the tables and figures of a report, and return what its page shows of them.

    Args:
        folder: the folder of the report.
        results: everything about the classifiers.
        photos: looks up a test picture by its id.
    """
    tables = write_tables(folder / TABLES, results)
    if results.answers.accuracies:
        write_whole(folder / TABLES / "accuracies.tex", accuracies_latex(results))
        tables.insert(2, (tables[0][0], "accuracies.tex"))
    for answers in results.answers.measures:
        name = f"measure_{answers.measure.name}.tex"
        write_whole(folder / TABLES / name, measure_latex(results, answers))
        tables.append((f"{answers.measure.label} with intervals", name))
    figures = write_figures(folder / FIGURES, results)
    written = {TABLES: tables, FIGURES: figures}
    remove_stale_files(folder, {f"{name}/{file}" for name, files in written.items() for _, file in files})
    return ResultsPage(
        results=results_view(results),
        training=training_view(results),
        errors=errors_view(results, photos),
        tables=_grouped(TABLES, tables),
        figures=_grouped(FIGURES, figures),
    )


def _grouped(folder: str, files: Iterable[tuple[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return label and its files, as format and address relative to the page."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for label, name in files:
        kind = Path(name).suffix.removeprefix(".")
        text = {"parquet": "Parquet", "tex": "LaTeX"}.get(kind, kind.upper())
        groups.setdefault(label, []).append((text, quote(f"{folder}/{name}")))
    return list(groups.items())
