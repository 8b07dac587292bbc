"""Features for training, without the work that cannot reach them; only rounding differs from the library's own."""

from typing import Any

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch.nn import functional

from varireal.classifiers.clip import OPEN_CLIP, Clip


def lean_image_features(clip: Clip, pictures: torch.Tensor) -> torch.Tensor:
    """As ``Clip.image_features``, but the last block is computed for the class token alone, the one that is read.

    A tower of another form is encoded in full.
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

    The text tower is causal; a model whose tower is not is encoded in full.
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
