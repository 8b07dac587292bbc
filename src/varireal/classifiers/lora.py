"""LoRA (Hu et al. 2021) by PEFT on the attention of a CLIP's towers; adapters are standard PEFT folders."""

import re
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from varireal.classifiers.attention import split_attention
from varireal.classifiers.clip import OPEN_CLIP, TRANSFORMERS, Clip
from varireal.config.adapters import LoraSettings
from varireal.errors import BackendError, DataError
from varireal.plaintext import said

# PEFT matches the whole name of a module.
_TOWERS = {
    OPEN_CLIP: {"image": r"visual\..*\.attn", "text": r"(?:text\.)?transformer\..*\.attn"},
    TRANSFORMERS: {"image": r"vision_model\..*\.self_attn", "text": r"text_model\..*\.self_attn"},
}
# timm's image towers, as in SigLIP for open_clip, keep q, k and v in one layer.
_FUSED = r"visual\.trunk\..*\.attn\.qkv"


def add_lora(clip: Clip, settings: LoraSettings) -> None:
    """Put updates that are still zero on a freshly loaded model, in place.

    Raises:
        BackendError: a tower of the model has no such projections.
    """
    _split(clip)
    names = [name for name, _ in clip.model.named_modules()]
    for tower in settings.towers:
        _check(clip, names, tower, settings)
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="|".join(f"(?:{_pattern(clip, tower, settings)})" for tower in settings.towers),
    )
    clip.model = get_peft_model(clip.model, config)
    clip.model.eval()


def _pattern(clip: Clip, tower: str, settings: LoraSettings) -> str:
    return rf"{_TOWERS[clip.library][tower]}\.(?:{'|'.join(sorted(settings.target_modules))})"


def _check(clip: Clip, names: list[str], tower: str, settings: LoraSettings) -> None:
    pattern = re.compile(_pattern(clip, tower, settings))
    if any(pattern.fullmatch(name) for name in names):
        return
    fused = any(re.fullmatch(_FUSED, name) for name in names)
    why = "its q, k and v are one layer, which LoRA on q and v alone cannot address" if fused else "none was found"
    raise BackendError(
        f"adapters.lora: the {tower} tower of {type(clip.core).__name__} has no "
        f"{', '.join(settings.target_modules)} to update ({why}); use a ViT of CLIP's form or leave the tower out"
    )


def _split(clip: Clip) -> None:
    if clip.library == OPEN_CLIP:
        split_attention(clip.model)


def load_adapter(clip: Clip, folder: Path) -> None:
    """Put a saved adapter on a freshly loaded model, in place.

    Raises:
        DataError: the folder holds no adapter for this model.
    """
    _split(clip)
    try:
        clip.model = PeftModel.from_pretrained(clip.model, str(folder), use_safetensors=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise DataError(f"{folder} holds no adapter for this model: {said(error, 300)}") from error
    clip.model.eval()


def lora_parameters(clip: Clip) -> dict[str, Any]:
    """The trainable parameters by name."""
    return {name: value for name, value in clip.model.named_parameters() if value.requires_grad}


def trains_tower(clip: Clip, tower: str) -> bool:
    """Whether a trainable parameter is in the tower, ``image`` or ``text``."""
    pattern = re.compile(rf"base_model\.model\.{_TOWERS[clip.library][tower]}\..*")  # PEFT wraps the model twice
    return any(pattern.fullmatch(name) for name in lora_parameters(clip))


def save_adapter(clip: Clip, folder: Path) -> None:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json``; the same weights give the same bytes."""
    clip.model.save_pretrained(str(folder), safe_serialization=True)
    weights = folder / "adapter_model.safetensors"
    save_file(load_file(weights), weights, metadata={"format": "pt"})
    for extra in folder.glob("README.md"):
        extra.unlink()  # PEFT's empty model card
