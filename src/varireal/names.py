"""Names that files and code share: vocabulary, statuses, columns. The only place with such strings."""

from collections.abc import Collection
from enum import StrEnum

# Names of the classifiers' choices, for configs and messages. Light: imports nothing.

TINY = "tiny"
AUGMENTATIONS = ("published", "color_safe", "none")


# Studies were finished when these were all; what came later must not change them (see ``uncounted``).
PUBLISHED_ATTRIBUTES = ("background", "color", "texture")
ATTRIBUTES = PUBLISHED_ATTRIBUTES
FEASIBILITIES = ("feasible", "infeasible")

TRAIN, VAL, TEST = "train", "val", "test"
OK = "ok"

# Attributes whose diffusion recipe starts from a prior picture.
WITH_PRIOR = ("background", "texture")
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


def uncounted(attributes: Collection[str]) -> frozenset[str]:
    """Attributes that the package learned later and a study does not edit: what files say of them is not its own.

    Args:
        attributes: those that the study edits.
    """
    return frozenset(ATTRIBUTES) - frozenset(PUBLISHED_ATTRIBUTES) - frozenset(attributes)


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
    FAILED = "edit_failed"


# A new attempt cannot help these: a later round leaves them alone, and their row of the first round tells why.
HOPELESS = frozenset(
    {EditStatus.NO_MASK, EditStatus.NO_PROMPT, EditStatus.UNKNOWN_PROMPT, EditStatus.IMAGE_UNREADABLE}
)
