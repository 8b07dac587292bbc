"""The chosen files are enough: real loaders open a folder that has nothing else."""

import shutil

import torch
from diffusers import ControlNetModel, StableDiffusionXLInpaintPipeline, UNet2DConditionModel
from model_folders import names_of, text
from transformers import AutoModelForImageTextToText, AutoProcessor

from varireal.config.machine import ModelRef
from varireal.models.cache import choose_files, local_parts
from varireal.models.loading import load_part


def only_chosen(folder, target, key="k", **ref):
    """A copy of a folder with the chosen files alone, as fetching it would make it."""
    ref = ModelRef(id=str(folder), **ref)
    for name in choose_files(names_of(folder), ref, key, local_parts(folder, ref)):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, target / name)
    return target


def test_a_pipeline_in_half_precision(tiny_model, tmp_path):
    everything = tmp_path / "everything"
    pipe = StableDiffusionXLInpaintPipeline.from_pretrained(tiny_model("sdxl_inpaint"))
    pipe.save_pretrained(everything)
    pipe.to(torch.float16).save_pretrained(everything, variant="fp16")
    pipe.unet.save_pretrained(everything / "unet_old")
    text(everything / "unet" / "diffusion_pytorch_model.bin", "x")
    target = only_chosen(everything, tmp_path / "chosen", variant="fp16")
    found = names_of(target)
    assert not [name for name in found if name.endswith(".safetensors") and ".fp16." not in name]
    assert not any("unet_old" in name or name.endswith(".bin") for name in found)
    loaded = load_part(StableDiffusionXLInpaintPipeline, ModelRef(id=str(target), variant="fp16"), "k")
    assert torch.equal(loaded.unet.conv_in.weight, pipe.unet.conv_in.weight.float())


def test_shards_of_a_part(tiny_model, tmp_path):
    whole = UNet2DConditionModel.from_pretrained(tiny_model("sdxl_base") / "unet")
    whole.save_pretrained(tmp_path / "all", max_shard_size="100KB")
    target = only_chosen(tmp_path / "all", tmp_path / "chosen")
    assert len([name for name in names_of(target) if name.endswith(".safetensors")]) > 1
    loaded = load_part(UNet2DConditionModel, ModelRef(id=str(target)), "k")
    assert torch.equal(loaded.conv_in.weight, whole.conv_in.weight)


def test_a_controlnet_and_an_ip_adapter(tiny_model, tmp_path):
    target = only_chosen(tiny_model("controlnet"), tmp_path / "net")
    load_part(ControlNetModel, ModelRef(id=str(target)), "k")
    ref = {"subfolder": "sdxl_models", "file": "ip-adapter-plus_sdxl_vit-h.safetensors"}
    chosen = only_chosen(tiny_model("ip_adapter"), tmp_path / "ip", "edits.sdxl.models.ip_adapter", **ref)
    assert names_of(chosen) == [
        "models/image_encoder/config.json",
        "models/image_encoder/model.safetensors",
        "sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
    ]


def test_a_vision_language_model_with_its_processor(tiny_model, tmp_path):
    target = only_chosen(tiny_model("qwen3_vl"), tmp_path / "vlm")
    AutoModelForImageTextToText.from_pretrained(target, use_safetensors=True)
    assert AutoProcessor.from_pretrained(target).chat_template
