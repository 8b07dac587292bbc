"""How far two pictures are from each other."""

import math
from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array

EQUAL, CLOSE, DIFFERENT = "equal", "within tolerance", "different"

# What another card, library or batch changes by adding in another order stays far below these, and nobody sees it; a
# change of seed, prompt, mask or model is far above. Levels of 0..255, over the pixels that were edited.
MOST_LEVELS = 16
MEAN_LEVELS = 1.0
LEAST_PSNR = 40.0  # dB; 40 is a root mean square of 2.55 levels

SHOWN_TIMES = 8  # how much a picture of differences is brightened


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures compared.

    Attributes:
        verdict: ``equal``, ``within tolerance`` or ``different``.
        edited_pixels: pixels that either picture has other than the photo; the figures are over these.
        differing_pixels: pixels in which the two differ.
        max_levels: largest difference of one channel, in levels of 0..255.
        mean_levels: mean difference of a channel.
        psnr: peak signal-to-noise ratio in dB; None when the pictures are equal or of other sizes.
        reason: why they cannot be compared; empty when they can.
    """

    verdict: str
    edited_pixels: int = 0
    differing_pixels: int = 0
    max_levels: int | None = None
    mean_levels: float | None = None
    psnr: float | None = None
    reason: str = ""


def compare(photo: Array, then: Array, now: Array) -> Comparison:
    """Compare two edits of a photo, each (H, W, 3) uint8.

    A photo of another size (it was replaced) only means that all pixels count as edited.
    """
    if then.shape != now.shape:
        sizes = f"{then.shape[1]} x {then.shape[0]} then, {now.shape[1]} x {now.shape[0]} now"
        return Comparison(DIFFERENT, reason=f"the pictures differ in size: {sizes}")
    edited = np.ones(then.shape[:2], bool)
    if photo.shape == then.shape:
        edited = (then != photo).any(axis=2) | (now != photo).any(axis=2)
    gap = difference(then, now)
    count = int(edited.sum())
    if not gap.any():
        return Comparison(EQUAL, count, 0, 0, 0.0)
    inside = gap[edited | gap.any(axis=2)].astype(np.float64)
    psnr = 10 * math.log10(255**2 / float((inside**2).mean()))
    most, mean = int(gap.max()), float(inside.mean())
    close = most <= MOST_LEVELS and mean <= MEAN_LEVELS and psnr >= LEAST_PSNR
    return Comparison(
        CLOSE if close else DIFFERENT, count, int(gap.any(axis=2).sum()), most, round(mean, 4), round(psnr, 2)
    )


def difference(then: Array, now: Array) -> Array:
    """Absolute difference of two pictures of one size, uint8."""
    gap: Array = np.abs(then.astype(np.int16) - now.astype(np.int16)).astype(np.uint8)
    return gap


def shown(gap: Array) -> Array:
    """A difference as a picture that can be seen: ``SHOWN_TIMES`` brighter."""
    bright: Array = np.minimum(gap.astype(np.int16) * SHOWN_TIMES, 255).astype(np.uint8)
    return bright
