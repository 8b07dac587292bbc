"""What classifiers see: photos and accepted edits as pictures to train on and to score."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any

from varireal import names
from varireal.classifiers.base import Picture
from varireal.classifiers.pools import TrainingPictures
from varireal.config.images import ReadingConfig
from varireal.config.regimes import meant_by_all
from varireal.config.slices import AdaptersSlice
from varireal.core.paths import StudyPaths, dataset_files
from varireal.core.pictures import decode_png
from varireal.core.seeds import digest
from varireal.datasets.decoding import read_photo
from varireal.editors.regions import recompose
from varireal.records import Array
from varireal.segmenters.quality import decode_mask
from varireal.store import tables
from varireal.store.schemas import DATASET, MASKS

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StudyPhoto:
    """A photo of the study as a picture.

    Attributes:
        image_id: row of images.
        class_id: slug of its class.
        split: its split.
        picture: its pixels and label.
    """

    image_id: str
    class_id: str
    split: str
    picture: Picture


def readable_photos(images: Sequence[Row], reading: ReadingConfig, labels: Mapping[str, int]) -> list[StudyPhoto]:
    """Every photo of the table of images, in its order."""
    return [
        StudyPhoto(
            row["image_id"],
            row["class_id"],
            row["split"],
            Picture(row["sha256"], labels[row["class_id"]], _reader(row, reading)),
        )
        for row in images
    ]


def _reader(row: Row, reading: ReadingConfig) -> Callable[[], Array]:
    return lambda: read_photo(row, reading).image


def read_material(
    config: AdaptersSlice, study: Path, images: Sequence[Row], labels: Mapping[str, int]
) -> TrainingPictures:
    """Read what the regimes are made from: train photos, their masks, and the accepted edits.

    Raises:
        DataError: a table is damaged or missing.
    """
    paths = StudyPaths(str(study))
    masks = {
        row["image_id"]: row["smoothed"] or row["mask"]
        for path in paths.every_mask(config.shards)
        for row in tables.read(Path(path), MASKS)
        if row["status"] == names.OK
    }
    real: dict[int, list[Picture]] = defaultdict(list)
    recomposed: dict[int, list[Picture]] = defaultdict(list)
    for photo in readable_photos(images, config.reading, labels):
        if photo.split != names.TRAIN:
            continue
        real[photo.picture.label].append(photo.picture)
        mask = masks.get(photo.image_id)
        if mask:
            key = digest("identity", photo.picture.key, mask)
            load = partial(_recomposed, photo.picture.load, mask)
            recomposed[photo.picture.label].append(Picture(key, photo.picture.label, load))
    return TrainingPictures(
        real=real,
        recomposed=recomposed,
        edits=_edits(config, paths, labels),
        class_names=[config.classes[class_id] for class_id in sorted(config.classes)],
        # where nothing is meant by it, the controls have as many pictures as the attribute that was there first
        attributes=meant_by_all(config.attributes, config.all_of) or config.attributes[:1],
    )


def _recomposed(load: Callable[[], Array], mask: bytes) -> Array:
    return recompose(load(), decode_mask(mask))


class _PicturesOfFile:
    """The pictures of one data file, copied once to a temporary file that each is then read from.

    Parquet gives pictures only in large groups, and all of them at once may be more than the memory holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _copy(self) -> tuple[IO[bytes], list[tuple[int, int]]]:
        copy, places = tempfile.TemporaryFile(), []  # noqa: SIM115  (lives as long as the pictures)
        for row in tables.stream(self._path, DATASET, ["image"]):
            data = row["image"]["bytes"]
            places.append((len(data), copy.tell()))
            copy.write(data)
        copy.flush()
        return copy, places

    def load(self, number: int) -> Array:
        """The picture of a row."""
        copy, places = self._copy
        return decode_png(os.pread(copy.fileno(), *places[number]))


def _edits(
    config: AdaptersSlice, paths: StudyPaths, labels: Mapping[str, int]
) -> dict[tuple[int, str, str, str], Picture]:
    """Accepted edits by class number, attribute, photo and k, and arm."""
    columns = ["image_id", "class_id", "attribute", "feasibility", "k", "image_sha256"]
    edits: dict[tuple[int, str, str, str], Picture] = {}
    for name in dataset_files(config.attributes, config.shards):
        pictures = _PicturesOfFile(Path(paths.dataset) / name)
        for number, row in enumerate(tables.stream(Path(paths.dataset) / name, DATASET, columns)):
            label = labels[row["class_id"]]
            item = f"{row['image_id']} {row['k']}"
            picture = Picture(row["image_sha256"], label, partial(pictures.load, number))
            edits[label, row["attribute"], item, row["feasibility"]] = picture
    return edits
