"""Of a public repository only what is loaded is taken, and nothing that can run code."""

import json

import pytest
from model_folders import model, names_of, pipeline, text, weights

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.cache import choose_files, pipeline_parts

KEY = "edits.sdxl.models.base"


def chosen(folder, key=KEY, **ref):
    index = folder / (ref.get("subfolder") or "") / "model_index.json"
    parts = pipeline_parts(json.loads(index.read_text())) if index.exists() and "file" not in ref else None
    return choose_files(names_of(folder), ModelRef(id="org/name", **ref), key, parts)


def refusal(folder, key=KEY, **ref):
    with pytest.raises(BackendError) as caught:
        chosen(folder, key, **ref)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_pipeline_is_its_parts_in_one_precision(tmp_path):
    common = ["LICENSE.md", "README.md", "model_index.json", "scheduler/scheduler_config.json",
              "tokenizer/merges.txt", "tokenizer/vocab.json", "unet/config.json"]  # fmt: skip
    folder = pipeline(tmp_path)
    assert chosen(folder) == sorted([*common, "unet/diffusion_pytorch_model.safetensors"])
    assert chosen(folder, variant="fp16") == sorted([*common, "unet/diffusion_pytorch_model.fp16.safetensors"])


def test_a_part_without_the_variant_is_taken_plain_and_one_without_weights_is_fine(tmp_path):
    folder = pipeline(tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    text(folder / "model_index.json", index | {"text_encoder": ["transformers", "CLIPTextModel"]})
    weights(folder / "text_encoder" / "model.safetensors")
    assert "text_encoder/model.safetensors" in chosen(folder, variant="fp16")
    assert "no weights of the variant 'bf16'" in refusal(folder, variant="bf16")


def test_a_pickled_part_is_refused(tmp_path):
    folder = pipeline(tmp_path)
    for path in (folder / "unet").glob("*.safetensors"):
        path.unlink()
    message = refusal(folder)
    assert message.startswith(f"{KEY}: 'org/name' in unet holds no .safetensors file, only weights as .bin")
    assert "they can run code" in message


def test_a_model_is_one_folder(tmp_path):
    folder = model(tmp_path)
    weights(folder / "model.fp16.safetensors")
    weights(folder / "consolidated.safetensors")
    weights(folder / "original" / "model.safetensors")
    text(folder / "additional_chat_templates" / "tools.jinja", "x")
    text(folder / "pytorch_model.bin.index.json")
    beside = ["README.md", "additional_chat_templates/tools.jinja", "config.json", "preprocessor_config.json"]
    assert chosen(folder) == sorted([*beside, "model.safetensors"])
    assert chosen(folder, variant="fp16") == sorted([*beside, "model.fp16.safetensors"])


@pytest.mark.parametrize(
    ("names", "variant"),
    [
        (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], None),
        (["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"], "fp16"),
        (["model-00001-of-00002.fp16.safetensors", "model-00002-of-00002.fp16.safetensors"], "fp16"),
    ],
)
def test_shards_in_every_spelling(tmp_path, names, variant):
    for name in [*names, "model.other.safetensors"]:
        weights(tmp_path / name)
    text(tmp_path / "model.safetensors.index.json")
    assert chosen(tmp_path, variant=variant) == sorted([*names, "model.safetensors.index.json"])


def test_a_missing_variant_is_told_with_what_there_is(tmp_path):
    weights(tmp_path / "model.fp16.safetensors")
    assert refusal(tmp_path) == (
        f"{KEY}.variant: 'org/name' has no plain weights, only model.fp16.safetensors; name the variant"
    )
    assert "has no weights of the variant 'bf16', only model.fp16.safetensors" in refusal(tmp_path, variant="bf16")


def test_pickled_or_no_weights_are_refused(tmp_path):
    text(tmp_path / "config.json")
    assert "no weights" in refusal(tmp_path)
    text(tmp_path / "pytorch_model.bin", "x")
    text(tmp_path / "tf_model.h5", "x")
    assert "only weights as .bin, .h5" in refusal(tmp_path)


def test_one_file_of_a_repository(tmp_path):
    for name in ("a.safetensors", "b.safetensors"):
        weights(tmp_path / "lora" / name)
    text(tmp_path / "config.json")
    found = chosen(tmp_path, subfolder="lora", file="a.safetensors")
    assert found == ["config.json", "lora/a.safetensors"]
    assert "which of lora/a.safetensors, lora/b.safetensors" in refusal(tmp_path, subfolder="lora")
    assert "has no 'lora/c.safetensors'; it has lora/a.safetensors" in refusal(tmp_path, file="lora/c.safetensors")
    assert "no .safetensors or .onnx file; others can run code" in refusal(tmp_path, file="lora/a.bin")


def test_a_lora_under_a_name_of_its_own_is_found_when_it_is_the_only_one(tmp_path):
    weights(tmp_path / "Hyper-SDXL.safetensors")
    assert chosen(tmp_path) == ["Hyper-SDXL.safetensors"]


def test_an_ip_adapter_brings_its_image_encoder(tmp_path):
    for name in ("sdxl_models/x.safetensors", "sdxl_models/image_encoder/model.safetensors"):
        weights(tmp_path / name)
    ref = {"subfolder": "sdxl_models", "file": "x.safetensors"}
    key = "edits.sdxl.models.ip_adapter"
    assert "models/image_encoder holds no .safetensors" in refusal(tmp_path, key, **ref)
    weights(tmp_path / "models" / "image_encoder" / "model.safetensors")
    text(tmp_path / "models" / "image_encoder" / "config.json")
    wanted = [
        "models/image_encoder/config.json",
        "models/image_encoder/model.safetensors",
        "sdxl_models/x.safetensors",
    ]
    assert chosen(tmp_path, key, **ref) == wanted
    assert chosen(tmp_path, **ref) == ["sdxl_models/x.safetensors"]


def test_onnx_only_where_it_is_wanted_and_with_its_data(tmp_path):
    key = "masks.matting.model"
    for name in ("onnx/model.onnx", "onnx/model.onnx_data", "onnx/other.txt"):
        text(tmp_path / name, "x")
    assert chosen(tmp_path, key) == ["onnx/model.onnx", "onnx/model.onnx_data"]
    assert chosen(tmp_path, key, file="onnx/model.onnx") == ["onnx/model.onnx", "onnx/model.onnx_data"]
    text(tmp_path / "onnx" / "model_fp16.onnx", "x")
    assert "which ONNX file of 'org/name'? It has onnx/model.onnx, onnx/model_fp16.onnx" in refusal(tmp_path, key)
    assert "only weights as .onnx" in refusal(tmp_path)


def test_open_clip_weights_belong_to_open_clip(tmp_path):
    for name in ("open_clip_model.safetensors", "model.safetensors"):
        weights(tmp_path / name)
    assert chosen(tmp_path) == ["model.safetensors"]
    text(tmp_path / "open_clip_config.json")
    assert chosen(tmp_path) == ["open_clip_config.json", "open_clip_model.safetensors"]
