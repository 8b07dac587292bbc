"""The few photos that ``varireal plan`` tries."""

import csv

import pytest

from varireal.config.images import ImagesConfig
from varireal.config.model import parse_config
from varireal.tools.plan_probe import _few_photos


@pytest.mark.parametrize(("ants", "expected"), [(1, 3), (3, 3), (4, 4), (9, 5)])
def test_val_and_test_have_classes_that_are_in_train(tmp_path, ants, expected):
    """However few photos the first class lists; the second one has a single photo."""
    for name, count in (("ant", ants), ("bee", 1), ("cat", 1)):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "photos" / "train" / name / f"{number}.png").write_bytes(b"not opened here")
    photos = {"source": "folder", "folder": {"path": str(tmp_path / "photos")}}
    config = parse_config({"images": photos, "masks": {"backend": "grabcut"}})
    images = _few_photos(config, tmp_path / "few")
    assert isinstance(images, ImagesConfig)
    rows = list(csv.DictReader((tmp_path / "few" / "photos.csv").open()))
    trained = {row["class"] for row in rows if row["split"] == "train"}
    assert len(rows) == expected
    assert {row["class"] for row in rows} <= trained
