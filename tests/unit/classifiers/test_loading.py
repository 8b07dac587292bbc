import json
import shutil

import numpy as np
import pytest
import tiny_clips
import torch
from huggingface_hub import constants
from transformers import AutoModel, BertConfig, BertModel

from varireal.classifiers.clip import load_clip, probabilities
from varireal.config.adapters import AdaptersConfig
from varireal.errors import BackendError

KINDS = sorted(tiny_clips.SAVERS)


def refusal(**settings) -> str:
    """The message of the refusal, which is one line."""
    with pytest.raises(BackendError) as caught:
        load_clip(AdaptersConfig(**settings), "cpu")
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_is_ready_and_gives_unit_vectors(clip_folders, kind):
    clip = tiny_clips.load(clip_folders[kind])
    assert not clip.model.training
    assert clip.size == (64 if kind == "open_clip" else 32)
    assert clip.tokens(tiny_clips.TEXTS).shape == (3, 24)
    for features in (
        clip.image_features(tiny_clips.noise_pictures(clip)),
        clip.text_features(clip.tokens(tiny_clips.TEXTS)),
    ):
        assert torch.allclose(features.norm(dim=-1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_do_not_depend_on_the_batch_size_and_sum_to_one(clip_folders, kind):
    clip = tiny_clips.load(clip_folders[kind])
    pictures = list(tiny_clips.noise_pictures(clip, 5).numpy())
    whole = probabilities(clip, pictures, tiny_clips.TEXTS)
    assert whole.shape == (5, 3)
    assert np.allclose(whole.sum(1), 1, atol=1e-6)
    assert np.allclose(whole, probabilities(clip, pictures, tiny_clips.TEXTS, 2), atol=1e-6)
    logits = clip.logits(
        clip.image_features(torch.stack([torch.from_numpy(p) for p in pictures])),
        clip.text_features(clip.tokens(tiny_clips.TEXTS)),
    )
    assert np.allclose(whole, logits.softmax(1).detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_logits_of_transformers_are_those_of_the_library(clip_folders, kind):
    clip = tiny_clips.load(clip_folders[kind])
    pictures, tokens = tiny_clips.noise_pictures(clip), clip.tokens(tiny_clips.TEXTS)
    plain = AutoModel.from_pretrained(clip_folders[kind]).eval()
    with torch.no_grad():
        wanted = plain(input_ids=tokens, pixel_values=pictures).logits_per_image
    assert torch.allclose(tiny_clips.class_logits(clip), wanted, atol=1e-5)


def test_the_fingerprint_tells_weights_apart(clip_folders, clip, tmp_path):
    assert tiny_clips.load(clip_folders["open_clip"]).fingerprint == clip.fingerprint
    assert len({tiny_clips.load(folder).fingerprint for folder in clip_folders.values()}) == 3


def test_a_model_that_is_nowhere_is_refused():
    text = refusal(model="no-such-folder")
    assert "adapters.model" in text
    assert "'tiny'" in text


def test_a_hub_id_without_a_network_says_how_to_fetch_it(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    text = refusal(model="no/such-model", revision="abc")
    assert f"adapters.model: the model 'no/such-model' at abc is not in {tmp_path}" in text
    assert "run 'varireal fetch'" in text


def test_pickled_weights_are_refused(clip_folders, tmp_path):
    shutil.copy(clip_folders["clip"] / "config.json", tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "holds no .safetensors file" in refusal(model=str(tmp_path))
    assert "is not a .safetensors file" in refusal(model=str(tmp_path / "pytorch_model.bin"))


def test_a_folder_without_a_config_is_refused(clip_folders, tmp_path):
    shutil.copy(clip_folders["clip"] / "model.safetensors", tmp_path)
    assert "neither open_clip_config.json nor config.json" in refusal(model=str(tmp_path))


def test_a_file_needs_the_name_of_its_architecture(clip_folders):
    weights = clip_folders["open_clip"] / "open_clip_model.safetensors"
    assert "adapters.architecture is missing" in refusal(model=str(weights))
    assert "no model 'ViT-Q-99'" in refusal(model=str(weights), architecture="ViT-Q-99")


def test_another_kind_of_model_is_refused(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=20, **sizes)).save_pretrained(tmp_path)
    assert "'bert'" in refusal(model=str(tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_weights_are_refused_in_one_line(clip_folders, kind, tmp_path):
    folder = shutil.copytree(clip_folders[kind], tmp_path / "model")
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:5000])
    assert f"the model in {folder} cannot be loaded" in refusal(model=str(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_config_is_refused_in_one_line(clip_folders, kind, tmp_path):
    folder = shutil.copytree(clip_folders[kind], tmp_path / "model")
    config = folder / ("open_clip_config.json" if kind == "open_clip" else "config.json")
    config.write_text(json.dumps(json.loads(config.read_text()))[:-20])
    assert "cannot be loaded" in refusal(model=str(folder))
