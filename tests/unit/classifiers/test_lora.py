import json

import pytest
import tiny_clips
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import nn

from varireal.classifiers.lora import (
    SplitAttention,
    add_lora,
    load_adapter,
    lora_parameters,
    save_adapter,
    split_attention,
)
from varireal.config.adapters import LoraSettings
from varireal.errors import BackendError, DataError

KINDS = sorted(tiny_clips.SAVERS)
LAYERS = {"image": {"open_clip": 4, "clip": 2, "siglip": 2}, "text": {"open_clip": 2, "clip": 2, "siglip": 2}}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_split_attention_is_the_fused_one(batch_first, bias, masked):
    torch.backends.mha.set_fastpath_enabled(False)  # as load_clip does
    torch.manual_seed(0)
    fused = nn.MultiheadAttention(32, 4, bias=bias, batch_first=batch_first).eval()
    if bias:
        nn.init.normal_(fused.in_proj_bias)
    sequence = torch.randn(3, 3, 32)
    mask = torch.full((3, 3), float("-inf")).triu(1) if masked else None
    with torch.no_grad():
        wanted = fused(sequence, sequence, sequence, need_weights=False, attn_mask=mask)[0]
        found = SplitAttention(fused)(sequence, sequence, sequence, attn_mask=mask)[0]
    assert torch.equal(found, wanted)


def test_attention_of_another_form_is_not_split():
    with pytest.raises(BackendError, match="cannot be split"):
        SplitAttention(nn.MultiheadAttention(32, 4, kdim=16, vdim=16))
    with pytest.raises(BackendError, match="cannot be split"):
        SplitAttention(nn.MultiheadAttention(32, 4, dropout=0.1))


def test_a_split_model_answers_as_before(clip):
    before = tiny_clips.class_logits(clip)
    split_attention(clip.model)
    assert not any(isinstance(module, nn.MultiheadAttention) for module in clip.model.modules())
    assert torch.equal(tiny_clips.class_logits(clip), before)


@pytest.mark.parametrize("kind", KINDS)
def test_updates_of_zero_change_no_bit(clip_folders, kind):
    plain, updated = tiny_clips.load(clip_folders[kind]), tiny_clips.load(clip_folders[kind])
    add_lora(updated, LoraSettings())
    assert torch.equal(tiny_clips.class_logits(updated), tiny_clips.class_logits(plain))
    tiny_clips.with_noise(updated)
    assert not torch.allclose(tiny_clips.class_logits(updated), tiny_clips.class_logits(plain), atol=1e-3)


@pytest.mark.parametrize("towers", [("image",), ("text",), ("image", "text")])
@pytest.mark.parametrize("kind", KINDS)
def test_only_q_and_v_of_the_chosen_towers_are_trained(clip_folders, kind, towers):
    clip = tiny_clips.load(clip_folders[kind])
    add_lora(clip, LoraSettings(towers=towers, r=4))
    found = lora_parameters(clip)
    assert len(found) == sum(LAYERS[tower][kind] * 4 for tower in towers)  # A and B of q and v
    assert all("lora_" in name for name in found)
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in found} == {"q_proj", "v_proj"}
    assert {"image" if ".vision" in f".{name}" or "visual" in name else "text" for name in found} == set(towers)
    assert all(4 in value.shape for value in found.values())


@pytest.mark.parametrize("tower", ["image", "text"])
def test_updates_of_one_tower_leave_the_other_alone(clip, tower):
    add_lora(clip, LoraSettings(towers=(tower,)))
    pictures, tokens = tiny_clips.noise_pictures(clip), clip.tokens(tiny_clips.TEXTS)
    with torch.no_grad():
        before = clip.image_features(pictures), clip.text_features(tokens)
        tiny_clips.with_noise(clip)
        after = clip.image_features(pictures), clip.text_features(tokens)
    same = [torch.equal(one, two) for one, two in zip(before, after, strict=True)]
    assert same == [tower != "image", tower != "text"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_adapter_gives_the_same_logits_on_a_fresh_model(clip_folders, kind, tmp_path):
    clip = tiny_clips.load(clip_folders[kind])
    add_lora(clip, LoraSettings())
    wanted = tiny_clips.class_logits(tiny_clips.with_noise(clip))
    save_adapter(clip, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert all(".lora_" in name for name in load_file(tmp_path / "adapter_model.safetensors"))
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (settings["peft_type"], settings["r"], settings["lora_alpha"]) == ("LORA", 16, 32)

    again = tiny_clips.load(clip_folders[kind])
    load_adapter(again, tmp_path)
    assert torch.equal(tiny_clips.class_logits(again), wanted)

    plain = tiny_clips.load(clip_folders[kind])
    base = split_attention(plain.model) if kind == "open_clip" else plain.model
    plain.model = PeftModel.from_pretrained(base, str(tmp_path)).eval()
    assert torch.equal(tiny_clips.class_logits(plain), wanted)


def test_saving_twice_gives_the_same_bytes(clip, tmp_path):
    add_lora(clip, LoraSettings())
    for name in ("one", "two"):
        save_adapter(clip, tmp_path / name)
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_folder_without_an_adapter_is_refused(clip, tmp_path):
    with pytest.raises(DataError, match="holds no adapter for this model") as caught:
        load_adapter(clip, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_adapter_of_another_model_is_refused(clip_folders, clip, tmp_path):
    other = tiny_clips.load(clip_folders["clip"])
    add_lora(other, LoraSettings())
    save_adapter(other, tmp_path)
    with pytest.raises(DataError, match="holds no adapter for this model"):
        load_adapter(clip, tmp_path)


@pytest.mark.parametrize("towers", [("image",), ("image", "text")])
def test_a_tower_without_such_projections_is_refused(towers):
    with pytest.raises(BackendError, match=r"the image tower of CLIP has no q_proj, v_proj.*leave the tower out"):
        add_lora(tiny_clips.resnet_clip(), LoraSettings(towers=towers))


def test_the_text_tower_of_a_resnet_clip_can_be_trained():
    clip = tiny_clips.resnet_clip()
    add_lora(clip, LoraSettings(towers=("text",)))
    assert len(lora_parameters(clip)) == 4
    assert not any("visual" in name for name in lora_parameters(clip))
