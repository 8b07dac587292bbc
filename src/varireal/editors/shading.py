"""Colour and blending arithmetic shared by everything that is rendered.

Pictures are composed in linear light (float32, 1.0 is a white surface in full light) and become 8-bit sRGB last.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from varireal.records import Array


def linear(color: str | ArrayLike) -> Array:
    """Decode sRGB to linear light: a hex string such as ``"#8a5a30"``, or values in 0..1 of any shape.

    The transfer function is IEC 61966-2-1.
    """
    if isinstance(color, str):
        digits = color.lstrip("#")
        color = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    values = np.asarray(color, np.float32)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb(light: Array) -> Array:
    """Encode linear light as sRGB in 0..1 (IEC 61966-2-1); values outside 0..1 are clipped."""
    values = np.clip(light, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.power(values, 1 / 2.4) - 0.055).astype(np.float32)


def tone(light: Array) -> Array:
    """Compress highlights: unchanged up to 0.6, then a soft shoulder that reaches 1 asymptotically."""
    return np.where(light < 0.6, light, 0.6 + 0.4 * (1 - np.exp(-(light - 0.6) / 0.4))).astype(np.float32)


def smoothstep(start: float | Array, end: float | Array, x: ArrayLike) -> Array:
    """Hermite step from 0 at ``start`` to 1 at ``end`` (``start`` may be the larger)."""
    t = np.clip((np.asarray(x, np.float32) - start) / (end - start), 0, 1)
    return np.asarray((t * t * (3 - 2 * t)).astype(np.float32))


def mix(a: Any, b: Any, t: ArrayLike) -> Array:
    """Blend ``a`` to ``b`` by ``t``; a 2D ``t`` is broadcast over the colour channels of 1D or 3D operands."""
    weight = np.asarray(t, np.float32)
    if weight.ndim == 2 and (np.ndim(a) in (1, 3) or np.ndim(b) in (1, 3)):
        weight = weight[..., None]
    return np.asarray(a * (1 - weight) + b * weight, np.float32)


def blur(x: Array, sigma: float) -> Array:
    """Gaussian blur with mirrored borders; ``sigma`` is in pixels and below 0.15 nothing is done."""
    if sigma < 0.15:
        return x
    return cv2.GaussianBlur(x, (0, 0), float(sigma), borderType=cv2.BORDER_REFLECT)


def luminance(light: Array) -> Array:
    """Relative luminance (..., 3) -> (...,) of linear RGB, with the Rec. 709 weights."""
    return light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
