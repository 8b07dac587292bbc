import contextlib
import io
import json

import numpy as np
import pytest
from export_rows import dataset_row, six_rows

from varireal.errors import DataError
from varireal.exports import run_export
from varireal.exports.coco import ANNOTATIONS
from varireal.segmenters.quality import decode_mask, encode_mask

pytest.importorskip("pycocotools")


def load(folder):
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(folder / ANNOTATIONS))


def masks_of_all_kinds():
    ring = np.zeros((10, 13), bool)
    ring[2:8, 3:11] = True
    ring[4:6, 5:9] = False
    parts = np.random.default_rng(0).random((10, 13)) > 0.6
    corner = np.zeros((10, 13), bool)
    corner[0, 0] = corner[-1, -1] = True
    return [ring, parts, ~parts, corner, np.ones((10, 13), bool)]


def test_loaders_that_train_detectors_read_holes_and_parts(make_dataset, tmp_path):
    """DETR's own code in transformers, and pycocotools as torchvision's reference training calls it."""
    import torch
    from pycocotools import mask as rle
    from transformers.models.detr.image_processing_detr import convert_coco_poly_to_mask

    masks = masks_of_all_kinds()
    rows = [
        row | {"mask": {"bytes": encode_mask(mask), "path": "m.png"}}
        for row, mask in zip(six_rows()[:5], masks, strict=True)
    ]
    run_export("coco", make_dataset(rows), tmp_path / "out")
    coco = load(tmp_path / "out")
    for mask, image_id in zip(masks, coco.getImgIds(), strict=True):
        (annotation,) = coco.loadAnns(coco.getAnnIds(image_id))
        read = convert_coco_poly_to_mask([annotation["segmentation"]], *mask.shape, device=torch.device("cpu"))
        assert (np.asarray(read[0]).astype(bool) == mask).all()
        assert (rle.decode(rle.frPyObjects(annotation["segmentation"], *mask.shape)).astype(bool) == mask).all()
        assert (coco.annToMask(annotation).astype(bool) == mask).all()
        ys, xs = np.nonzero(mask)
        box = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        assert (annotation["area"], annotation["bbox"]) == (mask.sum(), box)


def test_the_library_reads_the_masks_back(make_dataset, tmp_path):
    rows = six_rows()
    run_export("coco", make_dataset(rows), tmp_path / "out")
    coco = load(tmp_path / "out")
    assert sorted(coco.getImgIds()) == [1, 2, 3, 4, 5, 6]
    for row, image_id in zip(rows, coco.getImgIds(), strict=True):
        image = coco.loadImgs(image_id)[0]
        assert (image["width"], image["height"]) == (13, 10)
        assert (tmp_path / "out" / "images" / image["file_name"]).read_bytes() == row["image"]["bytes"]
        assert image["varireal"]["pair_id"] == row["pair_id"]
        (annotation,) = coco.loadAnns(coco.getAnnIds(image_id))
        mask = decode_mask(row["mask"]["bytes"])
        assert (coco.annToMask(annotation).astype(bool) == mask).all()
        assert (annotation["area"], annotation["bbox"], annotation["iscrowd"]) == (29, [3.0, 2.0, 6.0, 5.0], 0)
        assert coco.loadCats(annotation["category_id"])[0]["class_id"] == row["class_id"]


def test_all_classes_are_categories_and_the_licence_is_named(make_dataset, tmp_path):
    classes = {"auk": "Auk <b>", "egret": "Snowy egret", "gull": "Gull"}
    run_export("coco", make_dataset([dataset_row(label=2)], classes=classes), tmp_path / "out")
    document = json.loads((tmp_path / "out" / ANNOTATIONS).read_text(encoding="utf-8"))
    assert document["categories"] == [
        {"id": number, "name": name, "class_id": class_id, "supercategory": "bird"}
        for number, (class_id, name) in enumerate(classes.items(), 1)
    ]
    assert document["annotations"][0]["category_id"] == 3
    assert document["licenses"] == [{"id": 1, "name": "cc-by-4.0", "url": ""}]
    assert document["info"]["version"] == "d1"


def test_a_mask_of_another_size_is_an_error(make_dataset, tmp_path):
    row = dataset_row(mask={"bytes": encode_mask(np.ones((9, 9), bool)), "path": None})
    with pytest.raises(DataError, match=r"the picture is 13 x 10 but its mask 9 x 9 pixels"):
        run_export("coco", make_dataset([row]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
