"""A study of two classes with everything that the classifiers read, made without running its stages."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from varireal import names
from varireal.config.adapters import AdaptersConfig, LoraSettings, TrainingSettings
from varireal.config.images import ReadingConfig
from varireal.config.slices import AdaptersSlice, PredictionsSlice
from varireal.core.paths import StudyPaths, dataset_files
from varireal.core.pictures import decode_png, encode_png
from varireal.segmenters.quality import encode_mask
from varireal.store import tables
from varireal.store.schemas import DATASET, IMAGES, MASKS

CLASSES = {"flamingo": "Flamingo", "mallard": "Mallard"}
ATTRIBUTES = ("color", "texture")
SPLITS = ("train", "train", "val", "test", "test", "test_background")
TRAINING = TrainingSettings(steps=2, batch_size=4, validate_every=1, learning_rate=0.01)
_SIDE = 40


def adapters_config(**changes) -> AdaptersConfig:
    settings = {"regimes": ("real", "real+synthetic-color-*"), "seeds": 1, "lora": LoraSettings(r=4)}
    return AdaptersConfig(**{**settings, "training": TRAINING, **changes})


def adapters_slice(attributes=ATTRIBUTES, all_of=None, **changes) -> AdaptersSlice:
    return AdaptersSlice(
        seed=3,
        noun="bird",
        classes=CLASSES,
        attributes=attributes,
        shards=1,
        reading=ReadingConfig(),
        adapters=adapters_config(**changes),
        all_of=all_of,
    )


def predictions_slice(**changes) -> PredictionsSlice:
    return PredictionsSlice(noun="bird", classes=CLASSES, reading=ReadingConfig(), model=adapters_config(**changes))


def picture(name: str) -> bytes:
    """A PNG that depends on the name: one colour per class, with noise."""
    rng = np.random.default_rng(list(name.encode()))
    base = np.array((220, 120, 130) if "flamingo" in name else (60, 110, 70))
    return encode_png(np.clip(base + rng.integers(-40, 40, (_SIDE, _SIDE, 3)), 0, 255).astype(np.uint8))


def write_study(root: Path, accepted: tuple[str, ...] = ATTRIBUTES, *, scarce: str = "") -> Path:
    """Write photos, images, masks and data set; edits of attributes that are not ``accepted`` are missing.

    ``scarce`` is one attribute more, with one pair of each class.
    """
    images = [_image(root, class_id, number, split) for class_id in CLASSES for number, split in enumerate(SPLITS)]
    paths = StudyPaths(str(root))
    tables.write(Path(paths.images), images, IMAGES, stage="images", digest="d")
    train = [row for row in images if row["split"] == "train"]
    tables.write(Path(paths.every_mask(1)[0]), [_mask(row) for row in train], MASKS, stage="masks", digest="d")
    attributes = (*ATTRIBUTES, scarce) if scarce else ATTRIBUTES
    settings = [(attribute, arm) for attribute in attributes for arm in names.FEASIBILITIES]
    for name, (attribute, arm) in zip(dataset_files(attributes, 1), settings, strict=True):
        rows = [_edit(row, attribute, arm) for row in train if attribute in accepted]
        if attribute == scarce:
            rows = [_edit(row, attribute, arm) for row in train if row["image_id"].endswith("-0")]
        tables.write(Path(paths.dataset) / name, rows, DATASET, stage="dataset", digest="d")
    return root


def images_table(root: Path) -> Path:
    return Path(StudyPaths(str(root)).images)


def _image(root: Path, class_id: str, number: int, split: str) -> dict:
    data = picture(f"{class_id} {number}")
    path = root / "photos" / f"{class_id}-{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {
        "image_id": f"{class_id}-{number}",
        "class_id": class_id,
        "class_name": CLASSES[class_id],
        "split": split,
        "path": str(path),
        "width": _SIDE,
        "height": _SIDE,
        "sha256": hashlib.sha256(data).hexdigest(),
        "phash": "0" * 16,
        "status": "ok",
        "reason": "",
    }


def _mask(row: dict) -> dict:
    mask = np.zeros((_SIDE, _SIDE), bool)
    mask[8:30, 10:28] = True
    return {
        "image_id": row["image_id"],
        "status": "ok",
        "reason": "",
        "mask": encode_mask(mask),
        "backend": "provided",
    }


def _edit(row: dict, attribute: str, arm: str) -> dict:
    name = f"{row['image_id']} {attribute} {arm}"
    data = picture(name)
    blank = {field.name: _blank(field.type) for field in DATASET if not field.nullable}
    return blank | {
        "image": {"bytes": data, "path": None},
        "image_id": row["image_id"],
        "class_id": row["class_id"],
        "attribute": attribute,
        "feasibility": arm,
        "image_sha256": hashlib.sha256(data).hexdigest(),
    }


def _blank(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    return "" if pa.types.is_string(kind) else 0


def decode(name: str) -> np.ndarray:
    return decode_png(picture(name))
