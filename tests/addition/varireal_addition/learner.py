"""The class whose mean colour is the nearest one."""

from collections.abc import Sequence

import numpy as np
from safetensors.numpy import load, save

from varireal.classifiers.base import Picture, StateKeeper, Trained, TrainingTask
from varireal.records import Array


class MeanColorLearner:
    """``adapters.options``: ``warmth``, the larger the less sure; squared distance of colours in 0..1."""

    name = "mean_color"
    version = 1
    fingerprint = ""
    device = "cpu"

    def __init__(self, warmth: float = 0.05) -> None:
        self.warmth, self._means = warmth, np.zeros((0, 3))

    def train(self, task: TrainingTask, saved: bytes | None, keep: StateKeeper) -> Trained:
        pictures = [*task.pool.real, *task.pool.synthetic]
        colors = np.stack([mean_color(picture) for picture in pictures])
        labels = np.array([picture.label for picture in pictures])
        means = np.stack([colors[labels == label].mean(0) for label in range(len(task.classes))])
        return Trained(save({"means": means}), {"warmth": self.warmth})

    def load(self, weights: bytes | None) -> None:
        self._means = load(weights)["means"] if weights else np.zeros((0, 3))

    def probabilities(self, pictures: Sequence[Picture], classes: Sequence[str]) -> Array:
        colors = np.stack([mean_color(picture) for picture in pictures])
        closeness = np.exp(-np.square(colors[:, None] - self._means).sum(2) / self.warmth)
        shares: Array = closeness / closeness.sum(1, keepdims=True)
        return shares


def mean_color(picture: Picture) -> Array:
    """Mean colour, 0..1 for red, green and blue."""
    color: Array = picture.load().mean((0, 1)) / 255
    return color
