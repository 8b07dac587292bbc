"""The stage images on real files, hostile ones among them."""

import numpy as np
import pytest
from PIL import Image

from varireal.config.model import parse_config
from varireal.config.slices import ImagesSlice, stage_slices
from varireal.errors import DataError
from varireal.stages import images as stage
from varireal.store import tables
from varireal.store.schemas import IMAGES, REJECTS


def picture(seed, size=(64, 48)):
    noise = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def slice_for(folder, **images) -> ImagesSlice:
    raw = {
        "images": {"source": "folder", "folder": {"path": str(folder)}, **images},
        "masks": {"backend": "grabcut"},
    }
    part = stage_slices(parse_config(raw), {})["images"]
    assert isinstance(part, ImagesSlice)
    return part


def run(config, tmp_path, name="out"):
    out = tmp_path / name
    summary = stage.run(
        config,
        output=out / "images.parquet",
        rejects=out / "rejects.parquet",
        photos=out / "photos",
        store=tmp_path / "store.sqlite",
    )
    rows = tables.read(out / "images.parquet", IMAGES)
    return summary, rows, tables.read(out / "rejects.parquet", REJECTS)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for number, name in enumerate(("lady's slipper", "a {b}", "Žluťoučký kůň")):
        for split in ("train", "test"):
            place = folder / split / name
            place.mkdir(parents=True)
            for k in range(3):
                picture(100 * number + 10 * k + (split == "test")).save(place / f"photo {k}.png")
    return folder


def test_every_file_is_a_row_of_one_table(photos, tmp_path):
    bad = photos / "train" / "a {b}"
    (bad / "zero.jpg").write_bytes(b"")
    (bad / "text.jpg").write_text("not an image")
    picture(1).save(bad / "whole.jpg", quality=95)
    (bad / "cut.jpg").write_bytes((bad / "whole.jpg").read_bytes()[:-500])
    Image.new("RGB", (1, 1)).save(bad / "one pixel.png")
    picture(2).convert("CMYK").save(bad / "cmyk.jpg")
    (bad / "weird\n'name\".png").write_bytes((bad / "photo 0.png").read_bytes())
    summary, rows, rejects = run(slice_for(photos), tmp_path)
    files = sum(path.is_file() for path in photos.rglob("*"))
    assert len(rows) + len(rejects) == files
    assert len({row["image_id"] for row in rows}) == len(rows)
    why = {row["key"].rpartition("/")[2]: row["status"] for row in rejects}
    assert why["zero.jpg"] == "empty_file"
    assert why["text.jpg"] == "not_an_image"
    assert why["cut.jpg"] == "truncated"
    assert why["one pixel.png"] == "too_small"
    assert "duplicate" in why.values()
    assert any("CMYK" in row["reason"] for row in rows)
    assert summary.counts["ok"] == len(rows)


def test_test_photos_that_are_in_train_are_refused(photos, tmp_path):
    name = "a {b}"
    copy = photos / "test" / name / "leak.png"
    copy.write_bytes((photos / "train" / name / "photo 0.png").read_bytes())
    near = Image.open(photos / "train" / name / "photo 1.png")
    near.save(photos / "test" / name / "near.jpg", quality=90)
    _, rows, rejects = run(slice_for(photos), tmp_path)
    refused = {row["key"].rpartition("/")[2]: row["status"] for row in rejects}
    assert refused == {"leak.png": "in_train", "near.jpg": "in_train"}
    assert not any("leak" in row["path"] for row in rows)


def test_nothing_is_looked_at_twice(photos, tmp_path):
    first, rows, _ = run(slice_for(photos), tmp_path)
    second, again, _ = run(slice_for(photos), tmp_path, "again")
    assert (first.computed, second.computed) == (18, 0)
    assert rows == again
    picture(999).save(photos / "train" / "a {b}" / "new.png")
    third, _, _ = run(slice_for(photos), tmp_path, "more")
    assert third.computed == 1


def test_val_is_split_off_and_stays(photos, tmp_path):
    _, rows, _ = run(slice_for(photos, val_fraction=0.34), tmp_path)
    split = {row["image_id"]: row["split"] for row in rows}
    assert sorted(set(split.values())) == ["test", "train", "val"]
    assert [sum(s == "val" for i, s in split.items() if i.startswith(c)) for c in ("lady", "a-b", "zlut")] == [1, 1, 1]


def test_display_names_from_the_config(photos, tmp_path):
    (photos / "train" / "a {b}").rename(photos / "train" / "ab")
    (photos / "test" / "a {b}").rename(photos / "test" / "ab")
    _, rows, _ = run(slice_for(photos, class_names={"ab": "A/B <i>"}), tmp_path)
    assert "A/B <i>" in {row["class_name"] for row in rows}
    assert all("/" not in row["class_id"] and "<" not in row["class_id"] for row in rows)


def test_no_usable_train_photo_is_an_error(tmp_path):
    place = tmp_path / "photos" / "train" / "a"
    place.mkdir(parents=True)
    (place / "x.jpg").write_bytes(b"junk junk junk")
    with pytest.raises(DataError, match="no train photo is usable"):
        run(slice_for(tmp_path / "photos"), tmp_path)


def test_csv_with_masks(photos, tmp_path):
    mask = Image.new("L", (64, 48))
    mask.paste(255, (10, 10, 40, 40))
    mask.save(tmp_path / "m.png")
    name = photos / "train" / "a {b}" / "photo 0.png"
    lines = ["path,class,split,mask", f"{name},one,train,{tmp_path / 'm.png'}"]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    raw = {"images": {"source": "csv", "csv": {"path": str(tmp_path / "list.csv")}}}
    part = stage_slices(parse_config(raw), {})["images"]
    _, rows, _ = run(part, tmp_path)
    assert [(row["class_name"], row["mask_path"]) for row in rows] == [("one", str(tmp_path / "m.png"))]
