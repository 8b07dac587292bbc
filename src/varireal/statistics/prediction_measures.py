"""The table of measures on predictions: one row each, of this package or of another one.

A row and its function are all that a measure needs: intervals, paired differences, tests, tables and the page follow
from it. Another package adds ``[project.entry-points."varireal.prediction_measures"] mine = "my_package:MINE"``, where
``MINE`` is a ``varireal.records.PredictionMeasure`` called ``mine``. Light: numpy is there once a measure is taken.
"""

import math
import re
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from varireal.attributes import load_point, no_such, only_point, outside_points, point_origin, problem_text
from varireal.errors import BackendError
from varireal.records import Array, PredictionMeasure
from varireal.statistics.records import TestSetResult

GROUP = "varireal.prediction_measures"
_KIND = "measure on predictions"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ROUNDING = 1e-4  # a value so far outside its scale, as a share of it, is put at the end: probabilities are float32


def _correct(probabilities: Array, labels: Array) -> Array:
    correct: Array = probabilities.argmax(axis=2) == labels
    return correct


def _brier(probabilities: Array, labels: Array) -> Array:
    """Sum over classes of (p - y)^2, where y is 1 for the true class and else 0."""
    import numpy as np

    wide = probabilities.astype(np.float64)
    score: Array = np.square(wide).sum(axis=2) - 2 * wide[:, np.arange(len(labels)), labels] + 1
    return score


TOP1 = PredictionMeasure(
    name="top1",
    label="Top-1 accuracy",
    doc="Share of the pictures whose most probable class is the true one.",
    per_picture=_correct,
    scale=(0.0, 1.0),
    direction="higher",
    margin=0.003,  # the published one; the config's statistics.margin_points takes its place
    family="accuracy",
    percent=True,
)

# A classifier that is always sure has twice its error as Brier score: the margin is that of accuracy there.
BRIER = PredictionMeasure(
    name="brier",
    label="Brier score",
    doc=(
        "Sum over the classes of the squared difference between probability and truth, 0 to 2 (Brier 1950, Monthly "
        "Weather Review 78:1): a proper score, which counts whether a classifier knows how sure it can be."
    ),
    per_picture=_brier,
    scale=(0.0, 2.0),
    direction="lower",
    margin=0.006,
    family="probabilities",
)

MEASURES = {measure.name: measure for measure in (TOP1, BRIER)}
FURTHER = tuple(name for name in MEASURES if name != TOP1.name)


def further_names() -> list[str]:
    """Names that the config may list beside top-1: those of this package, then those of other packages."""
    return [*FURTHER, *_entry_points()]


def unknown_measure(names: Sequence[str]) -> str | None:
    """What is wrong with a list of measures; None when each is known and is there once."""
    for place, name in enumerate(names):
        if name in names[:place]:
            return f"{name!r} is there twice"
        if name in FURTHER:
            continue
        if name == TOP1.name:
            return f"{name!r} is reported always; name the measures beside it: {', '.join(further_names())}"
        known = further_names()
        if name not in known:
            return no_such(_KIND, name, known)
    return None


def load_measure(name: str) -> PredictionMeasure:
    """A measure by its name.

    Raises:
        BackendError: there is none, or what another package gives cannot be imported or is no row of the table.
    """
    if name in MEASURES:
        return MEASURES[name]
    points = _entry_points()
    if name not in points:
        raise BackendError(no_such(_KIND, name, further_names()))
    measure = load_point(only_point(points[name]))
    try:
        wrong = _wrong_row(measure, name)
    except Exception as error:
        raise BackendError(f"{_origin(name)} cannot be used ({problem_text(error)}); mend its package") from error
    if wrong:
        raise BackendError(f"{_origin(name)} is no usable row: {wrong}; mend its package")
    row: PredictionMeasure = measure
    return row


def measure_version(name: str) -> str:
    """Version of the package that a measure comes from; empty for one of this package."""
    points = {} if name in MEASURES else _entry_points()
    dist = points[name][0].dist if name in points else None
    return "" if dist is None else dist.version


def values(measure: PredictionMeasure, result: TestSetResult) -> Array:
    """What a measure gives for each seed and picture.

    Args:
        measure: the row.
        result: predictions; with probabilities, except for top-1, which the column of best classes tells.

    Returns:
        (S, N) bool or float64, within the scale.

    Raises:
        BackendError: the function of another package fails, or gives another shape, or numbers that are not finite or
            not on its scale.
    """
    import numpy as np

    if measure.name == TOP1.name:
        return result.correct
    if result.probabilities is None:
        raise BackendError(f"{_origin(measure.name)} needs the probabilities of each class, and they were not read")
    try:
        given = np.asarray(measure.per_picture(result.probabilities, result.labels))
    except Exception as error:
        raise BackendError(f"{_origin(measure.name)} failed ({problem_text(error)}){_where(result)}") from error
    shape = (len(result.seeds), len(result.image_ids))
    if given.shape != shape or given.dtype.kind not in "biuf":
        what = f"{given.shape} {given.dtype}, expected numbers of shape {shape} (seeds, pictures)"
        raise BackendError(f"{_origin(measure.name)} gives {what}{_where(result)}")
    given = given.astype(np.float64)
    low, high = measure.scale
    slack = _ROUNDING * (high - low)
    bad = given[~((given >= low - slack) & (given <= high + slack))]
    if bad.size:
        what = f"{bad[0]:g} and {bad.size - 1} more" if bad.size > 1 else f"{bad[0]:g}"
        raise BackendError(f"{_origin(measure.name)} gives {what}, expected {low:g} to {high:g}{_where(result)}")
    clipped: Array = given.clip(low, high)
    return clipped


def _where(result: TestSetResult) -> str:
    return f" for {result.regime} on {result.test_set}; take it out of statistics.measures or mend its package"


def _wrong_row(measure: object, name: str) -> str:
    if not isinstance(measure, PredictionMeasure):
        return f"found {type(measure).__name__}, expected a varireal.records.PredictionMeasure"
    if measure.name != name or not _NAME.fullmatch(name):
        return f"its name is {measure.name!r}, expected {name!r} in small letters, digits and _"
    texts = (measure.label, measure.doc, measure.family)
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return "label, doc and family must be texts"
    function: Any = measure.per_picture
    if not callable(function):
        return "per_picture must be a function"
    low, high = measure.scale
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return f"its scale is {low:g} to {high:g}, expected two finite ends, the lower one first"
    if measure.direction not in ("higher", "lower"):
        return f"its direction is {measure.direction!r}, expected 'higher' or 'lower' (which is better)"
    if not 0 < measure.margin < high - low:
        return f"its margin is {measure.margin:g}, expected more than 0 and less than its scale is long"
    return ""


def _origin(name: str) -> str:
    """The measure for messages, with the package and the entry point that it comes from."""
    points = {} if name in MEASURES else _entry_points()
    return f"the measure {name!r} ({point_origin(points[name][0])})" if name in points else f"the measure {name!r}"


def _entry_points() -> dict[str, list[metadata.EntryPoint]]:
    """Measures of other packages by name."""
    return outside_points(GROUP, MEASURES)
