import json
import tarfile

import numpy as np
import pytest
from export_rows import dataset_row, pixels, six_rows
from PIL import Image

from varireal.errors import DataError
from varireal.exports import run_export

webdataset = pytest.importorskip("webdataset")


def names(path):
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_the_library_reads_every_sample_back(make_dataset, tmp_path):
    rows = six_rows()
    run_export("webdataset", make_dataset(rows[:4], rows[4:]), tmp_path / "out")
    data = webdataset.WebDataset(str(tmp_path / "out" / "train-000000.tar"), shardshuffle=False)
    samples = list(data)
    assert [sample["__key__"] for sample in samples] == [row["candidate_id"].replace(".", "_") for row in rows]
    for sample, row in zip(samples, rows, strict=True):
        assert sample["png"] == row["image"]["bytes"]
        assert sample["mask.png"] == row["mask"]["bytes"]
        values = json.loads(sample["json"])
        assert (values["candidate_id"], values["label"]) == (row["candidate_id"], row["label"])
    assert data.decode("pil").__iter__().__next__()["png"].size == (13, 10)


def test_keys_have_no_dot_and_files_no_date(make_dataset, tmp_path):
    run_export("webdataset", make_dataset(six_rows()[:1]), tmp_path / "out")
    path = tmp_path / "out" / "train-000000.tar"
    assert names(path) == [f"egret-1_background_feasible_k0_r0.{kind}" for kind in ("json", "mask.png", "png")]
    with tarfile.open(path) as archive:
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in archive.getmembers()} == {(0, 0, 0, "", "")}


def test_long_names_and_any_text_survive(make_dataset, tmp_path):
    image_id = "a" * 60 + "-" + "b" * 40 + "-12345678"
    row = dataset_row(f"{image_id}.background.infeasible.k10.r2", class_name="鳥 {}\n")
    run_export("webdataset", make_dataset([row]), tmp_path / "out")
    sample = next(iter(webdataset.WebDataset(str(tmp_path / "out" / "train-000000.tar"), shardshuffle=False)))
    assert sample["__key__"] == f"{image_id}_background_infeasible_k10_r2"
    assert json.loads(sample["json"])["class_name"] == "鳥 {}\n"


def test_a_tar_holds_a_bounded_number_of_samples(make_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("varireal.exports.webdataset.SAMPLES_PER_TAR", 4)
    run_export("webdataset", make_dataset(six_rows()), tmp_path / "out")
    tars = sorted((tmp_path / "out").glob("*.tar"))
    assert [path.name for path in tars] == ["train-000000.tar", "train-000001.tar"]
    assert [len(names(path)) for path in tars] == [12, 6]


def test_two_samples_of_one_key_are_an_error(make_dataset, tmp_path):
    rows = [dataset_row("a.b.color.feasible.k0.r0"), dataset_row("a_b.color.feasible.k0.r0")]
    with pytest.raises(DataError, match="two samples would be called 'a_b_color_feasible_k0_r0'"):
        run_export("webdataset", make_dataset(rows), tmp_path / "out")


def test_the_datasets_library_decodes_picture_and_mask(make_dataset, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    rows = six_rows()
    run_export("webdataset", make_dataset(rows), tmp_path / "out")
    data = datasets.load_dataset("webdataset", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    first = data["train"][0]
    assert isinstance(first["png"], Image.Image)
    assert (np.array(first["png"]) == pixels(rows[0]["image"]["bytes"])).all()
    assert (np.array(first["mask.png"]) > 0).sum() == 29
