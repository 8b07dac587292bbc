"""A CLIP, whatever library it comes from: pictures and class texts to features, features to logits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from varireal.arrays import Array

OPEN_CLIP, TRANSFORMERS = "open_clip", "transformers"


@dataclass
class Clip:
    """A loaded model.

    Attributes:
        model: the module of the library, perhaps wrapped by PEFT.
        library: ``open_clip`` or ``transformers``.
        tokenizer: turns a list of texts into (N, context) token numbers.
        size: side of the pictures in pixels.
        mean: of the pictures' channels.
        std: of the pictures' channels.
        fingerprint: digest of the base model's weights.
    """

    model: Any
    library: str
    tokenizer: Any
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def core(self) -> Any:
        """The library's own module, without PEFT's wrapper (its layers stay in place)."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """(N, context) token numbers on the model's device."""
        numbers: torch.Tensor = self.tokenizer(list(texts))
        return numbers.to(self.device)

    def image_features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, S, S) normalised pictures to (N, D) unit vectors."""
        if self.library == OPEN_CLIP:
            features: torch.Tensor = self.core.encode_image(pictures, normalize=True)
            return features
        return _unit(self.core.get_image_features(pixel_values=pictures))

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, context) token numbers to (N, D) unit vectors, by the library's own way."""
        if self.library == OPEN_CLIP:
            features: torch.Tensor = self.core.encode_text(tokens, normalize=True)
            return features
        return _unit(self.core.get_text_features(input_ids=tokens))

    def logits(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """(N, D) and (C, D) unit vectors to (N, C) logits; scale and bias are the model's own and stay frozen."""
        core = self.core
        scaled: torch.Tensor = core.logit_scale.exp() * images @ texts.T
        bias = getattr(core, "logit_bias", None)
        return scaled if bias is None else torch.add(scaled, bias)


def _unit(answer: Any) -> torch.Tensor:
    """Features of transformers, which come as a tensor or as the output of the pooler."""
    features = answer if isinstance(answer, torch.Tensor) else answer.pooler_output
    return functional.normalize(features, dim=-1)


@torch.inference_mode()
def probabilities(clip: Clip, pictures: Sequence[Array], texts: Sequence[str], batch_size: int = 64) -> Array:
    """Class probabilities of normalised pictures (3, S, S) each: (N, C) float32."""
    clip.model.eval()
    words = clip.text_features(clip.tokens(texts))
    found = []
    for start in range(0, len(pictures), batch_size):
        batch = torch.stack([torch.from_numpy(picture) for picture in pictures[start : start + batch_size]])
        found.append(clip.logits(clip.image_features(batch.to(clip.device)), words).float().softmax(1).cpu())
    result: Array = torch.cat(found).numpy()
    return result
