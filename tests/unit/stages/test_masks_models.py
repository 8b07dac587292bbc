"""The stage masks end to end with the backends that run models: real classes and files with tiny random weights."""

import json
import shutil

import numpy as np
import pytest
from masks_study import Study

from tiny import onnx_files
from varireal.config.machine import MachineConfig
from varireal.config.slices import MachineSlice, slice_text
from varireal.core.pictures import encode_png
from varireal.datasets.decoding import file_sha256, load_photo
from varireal.errors import BackendError
from varireal.segmenters import grounded_models
from varireal.segmenters.again import segment_again
from varireal.segmenters.grabcut import GrabCutSegmenter
from varireal.segmenters.quality import decode_mask

# Random weights find arbitrary things: nothing is refused, so that what they find is what is compared.
ANY = {"min_area": 0.0, "max_area": 1.0, "max_parts": 100, "max_border": 1.0, "min_score": 0.0}


@pytest.fixture
def study(tmp_path, monkeypatch):
    return Study(tmp_path, monkeypatch)


@pytest.fixture
def config(tiny_model, tmp_path):
    """A chain of all three, the models as local folders and a file."""
    onnx_files.red(tmp_path / "red.onnx")

    def made(limits=ANY, fallback=("matting", "grabcut"), **options):
        detector = {
            "detector": {"id": str(tiny_model("grounding_dino"))},
            "segmenter": {"id": str(tiny_model("sam2"))},
        }
        return {
            "study": {"max_failed_fraction": 0.0},
            "images": {"noun": "bird"},
            "masks": {
                "backend": "grounded_sam2",
                "fallback": list(fallback),
                "limits": limits,
                "grounded_sam2": {
                    "box_threshold": 0.1,
                    "text_threshold": 0.1,
                    "several": "best",
                    **detector,
                    **options,
                },
                "matting": {
                    "model": {"id": str(tmp_path / "red.onnx"), "file": None},
                    "mean": [0.0, 0.0, 0.0],
                    "std": [1.0, 1.0, 1.0],
                    "size": 64,
                },
            },
        }

    return made


def machine(folder, **options):
    path = folder / "machine.json"
    path.write_text(slice_text(MachineSlice(machine=MachineConfig(device="cpu", **options))))
    return path


def red_square(study, number):
    image = np.full((40, 50, 3), (40, 120, 60), np.uint8)
    image[10:30, 12:40] = (230, 30, 30)
    path = study.folder / f"photo{number}.png"
    path.write_bytes(encode_png(image))
    study.rows[number] = study.row(f"gull-{number}", path, "train", None)


def test_masks_by_name_are_made_kept_and_made_again_only_for_another_name(study, config, tmp_path, monkeypatch):
    study.add(5)
    summary, rows = study.run(config(), machine=machine(tmp_path, batch_size=4))
    assert (summary.counts, summary.computed) == ({"ok": 5}, 5)
    assert {row["backend"] for row in rows} == {"grounded_sam2"}
    assert all(row["revision"].startswith("grounding_dino") and "sam2" in row["revision"] for row in rows)
    assert all(row["objects"] >= 1 and 0 < row["score"] < 1 for row in rows)

    real = grounded_models.Grounding
    monkeypatch.setattr(grounded_models, "Grounding", lambda *_: pytest.fail("a model was loaded"))
    stricter = {**ANY, "min_area": 0.001}
    for raw in (config(), config(limits=stricter), config(fallback=[])):
        assert study.run(raw)[0].computed == 0

    monkeypatch.setattr(grounded_models, "Grounding", real)
    study.rows = [row | {"class_name": "tern"} for row in study.rows[:2]] + study.rows[2:]
    summary, again = study.run(config())
    assert summary.computed == 2
    assert again[2:] == rows[2:]
    assert study.run(config(box_threshold=0.11))[0].computed == 5


def test_one_at_a_time_makes_the_same_table(study, config, tmp_path):
    study.add(5)
    tables = []
    for batch in (1, 4):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        tables.append(study.run(config(), machine=machine(tmp_path, batch_size=batch))[1])
    for one, four in zip(*tables, strict=True):
        first, other = decode_mask(one["mask"]), decode_mask(four["mask"])
        assert (first & other).sum() / (first | other).sum() > 0.999
        assert one["score"] == pytest.approx(four["score"], abs=1e-5)


def test_the_chain_goes_from_models_to_none(study, config):
    study.add(2)
    red_square(study, 0)
    limits = {"min_score": 0.0, "max_parts": 100, "max_border": 1.0}
    _, rows = study.run(config(limits=limits, box_threshold=0.999))
    assert rows[0]["backend"] == "matting"
    assert decode_mask(rows[0]["mask"])[12:28, 14:38].all()
    assert rows[0]["revision"].startswith("red.onnx@")
    assert rows[0]["fallback_of"].startswith("grounded_sam2: mask_not_found (Nothing like 'a bird gull' was found")
    assert study.run(config(limits=limits, box_threshold=0.999))[0].computed == 0


def test_a_moved_model_segments_nothing_again_and_another_one_does(study, config, tmp_path, tiny_model):
    study.add(2)
    study.run(config())
    moved = shutil.copytree(tiny_model("sam2"), tmp_path / "moved" / tiny_model("sam2").name)
    assert study.run(config(segmenter={"id": str(moved)}))[0].computed == 0
    settings = json.loads((moved / "config.json").read_text()) | {"note": "another"}
    (moved / "config.json").write_text(json.dumps(settings))
    assert study.run(config(segmenter={"id": str(moved)}))[0].computed == 2


def test_a_model_that_is_missing_ends_the_stage_in_one_line(study, config, tmp_path):
    study.add(1)
    with pytest.raises(BackendError, match=r"^masks\.grounded_sam2\.detector\.id: './none' cannot be read"):
        study.run(config(detector={"id": "./none"}))
    with pytest.raises(BackendError, match=r"^masks\.grounded_sam2\.detector: the model 'a/b' is not in "):
        study.run(config(detector={"id": "a/b"}))


def test_photographs_of_many_shapes(study, config, photos_folder, tmp_path):
    files = sorted(photos_folder.rglob("*.jpg"))[:10]
    for number, path in enumerate(files):
        picture = load_photo(path, max_side=1024, max_pixels=10**8, min_side=16)
        row = study.row(f"p-{number}", path, "train", None)
        study.rows.append(row | {"width": picture.width, "height": picture.height, "sha256": file_sha256(path)})
    summary, rows = study.run(config(), machine=machine(tmp_path, batch_size=4))
    assert summary.counts == {"ok": 10}
    for row, photo in zip(rows, study.rows, strict=True):
        assert decode_mask(row["mask"]).shape == (photo["height"], photo["width"])


def test_a_photograph_is_found_again_in_itself(photos_folder):
    path = photos_folder / "test" / "car" / "sports_car.jpg"
    image = load_photo(path, max_side=512, max_pixels=10**8, min_side=16).image
    segmenter = GrabCutSegmenter()
    (found,) = segmenter.segment([image], [None], ["sports car"])
    same, cut = segment_again(
        segmenter, [image] * 2, [found.mask, found.mask & (np.arange(found.mask.shape[1]) < 200)], ["car"] * 2
    )
    assert (same.iou, same.area_ratio) == (1.0, 1.0)
    assert cut.area_ratio > 1
