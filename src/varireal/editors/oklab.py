"""OKLab, the perceptual colour space in which colours are compared and changed.

Source of the matrices: Björn Ottosson, "A perceptual color space for image processing" (2020),
https://bottosson.github.io/posts/oklab/. Light to import (numpy only), so prompts can be checked without OpenCV.
"""

import numpy as np
from numpy.typing import ArrayLike

from varireal.records import Array

_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_LMS_TO_RGB = np.linalg.inv(_RGB_TO_LMS.astype(np.float64)).astype(np.float32)
_LAB_TO_LMS = np.linalg.inv(_LMS_TO_LAB.astype(np.float64)).astype(np.float32)
_GAMUT_SLACK = 1e-3
_BISECTIONS = 8


def from_linear(light: ArrayLike) -> Array:
    """Convert linear RGB (..., 3) to OKLab (..., 3) float32: lightness 0..1, then two signed colour axes."""
    lms = np.cbrt(np.maximum(np.asarray(light, np.float32), 0) @ _RGB_TO_LMS.T)
    return lms @ _LMS_TO_LAB.T


def to_linear(lab: ArrayLike) -> Array:
    """Convert OKLab (..., 3) to linear RGB; the result may lie outside 0..1 (see ``fit_gamut``)."""
    lms = np.asarray(lab, np.float32) @ _LAB_TO_LMS.T
    return np.asarray((lms * lms * lms) @ _LMS_TO_RGB.T)


def from_srgb(values: ArrayLike) -> Array:
    """Convert sRGB in 0..1 (..., 3) to OKLab."""
    rgb = np.asarray(values, np.float32)
    return from_linear(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))


def to_srgb(lab: ArrayLike) -> Array:
    """Convert OKLab to sRGB in 0..1; colours that sRGB cannot show lose chroma, not lightness or hue."""
    light = np.clip(to_linear(fit_gamut(lab)), 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def fit_gamut(lab: ArrayLike) -> Array:
    """Pull colours outside sRGB towards grey of the same lightness until they fit (bisection on the chroma)."""
    fitted = np.array(lab, np.float32)
    fitted[..., 0] = np.clip(fitted[..., 0], 0, 1)
    flat = fitted.reshape(-1, 3)
    outside = np.flatnonzero(~_shown(flat))
    if outside.size:
        colors = flat[outside]
        low, high = np.zeros(len(colors), np.float32), np.ones(len(colors), np.float32)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            fits = _shown(_with_chroma(colors, middle))
            low, high = np.where(fits, middle, low), np.where(fits, high, middle)
        flat[outside] = _with_chroma(colors, low)
    return fitted


def _shown(lab: Array) -> Array:
    light = to_linear(lab)
    return np.asarray(np.all((light > -_GAMUT_SLACK) & (light < 1 + _GAMUT_SLACK), axis=-1))


def _with_chroma(lab: Array, scale: Array) -> Array:
    return np.concatenate([lab[:, :1], lab[:, 1:] * scale[:, None]], 1)
