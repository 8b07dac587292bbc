import pytest

from varireal.stages import common
from varireal.stages.common import shard_photos, train_classes
from varireal.store import tables
from varireal.store.schemas import IMAGES


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.setattr(common, "_AT_ONCE", 7)  # several parts
    rows = [
        {
            "image_id": f"{class_id}-{n:02d}",
            "class_id": class_id,
            "class_name": class_id.title(),
            "split": "test" if n % 5 == 4 or class_id == "tern" else "train",
            "path": f"{class_id}/{n}.png",
            "width": 32,
            "height": 32,
            "sha256": f"{n:064x}",
            "phash": "0" * 16,
            "status": "ok",
            "reason": "",
        }
        for class_id in ("gull", "owl", "tern")
        for n in range(10)
    ]
    path = tmp_path / "images.parquet"
    tables.write(path, rows, IMAGES, stage="images", digest="x")
    return path, [row | {"mask_path": None} for row in rows if row["split"] == "train"]


@pytest.mark.parametrize("total", [1, 2, 7])
def test_every_train_photo_is_in_one_shard(images, total):
    path, train = images
    parts = [shard_photos(path, index, total).rows for index in range(total)]
    assert sorted((row for part in parts for row in part), key=lambda row: row["image_id"]) == train
    for part in parts:
        assert part == sorted(part, key=lambda row: row["image_id"])


def test_the_classes_of_a_shard_are_known_whole(images):
    path, train = images
    everyone = {c: [row["image_id"] for row in train if row["class_id"] == c] for c in ("gull", "owl")}
    for index in range(16):
        found = shard_photos(path, index, 16)
        assert found.members == {row["class_id"]: everyone[row["class_id"]] for row in found.rows}


def test_only_classes_with_a_train_photo_are_edited(images):
    assert train_classes(images[0]) == {"gull": "Gull", "owl": "Owl"}
