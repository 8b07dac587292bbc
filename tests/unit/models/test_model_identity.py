"""What tells a model apart in keys."""

import pytest

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.catalog import model_identity


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def identity(place, **ref):
    return model_identity(ModelRef(id=str(place), **ref), "edits.sdxl.model")


def test_a_hub_model_is_its_revision():
    assert identity("org/name") == "org/name@main"
    assert identity("org/name", revision="abc", variant="fp16", file="a/b.onnx") == "org/name@abc:a/b.onnx:fp16"


def test_a_local_model_is_its_contents(folder, tmp_path):
    before = identity(folder)
    assert before.startswith("model@")
    folder.rename(tmp_path / "other")
    (tmp_path / "other").rename(folder)
    (folder / "readme.md").write_text("more")
    assert identity(folder) == before
    (folder / "model.safetensors").write_bytes(b"Weights")
    after = identity(folder)
    assert after != before
    (folder / "config.json").write_text('{"a": 1}')
    assert identity(folder) not in (before, after)


def test_a_file_a_subfolder_and_a_variant_are_told_apart(folder):
    (folder / "inner").mkdir()
    (folder / "inner" / "model.safetensors").write_bytes(b"weights")
    found = {
        identity(folder),
        identity(folder, subfolder="inner"),
        identity(folder, variant="fp16"),
        identity(folder, file="model.safetensors"),
        identity(folder / "model.safetensors"),
    }
    assert len(found) == 5


def test_a_missing_model_is_told(tmp_path, folder):
    with pytest.raises(BackendError, match=r"^edits.sdxl.model.id: '.*nothing' cannot be read"):
        identity(tmp_path / "nothing")
    with pytest.raises(BackendError, match=r"other\.onnx' cannot be read"):
        identity(folder, file="other.onnx")
