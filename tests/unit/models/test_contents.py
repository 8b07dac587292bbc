"""A folder is looked at without loading it: class, sizes, damage."""

import pytest
from model_folders import model, pipeline, text

from varireal.config.machine import ModelRef
from varireal.models.contents import look_into

KEY = "masks.grounded_sam2.segmenter"


def look(place, **ref):
    return look_into(place, ModelRef(id=str(place), **ref), KEY)


def test_a_model_and_its_size(tmp_path):
    found = look(model(tmp_path))
    assert (found.kind, found.problem) == ("Sam2Model", "")
    assert (found.weights.parameters, found.weights.largest) == (64 * 9, 64 * 9)
    assert found.weights.size == (tmp_path / "model.safetensors").stat().st_size


def test_a_pipeline_counts_what_is_loaded_of_it(tmp_path):
    found = look(pipeline(tmp_path), variant="fp16")
    assert (found.kind, found.problem) == ("StableDiffusionXLPipeline", "")
    assert found.weights.parameters == 64 * 9


@pytest.mark.parametrize("name", ["sdxl_inpaint", "sam2", "grounding_dino", "qwen3_vl", "controlnet"])
def test_real_models_pass(tiny_model, name):
    found = look(tiny_model(name))
    assert not found.problem
    assert found.kind
    assert found.weights.parameters > 1000
    assert found.weights.largest <= found.weights.parameters


def test_one_file(tmp_path):
    found = look(model(tmp_path) / "model.safetensors")
    assert (found.problem, found.weights.parameters) == ("", 64 * 9)
    assert "others can run code" in look(tmp_path / "pytorch_model.bin").problem


def test_a_class_that_the_library_does_not_have(tmp_path):
    folder = model(tmp_path)
    text(folder / "config.json", {"architectures": ["BiRefNet"], "auto_map": {"AutoModel": "birefnet.BiRefNet"}})
    problem = look(folder).problem
    assert "names the class 'BiRefNet', which this transformers does not have" in problem
    assert "code for it, which is never run" in problem
    text(folder / "config.json", {"_class_name": "NoSuchPipeline"})
    assert "this diffusers does not have" in look(folder).problem


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_damaged_weights(tmp_path, damage):
    path = model(tmp_path) / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-10], "garbage": b"\xff" * 64, "empty": b""}[damage])
    problem = look(tmp_path).problem
    assert problem.startswith(f"{KEY}: {path} is not a whole safetensors file")
    assert "\n" not in problem


def test_a_damaged_config_and_index(tmp_path):
    folder = model(tmp_path / "model")
    text(folder / "config.json", "{")
    assert "config.json cannot be read" in look(folder).problem
    pipe = pipeline(tmp_path / "pipe")
    text(pipe / "model_index.json", "[1")
    assert "model_index.json cannot be read" in look(pipe).problem


def test_pickled_weights_alone(tmp_path):
    (model(tmp_path) / "model.safetensors").unlink()
    assert "holds no .safetensors file, only weights as .bin" in look(tmp_path).problem
