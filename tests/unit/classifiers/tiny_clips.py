"""Tiny CLIPs with random weights, and pictures to train them on; nothing here touches a model hub."""

from pathlib import Path

import numpy as np
import open_clip
import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

from varireal.classifiers.augment import Augmenter
from varireal.classifiers.batches import Batches, PictureCache
from varireal.classifiers.clip import OPEN_CLIP, Clip, load_clip, weights_digest
from varireal.classifiers.lora import lora_parameters
from varireal.classifiers.pools import Picture, TrainingPool
from varireal.classifiers.training import Training
from varireal.config.adapters import AdaptersConfig, TrainingSettings
from varireal.names import AUGMENTATIONS
from varireal_demo.pretrain.command import CONTEXT, architecture, save_model, train_tokenizer

TEXTS = ("a bird photo of a mallard", "a bird photo of a very small snowy egret", "a gull")
_TOWER = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
_SIDE = 32


def tokenizer():
    """A tokenizer that has learnt a few words."""
    return train_tokenizer(TEXTS, 560)


def save_open_clip(folder: Path) -> Path:
    """The architecture of the package's CLIP, with random weights."""
    words = tokenizer()
    torch.manual_seed(0)
    save_model(open_clip.CLIP(**architecture(len(words))), words, folder)
    return folder


def save_transformers_clip(folder: Path) -> Path:
    words = tokenizer()
    marks = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**_TOWER, "vocab_size": len(words), "max_position_embeddings": CONTEXT, "projection_dim": 16, **marks}
    vision = {**_TOWER, "image_size": _SIDE, "patch_size": 16, "projection_dim": 16}
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).save_pretrained(folder)
    CLIPProcessor(image_processor=CLIPImageProcessor(), tokenizer=words).save_pretrained(folder)
    return folder


def save_siglip(folder: Path) -> Path:
    words = tokenizer()
    marks = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    text = {**_TOWER, "vocab_size": len(words), "max_position_embeddings": CONTEXT, "projection_size": 16, **marks}
    vision = {**_TOWER, "image_size": _SIDE, "patch_size": 16}
    torch.manual_seed(0)
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    SiglipProcessor(image_processor=SiglipImageProcessor(), tokenizer=words).save_pretrained(folder)
    return folder


SAVERS = {"open_clip": save_open_clip, "clip": save_transformers_clip, "siglip": save_siglip}


def load(folder: Path) -> Clip:
    return load_clip(AdaptersConfig(model=str(folder)), "cpu")


def resnet_clip() -> Clip:
    """As CLIP's RN50: the image tower is a ModifiedResNet, without an attention of a ViT's form."""
    words = tokenizer()
    vision = {"layers": [1, 1, 1, 1], "width": 8, "head_width": 64, "image_size": 64, "patch_size": None}
    text = {"context_length": CONTEXT, "vocab_size": len(words), "width": 32, "heads": 2, "layers": 1}
    torch.manual_seed(0)
    model = open_clip.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=text).eval()

    def encode(texts):
        return words(texts, return_tensors="pt", padding="max_length", truncation=True)["input_ids"]

    return Clip(model, OPEN_CLIP, encode, 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), weights_digest(model))


def noise_pictures(clip: Clip, count: int = 3) -> torch.Tensor:
    """(N, 3, S, S) network input."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, clip.size, clip.size, generator=generator)


def class_logits(clip: Clip) -> torch.Tensor:
    """Logits of a few pictures for ``TEXTS``."""
    with torch.no_grad():
        return clip.logits(clip.image_features(noise_pictures(clip)), clip.text_features(clip.tokens(TEXTS)))


def picture(key: str, label: int) -> Picture:
    """A picture of its class's colour, with noise that depends on its key."""
    rng = np.random.default_rng(list(key.encode()))
    base = np.full((40, 48, 3), (40, 120, 200), np.uint8)
    base = np.roll(base, label, -1)
    pixels = np.clip(base + rng.integers(-30, 30, base.shape), 0, 255).astype(np.uint8)
    return Picture(key, label, lambda: pixels)


def pool(real: int = 5, synthetic: int = 3) -> TrainingPool:
    return TrainingPool(
        tuple(picture(f"real{number}", number % 3) for number in range(real)),
        tuple(picture(f"edit{number}", number % 3) for number in range(synthetic)),
    )


def make_batches(
    clip: Clip, settings: TrainingSettings, seed: int = 1, pictures: TrainingPool | None = None
) -> Batches:
    augmenters = {name: Augmenter(name, clip.size, clip.mean, clip.std) for name in AUGMENTATIONS}
    return Batches(pictures or pool(), settings, seed, augmenters, PictureCache())


def make_job(clip: Clip, settings: TrainingSettings, seed: int = 1, val: int = 3) -> Training:
    return Training(
        name="real, seed 0",
        seed=seed,
        settings=settings,
        class_texts=TEXTS,
        val_pictures=noise_pictures(clip, 3)[:val],
        val_labels=torch.tensor([0, 1, 2])[:val],
    )


def with_noise(clip):
    """Updates that do something."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in lora_parameters(clip).values():
            value.copy_(torch.randn(value.shape, generator=generator) * 0.3)
    return clip
