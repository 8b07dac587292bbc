r"""Masks: the object's pixels in every train photo of a shard.

By hand::

    varireal masks --config results/demo/config/masks.json --images results/demo/images.parquet \
        --shard 00000-of-00001 --output results/demo/masks/00000-of-00001.parquet \
        --store results/demo/store/masks-00000-of-00001.sqlite
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from varireal import names, tables
from varireal.backends import make_backend, read_machine
from varireal.config.machine import BackendContext
from varireal.config.masks import MaskLimitsConfig
from varireal.config.slices import MasksSlice, slice_digest
from varireal.datasets.decoding import RejectedImageError, file_sha256, load_mask
from varireal.datasets.photos import read_photo, reading_key
from varireal.logs import progress
from varireal.names import MaskStatus
from varireal.paths import parse_shard
from varireal.provenance import STAGE_VERSIONS
from varireal.records import MaskResult
from varireal.schemas import IMAGES, MASKS
from varireal.seeds import digest, shard_of
from varireal.segmenters.base import Segmenter
from varireal.segmenters.quality import (
    MaskLimits,
    area_fraction,
    bounding_box,
    check_mask,
    decode_mask,
    encode_mask,
    smooth_mask,
)
from varireal.stages.budget import check_budget, count_statuses
from varireal.stages.summary import Summary
from varireal.store import ItemStore, open_store, pack, unpack

logger = logging.getLogger(__name__)

Row = dict[str, Any]


def run(
    config: MasksSlice, *, images: Path, shard: str, output: Path, store: Path, machine: Path | None = None
) -> Summary:
    """Write the masks of one shard's train photos.

    Args:
        config: the stage's slice.
        images: table of images.
        shard: name of the shard.
        output: table of masks to write.
        store: item store of this shard.
        machine: slice of what models run on.

    Raises:
        DataError: a table is damaged, or more photos failed than the budget allows.
        BackendError: the segmenter cannot run here.
    """
    index, total = parse_shard(shard)
    photos = [
        row
        for row in tables.read(images, IMAGES)
        if row["split"] == names.TRAIN and shard_of(row["image_id"], total) == index
    ]
    with open_store(store) as items:
        segmenter = make_segmenter(config, BackendContext(read_machine(machine).machine, config.noun, store=items))
        made = [_mask_row(photo, config, segmenter, items) for photo in progress(photos, logger, "masks", len(photos))]
    rows = [row for row, _ in made]
    failures = frozenset({MaskStatus.FAILED, MaskStatus.IMAGE_UNREADABLE, MaskStatus.UNREADABLE, MaskStatus.MISSING})
    check_budget(rows, stage="masks", id_column="image_id", failures=failures, allowed=config.max_failed_fraction)
    tables.write(output, rows, MASKS, stage="masks", digest=slice_digest(config))
    return Summary(count_statuses(rows), sum(new for _, new in made))


def make_segmenter(config: MasksSlice, context: BackendContext) -> Segmenter:
    """The configured segmenter.

    Raises:
        BackendError: it cannot be loaded.
    """
    segmenter: Segmenter = make_backend("segmenters", config.masks.backend, config.masks, context)
    return segmenter


def _mask_row(
    photo: Mapping[str, Any], config: MasksSlice, segmenter: Segmenter, items: ItemStore
) -> tuple[Row, bool]:
    key = _item_key(photo, config, segmenter)
    kept = items.get(key)
    if kept is None:
        found = _segment(photo, config, segmenter)
        if found.mask is not None:
            logger.debug("computed mask of %s", photo["image_id"])
            told = {"status": str(found.status), "reason": found.reason, "score": found.score}
            items.put(key, pack(told, encode_mask(found.mask)))
    else:
        facts, mask = unpack(kept)
        found = MaskResult(decode_mask(mask), facts["status"], facts["reason"], facts["score"])
    return _row(photo, _judged(found, config.masks.limits), config, segmenter), kept is None


def _item_key(photo: Mapping[str, Any], config: MasksSlice, segmenter: Segmenter) -> str:
    options = json.dumps([config.masks.grabcut.model_dump(), config.masks.options], sort_keys=True)
    given = _mask_file_digest(photo) if segmenter.uses_given else ""
    version = STAGE_VERSIONS["masks"]
    backend = (segmenter.name, segmenter.version, segmenter.revision)
    return digest("mask", version, photo["sha256"], reading_key(config.reading), given, *backend, options)


def _mask_file_digest(photo: Mapping[str, Any]) -> str:
    try:
        return file_sha256(Path(photo["mask_path"])) if photo["mask_path"] else ""
    except RejectedImageError as error:
        return str(error)  # segmenting meets the same error and makes a row of it


def _segment(photo: Mapping[str, Any], config: MasksSlice, segmenter: Segmenter) -> MaskResult:
    try:
        picture = read_photo(photo, config.reading)
    except RejectedImageError as error:
        return MaskResult(None, MaskStatus.IMAGE_UNREADABLE, str(error))
    given = None
    if photo["mask_path"] and segmenter.uses_given:
        try:
            size = (picture.width, picture.height)
            given = load_mask(Path(photo["mask_path"]), size=size, original_size=picture.original_size)
        except RejectedImageError as error:
            return MaskResult(None, MaskStatus.UNREADABLE, str(error))
    try:
        return _normal(segmenter.segment([picture.image], [given])[0], picture.image.shape[:2])
    except Exception as error:  # one photo must not end the stage; its row says what happened
        logger.exception("segmenting %s failed", photo["image_id"])
        return MaskResult(None, MaskStatus.FAILED, f"{type(error).__name__}: {error}")


def _normal(found: MaskResult, shape: tuple[int, ...]) -> MaskResult:
    """The answer in the types of the table, whatever a segmenter of another package gives.

    Raises:
        ValueError: the mask does not fit the photo, or there is none although all is well.
    """
    score = None if found.score is None else float(found.score)
    if found.mask is None:
        if found.status == names.OK:
            raise ValueError("the segmenter said ok but gave no mask")
        return MaskResult(None, found.status, found.reason, score)
    mask = np.asarray(found.mask)
    if mask.shape != shape:
        raise ValueError(f"the segmenter gave a mask of shape {mask.shape} for a photo of {shape}")
    return MaskResult(mask.astype(bool), found.status, found.reason, score)


def _judged(found: MaskResult, limits: MaskLimitsConfig) -> MaskResult:
    """The limits are applied here, on what the store keeps, so that changing one segments nothing again."""
    if found.mask is None or found.status != names.OK:
        return found
    bounds = limits.model_dump(exclude={"min_score"})
    status, reason = check_mask(found.mask, MaskLimits(**bounds))
    if status == MaskStatus.OK and found.score is not None and not found.score >= limits.min_score:
        status = MaskStatus.LOW_SCORE
        reason = f"The segmenter's confidence is {found.score:.3f}, below {limits.min_score:g}."
    return MaskResult(found.mask, status, reason, found.score)


def _row(photo: Mapping[str, Any], found: MaskResult, config: MasksSlice, segmenter: Segmenter) -> Row:
    row: Row = {
        "image_id": photo["image_id"],
        "status": str(found.status),
        "reason": found.reason,
        "score": found.score,
        "backend": segmenter.name,
        "revision": segmenter.revision,
    }
    if found.mask is not None and found.mask.any():
        row |= {
            "mask": encode_mask(found.mask),
            "bbox": list(bounding_box(found.mask)),
            "area_fraction": area_fraction(found.mask),
        }
        if config.masks.smooth_px:
            row["smoothed"] = encode_mask(smooth_mask(found.mask, config.masks.smooth_px))
    return row
