"""COCO: the pictures and the object of each as a run-length encoded mask.

The mask is that of the object in the picture: the edit's own where the editor gave one, because it moved, covered or
replaced the object; else that of the photo, whose outline the edit kept.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as rle

from varireal.errors import DataError
from varireal.exports.base import DatasetFolder, mask_in_edit, plain
from varireal.records import Array
from varireal.segmenters.quality import decode_mask
from varireal.store.tables import Row

ANNOTATIONS = "annotations/instances_train.json"


def write(dataset: DatasetFolder, folder: Path) -> int:
    """Write ``images/{candidate_id}.png`` and the annotations; see ``base.Writer``."""
    facts = dataset.facts
    (folder / "images").mkdir()
    images, annotations = [], []
    for number, row in enumerate(dataset.rows(), 1):
        image, annotation = _entries(row, number)
        (folder / "images" / image["file_name"]).write_bytes(row["image"]["bytes"])
        images.append(image)
        annotations.append(annotation)
    document = {
        "info": {
            "description": f"Study {facts.get('study')}: gated synthetic edits of {facts.get('noun')} photos",
            "version": str(facts.get("config", "")),
            "contributor": "VariReal",
        },
        "licenses": [{"id": 1, "name": facts.get("license", "unknown"), "url": ""}],
        "categories": [
            {"id": label, "name": name, "class_id": class_id, "supercategory": facts.get("noun", "object")}
            for label, (class_id, name) in enumerate(dataset.classes.items(), 1)
        ],
        "images": images,
        "annotations": annotations,
    }
    path = folder / ANNOTATIONS
    path.parent.mkdir()
    path.write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8", newline="\n")
    return len(images)


def _entries(row: Row, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The picture's entry and its annotation.

    Raises:
        DataError: picture and mask differ in size.
    """
    mask = decode_mask(mask_in_edit(row))
    with Image.open(io.BytesIO(row["image"]["bytes"]), formats=["PNG"]) as picture:
        width, height = picture.size
    if mask.shape != (height, width):
        raise DataError(
            f"{row['candidate_id']}: the picture is {width} x {height} but its mask {mask.shape[1]} x {mask.shape[0]} "
            "pixels; run the stages masks and edits again"
        )
    encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
    image = {
        "id": number,
        "file_name": f"{row['candidate_id']}.png",
        "width": width,
        "height": height,
        "license": 1,
        "varireal": plain(row),
    }
    annotation = {
        "id": number,
        "image_id": number,
        "category_id": row["label"] + 1,
        "segmentation": {"size": [height, width], "counts": _runs(mask)},
        "area": int(rle.area(encoded)),
        "bbox": [float(value) for value in rle.toBbox(encoded)],
        "iscrowd": 0,
    }
    return image, annotation


def _runs(mask: Array) -> list[int]:
    """Lengths of the runs down the columns, zeros first: COCO's uncompressed form.

    Loaders that train detectors hand the segmentation of an object to pycocotools' ``frPyObjects``, which takes this
    form and not the compressed one; nothing of the mask is lost, as it would be in polygons.
    """
    values = np.concatenate(([False], mask.ravel(order="F")))
    edges = np.flatnonzero(values[1:] != values[:-1])
    lengths: list[int] = np.diff(np.concatenate(([0], edges, [mask.size]))).tolist()
    return lengths
