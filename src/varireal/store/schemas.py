"""The declared columns of every table. Files are contracts: other programs read them by these names."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from varireal.metrics import measures
from varireal.names import BLANK, EVERY, TWIN
from varireal.store.tables import check, column

_TEXT, _INT, _FLOAT, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

IMAGES = pa.schema(
    [
        column("image_id", _TEXT, "slug, unique in the study", nullable=False),
        column("class_id", _TEXT, "slug of the class", nullable=False),
        column("class_name", _TEXT, "display name of the class", nullable=False),
        column("split", _TEXT, "train, val, test or test_<shift>", nullable=False),
        column("path", _TEXT, "the file, as found", nullable=False),
        column("width", _INT, "pixels, after orientation and size limit", nullable=False),
        column("height", _INT, "pixels, after orientation and size limit", nullable=False),
        column("sha256", _TEXT, "of the file's bytes", nullable=False),
        column("phash", _TEXT, "64-bit perceptual hash, hex", nullable=False),
        column("mask_path", _TEXT, "mask that came with the image"),
        column("status", _TEXT, "ok", nullable=False),
        column("reason", _TEXT, "what was converted on reading, empty when nothing was", nullable=False),
    ]
)

REJECTS = pa.schema(
    [
        column("key", _TEXT, "name inside the image source", nullable=False),
        column("path", _TEXT, "the file, as found", nullable=False),
        column("class_name", _TEXT, "display name of the class", nullable=False),
        column("split", _TEXT, "split, when known"),
        column("sha256", _TEXT, "of the file's bytes, when readable"),
        column("status", _TEXT, "code of names.RejectCode", nullable=False),
        column("reason", _TEXT, "one sentence", nullable=False),
    ]
)

MASKS = pa.schema(
    [
        column("image_id", _TEXT, "row of images", nullable=False),
        column("status", _TEXT, "ok or a value of names.MaskStatus", nullable=False),
        column("reason", _TEXT, "one sentence, empty when ok", nullable=False),
        column("mask", pa.binary(), "1-bit PNG of the raw mask, also when the status is not ok"),
        column("smoothed", pa.binary(), "1-bit PNG of the smoothed mask, when smoothing is on"),
        column("bbox", pa.list_(pa.int64()), "x, y, width, height in pixels"),
        column("area_fraction", _FLOAT, "share of the image that the mask covers"),
        column("score", _FLOAT, "the segmenter's own confidence, 0..1"),
        column("objects", _INT, "objects of the class that the segmenter saw; null when it does not count"),
        column("backend", _TEXT, "segmenter of this mask", nullable=False),
        column("revision", _TEXT, "its models, with their revisions"),
        column("fallback_of", _TEXT, "segmenters that failed before this one, each with status and reason"),
    ]
)

_CANDIDATE = [
    column("candidate_id", _TEXT, "unique in the study", nullable=False),
    column("image_id", _TEXT, "the photo that was edited", nullable=False),
    column("class_id", _TEXT, "slug of the class", nullable=False),
    column("class_name", _TEXT, "display name of the class", nullable=False),
    column("attribute", _TEXT, "what was edited, such as background, color or texture", nullable=False),
    column("feasibility", _TEXT, "feasible or infeasible", nullable=False),
    column("k", _INT, "which of the edits of this photo and setting", nullable=False),
    column("round", _INT, "0 is the first attempt", nullable=False),
    column("pair_id", _TEXT, "the same for both arms of a pair", nullable=False),
    column("prompt_id", _TEXT, "row of the class's prompt file; empty when there was none", nullable=False),
    column("prompt_name", _TEXT, "what was put in", nullable=False),
    column("prompt_description", _TEXT, "one sentence", nullable=False),
    column("seed", _INT, "seed of this candidate; in one round both arms share it", nullable=False),
    column("backend", _TEXT, "editor", nullable=False),
    column("backend_version", _TEXT, "version of the editor, and revision of its model", nullable=False),
    column("params_digest", _TEXT, "digest of everything that the picture depends on", nullable=False),
    column("status", _TEXT, "ok or a value of names.EditStatus", nullable=False),
    column("reason", _TEXT, "one sentence, empty when ok", nullable=False),
]

_RECEIPT = [column(name, _FLOAT, doc) for name, doc in measures.RECEIPT_FIELDS.items()]

_MEASURED = [
    column("batch_size", _INT, "items edited together; null when not measured"),
    column("dtype", _TEXT, "number format of the editor"),
    column("device", _TEXT, "where it ran"),
    column("memory_step", _TEXT, "what was done for want of memory: half_batch, offload or tile; empty when nothing"),
    column("marks", pa.list_(pa.string()), "what makes it differ from the recipe: few_step:lcm, step_cache ..."),
    column("nsfw", _FLAG, "what the editor's safety checker said; null without one"),
]

PRIORS = pa.schema(
    [
        column("prior_id", _TEXT, "digest of everything that the picture depends on", nullable=False),
        column("text", _TEXT, "the prompt that it was made from", nullable=False),
        column("number", _INT, "which of the prompt's pictures", nullable=False),
        column("seed", _INT, "seed of its noise", nullable=False),
        column("status", _TEXT, "ok or a value of names.EditStatus", nullable=False),
        column("reason", _TEXT, "one sentence, empty when ok", nullable=False),
        column("image", pa.binary(), "lossless PNG; null unless ok"),
    ]
)

# What a candidate was made from, beside its prompt's texts: by it a replay tells what differs.
_MADE_FROM = [
    column("prompt_rgb", _TEXT, "the prompt's colour as #rrggbb; empty when it names none"),
    column("source_sha256", _TEXT, "of the photo's file"),
    column("mask_sha256", _TEXT, "of the mask's PNG, as the column mask of the data set has it; null without a mask"),
]

_EDIT_MASK_SHA256 = column("edit_mask_sha256", _TEXT, "of the edit's own mask's PNG; null: it has the photo's")

EDITS = pa.schema(
    [
        *_CANDIDATE,
        column("image", pa.binary(), "lossless PNG; null unless ok"),
        *_RECEIPT,
        *_MEASURED,
        *_MADE_FROM,
        column("edit_mask", pa.binary(), "1-bit PNG of the object in the edit; null: its outline is the photo's"),
        _EDIT_MASK_SHA256,
    ]
)

_JUDGED = [
    column("judge_model", _TEXT, "model that was asked; null when none was"),
    column("judge_revision", _TEXT, "revision of the model"),
    column("score", _FLOAT, "published score: share of the four answers that are as expected for the arm"),
    column("yes_bias", _FLOAT, "0 for a judge that does not contradict itself, 0.5 for one that always says yes"),
    column("feasible_logit", _FLOAT, "feasibility score before calibration, as log-odds"),
    column("p_feasible_raw", _FLOAT, "the same as a probability"),
    column("segmented_iou", _FLOAT, "overlap of the object segmented again in the edit with its mask"),
    column("segmented_area_ratio", _FLOAT, "area of the object segmented again, as a multiple of its mask's"),
    column("segmented_objects", _INT, "objects of the class in the edit; null when the segmenter does not count"),
]


JUDGED_COLUMNS = tuple(field.name for field in _JUDGED)


def _about(key: str) -> str:
    plain = key.removesuffix(BLANK)
    what = f"the negation of {plain.removesuffix(TWIN)}" if plain.endswith(TWIN) else f"the question {plain}"
    return f"P(yes) to {what}{' about a grey picture' if key != plain else ''}; null when unknown or not asked"


VERDICTS = pa.schema(
    [
        column("candidate_id", _TEXT, "row of edits", nullable=False),
        column("params_digest", _TEXT, "that of the row of edits: which picture was judged", nullable=False),
        column("judge", _TEXT, "who judged", nullable=False),
        column("accepted", _FLAG, "true only if every gate passed", nullable=False),
        column("reasons", pa.list_(pa.string()), "one per gate that failed", nullable=False),
        *(column(f"p_{key}", _FLOAT, _about(key)) for key in EVERY),
        column("answer_mass", _FLOAT, "least probability that an answer was yes or no at all; null for words"),
        column("unknown", pa.list_(pa.string()), "questions without a usable answer; null when none was asked"),
        column("blank_bias", _FLOAT, "yes_bias on a grey picture"),
        column("p_feasible_words", _FLOAT, "p_feasible_raw on a grey picture: what the words alone say"),
        *_JUDGED,
    ]
)

MANIFEST = pa.schema(
    [
        *_CANDIDATE,
        *_RECEIPT,
        *_MEASURED,
        *_MADE_FROM,
        *_JUDGED,
        column("p_feasible", _FLOAT, "calibrated probability that it is feasible; null without a review"),
        column("outcome", _TEXT, "accepted, rejected or failed", nullable=False),
        column("reasons", pa.list_(pa.string()), "why not accepted", nullable=False),
        column("source_path", _TEXT, "the photo's file", nullable=False),
        column("mask_backend", _TEXT, "segmenter of the mask"),
        column("image_sha256", _TEXT, "of the candidate's PNG bytes, before the mark and the recipe of the data set"),
        _EDIT_MASK_SHA256,
    ]
)

FUNNEL = pa.schema(
    [
        column("class_id", _TEXT, "slug of the class", nullable=False),
        column("class_name", _TEXT, "display name of the class", nullable=False),
        column("attribute", _TEXT, "what was edited, such as background, color or texture", nullable=False),
        column("feasibility", _TEXT, "feasible or infeasible", nullable=False),
        column("wanted", _INT, "items", nullable=False),
        column("made", _INT, "candidates with a picture, all rounds", nullable=False),
        column("accepted", _INT, "items with an accepted candidate", nullable=False),
        column("short", _INT, "wanted less accepted", nullable=False),
        column(
            "reasons",
            _TEXT,
            "JSON: missing items by the first reason of their last candidate; adds up to short",
            nullable=False,
        ),
    ]
)

FEASIBILITY = pa.schema(
    [
        column("attribute", _TEXT, "what was edited, such as background, color or texture", nullable=False),
        column("feasibility", _TEXT, "the arm: feasible or infeasible", nullable=False),
        column(
            "population", _TEXT, "accepted (in the data set) or judged (all that a model was asked)", nullable=False
        ),
        column("pictures", _INT, "pictures of the population", nullable=False),
        column("unknown", _INT, "pictures without a usable answer; not in the means", nullable=False),
        column("p_feasible_raw", _FLOAT, "mean of the judge's score before calibration"),
        column("p_feasible_words", _FLOAT, "the same on a grey picture: what the words alone say"),
        column("p_feasible", _FLOAT, "share of feasible pictures: calibrated, and corrected for the judge's errors"),
        column("low", _FLOAT, "lower end of its interval"),
        column("high", _FLOAT, "upper end of its interval"),
        column("level", _FLOAT, "level of the interval"),
        column("reviewed", _INT, "pictures with a score that a person reviewed", nullable=False),
        column("reviewed_feasible", _INT, "those of them that the person found feasible", nullable=False),
        column("correction", _TEXT, "setting: by its own reviewed pictures; pooled: by those of all settings"),
        column("calibration", _TEXT, "platt, isotonic or none", nullable=False),
        column("note", _TEXT, "why it is not calibrated; empty when it is", nullable=False),
    ]
)

PREDICTIONS = pa.schema(
    [
        column("regime", _TEXT, "slug of the regime", nullable=False),
        column("seed", _INT, "seed of the training; 0 for zero-shot", nullable=False),
        column("test_set", _TEXT, "test or test_<shift>", nullable=False),
        column("image_id", _TEXT, "row of images", nullable=False),
        column("class_id", _TEXT, "slug of the true class", nullable=False),
        column("label", _INT, "number of the true class in the sorted list of class ids", nullable=False),
        column("top1", _INT, "number of the class with the highest probability", nullable=False),
        column("top5", pa.list_(pa.int64()), "the five classes with the highest probabilities, best first"),
        column("probabilities", pa.list_(pa.float32()), "of every class, by its number", nullable=False),
    ]
)

_MEASURE = b"measure_of"


def measure_columns(packages: Mapping[str, str]) -> list[pa.Field]:
    """Columns of measures that came later; a table that has them says by itself whose they are.

    Args:
        packages: ``metrics.measures.identity`` by column.
    """
    return [
        pa.field(name, _FLOAT, metadata={b"doc": measures.doc(name), _MEASURE: identity})
        for name, identity in sorted(packages.items())
    ]


def measures_in(paths: Iterable[Path], schema: pa.Schema = EDITS) -> list[pa.Field]:
    """Columns of later measures that tables have; the packages that brought them need not be installed.

    Raises:
        DataError: as ``tables.check``.
    """
    fields = {
        field.name: field
        for path in paths
        for field in check(path, schema).schema_arrow
        if _MEASURE in (field.metadata or {})
    }
    return [fields[name] for name in sorted(fields)]


def with_measures(schema: pa.Schema, fields: Iterable[pa.Field]) -> pa.Schema:
    """A schema of edits, manifest or data set with columns of later measures, behind the others."""
    place = schema.get_field_index(next(reversed(measures.RECEIPT_FIELDS))) + 1
    for number, field in enumerate(fields):
        schema = schema.insert(place + number, field)
    return schema


_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

# The columns with a Hugging Face type must stay nullable: the ``datasets`` library (5.2) ignores its own metadata for
# a column that is declared as never null, and then gives the bytes instead of the picture.
DATASET = pa.schema(
    [
        column("image", _IMAGE, "the accepted edit, lossless PNG with its recipe in its metadata; never null"),
        column("label", _INT, "number of the class in the sorted list of class ids; never null"),
        *(field for field in MANIFEST if field.name not in ("status", "reason", "outcome", "reasons")),
        column("mask", _IMAGE, "the object in the photo, the mask that the edit used, 1-bit PNG; never null"),
        column("edit_mask", _IMAGE, "the object in the edit, 1-bit PNG; null where its outline is the photo's: mask"),
    ]
)


def dataset_schema(class_ids: Sequence[str], fields: Iterable[pa.Field] = ()) -> pa.Schema:
    """``DATASET`` with the metadata by which the ``datasets`` library knows images and classes without a cast.

    Args:
        class_ids: sorted; the position is the label.
        fields: columns of measures that came later.
    """
    features = {
        "image": {"_type": "Image"},
        "label": {"_type": "ClassLabel", "names": list(class_ids)},
        "mask": {"_type": "Image"},
        "edit_mask": {"_type": "Image"},
    }
    info = json.dumps({"info": {"features": features}}, sort_keys=True)
    return with_measures(DATASET, fields).with_metadata({b"huggingface": info})
