"""The train photos that a job needs, out of a table of images that holds far more: only theirs become rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from varireal import names, tables
from varireal.schemas import IMAGES
from varireal.seeds import shard_of

Row = dict[str, Any]

_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class ShardPhotos:
    """The train photos of a shard, and who shares a class with them.

    Attributes:
        rows: rows of images of the shard, in the order of the table.
        members: ids of all train photos of each class that the shard has a photo of, in the order of the table.
    """

    rows: list[Row]
    members: dict[str, list[str]]


def train_classes(images: Path) -> dict[str, str]:
    """Id and display name of the classes that have a train photo.

    Raises:
        DataError: the table is damaged.
    """
    found = (batch.to_pylist() for batch in _train(images, ["split", "class_id", "class_name"]))
    return {row["class_id"]: row["class_name"] for rows in found for row in rows}


def shard_rows(images: Path, index: int, total: int) -> list[Row]:
    """Rows of the train photos of one shard: the only photos that are ever edited.

    Raises:
        DataError: the table is damaged.
    """
    return shard_photos(images, index, total).rows


def shard_photos(images: Path, index: int, total: int) -> ShardPhotos:
    """As ``shard_rows``, with the ids of the photos of their classes.

    Raises:
        DataError: the table is damaged.
    """
    rows: list[Row] = []
    members: dict[str, list[str]] = {}
    for batch in _train(images, IMAGES.names):
        ids, class_ids = batch["image_id"].to_pylist(), batch["class_id"].to_pylist()
        for image_id, class_id in zip(ids, class_ids, strict=True):
            members.setdefault(class_id, []).append(image_id)
        own = pa.array([shard_of(image_id, total) == index for image_id in ids], pa.bool_())
        rows += batch.filter(own).to_pylist()
    ours = {row["class_id"] for row in rows}
    return ShardPhotos(rows, {class_id: ids for class_id, ids in members.items() if class_id in ours})


def _train(images: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(images, IMAGES, columns, at_once=_AT_ONCE):
        train = pa.array([split == names.TRAIN for split in batch["split"].to_pylist()], pa.bool_())
        yield batch.filter(train)
