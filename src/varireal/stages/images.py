r"""Images: every photo of the study looked at once, and one row for every file, usable or not.

By hand::

    varireal images --config results/demo/config/images.json --output results/demo/images.parquet \
        --rejects results/demo/rejects.parquet --photos results/demo/photos --store results/demo/store/images.sqlite
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from varireal import names
from varireal.config.images import ReadingConfig
from varireal.config.slices import ImagesSlice, slice_digest
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.registry import outside_packages
from varireal.core.seeds import digest
from varireal.datasets.base import safe_text
from varireal.datasets.decoding import RejectedImageError, file_sha256, load_photo, reading_key
from varireal.datasets.duplicates import Duplicate, Fingerprint, find_duplicates, near_duplicates, perceptual_hash
from varireal.datasets.sources import image_source
from varireal.datasets.splits import draw_splits, image_slug
from varireal.errors import DataError
from varireal.names import RejectCode
from varireal.records import SourceImage
from varireal.running import job_record
from varireal.running.logs import progress, tell_failure
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import ItemStore, open_store
from varireal.store.schemas import IMAGES, REJECTS

logger = logging.getLogger(__name__)

Row = dict[str, Any]


def run(config: ImagesSlice, *, output: Path, rejects: Path, photos: Path, store: Path, threads: int = 1) -> Summary:
    """Write the tables of usable images and of rejected files.

    Args:
        config: the stage's slice.
        output: table of images to write.
        rejects: table of rejects to write.
        photos: folder for pictures that are rendered.
        store: item store of the stage.
        threads: processes to render with.

    Raises:
        ConfigError: the image source cannot be used.
        DataError: no train image is usable.
    """
    items = _source_items(config, photos, threads)
    with open_store(store) as stored:
        looked = [look(item, config.images.reading, stored) for item in progress(items, logger, "images", len(items))]
    computed = sum(new for _, _, new in looked)
    usable, refused, facts = sort_out(looked, config)
    rows = _rows(usable, facts, config)
    _report(rows, refused)
    stamp = slice_digest(config)
    tables.write(rejects, sorted(refused, key=lambda row: row["key"]), REJECTS, stage="images", digest=stamp)
    made_with = outside_packages([("image_sources", config.images.source)])
    tables.write(output, rows, IMAGES, stage="images", digest=stamp, facts=made_with)
    job_record.tell(splits=dict(Counter(row["split"] for row in rows)))
    counts: dict[str, int] = {names.OK: len(rows)}
    for row in refused:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    return Summary(counts, computed)


def _source_items(config: ImagesSlice, photos: Path, threads: int) -> list[SourceImage]:
    source = image_source(config.images)
    return list(source.render(photos, seed=config.seed, workers=threads) if source.rendered else source.items())


Looked = tuple[SourceImage, Row | RejectedImageError, bool]


def look(item: SourceImage, reading: ReadingConfig, store: ItemStore) -> Looked:
    """Decode a file once; its bytes, not its name or date, are the key of what is remembered.

    Returns:
        The file, what was seen of it or why it cannot be used, and whether it was decoded now.
    """
    try:
        sha256 = file_sha256(item.path)
        key = digest("look", STAGE_VERSIONS["images"], sha256, reading_key(reading), reading.for_keys_json())
        remembered = store.get(key)
        if remembered is not None:
            return item, json.loads(remembered), False
        photo = load_photo(item.path, **reading.model_dump())
    except RejectedImageError as error:
        return item, error, True
    except Exception as error:  # noqa: BLE001 - the file's row says what happened
        tell_failure(logger, "reading %s failed", item.path, error=error)
        return item, RejectedImageError(RejectCode.UNREADABLE, f"{type(error).__name__}: {error}"), True
    facts: Row = {
        "sha256": sha256,
        "phash": perceptual_hash(photo.image),
        "width": photo.width,
        "height": photo.height,
        "notes": list(photo.notes),
    }
    store.put(key, json.dumps(facts).encode())
    return item, facts, True


def sort_out(looked: Sequence[Looked], config: ImagesSlice) -> tuple[list[SourceImage], list[Row], dict[str, Row]]:
    """Draw the splits that the files do not say, and refuse duplicates.

    Returns:
        Photos that can be used, with their splits; rows of the files that cannot; what was seen of each, by key.
    """
    refused = [_reject(item, result) for item, result, _ in looked if isinstance(result, RejectedImageError)]
    facts = {item.key: result for item, result, _ in looked if isinstance(result, dict)}
    photos = _with_splits([item for item, _, _ in looked if item.key in facts], config)
    findings = _duplicates(photos, facts, config.images.near_duplicate_distance)
    refused += [_duplicate(item, facts[item.key], findings[item.key]) for item in photos if item.key in findings]
    return [item for item in photos if item.key not in findings], refused, facts


def _with_splits(items: Sequence[SourceImage], config: ImagesSlice) -> list[SourceImage]:
    images = config.images
    splits = draw_splits(items, val_fraction=images.val_fraction, test_fraction=images.test_fraction, seed=config.seed)
    return [replace(item, split=splits[item.key]) for item in items]


def _fingerprints(items: Iterable[SourceImage], facts: Mapping[str, Row]) -> list[Fingerprint]:
    return [
        Fingerprint(item.key, item.class_name, item.split, facts[item.key]["sha256"], facts[item.key]["phash"])
        for item in items
    ]


def _duplicates(items: Sequence[SourceImage], facts: dict[str, Row], distance: int | None) -> dict[str, Duplicate]:
    """Photos to refuse; near duplicates inside a split are kept and get a note."""
    findings = find_duplicates(_fingerprints(items, facts), distance=distance)
    if distance is not None:
        left = [item for item in items if item.key not in findings]
        for key, finding in near_duplicates(_fingerprints(left, facts), distance=distance).items():
            facts[key]["notes"].append(finding.reason)
    return findings


def _rows(items: Sequence[SourceImage], facts: Mapping[str, Row], config: ImagesSlice) -> list[Row]:
    source = image_source(config.images)
    class_ids = {name: class_id for class_id, name in source.classes().items()}
    rows = []
    for item in items:
        seen = facts[item.key]
        class_id = class_ids[item.class_name]
        rows.append(
            {
                "image_id": item.key if source.rendered else image_slug(class_id, item.key),
                "class_id": class_id,
                "class_name": item.class_name,
                "split": item.split,
                "path": str(item.path),
                "width": seen["width"],
                "height": seen["height"],
                "sha256": seen["sha256"],
                "phash": seen["phash"],
                "mask_path": None if item.mask_path is None else str(item.mask_path),
                "status": names.OK,
                "reason": "; ".join(seen["notes"]),
            }
        )
    rows.sort(key=lambda row: row["image_id"])
    for one, two in pairwise(rows):
        if one["image_id"] == two["image_id"]:
            raise DataError(
                f"{one['path']} and {two['path']} would both be {one['image_id']}; rename one of the files"
            )
    return rows


def _reject(item: SourceImage, error: RejectedImageError) -> Row:
    return {**_reject_base(item), "status": str(error.code), "reason": str(error)}


def _duplicate(item: SourceImage, facts: Row, finding: Duplicate) -> Row:
    return {
        **_reject_base(item),
        "sha256": facts["sha256"],
        "status": str(finding.code),
        "reason": finding.reason,
    }


def _reject_base(item: SourceImage) -> Row:
    return {
        "key": safe_text(item.key),
        "path": safe_text(str(item.path)),
        "class_name": safe_text(item.class_name),
        "split": item.split,
    }


def _report(rows: Sequence[Row], refused: Sequence[Row]) -> None:
    """Say what cannot be seen in a count: classes that are left without a train photo.

    Raises:
        DataError: no train photo is left at all.
    """
    train = {row["class_name"] for row in rows if row["split"] == names.TRAIN}
    if not train:
        why = "; ".join(f"{row['key']}: {row['reason']}" for row in refused[:3]) or "the source has no files"
        raise DataError(f"images: no train photo is usable ({len(refused)} files rejected; {why})")
    for name in sorted({row["class_name"] for row in [*rows, *refused]} - train):
        logger.warning("class %r has no usable train photo: nothing will be edited for it", name)
