"""The stage masks with fallbacks and batches, and what its store keeps, with segmenters whose answers are known."""

import numpy as np
import pytest
from masks_study import ALL, OBJECT, SPECK, Finder, Study

from varireal.backends import BackendContext
from varireal.config.masks import MasksConfig
from varireal.config.model import parse_config
from varireal.config.slices import stage_slices
from varireal.core.pictures import encode_png
from varireal.errors import BackendError, ConfigError
from varireal.records import MaskResult
from varireal.segmenters.quality import decode_mask
from varireal.segmenters.stored import own_options
from varireal.stages import masks as stage

DOUBTFUL = MaskResult(OBJECT, "ok", "", 0.5)
TWO = MaskResult(OBJECT, "mask_several_objects", "Two gulls were found.", 0.9, 2)
NOTHING = MaskResult(None, "mask_not_found", "No gull was found.", None, 0)
FOLDER = {"images": {"source": "folder", "folder": {"path": "photos"}}}
OTHER = np.roll(OBJECT, 3, axis=1)


@pytest.fixture
def study(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch)


def second(answers=(), **other):
    return Finder(answers, **{"name": "second", "revision": None, **other})


def test_a_mask_that_is_not_usable_is_replaced_and_both_are_recorded(study):
    study.add(3).use(Finder([OBJECT, DOUBTFUL, TWO]), second([MaskResult(OTHER, "ok", "", 0.9, 1), OTHER]))
    summary, rows = study.run()
    assert (summary.counts, summary.computed) == ({"ok": 3}, 3)
    assert [row["backend"] for row in rows] == ["finder", "second", "second"]
    assert [row["revision"] for row in rows] == ["r7", None, None]
    assert [row["objects"] for row in rows] == [None, 1, None]
    assert [row["fallback_of"] for row in rows] == [
        None,
        "finder: mask_low_score (The segmenter's confidence is 0.500, below 0.7.)",
        "finder: mask_several_objects (Two gulls were found.)",
    ]
    assert [row["reason"] for row in rows] == [""] * 3
    assert (decode_mask(rows[1]["mask"]) == OTHER).all()


def test_every_fallback_is_tried_in_turn(study):
    third = Finder(name="third")
    study.add(2).use(Finder([NOTHING, DOUBTFUL]), second([SPECK, OTHER]), third)
    _, rows = study.run()
    assert [row["backend"] for row in rows] == ["third", "second"]
    assert rows[0]["fallback_of"].startswith("finder: mask_not_found (No gull was found.); second: mask_tiny (The obj")
    assert len(third.asked) == 1


def test_when_all_fail_the_row_is_the_first_ones_with_all_reasons(study):
    study.add(1).use(Finder([TWO]), second([NOTHING]))
    summary, (row,) = study.run()
    assert (row["status"], row["backend"], row["score"], row["objects"]) == ("mask_several_objects", "finder", 0.9, 2)
    assert row["reason"] == "finder: Two gulls were found. second: No gull was found."
    assert row["fallback_of"] is None
    assert (decode_mask(row["mask"]) == OBJECT).all()
    assert summary.counts == {"mask_several_objects": 1}


def test_a_fallback_that_is_not_needed_is_not_loaded(study):
    class Broken(Finder):
        @property
        def batch_size(self):
            raise BackendError("no model")

    study.add(2).use(Finder(), Broken(name="broken"))
    assert study.run()[0].counts == {"ok": 2}
    study.use(Finder([DOUBTFUL], version=2), Broken(name="broken"))
    with pytest.raises(BackendError, match="no model"):
        study.run()


def test_a_fallback_that_is_added_later_segments_only_what_is_missing(study):
    finder = study.add(3).use(Finder([OBJECT, DOUBTFUL, OBJECT]))
    assert study.run()[0].counts == {"ok": 2, "mask_low_score": 1}
    added = second()
    study.use(finder, added)
    summary, _ = study.run()
    assert (summary.counts, summary.computed, len(finder.asked), len(added.asked)) == ({"ok": 3}, 1, 3, 1)
    assert study.run()[0].computed == 0


def test_a_looser_limit_takes_the_first_mask_and_segments_nothing(study):
    finder, added = Finder([DOUBTFUL]), second()
    study.add(1).use(finder, added)
    assert study.run()[1][0]["backend"] == "second"
    summary, (row,) = study.run({**ALL, "masks": {"limits": {"min_score": 0.4}}})
    assert (row["backend"], row["fallback_of"], summary.computed) == ("finder", None, 0)
    assert (len(finder.asked), len(added.asked)) == (1, 1)


def test_nothing_found_is_kept_and_a_failure_tried_again(study):
    finder = study.add(2).use(Finder([NOTHING, RuntimeError("no memory")]))
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["mask_not_found", "mask_failed"]
    assert (rows[0]["reason"], rows[0]["objects"], rows[0]["mask"]) == ("No gull was found.", 0, None)
    summary, again = study.run()
    assert (summary.computed, len(finder.asked), again[0], again[1]["status"]) == (1, 3, rows[0], "ok")


def test_a_segmenter_that_raises_has_its_fallback(study):
    study.add(1).use(Finder([RuntimeError("no memory")]), second())
    _, (row,) = study.run()
    assert (row["status"], row["fallback_of"]) == ("ok", "finder: mask_failed (RuntimeError: no memory)")


def test_a_photo_that_is_gone_is_not_handed_on(study):
    added = second()
    study.add(2).use(Finder(), added)
    (study.folder / "photo0.png").unlink()
    _, rows = study.run()
    assert [(row["status"], row["backend"]) for row in rows] == [("image_unreadable", "finder"), ("ok", "finder")]
    assert "no file at" in rows[0]["reason"]
    assert added.asked == []


def test_photos_come_in_batches_and_rows_in_their_own_order(study):
    study.add(7)
    for number, (height, width) in enumerate([(40, 50), (64, 36), (40, 50), (36, 96), (64, 36), (40, 50), (41, 50)]):
        path = study.folder / f"photo{number}.png"
        path.write_bytes(encode_png(np.full((height, width, 3), number, np.uint8)))
        study.rows[number] = study.row(f"gull-{number}", path, "train", None) | {"width": width, "height": height}

    class Filling(Finder):
        def segment(self, images, given, class_names):
            super().segment(images, given, class_names)
            self.shapes = [*getattr(self, "shapes", []), {image.shape for image in images}]
            return [
                MaskResult(np.arange(image[..., 0].size).reshape(image.shape[:2]) % 2 == 0, "ok") for image in images
            ]

    finder = study.use(Filling(batch_size=3))
    summary, rows = study.run({**ALL, "masks": {"limits": {"max_parts": 100, "max_border": 1.0}}})
    assert [row["image_id"] for row in rows] == [f"gull-{number}" for number in range(7)]
    assert (finder.batches, summary.computed) == ([3, 3, 1], 7)
    assert finder.shapes[0] >= {(64, 36, 3)}  # both of one shape together
    assert decode_mask(rows[3]["mask"]).shape == (36, 96)


def test_one_bad_photo_of_a_batch_is_one_row(study):
    class Picky(Finder):
        def segment(self, images, given, class_names):
            self.batches.append(len(images))
            if any((image == 7).all() for image in images):
                raise ValueError("a seven")
            return [MaskResult(OBJECT, "ok")] * len(images)

    study.add(4)
    path = study.folder / "photo2.png"
    path.write_bytes(encode_png(np.full((40, 50, 3), 7, np.uint8)))
    study.rows[2] = study.row("gull-2", path, "train", None)
    finder = study.use(Picky(batch_size=4))
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["ok", "ok", "mask_failed", "ok"]
    assert finder.batches == [4, 1, 1, 1, 1]
    assert study.run()[0].computed == 1


@pytest.mark.parametrize("uses_names", [True, False])
def test_a_renamed_class_is_segmented_again_only_by_its_name(study, uses_names):
    finder = study.add(2).use(Finder(uses_names=uses_names))
    study.run()
    study.rows = [row | {"class_name": "herring gull"} for row in study.rows]
    assert study.run()[0].computed == (2 if uses_names else 0)
    assert finder.class_names == ["gull"] * 2 + ["herring gull"] * (2 if uses_names else 0)


def test_another_noun_is_segmented_again_only_by_its_name(study):
    study.add(1)
    for uses_names, computed in ((True, 1), (False, 0)):
        raw = {**ALL, "masks": {"backend": "grounded_sam2"}, "images": {"noun": "bird"}}
        study.use(Finder(uses_names=uses_names, version=1 + uses_names))
        study.run(raw)
        assert study.run({**raw, "images": {"noun": "animal"}})[0].computed == computed


def test_each_backend_depends_on_its_own_options_alone():
    def options(name, **blocks):
        return own_options(MasksConfig.model_validate(blocks), name)

    assert options("grabcut") != options("grabcut", grabcut={"iterations": 7})
    assert options("grabcut") == options("grabcut", grounded_sam2={"box_threshold": 0.1}, smooth_px=3.0)
    assert options("grounded_sam2") != options("grounded_sam2", grounded_sam2={"box_threshold": 0.1})
    assert options("matting") != options("matting", matting={"threshold": 0.4})
    assert options("provided") == options("provided", options={"a": 1})
    assert options("mine") != options("mine", options={"a": 1})
    # models are told by the segmenter's revision, which is the contents of a local one
    assert options("matting") == options("matting", matting={"model": {"id": "/a/b.onnx"}})


def test_given_masks_where_there_are_some_and_grabcut_elsewhere(study):
    y, x = np.mgrid[0:40, 0:50]
    disc = (x - 25) ** 2 + (y - 20) ** 2 < 100
    noise = np.random.default_rng(0).integers(0, 20, (40, 50, 3), np.uint8)
    study.add(1, mask=study.mask_file("mask.png")).add(2)
    for number in (1, 2):
        path = study.folder / f"photo{number}.png"
        path.write_bytes(encode_png(np.where(disc[..., None], (220, 40, 30), (40, 120, 60)).astype(np.uint8) + noise))
        study.rows[number] = study.row(f"gull-{number}", path, "train", None)
    (study.folder / "bad.png").write_text("no mask")
    study.rows[2] |= {"mask_path": str(study.folder / "bad.png")}
    _, rows = study.run({**ALL, "masks": {"fallback": ["grabcut"], "limits": {"min_score": 0.0}}})
    assert [(row["status"], row["backend"]) for row in rows] == [
        ("ok", "provided"),
        ("ok", "grabcut"),
        ("ok", "grabcut"),
    ]
    assert rows[1]["fallback_of"] == "provided: mask_missing (The data set has no mask for this image.)"
    assert rows[2]["fallback_of"].startswith("provided: mask_unreadable (mask 'bad.png'")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"masks": {"backend": "grabcut", "fallback": ["grabcut"]}}, "grabcut is there twice"),
        ({"masks": {"fallback": ["grabkut"]}}, "unknown segmenter 'grabkut'; did you mean 'grabcut'"),
        (
            {"masks": {"fallback": ["grabcut"], "options": {"a": 1}}},
            "masks.options' are for backends of other packages",
        ),
        (FOLDER, "masks.backend is 'provided', but images.source 'folder' brings no masks"),
    ],
)
def test_chains_that_make_no_sense_are_told(raw, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(raw)


def test_given_masks_with_a_fallback_suit_any_source():
    config = parse_config({**FOLDER, "masks": {"fallback": ["grounded_sam2"]}})
    assert config.masks.chain == ("provided", "grounded_sam2")
    assert parse_config({**FOLDER, "masks": {"backend": "matting"}}).masks.chain == ("matting",)


class Circle:
    """A segmenter of another package, as packages had them before names and batches."""

    name, version, revision, uses_given = "circle", 4, None, False

    def segment(self, images, given):
        return []


def test_the_backends_of_this_package_have_everything_and_load_nothing():
    raw = {"masks": {"fallback": ["grabcut", "grounded_sam2", "matting"]}}
    config = stage_slices(parse_config(raw), {"gull": "gull"})["masks"]
    chain = stage.make_chain(config, BackendContext())
    assert [segmenter.name for segmenter in chain] == list(config.masks.chain)
    assert "_models" not in vars(chain[2])
    assert "_model" not in vars(chain[3])
