"""LoRA (Hu et al. 2021) by PEFT on the attention of a CLIP's towers; adapters are standard PEFT folders."""

import re
from pathlib import Path
from typing import Any

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from varireal.classifiers.clip import OPEN_CLIP, TRANSFORMERS, Clip
from varireal.config.adapters import LoraSettings
from varireal.core.files import error_text
from varireal.errors import BackendError, DataError


def lean_image_features(clip: Clip, pictures: torch.Tensor) -> torch.Tensor:
    """As ``Clip.image_features``, but the last block is computed for the class token alone, the one that is read.

    Only rounding differs. A tower of another form is encoded in full.
    """
    visual: Any = getattr(clip.core, "visual", None)
    if clip.library != OPEN_CLIP or type(visual) is not VisionTransformer or not _reads_class_token(visual):
        return clip.image_features(pictures)
    *blocks, last = visual.transformer.resblocks
    hidden = visual._embeds(pictures)
    for block in blocks:
        hidden = block(hidden)
    normed = last.ln_1(hidden)
    token = hidden[:, :1] + last.ls_1(last.attn(normed[:, :1], normed, normed, need_weights=False)[0])
    token = token + last.ls_2(last.mlp(last.ln_2(token)))
    pooled = visual._pool(token)[0]
    return functional.normalize(pooled if visual.proj is None else pooled @ visual.proj, dim=-1)


def _reads_class_token(visual: VisionTransformer) -> bool:
    blocks = visual.transformer.resblocks
    return (
        visual.attn_pool is None
        and visual.pool_type == "tok"
        and visual.transformer.batch_first
        and type(blocks[-1]) is ResidualAttentionBlock
    )


def lean_text_features(clip: Clip, tokens: torch.Tensor) -> torch.Tensor:
    """As ``Clip.text_features``, but without what follows the longest text's end: it cannot be seen from before.

    Only rounding differs. The text tower is causal; a model whose tower is not is encoded in full.
    """
    core = clip.core
    if clip.library != OPEN_CLIP or not hasattr(core, "positional_embedding") or core.attn_mask is None:
        return clip.text_features(tokens)
    length = int(tokens.argmax(1).max()) + 1
    if core.text_pool_type != "argmax" or length >= tokens.shape[1]:
        return clip.text_features(tokens)
    tokens = tokens[:, :length]
    hidden = core.token_embedding(tokens) + core.positional_embedding[:length]
    hidden = core.ln_final(core.transformer(hidden, attn_mask=core.attn_mask[:length, :length]))
    pooled = hidden[torch.arange(len(tokens)), tokens.argmax(1)]
    return functional.normalize(pooled @ core.text_projection, dim=-1)


class _Part(nn.Linear):
    """One of three projections of the same input; the attention computes all three at once and hands each its own."""

    given: torch.Tensor | None = None

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """The projection that was handed over, or else as ``nn.Linear``."""
        handed, self.given = self.given, None
        return super().forward(sequence) if handed is None else handed


class SplitAttention(nn.Module):
    """An ``nn.MultiheadAttention`` with its ``in_proj`` split into ``q_proj``, ``k_proj`` and ``v_proj``.

    So PEFT can address q and v by name. The weights are views of the original ones. Self-attention projects as the
    original does, all three at once and sequence first: anything else rounds differently, and updates of zero are to
    change no bit.

    Raises:
        BackendError: the attention has a form that is not split here (other key sizes, biases, dropout).
    """

    def __init__(self, fused: nn.MultiheadAttention) -> None:
        super().__init__()
        if fused.in_proj_weight is None or fused.bias_k is not None or fused.dropout:
            raise BackendError("this attention cannot be split into q, k and v; expected one fused projection")
        self.num_heads, self.batch_first = fused.num_heads, fused.batch_first
        self._folded = fused.in_proj_weight.requires_grad
        width = fused.embed_dim
        parts = [slice(number * width, (number + 1) * width) for number in range(3)]
        biases = [None if fused.in_proj_bias is None else fused.in_proj_bias[rows] for rows in parts]
        self.q_proj, self.k_proj, self.v_proj = (
            _linear(_Part, fused.in_proj_weight[rows], bias) for rows, bias in zip(parts, biases, strict=True)
        )
        self.out_proj = _linear(nn.Linear, fused.out_proj.weight, fused.out_proj.bias)

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        need_weights: bool = False,  # noqa: ARG002  (part of torch's signature)
        attn_mask: torch.Tensor | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, None]:
        """As ``nn.MultiheadAttention``; weights are never returned."""
        same = query is key is value
        if self.batch_first:
            query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        if same:
            query = key = value = self._project(query)
        queries, keys, values = (
            projection(part).unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)
            for projection, part in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        if attn_mask is not None and attn_mask.ndim == 2:
            attn_mask = attn_mask[None, None]  # the form in which torch's own attention gives it, for the same kernel
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=attn_mask)
        length, size = query.shape[:2]
        out: torch.Tensor = self.out_proj(mixed.permute(2, 0, 1, 3).reshape(length * size, -1))
        out = out.view(length, size, -1)
        return (out.transpose(0, 1) if self.batch_first else out), None

    def _project(self, sequence: torch.Tensor) -> torch.Tensor:
        """Hand each projection its part of one product, and return what PEFT computes the updates from."""
        parts = [getattr(layer, "base_layer", layer) for layer in (self.q_proj, self.k_proj, self.v_proj)]
        weight = torch.cat([part.weight for part in parts])
        bias = None if parts[0].bias is None else torch.cat([part.bias for part in parts])
        whole = sequence.contiguous()
        if sequence.is_contiguous() or not self._folded:
            projected = functional.linear(sequence, weight, bias)
        else:  # as torch does it for weights that require gradients, which PEFT's no longer do
            projected = functional.linear(whole.flatten(0, 1), weight).view(*whole.shape[:2], -1)
            projected = projected if bias is None else projected + bias
        for part, given in zip(parts, projected.chunk(3, -1), strict=True):
            part.given = given
        return whole


def _linear(kind: type[nn.Linear], weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    linear = kind(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(weight.detach())
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach())
    return linear


def split_attention(model: nn.Module) -> nn.Module:
    """Split every fused attention of a model, in place, and return it."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.MultiheadAttention):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, SplitAttention(module))
    return model


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
        raise DataError(f"{folder} holds no adapter for this model: {error_text(error, 300)}") from error
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
