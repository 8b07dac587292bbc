"""The numbers behind the pages for a paper: as CSV and Parquet, and the tables regime x test set as LaTeX tabulars.

In CSV and Parquet they are fractions at full precision, one row per value that was computed. The tabular is in the
style of booktabs.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from varireal.core.files import whole_file
from varireal.reporting.answer import (
    POINTS,
    Unit,
    accuracy_range,
    better,
    level_text,
    one_line,
    test_set_text,
    unit_of,
)
from varireal.reporting.confusions import counts
from varireal.reporting.study_results import StudyResults
from varireal.statistics.records import DifferenceRow, Interval, MeasureAnswers
from varireal.store.tables import Row, column

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "%": r"\%",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "·": r"\textperiodcentered{}",
        "−": r"\textminus{}",
    }
)


def latex_text(text: str) -> str:
    """Return text as LaTeX that prints it, on one line."""
    return one_line(text).translate(_ESCAPES)


def accuracies_latex(results: StudyResults) -> str:
    """Return the table of top-1 accuracies in percent with their intervals; a dash where a regime was not tested."""
    cells = {(row.regime, row.test_set): row.top1 for row in results.answers.accuracies}
    return _latex(results, "Top-1 accuracy in percent", cells, POINTS)


def measure_latex(results: StudyResults, answers: MeasureAnswers) -> str:
    """Return the same table of a further measure."""
    measure = answers.measure
    unit = " in percent" if measure.percent else ""
    cells = {(row.regime, row.test_set): row.mean for row in answers.rows}
    return _latex(results, f"{measure.label}{unit} ({measure.direction} is better)", cells, unit_of(measure))


def _latex(results: StudyResults, title: str, cells: Mapping[tuple[str, str], Interval], unit: Unit) -> str:
    slugs, sets = results.tested[0], results.test_sets
    names = " & ".join(["Trained on", *(latex_text(test_set_text(name)) for name in sets)])
    lines = [
        "% Needs \\usepackage{booktabs}, \\usepackage[T1]{fontenc} and \\usepackage{textcomp}; UTF-8.",
        f"% {latex_text(title)} with {latex_text(level_text(results.answers.settings.level))} intervals"
        " over test pictures and seeds.",
        f"\\begin{{tabular}}{{l{'c' * len(sets)}}}",
        "\\toprule",
        f"{names} \\\\",
        "\\midrule",
    ]
    for slug in slugs:
        texts = [_latex_cell(cells.get((slug, name)), unit) for name in sets]
        lines.append(" & ".join([latex_text(results.label(slug)), *texts]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _latex_cell(mean: Interval | None, unit: Unit) -> str:
    return "--" if mean is None else f"{unit.text(mean.value)} {{\\scriptsize {accuracy_range(mean, unit)}}}"


_TEXT, _WHOLE, _NUMBER = pa.string(), pa.int64(), pa.float64()

_REGIME = (
    column("regime", _TEXT, "slug of the regime", nullable=False),
    column("label", _TEXT, "name of the regime for people", nullable=False),
)
_STEPS = column(
    "steps", _TEXT, "steps of the adapters' weights, by seed, such as '30 30'; empty where none was trained"
)
_TEST_SET = column("test_set", _TEXT, "test or test_<shift>", nullable=False)

ACCURACIES = pa.schema(
    [
        *_REGIME,
        _TEST_SET,
        column("images", _WHOLE, "test pictures", nullable=False),
        column("seeds", _WHOLE, "trained seeds", nullable=False),
        column("top1", _NUMBER, "accuracy over all pictures and seeds, fraction", nullable=False),
        column("top1_low", _NUMBER, "lower bound of its interval", nullable=False),
        column("top1_high", _NUMBER, "upper bound of its interval", nullable=False),
        column("level", _NUMBER, "confidence level of the interval", nullable=False),
        column("top5", _NUMBER, "share with the true class among the best five", nullable=False),
        column("macro", _NUMBER, "mean of the per-class accuracies", nullable=False),
        column("worst_class_number", _WHOLE, "class with the lowest accuracy", nullable=False),
        column("worst_class", _TEXT, "its display name", nullable=False),
        column("worst_accuracy", _NUMBER, "its accuracy", nullable=False),
        _STEPS,
    ]
)


def _compared(what: str, unit: str) -> list[pa.Field]:
    return [
        column("name", _TEXT, "what is compared", nullable=False),
        column("family", _TEXT, "comparisons that Holm's correction treats together", nullable=False),
        column("a", _TEXT, "slug of the regime", nullable=False),
        column("b", _TEXT, "slug of the regime that is subtracted", nullable=False),
        _TEST_SET,
        column("images", _WHOLE, "test pictures", nullable=False),
        column("seeds", _WHOLE, "pairs of seeds", nullable=False),
        column("difference", _NUMBER, f"{what} of a less that of b{unit}", nullable=False),
        column("difference_low", _NUMBER, "lower bound of its interval", nullable=False),
        column("difference_high", _NUMBER, "upper bound of its interval", nullable=False),
        column("level", _NUMBER, "confidence level of the interval, uncorrected", nullable=False),
        column("mcnemar_p", _NUMBER, "exact McNemar on pictures by the majority of the seeds"),
        column("p", _NUMBER, "two-sided p value of 'no difference'", nullable=False),
        column("p_holm", _NUMBER, "after Holm's correction over the family", nullable=False),
        column("margin", _NUMBER, f"equivalence margin{unit}", nullable=False),
        column("tost_p", _NUMBER, "p value of the equivalence test", nullable=False),
        column("tost_p_holm", _NUMBER, "after Holm's correction over the family", nullable=False),
        column("finding", _TEXT, "higher, lower, equivalent or undecided", nullable=False),
        column("power_smallest", _NUMBER, f"smallest true difference found with 80 % power{unit}"),
        column("seeds_needed", _WHOLE, "seeds in all until the half width reaches the margin"),
        column("images_needed", _WHOLE, "test pictures in all for the same"),
        column("a_steps", _TEXT, "steps of a's weights, by seed; empty where nothing was trained"),
        column("b_steps", _TEXT, "the same of b"),
    ]


DIFFERENCES = pa.schema(_compared("accuracy", ", fraction"))

_MEASURE = column("measure", _TEXT, "name of the measure", nullable=False)

MEASURES = pa.schema(
    [
        _MEASURE,
        *_REGIME,
        _TEST_SET,
        column("value", _NUMBER, "mean over all pictures and seeds", nullable=False),
        column("low", _NUMBER, "lower bound of its interval", nullable=False),
        column("high", _NUMBER, "upper bound of its interval", nullable=False),
        column("level", _NUMBER, "confidence level of the interval", nullable=False),
        column("direction", _TEXT, "which is better: higher or lower", nullable=False),
        column("images", _WHOLE, "test pictures", nullable=False),
        column("seeds", _WHOLE, "trained seeds", nullable=False),
        _STEPS,
    ]
)

MEASURE_DIFFERENCES = pa.schema(
    [
        _MEASURE,
        *(field for field in _compared("mean", "") if field.name != "mcnemar_p"),
        column("better", _TEXT, "slug of the regime that the finding favours; empty when neither"),
    ]
)

PER_SEED = pa.schema(
    [
        *_REGIME,
        _TEST_SET,
        column("seed", _WHOLE, "the seed", nullable=False),
        column("images", _WHOLE, "test pictures", nullable=False),
        column("top1", _NUMBER, "accuracy of this seed, fraction", nullable=False),
        column("step", _WHOLE, "steps that its weights had seen; empty where nothing was trained"),
    ]
)

PER_CLASS = pa.schema(
    [
        *_REGIME,
        _TEST_SET,
        column("class_number", _WHOLE, "number of the class", nullable=False),
        column("class_name", _TEXT, "its display name", nullable=False),
        column("images", _WHOLE, "test pictures of the class; empty without predictions"),
        column("accuracy", _NUMBER, "accuracy over these pictures and all seeds, fraction", nullable=False),
    ]
)

CONFUSION = pa.schema(
    [
        *_REGIME,
        _TEST_SET,
        column("true_number", _WHOLE, "number of the true class", nullable=False),
        column("true", _TEXT, "its display name", nullable=False),
        column("predicted_number", _WHOLE, "number of the class that was named", nullable=False),
        column("predicted", _TEXT, "its display name", nullable=False),
        column("count", _WHOLE, "how often, over all pictures and seeds; zeros are left out", nullable=False),
        column("seeds", _WHOLE, "seeds that count was summed over", nullable=False),
    ]
)

LEARNING_CURVES = pa.schema(
    [
        *_REGIME,
        column("seed", _WHOLE, "the seed", nullable=False),
        column("quantity", _TEXT, "loss (training) or val_accuracy (fraction)", nullable=False),
        column("step", _WHOLE, "optimiser step", nullable=False),
        column("value", _NUMBER, "value at that step", nullable=False),
        column("chosen_step", _WHOLE, "step whose weights are the adapter", nullable=False),
    ]
)


def write_tables(folder: Path, results: StudyResults) -> list[tuple[str, str]]:
    """Write every table as CSV and Parquet.

    Args:
        folder: where the files go; made when missing.
        results: what the pages show.

    Returns:
        What a table holds and the name of its file, for each file.
    """
    written = []
    every = [
        ("accuracies", "Accuracies with intervals", ACCURACIES, _accuracies(results)),
        ("differences", "Paired differences, tests and power", DIFFERENCES, _differences(results)),
        ("per_seed", "Accuracy of each seed", PER_SEED, _per_seed(results)),
        ("per_class", "Accuracy of each class", PER_CLASS, _per_class(results)),
        ("confusion", "Confusions of every regime", CONFUSION, _confusion(results)),
        ("learning_curves", "Learning curves", LEARNING_CURVES, _learning_curves(results)),
    ]
    if results.answers.measures:
        every += [
            ("measures", "Further measures with intervals", MEASURES, _measures(results)),
            ("measure_differences", "Their differences and tests", MEASURE_DIFFERENCES, _measure_differences(results)),
        ]
    for name, label, schema, rows in every:
        table = pa.Table.from_pylist(list(rows), schema=schema)
        with whole_file(folder / f"{name}.csv") as part:
            pyarrow.csv.write_csv(table, part)
        with whole_file(folder / f"{name}.parquet") as part:
            pq.write_table(table, part, compression="zstd")
        written += [(label, f"{name}.csv"), (label, f"{name}.parquet")]
    return written


def _place(results: StudyResults, regime: str, test_set: str) -> Row:
    return {"regime": regime, "label": results.label(regime), "test_set": test_set}


def _accuracies(results: StudyResults) -> Iterator[Row]:
    for row in results.answers.accuracies:
        yield {
            **_place(results, row.regime, row.test_set),
            "images": row.images,
            "seeds": row.seeds,
            **_interval("top1", row.top1),
            "level": results.answers.settings.level,
            "top5": row.top5,
            "macro": row.macro,
            "worst_class_number": row.worst_class,
            "worst_class": results.class_label(row.worst_class),
            "worst_accuracy": row.worst_accuracy,
            "steps": _steps(results, row.regime),
        }


def _differences(results: StudyResults) -> Iterator[Row]:
    yield from ({**_difference(results, row), "mcnemar_p": row.mcnemar_p} for row in results.answers.differences)


def _steps(results: StudyResults, regime: str) -> str:
    return " ".join(map(str, results.steps(regime)))


def _difference(results: StudyResults, row: DifferenceRow) -> Row:
    same = ("name", "family", "a", "b", "test_set", "images", "seeds", "p", "p_holm", "margin")
    return {
        **{name: getattr(row, name) for name in (*same, "tost_p", "tost_p_holm")},
        **_interval("difference", row.difference),
        "level": results.answers.settings.level,
        "finding": row.finding.value,
        "power_smallest": row.power.smallest,
        "seeds_needed": row.power.seeds_needed,
        "images_needed": row.power.images_needed,
        "a_steps": _steps(results, row.a),
        "b_steps": _steps(results, row.b),
    }


def _measures(results: StudyResults) -> Iterator[Row]:
    for answers in results.answers.measures:
        for row in answers.rows:
            yield {
                "measure": answers.measure.name,
                **_place(results, row.regime, row.test_set),
                "value": row.mean.value,
                "low": row.mean.low,
                "high": row.mean.high,
                "level": results.answers.settings.level,
                "direction": answers.measure.direction,
                "images": row.images,
                "seeds": row.seeds,
                "steps": _steps(results, row.regime),
            }


def _measure_differences(results: StudyResults) -> Iterator[Row]:
    for answers in results.answers.measures:
        for row in answers.differences:
            side = better(row.finding, answers.measure)
            yield {
                "measure": answers.measure.name,
                **_difference(results, row),
                "better": None if side is None else (row.a, row.b)[side],
            }


def _interval(name: str, interval: Interval) -> Row:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _per_seed(results: StudyResults) -> Iterator[Row]:
    for row in results.answers.accuracies:
        predicted = results.predictions.get((row.regime, row.test_set))
        if predicted is None:
            continue
        place = _place(results, row.regime, row.test_set)
        steps = {curve.seed: curve.chosen_step for curve in results.curves_of(row.regime)}
        for seed, top1 in zip(predicted.seeds, row.by_seed, strict=True):
            yield {**place, "seed": seed, "images": row.images, "top1": top1, "step": steps.get(seed)}


def _per_class(results: StudyResults) -> Iterator[Row]:
    for row in results.answers.accuracies:
        predicted = results.predictions.get((row.regime, row.test_set))
        pictures = None if predicted is None else np.bincount(predicted.labels, minlength=len(results.class_names))
        for number, accuracy in sorted(row.per_class.items()):
            yield {
                **_place(results, row.regime, row.test_set),
                "class_number": number,
                "class_name": results.class_label(number),
                "images": None if pictures is None else int(pictures[number]),
                "accuracy": accuracy,
            }


def _confusion(results: StudyResults) -> Iterator[Row]:
    for (regime, test_set), result in results.predictions.items():
        table = counts(result, len(results.class_names))
        for true, predicted in zip(*(axis.tolist() for axis in np.nonzero(table)), strict=True):
            yield {
                **_place(results, regime, test_set),
                "true_number": true,
                "true": results.class_label(true),
                "predicted_number": predicted,
                "predicted": results.class_label(predicted),
                "count": int(table[true, predicted]),
                "seeds": len(result.seeds),
            }


def _learning_curves(results: StudyResults) -> Iterator[Row]:
    for curve in results.curves:
        same = {
            "regime": curve.regime,
            "label": results.label(curve.regime),
            "seed": curve.seed,
            "chosen_step": curve.chosen_step,
        }
        for step, loss in zip(curve.steps, curve.losses, strict=True):
            yield {**same, "quantity": "loss", "step": step, "value": loss}
        for step, accuracy in zip(curve.val_steps, curve.val_accuracies, strict=True):
            yield {**same, "quantity": "val_accuracy", "step": step, "value": accuracy}
