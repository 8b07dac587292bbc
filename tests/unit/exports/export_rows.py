"""Rows of a small data set."""

import io

import numpy as np
from PIL import Image

from varireal.core.pictures import encode_png
from varireal.segmenters.quality import encode_mask
from varireal.store.schemas import DATASET

SETTINGS = [("background", "feasible"), ("background", "infeasible"), ("color", "feasible")]


def dataset_row(candidate_id="gull-1.color.feasible.k0.r0", *, class_id="gull", class_name="Gull", label=1, **values):
    image_id, attribute, feasibility, k, round_ = candidate_id.rsplit(".", 4)
    rng = np.random.default_rng(list(candidate_id.encode()))
    mask = np.zeros((10, 13), bool)
    mask[2:7, 3:9] = True
    mask[4, 5] = False
    defaults = {field.name: None for field in DATASET} | {
        field.name: "x" if str(field.type) == "string" else 0 for field in DATASET if not field.nullable
    }
    return defaults | {
        "image": {"bytes": encode_png(rng.integers(0, 256, (10, 13, 3), dtype=np.uint8)), "path": "x.png"},
        "mask": {"bytes": encode_mask(mask), "path": "x.png"},
        "candidate_id": candidate_id,
        "image_id": image_id,
        "attribute": attribute,
        "feasibility": feasibility,
        "k": int(k[1:]),
        "round": int(round_[1:]),
        "pair_id": f"{image_id}.{attribute}.{k}",
        "class_id": class_id,
        "class_name": class_name,
        "label": label,
        "prompt_name": "coral reef",
        **values,
    }


def six_rows():
    return [
        dataset_row(f"{class_id}-1.{a}.{f}.k0.r0", class_id=class_id, class_name=name, label=label)
        for a, f in SETTINGS
        for label, (class_id, name) in enumerate({"egret": "Snowy egret", "gull": "Gull"}.items())
    ]


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
