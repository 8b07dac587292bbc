"""The training loss, and the optional mixing of pictures."""

import numpy as np
import torch
from torch.nn import functional

from varireal.classifiers.batches import Batch
from varireal.config.adapters import TrainingSettings
from varireal.seeds import stable_int


def picture_weights(size: int, real: int, real_weight: float) -> torch.Tensor:
    """Weight of each picture's cross entropy in ``w * CE(real) + (1 - w) * CE(synthetic)``, both means: (B,).

    Args:
        size: B.
        real: number of real pictures, which come first; with only real or only synthetic ones all weigh the same.
        real_weight: w.
    """
    if real in (0, size):
        return torch.full((size,), 1 / size)
    shares = torch.tensor([real_weight / real, (1 - real_weight) / (size - real)])
    return shares.repeat_interleave(torch.tensor([real, size - real]))


def weighted_loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted sum of cross entropies; the losses of a batch's parts add up to that of the batch.

    Args:
        logits: (B, C).
        targets: (B,) class numbers, or (B, C) shares.
        weights: (B,) of ``picture_weights``.
    """
    return (functional.cross_entropy(logits, targets, reduction="none") * weights).sum()


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
