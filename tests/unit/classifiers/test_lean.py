import pytest
import tiny_clips
import torch

from varireal.classifiers.lora import add_lora, lean_image_features, lean_text_features
from varireal.config.adapters import LoraSettings

KINDS = sorted(tiny_clips.SAVERS)


@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_lean_features_are_the_library_s(clip_folders, kind, updated):
    clip = tiny_clips.load(clip_folders[kind])
    if updated:
        add_lora(clip, LoraSettings())
        tiny_clips.with_noise(clip)
    pictures, tokens = tiny_clips.noise_pictures(clip), clip.tokens(tiny_clips.TEXTS)
    with torch.no_grad():
        assert torch.allclose(lean_image_features(clip, pictures), clip.image_features(pictures), atol=1e-6)
        assert torch.allclose(lean_text_features(clip, tokens), clip.text_features(tokens), atol=1e-6)


def test_the_last_block_sees_one_token(clip):
    seen = []
    blocks = clip.core.visual.transformer.resblocks
    for block in (blocks[0], blocks[-1]):
        block.mlp.register_forward_hook(lambda _module, given, _out: seen.append(given[0].shape[1]))
    lean_image_features(clip, tiny_clips.noise_pictures(clip))
    assert seen == [65, 1]


@pytest.mark.parametrize("change", [{"pool_type": "avg"}, {"attn_pool": torch.nn.Identity()}])
def test_a_tower_that_reads_more_than_the_class_token_is_encoded_in_full(clip, change):
    for name, value in change.items():
        setattr(clip.core.visual, name, value)
    calls = []
    clip.image_features = lambda pictures: calls.append(len(pictures))
    lean_image_features(clip, tiny_clips.noise_pictures(clip))
    assert calls == [3]


def test_a_text_that_fills_the_context_is_encoded_as_it_is(clip):
    long = clip.tokens(["bird " * 60])
    assert torch.equal(lean_text_features(clip, long), clip.text_features(long))
