"""Simulated predictions of two regimes, crossed seeds x pictures, of which the true accuracies are known."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from varireal.statistics.records import Comparison, TestSetResult

COMPARISON = Comparison("a - b", "family", "a", "b")


def result(correct, regime="a", labels=None, seeds=None, test_set="test"):
    """A result with the given (S, N) correctness; every wrong answer is class -1."""
    correct = np.atleast_2d(np.asarray(correct, bool))
    labels = np.zeros(correct.shape[1], np.int64) if labels is None else np.asarray(labels)
    return TestSetResult(
        regime=regime,
        test_set=test_set,
        image_ids=tuple(f"{number:06d}" for number in range(correct.shape[1])),
        labels=labels,
        top1=np.where(correct, labels, -1),
        in_top5=correct,
        seeds=tuple(range(correct.shape[0])) if seeds is None else seeds,
    )


@dataclass(frozen=True)
class World:
    """Right when picture + taste + seed + noise > 0; taste and noise differ between the regimes, and so do seeds."""

    mean: float = 1.0
    taste: float = 0.3
    seed: float = 0.3
    noise: float = 0.5
    shift: float = 0.0

    @property
    def spread(self):
        return np.sqrt(1 + self.taste**2 + self.seed**2 + self.noise**2)

    @property
    def accuracy(self):
        """True accuracy of b."""
        return stats.norm.cdf(self.mean / self.spread)

    @property
    def difference(self):
        """True accuracy of a less that of b."""
        return stats.norm.cdf((self.mean + self.shift) / self.spread) - self.accuracy

    def apart(self, difference):
        """The same world where a is better by ``difference``."""
        shift = stats.norm.ppf(self.accuracy + difference) * self.spread - self.mean
        return World(self.mean, self.taste, self.seed, self.noise, float(shift))

    def run(self, rng, seeds, pictures):
        """Predictions of a and b on new pictures by newly trained models."""
        picture = rng.normal(self.mean, 1, pictures)
        sides = []
        for regime, shift in (("a", self.shift), ("b", 0.0)):
            mine = picture + shift + rng.normal(0, self.taste, pictures)
            mine = mine + rng.normal(0, self.seed, (seeds, 1)) + rng.normal(0, self.noise, (seeds, pictures))
            sides.append(result(mine > 0, regime))
        return sides
