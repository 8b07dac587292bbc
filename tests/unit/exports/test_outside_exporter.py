"""An exporter of another package."""

import sys

import pytest
from export_rows import six_rows

from kit import install_package
from varireal.cli import main
from varireal.config.generate import schema_json
from varireal.config.model import parse_config
from varireal.core.provenance import STAGE_VERSIONS
from varireal.errors import BackendError, ConfigError
from varireal.exports import check_export, run_export
from varireal.study.layout import Layout

MODULE = """
def write(dataset, folder):
    names = [row["candidate_id"] for row in dataset.rows()]
    (folder / "names.txt").write_text("\\n".join(names))
    return len(names)

def broken(dataset, folder):
    return len(folder) + None

def silent(dataset, folder):
    (folder / "nothing").touch()
"""
PLACES = {"names": "write", "silent": "silent", "lost": "gone", "broken": "broken"}
POINTS = "[varireal.exporters]\n" + "".join(f"{name} = name_list:{place}\n" for name, place in PLACES.items())


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    install_package(tmp_path / "site", "name_list", MODULE, POINTS, version="3.0")
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    sys.modules.pop("name_list", None)


def test_the_config_takes_it_beside_those_of_this_package():
    config = parse_config({"dataset": {"exports": ["coco", "names"]}})
    assert config.chosen("exporters") == ("coco", "names")
    with pytest.raises(
        ConfigError,
        match=r"unknown exporter 'name'; did you mean 'names'. known: broken, coco, folders, lost, names, silent",
    ):
        parse_config({"dataset": {"exports": ["name"]}})
    assert '"names"' in schema_json()


def test_its_version_makes_the_stage_dataset_run_again_and_those_of_this_package_do_not():
    keys = [Layout(parse_config({"dataset": {"exports": [kind]}})).key("dataset") for kind in ("names", "coco")]
    version = STAGE_VERSIONS["dataset"]
    assert keys[0].startswith(f"dataset v{version} names v3.0 ")
    assert len(keys[1].split()) == 3


def test_the_command_writes_it(make_dataset, tmp_path, capsys):
    source = make_dataset(six_rows())
    code = main(["export", "--kind", "names", "--dataset", str(source), "--output", str(tmp_path / "out")])
    assert (code, len((tmp_path / "out" / "names.txt").read_text().splitlines())) == (0, 6)
    assert "names: 6 images" in capsys.readouterr().err


def test_the_command_names_all_kinds_when_it_does_not_know_one(make_dataset, tmp_path, capsys):
    code = main(["export", "--kind", "zip", "--dataset", str(tmp_path), "--output", str(tmp_path / "out")])
    assert code == 2
    assert "unknown exporter 'zip'; known: broken, coco, folders, lost, names" in capsys.readouterr().err


def test_one_that_is_gone_or_does_not_count_is_told(make_dataset, tmp_path):
    with pytest.raises(BackendError, match=r"'lost' cannot be imported \(.*package name_list 3\.0"):
        check_export("lost", tmp_path / "out")
    with pytest.raises(BackendError, match="'silent' returned None; it must return the number of pictures"):
        run_export("silent", make_dataset(six_rows()), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_that_raises_is_named_with_its_package_and_leaves_nothing(make_dataset, tmp_path):
    with pytest.raises(
        BackendError, match=r"'broken' \(package name_list 3\.0, .*\) failed at writing \(TypeError"
    ) as error:
        run_export("broken", make_dataset(six_rows()), tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()
