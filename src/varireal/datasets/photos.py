"""Reading a photo of the table of images again, in any stage, and noticing when it is no longer the same file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varireal.config.images import ReadingConfig
from varireal.datasets.decoding import Photo, RejectedImageError, file_sha256, load_photo
from varireal.names import RejectCode
from varireal.provenance import STAGE_VERSIONS
from varireal.seeds import digest


def read_photo(row: Mapping[str, Any], reading: ReadingConfig) -> Photo:
    """The photo of a row of images, decoded again.

    Raises:
        RejectedImageError: the file is gone, unreadable, or not the one that was ingested.
    """
    path = Path(row["path"])
    photo = load_photo(path, **reading.model_dump())
    if file_sha256(path) != row["sha256"]:
        raise RejectedImageError(
            RejectCode.UNREADABLE, f"{path} changed since the stage images read it; run the workflow again"
        )
    return photo


def reading_key(reading: ReadingConfig) -> str:
    """Digest of how photos are read: with the file's bytes it stands for the pixels in item keys."""
    return digest("reading", STAGE_VERSIONS["images"], reading.max_side, *reading.later_for_keys(), size=8)
