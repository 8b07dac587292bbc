"""Batches by number: which pictures a step sees, and how each is augmented, depend on seed and step alone."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from varireal.classifiers.augment import Augmenter
from varireal.classifiers.base import Picture, TrainingPool
from varireal.config.adapters import TrainingSettings
from varireal.core.seeds import stable_int
from varireal.records import Array

_CACHE_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Batch:
    """Network input of one step.

    Attributes:
        pictures: (B, 3, S, S) float32; the real ones come first.
        labels: (B,) int64.
        real: how many are real.
        keys: what they are, for messages.
    """

    pictures: torch.Tensor
    labels: torch.Tensor
    real: int
    keys: tuple[str, ...]


class PictureCache:
    """Decoded pictures, the last used ones up to a size."""

    def __init__(self, limit: int = _CACHE_BYTES) -> None:
        self._kept: OrderedDict[str, Array] = OrderedDict()
        self._bytes = 0
        self._limit = limit

    def __call__(self, picture: Picture) -> Array:
        """The picture's pixels."""
        if picture.key in self._kept:
            self._kept.move_to_end(picture.key)
            return self._kept[picture.key]
        pixels = picture.load()
        self._kept[picture.key] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pixels


class Batches:
    """The batches of one training."""

    def __init__(
        self,
        pool: TrainingPool,
        settings: TrainingSettings,
        seed: int,
        augmenters: dict[str, Augmenter],
        cache: PictureCache,
    ) -> None:
        self._parts = [part for part in (pool.real, pool.synthetic) if part]
        self._has_real = bool(pool.real)
        self._settings = settings
        self._seed = seed
        self._augmenters = augmenters
        self._cache = cache
        self._order: dict[tuple[int, int], Array] = {}

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step, from 0."""
        size = self._settings.batch_size // len(self._parts)
        chosen = [self._chosen(number, step, size) for number in range(len(self._parts))]
        pictures = [picture for part in chosen for picture in part]
        ready = [self._augmented(picture, step, slot) for slot, picture in enumerate(pictures)]
        return Batch(
            pictures=torch.from_numpy(np.concatenate(ready)),
            labels=torch.tensor([picture.label for picture in pictures]),
            real=size if self._has_real else 0,
            keys=tuple(picture.key for picture in pictures),
        )

    def _chosen(self, part: int, step: int, size: int) -> Sequence[Picture]:
        """Every picture comes once before any comes again."""
        pool = self._parts[part]
        places = range(step * size, (step + 1) * size)
        return [pool[int(self._permutation(part, place // len(pool))[place % len(pool)])] for place in places]

    def _permutation(self, part: int, epoch: int) -> Array:
        if (part, epoch) not in self._order:
            rng = np.random.default_rng(stable_int("order", self._seed, part, epoch))
            self._order = {key: value for key, value in self._order.items() if key[0] != part or key[1] >= epoch - 1}
            self._order[part, epoch] = rng.permutation(len(self._parts[part]))
        return self._order[part, epoch]

    def _augmented(self, picture: Picture, step: int, slot: int) -> Array:
        """(1, 3, S, S), owned by the caller."""
        augmenter = self._augmenters[picture.augmentation or self._settings.augmentation]
        rng = np.random.default_rng(stable_int("augment", self._seed, step, slot))
        return augmenter.batch([self._cache(picture)], [rng]).copy()


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Cosine schedule with linear warm-up, per step."""
    warmup = max(1, math.ceil(settings.warmup_fraction * settings.steps))
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    share = (step - warmup) / max(1, settings.steps - warmup)
    low = settings.min_learning_rate
    return low + (settings.learning_rate - low) * 0.5 * (1 + math.cos(math.pi * share))


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
