"""Names that files and code share: vocabulary, statuses, columns. The only place with such strings."""

from enum import StrEnum
from typing import Any

from varireal import attributes as _attributes
from varireal.attributes import PUBLISHED_ATTRIBUTES as PUBLISHED_ATTRIBUTES
from varireal.attributes import uncounted as uncounted

# Names of the classifiers' choices, for configs and messages.

TINY = "tiny"
AUGMENTATIONS = ("published", "color_safe", "none")


# Names of all attributes, and of those whose edits start from a prior picture; see ``__getattr__``.
ATTRIBUTES: tuple[str, ...]
WITH_PRIOR: tuple[str, ...]
FEASIBILITIES = ("feasible", "infeasible")

TRAIN, VAL, TEST = "train", "val", "test"
OK = "ok"

# Prior pictures per prompt by preset of the diffusion editor; 0 makes a fresh one for each edit.
DEFAULT_POOL = {"matched": 8, "paper": 0}

# Keys of the questions that a judge asks about a candidate.
PRESENT, FEASIBLE = ("present_1", "present_2"), ("feasible_1", "feasible_2")
MAIN = (*PRESENT, *FEASIBLE)
# Columns of the answers: the question and its twin, about the picture and about the grey one.
TWIN, BLANK = "_twin", "_blank"
ON_PICTURE = tuple(f"{key}{end}" for key in MAIN for end in ("", TWIN))
ON_BLANK = tuple(f"{key}{BLANK}" for key in ON_PICTURE)
EVERY = (*ON_PICTURE, *ON_BLANK)


def __getattr__(name: str) -> Any:
    """The names that the table of attributes has; not at import, because other packages' rows may need this module."""
    if name == "ATTRIBUTES":
        return tuple(_attributes.every())
    if name == "WITH_PRIOR":
        return _attributes.with_need(_attributes.PRIOR)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class RejectCode(StrEnum):
    """Why an input file is not part of the study (``rejects.parquet``)."""

    MISSING = "missing"
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    IN_TRAIN = "in_train"
    BAD_MASK = "bad_mask"
    UNREADABLE = "unreadable"


class MaskStatus(StrEnum):
    """How finding an object's mask ended."""

    OK = "ok"
    NOT_FOUND = "mask_not_found"
    SEVERAL = "mask_several_objects"
    EMPTY = "mask_empty"
    TINY = "mask_tiny"
    WHOLE_IMAGE = "mask_whole_image"
    MANY_PARTS = "mask_many_parts"
    TOUCHES_BORDER = "mask_touches_border"
    LOW_SCORE = "mask_low_score"
    MISSING = "mask_missing"
    UNREADABLE = "mask_unreadable"
    IMAGE_UNREADABLE = "image_unreadable"
    FAILED = "mask_failed"


class EditStatus(StrEnum):
    """How making a candidate ended."""

    OK = "ok"
    NO_MASK = "no_mask"
    NO_PROMPT = "no_prompt"
    UNKNOWN_PROMPT = "unknown_prompt"
    IMAGE_UNREADABLE = "image_unreadable"
    FLAT = "flat_image"
    NSFW = "nsfw"
    NOT_APPLICABLE = "not_applicable"
    FAILED = "edit_failed"


# Ends of an item of which no store keeps anything, so that each run of its job tries it again.
TRIED_ANEW = frozenset(
    {
        *(EditStatus.UNKNOWN_PROMPT, EditStatus.IMAGE_UNREADABLE, EditStatus.FLAT, EditStatus.NSFW),
        *(EditStatus.NOT_APPLICABLE, EditStatus.FAILED, MaskStatus.IMAGE_UNREADABLE, MaskStatus.FAILED),
    }
)

# Code of the reason where a judge gave no verdict that can be used.
JUDGE_FAILED = "judge_failed"

# A new attempt cannot help these: a later round leaves them alone, and their row of the first round tells why.
HOPELESS = frozenset(
    {
        EditStatus.NO_MASK,
        EditStatus.NO_PROMPT,
        EditStatus.UNKNOWN_PROMPT,
        EditStatus.IMAGE_UNREADABLE,
        EditStatus.NOT_APPLICABLE,
    }
)
