"""The parts of ``varireal why`` that need no workflow; tests/workflow/test_why_agrees.py has the rest."""

import os

import pytest

from varireal.config.model import parse_config
from varireal.core.seeds import digest
from varireal.datasets.decoding import file_sha256
from varireal.prompts.class_file import write_class_file
from varireal.prompts.gathering import remember
from varireal.records import ClassInfo, Prompt
from varireal.store import tables
from varireal.store.schemas import IMAGES, REJECTS
from varireal.study.layout import Layout
from varireal.tools.why import Cause, Explained, lines
from varireal.tools.why_sources import (
    DryRunJob,
    changed_keys,
    changed_photos,
    changed_texts,
    read_slice_on_disk,
    texts_then,
)


def layout(tmp_path, **blocks):
    return Layout(parse_config({"study": {"name": "s", "results": str(tmp_path / "results")}, **blocks}))


def test_keys_are_called_as_in_the_config():
    old = {"seed": 1, "edits": {"a": {"b": 1}, "gone": None}, "reading": {"max_side": 5}, "classes": {"x": "X"}}
    new = {"seed": 2, "edits": {"a": {"b": [1]}, "come": "ü"}, "reading": {"max_side": 5}, "classes": {"x": "X"}}
    assert changed_keys("edits", old, new) == [
        ("edits.a.b", "1", "[1]"),
        ("edits.come", "", '"ü"'),
        ("edits.gone", "null", ""),
        ("study.seed", "1", "2"),
    ]


def test_an_older_slice_is_found_by_its_digest_only(tmp_path):
    study = layout(tmp_path)
    name = digest("slice", '{"a": 1}', size=8)
    folder = tmp_path / "results/s/config"
    (folder / ".slices").mkdir(parents=True)
    (folder / "edits.json").write_text('{"a": 2}\n')
    assert read_slice_on_disk(study, "edits", name) is None
    (folder / ".slices" / f"{name}.json").write_text('{"a": 1}\n')
    assert read_slice_on_disk(study, "edits", name) == {"a": 1}
    assert read_slice_on_disk(study, "edits") == {"a": 2}
    (folder / ".slices" / f"{name}.json").write_text('{"a": 3}\n')
    assert read_slice_on_disk(study, "edits", name) is None


def test_texts_of_prompts_are_kept_under_the_digest_of_the_workflow(tmp_path):
    study = layout(tmp_path)
    path = tmp_path / "results/s/prompts/gull.yaml"
    prompts = [Prompt("gull.color.feasible.a", "gull", "color", "feasible", "grey", "All grey.", rgb="#808080")]
    write_class_file(path, ClassInfo("gull", "Gull"), prompts, origin="test")
    remember([path], "color", "feasible", "")
    assert not (path.parent / ".seen").exists()
    remember([path], "color", "feasible", "an outdated digest")
    (kept,) = (path.parent / ".seen").iterdir()
    assert texts_then(study, kept.stem) == {"gull.color.feasible.a": ("grey", "All grey.", "#808080")}
    assert texts_then(study, "0" * 16) is None
    before = kept.stat().st_mtime_ns
    remember([path], "color", "feasible", kept.stem)
    assert kept.stat().st_mtime_ns == before


def test_texts_that_differ_are_told_whole():
    then = {"a": ("x", "An x.", ""), "b": ("same", "", "")}
    now = {"a": ("y", "An x.", "#000000"), "b": ("same", "", "")}
    assert changed_texts(then, now) == [("prompt a", "x | An x.", "y | An x. | #000000")]


@pytest.fixture
def photos(tmp_path):
    """A folder of photos, and tables that know them."""
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    source = {"source": "folder", "folder": {"path": str(tmp_path / "photos")}, "noun": "bird"}
    study = layout(tmp_path, images=source, masks={"backend": "grabcut"})
    rows = [
        {field.name: "x" if str(field.type) == "string" else 0 for field in IMAGES if not field.nullable}
        | {"path": str(path), "sha256": file_sha256(path)}
        for path in sorted((tmp_path / "photos").rglob("*.png"))
    ]
    tables.write(tmp_path / "results/s/images.parquet", rows, IMAGES, stage="images", digest="d")
    tables.write(tmp_path / "results/s/rejects.parquet", [], REJECTS, stage="images", digest="d")
    return study, tmp_path / "photos"


def test_photos_that_came_went_and_changed(photos):
    study, folder = photos
    assert changed_photos(study) == []
    (folder / "a/3.png").write_bytes(b"new")
    (folder / "b/1.png").rename(folder / "b/2.png")
    assert changed_photos(study) == [
        (str(folder / "a/3.png"), "added"),
        (str(folder / "b/1.png"), "removed"),
        (str(folder / "b/2.png"), "added"),
    ]


def test_a_photo_that_was_replaced_by_an_older_file_is_found_too(photos):
    study, folder = photos
    (folder / "a/1.png").write_bytes(b"other")
    os.utime(folder / "a/1.png", (1, 1))
    assert changed_photos(study) == [(str(folder / "a/1.png"), "edited")]


def test_a_long_list_of_causes_is_cut_and_long_values_too():
    causes = [Cause("key", f"key {number:03d}", "1", "x" * 500) for number in range(30)]
    said = lines("study", [Explained(DryRunJob("masks", "log", outputs=("a",)), tuple(causes))], whole=True)
    assert said[0] == "study: 1 job would run (masks 1), because of"
    assert len(said) == 22
    assert said[-1] == "  and 10 more; --json lists them all"
    assert all(len(line) < 250 for line in said)
