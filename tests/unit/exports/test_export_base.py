import json
import sys

import pytest
from export_rows import contents, dataset_row, six_rows

from varireal.core.registry import CAPABILITIES, load_backend
from varireal.errors import BackendError, DataError
from varireal.exports import run_export
from varireal.exports.base import MARKER, open_dataset, plain, whole_folder


@pytest.fixture(params=CAPABILITIES["exporters"].backends)
def kind(request):
    if request.param != "folders":
        pytest.importorskip({"coco": "pycocotools"}.get(request.param, request.param))
    return request.param


def test_an_export_lists_its_files_in_a_marker(make_dataset, tmp_path, kind):
    images = run_export(kind, make_dataset(six_rows()), tmp_path / "out")
    files = contents(tmp_path / "out")
    marker = json.loads(files.pop(MARKER))
    assert (marker["export"], images) == (kind, 6)
    assert marker == {"export": kind, "files": sorted(files)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "out"]


def test_the_same_data_set_gives_the_same_bytes(make_dataset, tmp_path, kind):
    source = make_dataset(six_rows()[:4], six_rows()[4:])
    run_export(kind, source, tmp_path / "one")
    run_export(kind, source, tmp_path / "two")
    assert len(contents(tmp_path / "one")) >= 2
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_earlier_export_is_replaced_as_a_whole(make_dataset, tmp_path, kind):
    run_export(kind, make_dataset(six_rows()), tmp_path / "out")
    run_export(kind, make_dataset(six_rows()[:1]), tmp_path / "out")
    fresh = make_dataset(six_rows()[:1])
    run_export(kind, fresh, tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "fresh", "out"]


def test_a_data_set_without_rows_can_be_exported(make_dataset, tmp_path, kind):
    assert run_export(kind, make_dataset([], []), tmp_path / "out") == 0
    assert (tmp_path / "out" / MARKER).is_file()


def test_a_folder_that_no_export_wrote_is_left_alone(make_dataset, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"out holds 'thesis\.txt', which no export wrote"):
        run_export("folders", make_dataset(six_rows()), out)
    assert contents(out) == {"thesis.txt": b"mine"}


def test_a_file_that_was_added_to_an_export_is_not_deleted(make_dataset, tmp_path):
    source = make_dataset(six_rows())
    run_export("folders", source, tmp_path / "out")
    added = tmp_path / "out" / "color-feasible" / "gull" / "notes.txt"
    added.write_text("mine")
    before = contents(tmp_path / "out")
    with pytest.raises(DataError, match=r"out holds 'color-feasible/gull/notes\.txt', which no export wrote"):
        run_export("folders", source, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_link_or_file_in_the_place_of_the_folder_is_refused(make_dataset, tmp_path):
    source = make_dataset(six_rows())
    run_export("folders", source, tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("mine")
    for name in ("link", "file"):
        with pytest.raises(DataError, match=f"{name} exists and is not a folder that an export wrote"):
            run_export("folders", source, tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("text", ["not json", "[]", '{"export": "folders"}', '{"files": 3}'])
def test_a_damaged_marker_protects_the_folder(make_dataset, tmp_path, text):
    source = make_dataset(six_rows())
    run_export("folders", source, tmp_path / "out")
    (tmp_path / "out" / MARKER).write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        run_export("folders", source, tmp_path / "out")


def test_an_empty_folder_may_be_used(make_dataset, tmp_path):
    (tmp_path / "out").mkdir()
    assert run_export("folders", make_dataset(six_rows()), tmp_path / "out") == 6


def test_a_failed_export_leaves_the_earlier_one(make_dataset, tmp_path):
    run_export("folders", make_dataset(six_rows()), tmp_path / "out")
    before = contents(tmp_path / "out")
    bad = make_dataset([*six_rows(), dataset_row("../x.color.feasible.k0.r0")])
    with pytest.raises(DataError, match=r"candidate_id '\.\./x\.color\.feasible\.k0\.r0' is not a safe file name"):
        run_export("folders", bad, tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "out"]


def test_what_a_killed_export_left_is_cleared_away(make_dataset, tmp_path):
    for name in (".out.varireal-new", ".out.varireal-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / MARKER).write_text("{}")
        (tmp_path / name / "half.png").write_bytes(b"half")
    run_export("folders", make_dataset(six_rows()), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "out"]


def test_a_foreign_folder_of_the_temporary_name_is_refused(make_dataset, tmp_path):
    foreign = tmp_path / ".out.varireal-new"
    foreign.mkdir()
    (foreign / "mine").write_text("mine")
    with pytest.raises(DataError, match="is in the way"):
        run_export("folders", make_dataset(six_rows()), tmp_path / "out")
    assert (foreign / "mine").read_text() == "mine"


def test_a_file_added_while_the_export_runs_is_kept(tmp_path):
    with whole_folder(tmp_path / "out", "folders") as folder:
        (folder / "a").write_text("1")
    with pytest.raises(DataError, match="'late'"), whole_folder(tmp_path / "out", "folders") as folder:
        (tmp_path / "out" / "late").write_text("mine")
    assert sorted(contents(tmp_path / "out")) == [MARKER, "a", "late"]


@pytest.mark.parametrize("kind", ["webdataset", "coco"])
def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch, kind):
    module = {"webdataset": "webdataset.writer", "coco": "pycocotools"}[kind]
    monkeypatch.delitem(sys.modules, f"varireal.exports.{kind}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError, match=rf"the exporter '{kind}' .* pip install 'varireal\[{kind}\]'"):
        load_backend("exporters", kind)


def test_an_unknown_export_is_an_error():
    with pytest.raises(BackendError, match="unknown exporter 'zip'; known: coco, folders, webdataset"):
        load_backend("exporters", "zip")


def test_a_folder_without_a_data_set_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"holds no data/train-\*\.parquet"):
        open_dataset(tmp_path)


def test_the_data_set_knows_its_classes_in_the_order_of_the_labels(make_dataset):
    found = open_dataset(make_dataset([], classes={"b": "B", "a": "A {x}"}))
    assert list(found.classes.items()) == [("a", "A {x}"), ("b", "B")]


def test_a_plain_row_has_no_picture_and_only_values_that_json_has():
    row = {"image": b"", "mask": b"", "a": float("nan"), "b": float("-inf"), "c": 1.5, "d": None, "e": "x"}
    assert plain(row) == {"a": None, "b": None, "c": 1.5, "d": None, "e": "x"}
