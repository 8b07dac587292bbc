from pathlib import Path

import pytest

from varireal.config.model import parse_config
from varireal.errors import ConfigError
from varireal.layout import Layout


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def layout(**raw):
    base = {"images": {"demo": {"species": ["mallard", "flamingo"]}}}
    return Layout(parse_config({**base, **raw}))


def test_classes_come_from_the_source():
    assert layout().classes == {"flamingo": "flamingo", "mallard": "mallard"}


def test_folders_are_classes(tmp_path):
    for name in ("Yorkshire terrier", "a{b}"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        (folder / "x.jpg").write_bytes(b"x")
    raw = {"images": {"source": "folder", "folder": {"path": "photos"}}, "masks": {"backend": "grabcut"}}
    found = layout(**raw).classes
    assert set(found.values()) == {"Yorkshire terrier", "a{b}"}
    assert found["yorkshire-terrier"] == "Yorkshire terrier"
    assert all("{" not in class_id for class_id in found)


def test_listing_digest_notices_files(tmp_path):
    folder = tmp_path / "photos" / "a"
    folder.mkdir(parents=True)
    (folder / "x.jpg").write_bytes(b"x")
    raw = {"images": {"source": "folder", "folder": {"path": "photos"}}, "masks": {"backend": "grabcut"}}
    before = layout(**raw).listing_digest
    assert layout(**raw).listing_digest == before
    (folder / "y.jpg").write_bytes(b"y")
    assert layout(**raw).listing_digest != before


def test_keys_change_with_the_slice_only():
    assert layout().key("edits") == layout(report={"title": "x"}).key("edits")
    assert layout().key("report") != layout(report={"title": "x"}).key("report")
    assert layout().key("edits").startswith("edits v1 ")


def test_prompt_digest_is_none_yet_until_the_files_exist():
    assert layout().prompts_digest("color", "feasible") == "none yet"


def test_dag_size_is_bounded():
    """200 classes x 100 photos x 30 edits in 5,000 jobs at most: jobs depend on shards, settings and rounds."""
    big = layout(study={"shards": 64}, edits={"per_image": 5, "rounds": 6})
    assert len(big.all_edits()) + len(big.all_verdicts()) + len(big.shards) < 5000


def test_check_finds_classes_without_prompts():
    with pytest.raises(ConfigError, match="flamingo"):
        layout(prompts={"bank": {"path": "everyday"}}).check()


def test_check_passes_for_the_demo():
    layout().check()


def test_every_path_is_under_the_study():
    made = layout(study={"name": "x", "results": "out/"})
    assert made.paths.root == "out/x"
    for path in [*made.all_edits(), *made.all_prompts(), made.paths.images, made.paths.store("s")]:
        assert Path(path).is_relative_to("out/x")
