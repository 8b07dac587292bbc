import json

import pytest
from export_rows import dataset_row, pixels, six_rows

from varireal.exports import run_export

NASTY = 'O\'Brien {x} / \u2028 "q"\n'


def test_pictures_lie_by_setting_and_class(make_dataset, tmp_path):
    run_export("folders", make_dataset(six_rows()), tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.png")}
    assert sorted(found) == [
        f"{setting}/{class_id}/{class_id}-1.{setting.replace('-', '.')}.k0.r0.png"
        for setting in ("background-feasible", "background-infeasible", "color-feasible")
        for class_id in ("egret", "gull")
    ]
    row = six_rows()[0]
    assert found[f"background-feasible/egret/{row['candidate_id']}.png"].read_bytes() == row["image"]["bytes"]


def test_the_list_of_a_setting_has_the_values_of_each_picture(make_dataset, tmp_path):
    row = dataset_row(class_name=NASTY, seam_score=float("nan"), seed=2**62)
    run_export("folders", make_dataset([row]), tmp_path / "out")
    text = (tmp_path / "out" / "color-feasible" / "metadata.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.split("\n") if line]
    assert len(entries) == 1
    assert entries[0]["file_name"] == "gull/gull-1.color.feasible.k0.r0.png"
    assert (entries[0]["class_name"], entries[0]["seed"], entries[0]["label"]) == (NASTY, 2**62, 1)
    assert "image" not in entries[0]


@pytest.fixture
def datasets(monkeypatch):
    library = pytest.importorskip("datasets")
    library.disable_progress_bars()
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    return library


def test_imagefolder_loads_a_setting(make_dataset, tmp_path, datasets):
    run_export("folders", make_dataset(six_rows()), tmp_path / "out")
    data = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "out" / "color-feasible"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert sorted(data["candidate_id"]) == ["egret-1.color.feasible.k0.r0", "gull-1.color.feasible.k0.r0"]
    first = six_rows()[4]
    match = next(row for row in data if row["candidate_id"] == first["candidate_id"])
    assert (pixels(first["image"]["bytes"]) == match["image"]).all()


@pytest.mark.parametrize("class_id", ["steam-train", "test", "validation"])
def test_a_class_that_is_called_like_a_split_is_no_split(make_dataset, tmp_path, datasets, class_id):
    rows = six_rows()
    rows[4] |= {"class_id": class_id}
    run_export("folders", make_dataset(rows, classes={class_id: "x", "gull": "Gull"}), tmp_path / "out")
    found = datasets.load_dataset(str(tmp_path / "out"), "color-feasible", cache_dir=str(tmp_path / "cache"))
    assert list(found) == ["train"]
    assert sorted(found["train"]["class_id"]) == sorted([class_id, "gull"])
    assert found["train"][0]["image"].size == (13, 10)
