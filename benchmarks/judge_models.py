"""LLaVA-NeXT 7B (published) and Qwen3-VL 4B (the default), random weights in the layers of the real checkpoints."""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from common import ROOT
from transformers import (
    CLIPVisionConfig,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessor,
    LlavaNextProcessor,
    MistralConfig,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

sys.path.insert(0, str(ROOT / "tests"))
from tiny.tokenizers import byte_tokenizer
from tiny.vlm import WORDS, chat_template

_PINPOINTS = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
_QWEN = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


def llava(texts: Sequence[str]) -> tuple[type[Any], Any, Any]:
    """Class, config and processor of LLaVA-NeXT with Mistral 7B and CLIP ViT-L/14 at 336 pixels."""
    tokenizer = byte_tokenizer(("<image>",), _words(texts))
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            image_size=336,
            patch_size=14,
            projection_dim=768,
        ),
        text_config=MistralConfig(vocab_size=32064, sliding_window=None, pad_token_id=0),
        image_grid_pinpoints=_PINPOINTS,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    pictures = LlavaNextImageProcessor(
        size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}, image_grid_pinpoints=_PINPOINTS
    )
    processor = LlavaNextProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=14,
        num_additional_image_tokens=1,
        vision_feature_select_strategy="default",
        chat_template=chat_template("<image>\n"),
    )
    return LlavaNextForConditionalGeneration, config, processor


def qwen(texts: Sequence[str]) -> tuple[type[Any], Any, Any]:
    """Class, config and processor of Qwen3-VL 4B."""
    tokenizer = byte_tokenizer(_QWEN, _words(texts))
    number = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": 151936,
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 262144,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [24, 20, 20],
                "rope_theta": 5e6,
                "mrope_interleaved": True,
            },
            "pad_token_id": 0,
        },
        vision_config={
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "patch_size": 16,
            "out_hidden_size": 2560,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=16, min_pixels=256 * 256, max_pixels=1280 * 1280),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=chat_template("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return Qwen3VLForConditionalGeneration, config, processor


FULL = {"llava-v1.6-mistral-7b": llava, "Qwen3-VL-4B": qwen}


def _words(texts: Sequence[str]) -> list[str]:
    """Words that are one token each, so that a question has about as many tokens as with a real vocabulary."""
    found = {word for text in texts for word in text.split() if len(word) > 1}
    return [*WORDS, *sorted({f" {word}" for word in found} - set(WORDS))]


def millions(name: str) -> float:
    """Parameters of a model, without a byte of memory for them."""
    kind, config, _ = FULL[name]([])
    with torch.device("meta"):
        model = kind(config)
    return round(sum(p.numel() for p in model.parameters()) / 1e6, 1)


def build(name: str, texts: Sequence[str], device: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Model with random weights on a device, and its processor."""
    kind, config, processor = FULL[name](texts)
    with torch.device(device):
        torch.set_default_dtype(dtype)
        try:
            model = kind(config)
        finally:
            torch.set_default_dtype(torch.float32)
    return model.eval(), processor
