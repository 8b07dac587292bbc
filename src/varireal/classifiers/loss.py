"""The training loss, and the optional mixing of pictures."""

import numpy as np
import torch
from torch.nn import functional

from varireal.classifiers.batches import Batch
from varireal.config.adapters import TrainingSettings
from varireal.seeds import stable_int


def weighted_loss(logits: torch.Tensor, targets: torch.Tensor, real: int, real_weight: float) -> torch.Tensor:
    """``w * CE(real) + (1 - w) * CE(synthetic)``; plain cross entropy when only one of them is there.

    Args:
        logits: (B, C), the real pictures first.
        targets: (B,) class numbers, or (B, C) shares.
        real: number of real pictures.
        real_weight: w.
    """
    if real in (0, len(logits)):
        return functional.cross_entropy(logits, targets)
    one = functional.cross_entropy(logits[:real], targets[:real])
    two = functional.cross_entropy(logits[real:], targets[real:])
    return real_weight * one + (1 - real_weight) * two


def mixed(
    batch: Batch, step: int, seed: int, classes: int, settings: TrainingSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and targets of a step, by chance mixed (Zhang et al. 2018) or patched (Yun et al. 2019).

    Real pictures are mixed with real ones and synthetic with synthetic ones.
    """
    rng = np.random.default_rng(stable_int("mix", seed, step))
    draw = rng.random()
    if draw >= settings.mixup + settings.cutmix:
        return batch.pictures, batch.labels
    share = float(rng.beta(1.0, 1.0))
    cut = batch.real
    parts = [np.arange(cut), np.arange(cut, len(batch.labels))]
    order = torch.from_numpy(np.concatenate([rng.permutation(part) for part in parts]))
    pictures, other = batch.pictures, batch.pictures[order]
    if draw < settings.mixup:
        pictures = share * pictures + (1 - share) * other
    else:
        pictures, share = _patched(pictures.clone(), other, share, rng)
    labels = functional.one_hot(batch.labels, classes).float()
    return pictures, share * labels + (1 - share) * labels[order]


def _patched(
    pictures: torch.Tensor, other: torch.Tensor, share: float, rng: np.random.Generator
) -> tuple[torch.Tensor, float]:
    """Put a rectangle of the other pictures in; return what share of a picture is still its own."""
    height, width = pictures.shape[-2:]
    tall, wide = int(height * (1 - share) ** 0.5), int(width * (1 - share) ** 0.5)
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    pictures[..., top : top + tall, left : left + wide] = other[..., top : top + tall, left : left + wide]
    return pictures, 1 - tall * wide / (height * width)
