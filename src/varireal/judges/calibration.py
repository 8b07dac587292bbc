"""From a judge's score to a probability, by a person's answers: Platt's logistic curve, or any rising one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from varireal.arrays import Array

Curve = Callable[[Array], Array]

_STEPS, _HALVINGS, _DONE = 60, 12, 1e-10
_LEAST_CURVATURE = 1e-9


@dataclass(frozen=True, slots=True)
class Platt:
    """``P(feasible) = 1 / (1 + exp(-(slope * score + intercept)))``.

    Attributes:
        slope: (B,) of each fit.
        intercept: (B,) of each fit.
    """

    slope: Array
    intercept: Array

    def at(self, scores: Array) -> Array:
        """(B, N) probabilities at (N,) scores."""
        return _sigmoid(self.slope[:, None] * scores + self.intercept[:, None])


def fit_platt(scores: Array, labels: Array, weights: Array) -> Platt:
    """Fit the curve to weighted answers, one fit per row of weights.

    Platt (1999, "Probabilistic outputs for support vector machines") with his smoothed targets, which keep the curve
    from becoming a step when few answers are perfectly separated; Newton's method with step halving as Lin, Lin & Weng
    (2007, Machine Learning 68:267).

    Args:
        scores: (N,) log-odds.
        labels: (N,) bool.
        weights: (B, N) how often each answer counts.
    """
    yes = (weights * labels).sum(1, keepdims=True)
    no = weights.sum(1, keepdims=True) - yes
    targets = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))
    slope, intercept = np.zeros(len(weights)), np.log((yes + 1) / (no + 1))[:, 0]
    loss = _loss(scores, targets, weights, slope, intercept)
    for _ in range(_STEPS):
        step = _newton(scores, targets, weights, slope, intercept)
        scale, better = np.ones(len(weights)), np.zeros(len(weights), bool)
        for _ in range(_HALVINGS):
            trial = slope + scale * step[0], intercept + scale * step[1]
            value = _loss(scores, targets, weights, *trial)
            better = value <= loss
            if better.all():
                break
            scale = np.where(better, scale, scale / 2)
        slope = np.where(better, trial[0], slope)
        intercept = np.where(better, trial[1], intercept)
        gain, loss = loss - np.where(better, value, loss), np.where(better, value, loss)
        if float(gain.max()) < _DONE:
            break
    return Platt(slope, intercept)


def _newton(scores: Array, targets: Array, weights: Array, slope: Array, intercept: Array) -> tuple[Array, Array]:
    p = _sigmoid(slope[:, None] * scores + intercept[:, None])
    error, curve = weights * (targets - p), weights * p * (1 - p)
    gradient = (error * scores).sum(1), error.sum(1)
    a, b, c = (curve * scores**2).sum(1), (curve * scores).sum(1), curve.sum(1)
    a, c = a + _LEAST_CURVATURE, c + _LEAST_CURVATURE
    determinant = a * c - b * b
    return (c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant


def _loss(scores: Array, targets: Array, weights: Array, slope: Array, intercept: Array) -> Array:
    x = slope[:, None] * scores + intercept[:, None]
    loss: Array = (weights * (np.logaddexp(0, x) - targets * x)).sum(1)
    return loss


def _sigmoid(x: Array) -> Array:
    found: Array = np.exp(-np.logaddexp(0, -x))
    return found


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Rising curves, straight between the scores that were reviewed and level beyond them.

    Attributes:
        curves: places and values of each fit.
    """

    curves: tuple[tuple[Array, Array], ...]

    def at(self, scores: Array) -> Array:
        """(B, N) probabilities at (N,) scores."""
        return np.stack([np.interp(scores, places, values) for places, values in self.curves])


def fit_isotonic(scores: Array, labels: Array, weights: Array) -> Isotonic:
    """Fit rising curves by weighted least squares (pool adjacent violators), one fit per row of weights.

    Values are kept as far from 0 and 1 as so many answers can tell: ``1 / (n + 2)``.

    Args:
        scores: (N,) log-odds.
        labels: (N,) bool.
        weights: (B, N) how often each answer counts.
    """
    places, where = np.unique(scores, return_inverse=True)
    curves = []
    for row in weights:
        total = np.bincount(where, row, len(places))
        yes = np.bincount(where, row * labels, len(places))
        seen = total > 0
        values = scipy.optimize.isotonic_regression(yes[seen] / total[seen], weights=total[seen]).x
        edge = 1 / (row.sum() + 2)
        curves.append((places[seen], np.clip(values, edge, 1 - edge)))
    return Isotonic(tuple(curves))


FITS = {"platt": fit_platt, "isotonic": fit_isotonic}
