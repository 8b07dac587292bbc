r"""Masks: the object's pixels in every train photo of a shard.

By hand::

    varireal masks --config results/demo/config/masks.json --images results/demo/images.parquet \
        --shard 00000-of-00001 --output results/demo/masks/00000-of-00001.parquet \
        --store results/demo/store/masks-00000-of-00001.sqlite
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from varireal import names
from varireal.backends import BackendContext, make_backend, read_machine
from varireal.config.masks import MaskLimitsConfig, MasksConfig
from varireal.config.slices import MasksSlice, slice_digest
from varireal.core.paths import parse_shard
from varireal.core.registry import outside_packages
from varireal.names import MaskStatus
from varireal.records import MaskResult
from varireal.running.logs import progress
from varireal.segmenters.base import Segmenter
from varireal.segmenters.quality import MaskLimits, area_fraction, bounding_box, check_mask, encode_mask, smooth_mask
from varireal.segmenters.stored import StoredSegmenter
from varireal.stages.common import Summary, Tally, shard_photos
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import MASKS

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
        BackendError: a segmenter that is needed cannot run here.
    """
    photos = shard_photos(images, *parse_shard(shard)).rows
    with open_store(store) as items:
        context = BackendContext(read_machine(machine).machine, config.noun, store=items)
        chain = [
            StoredSegmenter(segmenter, config.masks, config.noun, config.reading, items)
            for segmenter in make_chain(config, context)
        ]
        rows, computed = _mask_rows(photos, chain, config.masks)
    failures = frozenset({MaskStatus.FAILED, MaskStatus.IMAGE_UNREADABLE, MaskStatus.UNREADABLE, MaskStatus.MISSING})
    tally = Tally("image_id", failures, rows)
    tally.check("masks", config.max_failed_fraction)
    facts = outside_packages(("segmenters", name) for name in config.masks.chain)
    tables.write(output, rows, MASKS, stage="masks", digest=slice_digest(config), facts=facts)
    return Summary(tally.counts, computed)


def make_chain(config: MasksSlice, context: BackendContext) -> list[Segmenter]:
    """The configured segmenter and its fallbacks, in the order in which they are tried.

    Raises:
        BackendError: one cannot be loaded.
    """
    return [make_backend("segmenters", name, config.masks, context) for name in config.masks.chain]


def _mask_rows(
    photos: Sequence[Mapping[str, Any]], chain: Sequence[StoredSegmenter], config: MasksConfig
) -> tuple[list[Row], int]:
    """A row per photo, in order, and for how many photos something was computed.

    The next segmenter gets the photos whose mask so far is not usable. A photo that none can do keeps the answer of
    the first one, with what all of them said.
    """
    rows: dict[str, Row] = {}
    failed: dict[str, list[tuple[str, MaskResult]]] = {str(photo["image_id"]): [] for photo in photos}
    computed: set[str] = set()
    pending = photos
    for segmenter in chain:
        name = segmenter.segmenter.name
        for photo, answer, new in progress(segmenter.find(pending), logger, f"masks by {name}", len(pending)):
            image_id = str(photo["image_id"])
            judged = _judged(answer, config.limits)
            computed |= {image_id} if new else set()
            if judged.status == names.OK or image_id not in rows:
                rows[image_id] = _row(photo, judged, config, segmenter.segmenter) | _before(failed[image_id])
            if judged.status != names.OK:
                failed[image_id].append((name, judged))
        pending = [photo for photo in pending if _goes_on(rows[str(photo["image_id"])])]
    for row in rows.values():
        attempts = failed[row["image_id"]]
        if row["status"] != names.OK and len(attempts) > 1:
            row["reason"] = " ".join(f"{name}: {result.reason or result.status}" for name, result in attempts)
    return [rows[str(photo["image_id"])] for photo in photos], len(computed)


def _goes_on(row: Row) -> bool:
    """Whether another segmenter may help; none can read a photo that is gone."""
    return row["status"] not in (names.OK, MaskStatus.IMAGE_UNREADABLE)


def _before(failed: Sequence[tuple[str, MaskResult]]) -> Row:
    """What failed before the segmenter of the row, with status and reason."""
    attempts = [f"{name}: {last.status}" + (f" ({last.reason})" if last.reason else "") for name, last in failed]
    return {"fallback_of": "; ".join(attempts)} if attempts else {}


def _judged(answer: MaskResult, limits: MaskLimitsConfig) -> MaskResult:
    """The limits are applied here, on what the store keeps, so that changing one segments nothing again."""
    if answer.mask is None or answer.status != names.OK:
        return answer
    bounds = limits.model_dump(exclude={"min_score"})
    status, reason = check_mask(answer.mask, MaskLimits(**bounds))
    if status == MaskStatus.OK and answer.score is not None and not answer.score >= limits.min_score:
        status = MaskStatus.LOW_SCORE
        reason = f"The segmenter's confidence is {answer.score:.3f}, below {limits.min_score:g}."
    return MaskResult(answer.mask, status, reason, answer.score, answer.objects)


def _row(photo: Mapping[str, Any], answer: MaskResult, config: MasksConfig, segmenter: Segmenter) -> Row:
    row: Row = {
        "image_id": photo["image_id"],
        "status": str(answer.status),
        "reason": answer.reason,
        "score": answer.score,
        "objects": answer.objects,
        "backend": segmenter.name,
        "revision": segmenter.revision,
    }
    if answer.mask is not None and answer.mask.any():
        row |= {
            "mask": encode_mask(answer.mask),
            "bbox": list(bounding_box(answer.mask)),
            "area_fraction": area_fraction(answer.mask),
        }
        if config.smooth_px:
            row["smoothed"] = encode_mask(smooth_mask(answer.mask, config.smooth_px))
    return row
