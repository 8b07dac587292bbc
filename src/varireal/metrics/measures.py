"""The table of measures on candidates: what is measured of an edit, and the gate on it. Light.

One row is one column of edits and one gate; its function is named by its place. Another package adds a row by an entry
point::

    [project.entry-points."varireal.measures"]
    sharpness = "my_package:SHARPNESS"

``SHARPNESS`` is a ``Measure`` whose ``column`` is the name of the entry point. Its module must be as light as this:
the function may stand beside the row, and imports numpy and the like itself. Such a column is in the tables of a study
only where an attribute of the study lists it or a gate on it is set.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from varireal.attributes import (
    Attribute,
    Rows,
    add_rows,
    at_place,
    attribute_row,
    function_at,
    is_place,
    no_such,
    problem_text,
)
from varireal.errors import BackendError
from varireal.records import MeasuredEdit


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One row of the table.

    Attributes:
        column: its name in edits, manifest and data set.
        doc: what the number is, with its range; for the column and the data card.
        function: place of a function that gets a ``records.MeasuredEdit`` and gives a number, or None where it
            has no meaning.
        gate: key of the gate in ``verdicts.gates.ATTRIBUTE``, ``min_`` or ``max_`` and a name; empty: no gate.
        gate_doc: what the key means.
        low: smallest value that the key may have.
        high: largest value that the key may have; None: any.
        default: limit where an attribute says nothing; None: off.
        reason: code of the reason when the gate refuses an edit.
        label: the reason in a few words.
        sentence: the reason in one sentence.
        absent_passes: whether an edit without the measure passes the gate; else a missing measure never passes.
        version: raised when the same edit gives another number; it is in the keys of items.
    """

    column: str
    doc: str
    function: str
    gate: str = ""
    gate_doc: str = ""
    low: float = 0
    high: float | None = None
    default: float | None = None
    reason: str = ""
    label: str = ""
    sentence: str = ""
    absent_passes: bool = False
    version: int = 1

    @property
    def sign(self) -> int:
        """+1 when the gate is a lower bound, -1 when it is an upper one."""
        return 1 if self.gate.startswith("min_") else -1


_FUNCTIONS = "varireal.metrics.receipts"
_BUILT_IN = (
    Measure(
        column="changed_fraction",
        doc="share of the edited region whose pixels changed by more than 8 of 255 levels, 0..1",
        function=f"{_FUNCTIONS}:changed_fraction",
        gate="min_changed",
        gate_doc="Smallest share of the edited region that changed visibly.",
        reason="change_inside",
        label="too little change",
        sentence="Too little changed inside the region that was edited.",
    ),
    Measure(
        column="leak_max",
        doc="largest change of a pixel outside the edited region, in levels of 255",
        function=f"{_FUNCTIONS}:leak_max",
        gate="max_leak",
        gate_doc="Largest change of any pixel outside the edited region, in levels of 255.",
        default=0.0,
        reason="leak",
        label="leak",
        sentence="Pixels outside the edited region changed.",
    ),
    Measure(
        column="leak_mean",
        doc="mean change of the pixels outside the edited region, in levels of 255",
        function=f"{_FUNCTIONS}:leak_mean",
    ),
    Measure(
        column="seam_score",
        doc="share of the region's border with an edge that the photo did not have there, 0..1",
        function=f"{_FUNCTIONS}:seam_of",
        gate="max_seam",
        gate_doc="Largest seam score along the border of the edited region.",
        reason="seam",
        label="visible seam",
        sentence="The border of the edit can be seen as a seam.",
    ),
    Measure(
        column="silhouette_iou",
        doc="overlap of the object found again in the edit with its mask, 0..1; background edits only",
        function=f"{_FUNCTIONS}:silhouette_of",
        gate="min_silhouette_iou",
        gate_doc="Smallest overlap of the object found again in the edit with its mask.",
        high=1,
        reason="silhouette",
        label="outline lost",
        sentence="The object's outline could not be found again in the edit.",
    ),
    Measure(
        column="color_distance",
        doc="CIEDE2000 distance (lightness weighted by half) from the asked colour; colour edits only",
        function=f"{_FUNCTIONS}:color_distance",
        gate="max_color_distance",
        gate_doc="Largest CIEDE2000 distance between the asked colour and the object's.",
        reason="color",
        label="wrong colour",
        sentence="The colour is too far from the one that was asked for.",
    ),
    Measure(
        column="hue_distance",
        doc="distance from the asked hue in degrees, 0..180; colour edits towards a colour that has a hue",
        function=f"{_FUNCTIONS}:hue_distance",
        gate="max_hue_distance",
        gate_doc="Largest distance from the asked hue in degrees; not applied to greys, which have none.",
        reason="hue",
        label="wrong hue",
        sentence="The hue is too far from the one that was asked for.",
        absent_passes=True,
    ),
    Measure(
        column="edge_ssim",
        doc="similarity (SSIM) of the object's edges before and after, -1..1; colour and texture edits only",
        function=f"{_FUNCTIONS}:edge_ssim_of",
        gate="min_edge_ssim",
        gate_doc="Smallest similarity (SSIM) of the object's edges before and after.",
        low=-1,
        high=1,
        reason="edges",
        label="detail lost",
        sentence="The drawing of the object was lost under the edit.",
    ),
)

# Studies were finished when these were all: they are columns of every table of edits, with their meaning. What came
# later, here or in another package, is in a study only where it is used.
_PUBLISHED = (
    *("changed_fraction", "leak_max", "leak_mean", "seam_score", "silhouette_iou"),
    *("color_distance", "hue_distance", "edge_ssim"),
)
RECEIPT_FIELDS: dict[str, str] = {row.column: row.doc for row in _BUILT_IN if row.column in _PUBLISHED}

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Columns of edits, manifest and data set that are no measures; a test keeps the list whole.
TAKEN = frozenset(
    (
        *("candidate_id", "image_id", "class_id", "class_name", "attribute", "feasibility", "k", "round", "pair_id"),
        *("prompt_id", "prompt_name", "prompt_description", "prompt_rgb", "seed", "backend", "backend_version"),
        *("params_digest", "status", "reason", "image", "batch_size", "dtype", "device", "memory_step", "marks"),
        *("nsfw", "source_sha256", "mask_sha256", "judge_model", "judge_revision", "score", "yes_bias"),
        *("feasible_logit", "p_feasible_raw", "segmented_iou", "segmented_area_ratio", "segmented_objects"),
        *("p_feasible", "outcome", "reasons", "source_path", "mask_backend", "image_sha256", "label", "mask"),
        *("edit_mask", "edit_mask_sha256"),
    )
)


@cache
def _table() -> tuple[dict[str, Measure], Rows]:
    rows = {row.column: row for row in _BUILT_IN}
    gates = {row.gate for row in _BUILT_IN}

    def problem(name: str, row: Measure) -> str | None:
        wrong = _problem(name, row)
        if wrong is None and row.gate in gates and row.gate:
            return f"there is a gate {row.gate!r} already; give it another name"
        gates.add(row.gate)
        return wrong

    return rows, add_rows("varireal.measures", Measure, rows, problem)


def _problem(name: str, row: Measure) -> str | None:
    if row.column != name:
        return f"the row's column is {row.column!r}; give it the name of the entry point"
    if not _COLUMN.fullmatch(name) or name in TAKEN:
        return f"{name!r} cannot be a measure's column; take another name of small letters, digits and '_'"
    if not is_place(row.function):
        return f"function is {row.function!r}; expected a place such as 'my_package.module:name'"
    texts = ("doc", "gate", "gate_doc", "reason", "label", "sentence")
    odd = next((key for key in texts if not isinstance(getattr(row, key), str)), None)
    if odd is not None:
        return f"{odd} is {getattr(row, odd)!r}; expected a text"
    if row.gate and not (row.gate.startswith(("min_", "max_")) and _COLUMN.fullmatch(row.gate)):
        return f"gate is {row.gate!r}; expected a name that begins with min_ or max_"
    if not _is_number(row.low) or not (row.high is None or (_is_number(row.high) and row.high > row.low)):
        return f"low and high are {row.low!r} and {row.high!r}; expected two numbers, or None as high"
    if row.default is not None:
        return "it has a default, which would be on in studies that do not use it; give limits in attributes"
    lacking = next((key for key in ("gate_doc", "reason", "label", "sentence") if not getattr(row, key)), None)
    return f"it has a gate but no {lacking}; fill it in" if row.gate and lacking else None


def every() -> Mapping[str, Measure]:
    """All measures by column: those of this package, then those of others."""
    return _table()[0]


def broken() -> Mapping[str, str]:
    """Measures of other packages that cannot be used, with the reason."""
    return _table()[1].broken


def gated() -> dict[str, Measure]:
    """Measures with a gate, by the gate."""
    return {row.gate: row for row in every().values() if row.gate}


def identity(column: str) -> str:
    """Package and version of a measure that came later, for slices and item keys."""
    return f"{_table()[1].packages.get(column, 'varireal')} {every()[column].version}"


def doc(column: str) -> str:
    """What a column holds; also of a package that is not there."""
    row = every().get(column)
    return "measured by a package that was not there when this was written" if row is None else row.doc


def problem(row: Attribute) -> str | None:
    """What is wrong with what an attribute says of measures and gates; None when nothing is."""
    for column in row.measures:
        if column in broken():
            return f"the measure {column!r} cannot be used: {broken()[column]}"
        if column not in every():
            return f"measures: {no_such('measure', column, every())}"
    defaults = {gate: measure.default for gate, measure in gated().items()}
    for gate, limit in {**defaults, **row.gates}.items():
        if gate not in defaults:
            return f"gates: {no_such('gate', gate, gated())}"
        measure = gated()[gate]
        if limit is None:
            continue
        if measure.column not in row.measures:
            return f"gates has {gate!r}, but measures lacks {measure.column!r}; add it, or set the gate to None"
        if not _is_number(limit) or not measure.low <= limit <= (limit if measure.high is None else measure.high):
            most = "" if measure.high is None else f" to {measure.high:g}"
            return f"gates.{gate} is {limit!r}; expected a number from {measure.low:g}{most}"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def measure(edit: MeasuredEdit, later: Mapping[str, str]) -> dict[str, float | None]:
    """Measure an edit by every column of ``RECEIPT_FIELDS``, of which those that its attribute lacks are None.

    Args:
        edit: what is measured.
        later: columns that came later and that the study uses, with their ``identity``.

    Raises:
        BackendError: a measure of another package is not there.
        ValueError: the function of another package fails.
    """
    listed = attribute_row(edit.attribute).measures
    values = {
        column: at_place(every()[column].function)(edit) if column in listed else None for column in RECEIPT_FIELDS
    }
    return values | {column: _later_measure(edit, column, identity) for column, identity in later.items()}


def packages(columns: Iterable[str]) -> set[str]:
    """Names of the packages that some measures come from; of this package none."""
    known = _table()[1].packages
    return {known[column] for column in columns if column in known}


def named(column: str) -> str:
    """The column of a measure, with the package that it comes from."""
    package = _table()[1].packages.get(column)
    return repr(column) if package is None else f"{column!r} (package {package}, entry point {column!r})"


def function_of(column: str) -> Any:
    """The function of a measure that came later.

    Raises:
        BackendError: it is not where its row says.
    """
    return function_at(every()[column].function, f"the measure {named(column)}")


def _later_measure(edit: MeasuredEdit, column: str, identity: str) -> float | None:
    if column not in every():
        why = broken().get(column, f"install the package {identity.rpartition(' ')[0]}")
        raise BackendError(f"the study measures {column!r}, which is not there: {why}")
    try:
        value = function_of(column)(edit)
        number = None if value is None else float(value)
    except BackendError:
        raise
    except Exception as error:
        raise ValueError(f"the measure {named(column)} fails: {problem_text(error)}") from error
    if number is not None and not math.isfinite(number):
        raise ValueError(f"the measure {named(column)} gives {number}; expected a finite number, or None")
    return number
