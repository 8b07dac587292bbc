"""The stage masks on real photos and mask files, with segmenters whose answers are known."""

import math
from pathlib import Path

import numpy as np
import pytest
from masks_study import ALL, HEIGHT, OBJECT, SPECK, WIDTH, Finder, Study
from PIL import Image

from varireal.backends import BackendContext
from varireal.config.slices import slice_digest
from varireal.core.paths import shard_name
from varireal.core.pictures import encode_png
from varireal.core.seeds import shard_of
from varireal.datasets.decoding import file_sha256
from varireal.errors import DataError
from varireal.records import MaskResult
from varireal.segmenters.quality import decode_mask, smooth_mask
from varireal.stages import masks as stage
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.schemas import MASKS


@pytest.fixture
def study(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch)


def test_a_row_has_the_mask_and_its_facts(study):
    study.add().use(Finder())
    summary, rows = study.run()
    assert summary == Summary({"ok": 1}, 1)
    (row,) = rows
    assert (decode_mask(row.pop("mask")) == OBJECT).all()
    assert row == {
        "image_id": "gull-0",
        "status": "ok",
        "reason": "",
        "smoothed": None,
        "bbox": [12, 10, 28, 20],
        "area_fraction": 560 / 2000,
        "score": 0.875,
        "objects": None,
        "backend": "finder",
        "revision": "r7",
        "fallback_of": None,
    }


def test_only_train_photos_are_segmented(study):
    study.add(2).add(1, "test").add(1, "val").add(1, "test_background")
    finder = study.use(Finder())
    _, rows = study.run()
    assert [row["image_id"] for row in rows] == ["gull-0", "gull-1"]
    assert len(finder.asked) == 2


def test_the_segmenter_gets_the_pixels_of_the_photo(study):
    finder = study.add(2).use(Finder())
    study.run()
    for (image, given), row in zip(finder.asked, study.rows, strict=True):
        assert given is None
        with Image.open(row["path"]) as photo:
            assert (image == np.array(photo)).all()


def test_shards_divide_the_photos(study):
    study.add(12).use(Finder())
    found = []
    for index in range(3):
        _, rows = study.run(shard=shard_name(index, 3))
        assert {shard_of(row["image_id"], 3) for row in rows} == {index}
        found += [row["image_id"] for row in rows]
    assert sorted(found) == sorted(row["image_id"] for row in study.rows)


def test_a_second_run_computes_nothing_and_writes_the_same_bytes(study):
    finder = study.add(3).use(Finder([OBJECT, SPECK, OBJECT.T.copy().T]))
    first, _ = study.run()
    before = study.output().read_bytes()
    second, _ = study.run()
    assert (first.computed, second.computed, len(finder.asked)) == (3, 0, 3)
    assert study.output().read_bytes() == before


def test_another_shard_count_segments_nothing_again(study):
    finder = study.add(6).use(Finder())
    study.run()
    computed = sum(study.run(shard=shard_name(index, 2))[0].computed for index in range(2))
    assert (computed, len(finder.asked)) == (0, 6)


def test_a_changed_photo_is_segmented_again(study):
    finder = study.add(3).use(Finder())
    study.run()
    path = study.folder / "photo1.png"
    path.write_bytes(encode_png(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)))
    study.rows[1] = study.row("gull-1", path, "train", None)
    summary, _ = study.run()
    assert summary.computed == 1
    assert (finder.asked[-1][0] == 90).all()


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": 2}, {"revision": "r8"}])
def test_another_segmenter_segments_again(study, change):
    study.add(2).use(Finder())
    study.run()
    study.use(Finder(**change))
    assert study.run()[0].computed == 2


def test_new_limits_judge_again_and_segment_nothing(study):
    finder = study.add().use(Finder([SPECK]))
    _, (before,) = study.run()
    summary, (after,) = study.run({**ALL, "masks": {"limits": {"min_area": 0.001}}})
    assert (before["status"], after["status"]) == ("mask_tiny", "ok")
    assert "0.4 % of the image, less than the 1 % required" in before["reason"]
    assert (after["reason"], summary.computed, len(finder.asked)) == ("", 0, 1)


def test_masks_that_are_not_usable_are_kept_with_their_status(study):
    whole, striped = np.ones_like(OBJECT), np.zeros_like(OBJECT)
    striped[4:36, 3:48:9] = True
    study.add(4).use(Finder([SPECK, whole, striped, np.zeros_like(OBJECT)]))
    summary, rows = study.run()
    assert [row["status"] for row in rows] == ["mask_tiny", "mask_whole_image", "mask_many_parts", "mask_empty"]
    assert [(decode_mask(row["mask"]) == mask).all() for row, mask in zip(rows, (SPECK, whole, striped), strict=False)]
    assert [row["mask"] is None for row in rows] == [False, False, False, True]
    assert (rows[3]["bbox"], rows[3]["area_fraction"]) == (None, None)
    assert list(summary.counts) == ["mask_empty", "mask_many_parts", "mask_tiny", "mask_whole_image"]


def test_a_status_that_the_segmenter_gave_with_a_mask_is_kept_also_from_the_store(study):
    doubt = MaskResult(OBJECT, "mask_many_parts", "Two gulls were found.", 0.25)
    finder = study.add().use(Finder([doubt]))
    _, (first,) = study.run()
    summary, (second,) = study.run()
    assert (first["status"], first["reason"], first["score"]) == ("mask_many_parts", "Two gulls were found.", 0.25)
    assert (decode_mask(first["mask"]) == OBJECT).all()
    assert second == first
    assert (summary.computed, len(finder.asked)) == (0, 1)


@pytest.mark.parametrize(
    ("score", "status"), [(0.69, "mask_low_score"), (0.7, "ok"), (math.nan, "mask_low_score"), (None, "ok")]
)
def test_scores_are_held_against_the_limit(study, score, status):
    study.add().use(Finder([MaskResult(OBJECT, "ok", "", score)]))
    for _ in range(2):  # segmented, then from the store
        _, (row,) = study.run()
        assert row["status"] == status
        assert bool(row["reason"]) == (status != "ok")


def test_a_mask_that_is_not_usable_says_so_before_its_score_does(study):
    study.add().use(Finder([MaskResult(SPECK, "ok", "", 0.1)]))
    assert study.run()[1][0]["status"] == "mask_tiny"


def test_smoothing_keeps_the_raw_mask(study):
    ragged = OBJECT.copy()
    ragged[20, 40:43] = True
    study.add().use(Finder([ragged]))
    _, (row,) = study.run({**ALL, "masks": {"smooth_px": 2.0}})
    assert (decode_mask(row["mask"]) == ragged).all()
    assert (decode_mask(row["smoothed"]) == smooth_mask(ragged, 2.0)).all()
    assert (decode_mask(row["smoothed"]) != ragged).any()


def test_a_segmenter_that_raises_is_a_row_and_is_asked_again(study):
    finder = study.add(2).use(Finder([OBJECT, RuntimeError("no memory")]))
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["ok", "mask_failed"]
    assert rows[1]["reason"] == "RuntimeError: no memory"
    assert rows[1]["mask"] is None
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert len(finder.asked) == 3


def test_a_segmenter_that_answers_nothing_is_a_row(study, monkeypatch):
    finder = study.add().use(Finder())
    monkeypatch.setattr(finder, "segment", lambda images, given, class_names: [])
    assert study.run()[1][0]["status"] == "mask_failed"


def test_a_mask_of_another_size_than_its_photo_is_a_failure(study):
    study.add().use(Finder([OBJECT[:, :20]]))
    assert study.run()[1][0]["status"] == "mask_failed"


def test_ok_without_a_mask_is_not_ok(study):
    study.add().use(Finder([MaskResult(None, "ok")]))
    assert study.run()[1][0]["status"] != "ok"


def test_a_mask_of_0_and_255_is_the_same_when_it_comes_from_the_store(study):
    study.add().use(Finder([OBJECT.astype(np.uint8) * 255]))
    first, second = (study.run()[1] for _ in range(2))
    assert first == second
    assert (first[0]["status"], first[0]["area_fraction"]) == ("ok", 560 / 2000)


def test_a_score_may_be_a_number_of_numpy(study):
    study.add().use(Finder([MaskResult(OBJECT, "ok", "", np.float32(0.875))]))
    assert study.run()[1][0]["score"] == 0.875


def test_too_many_failures_end_the_stage_and_keep_what_was_found(study):
    finder = study.add(4).use(Finder([OBJECT, ValueError("a"), ValueError("b"), OBJECT]))
    with pytest.raises(DataError, match=r"masks: 2 of 4 items failed .*ValueError: a; examples: gull-1, gull-2"):
        study.run({"study": {"max_failed_fraction": 0.25}})
    assert not study.output().exists()
    _, rows = study.run({"study": {"max_failed_fraction": 0.25}})
    assert ([row["status"] for row in rows], len(finder.asked)) == (["ok"] * 4, 6)


def test_masks_that_are_not_usable_are_no_failures(study):
    study.add(2).use(Finder([SPECK, SPECK]))
    summary, _ = study.run({"study": {"max_failed_fraction": 0.0}})
    assert summary.counts == {"mask_tiny": 2}


def test_a_photo_that_is_gone_or_changed_is_a_row(study):
    finder = study.add(3).use(Finder())
    (study.folder / "photo0.png").unlink()
    (study.folder / "photo1.png").write_bytes(encode_png(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["image_unreadable", "image_unreadable", "ok"]
    assert "no file at" in rows[0]["reason"]
    assert "changed since" in rows[1]["reason"]
    assert len(finder.asked) == 1


def test_given_masks_are_taken_as_they_are(study):
    path = study.mask_file("mask.png")
    study.add(1, mask=path).add(1)
    _, rows = study.run(ALL)
    assert [row["status"] for row in rows] == ["ok", "mask_missing"]
    assert (decode_mask(rows[0]["mask"]) == OBJECT).all()
    assert [row["backend"] for row in rows] == ["provided", "provided"]
    assert rows[0]["score"] is None


def test_a_given_mask_of_the_size_before_bounding_is_scaled(study):
    large = np.zeros((80, 100), bool)
    large[20:60, 24:80] = True
    study.add(1, mask=study.mask_file("mask.png", large))
    path = study.folder / "photo0.png"
    path.write_bytes(encode_png(np.zeros((80, 100, 3), np.uint8)))
    study.rows[0] |= {"sha256": file_sha256(path)}
    _, (row,) = study.run({**ALL, "images": {"reading": {"max_side": 50}}})
    assert (decode_mask(row["mask"]) == OBJECT).all()


def test_a_changed_mask_file_is_noticed(study):
    path = study.mask_file("mask.png")
    study.add(2, mask=path)
    study.run()
    study.mask_file("mask.png", OBJECT[::-1, ::-1])
    summary, rows = study.run()
    assert summary.computed == 2
    assert (decode_mask(rows[0]["mask"]) == OBJECT[::-1, ::-1]).all()


def damage_missing(path):
    path.unlink()


def damage_folder(path):
    path.unlink()
    path.mkdir()


def damage_text(path):
    path.write_text("no mask")


def damage_empty(path):
    path.write_bytes(b"")


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-30])


def damage_forbidden(path):
    path.unlink()
    path.symlink_to(path)  # opening it is an OSError, for the superuser too


def damage_size(path):
    Image.new("L", (7, 9), 255).save(path)


DAMAGES = [damage_missing, damage_folder, damage_text, damage_empty, damage_cut, damage_forbidden, damage_size]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_mask_file_that_cannot_be_read_is_a_row(study, damage):
    good, bad = study.mask_file("good.png"), study.mask_file("bad.png")
    study.add(1, mask=good).add(1, mask=bad)
    damage(bad)
    for computed in (2, 1):  # what failed is tried again
        summary, rows = study.run()
        assert [row["status"] for row in rows] == ["ok", "mask_unreadable"]
        assert rows[1]["reason"].startswith("mask ")
        assert rows[1]["mask"] is None
        assert summary.computed == computed


@pytest.mark.parametrize("uses_given", [True, False])
def test_mask_files_are_opened_only_for_a_segmenter_that_uses_them(study, uses_given):
    finder = study.add(1, mask=study.mask_file("mask.png")).use(Finder(uses_given=uses_given))
    _, (row,) = study.run()
    ((_, given),) = finder.asked
    assert row["status"] == "ok"
    if uses_given:
        assert (given == OBJECT).all()
    else:
        assert given is None


def test_a_damaged_mask_file_does_not_matter_to_a_segmenter_that_ignores_it(study):
    bad = study.mask_file("bad.png")
    study.add(1, mask=bad)
    finder = study.use(Finder())
    study.run()
    damage_text(bad)
    summary, (row,) = study.run()
    assert (row["status"], summary.computed, len(finder.asked)) == ("ok", 0, 1)


def test_grabcut_runs_with_the_options_of_the_config(study):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    disc = (x - 25) ** 2 + (y - 20) ** 2 < 100
    noise = np.random.default_rng(0).integers(0, 20, (HEIGHT, WIDTH, 3), np.uint8)
    study.add()
    path = study.folder / "photo0.png"
    path.write_bytes(encode_png(np.where(disc[..., None], (220, 40, 30), (40, 120, 60)).astype(np.uint8) + noise))
    study.rows[0] = study.row("gull-0", path, "train", None)
    raw = {**ALL, "masks": {"backend": "grabcut", "grabcut": {"max_side": 64, "iterations": 2}}}
    (segmenter,) = stage.make_chain(study.config(raw), BackendContext())
    assert (segmenter.max_side, segmenter.iterations) == (64, 2)
    _, (row,) = study.run(raw)
    found = decode_mask(row["mask"])
    assert (row["backend"], (found & disc).sum() / (found | disc).sum() > 0.85) == ("grabcut", True)


def test_metadata_names_stage_and_config(study):
    study.add().use(Finder())
    study.run()
    origin = tables.origin(study.output(), MASKS)
    assert (origin["stage"], origin["config"]) == ("masks", slice_digest(study.config(ALL)))


def test_a_shard_without_photos_is_an_empty_table(study):
    study.add(1, "test").use(Finder())
    assert study.run({"study": {"max_failed_fraction": 0.0}}) == (Summary({}, 0), [])


def test_a_missing_table_of_images_is_told(study, tmp_path):
    study.use(Finder())
    with pytest.raises(DataError, match=r"images\.parquet does not exist"):
        stage.run(
            study.config(ALL),
            images=Path(tmp_path / "images.parquet"),
            shard="00000-of-00001",
            output=study.output(),
            store=tmp_path / "store.sqlite",
        )
