"""Noise fields with slopes and smaller copies, so that a surface can be lit and does not alias with distance."""

from functools import cache
from typing import Any

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.noise import SIZE, field, voronoi


def _half(x: Array) -> Array:
    """Halve a picture by averaging 2 x 2 blocks."""
    result: Array = (x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) * np.float32(0.25)
    return np.ascontiguousarray(result)


def _source(kind: str) -> Any:
    """Return the scalar field ``kind``: a noise kind, or pebbles, cracks, ridged, peaks, leaves."""
    if kind == "pebbles":
        first, second, cell = voronoi(900, 21)
        dome = np.clip(second - first, 0, 0.7)
        return (dome + 0.12 * np.sin(cell * 12.9)).astype(np.float32)
    if kind == "cracks":
        first, second, _ = voronoi(160, 22)
        return np.minimum(second - first, 0.35).astype(np.float32)
    if kind == "ridged":
        return (-np.abs(field("fbm")) - 0.35 * np.abs(np.roll(field("mid"), 77, 0))).astype(np.float32)
    if kind == "peaks":
        return (-np.abs(field("smooth")) - 0.05 * np.abs(field("fbm2"))).astype(np.float32)
    if kind == "leaves":
        first, second, cell = voronoi(2200, 23)
        return (np.clip(0.9 - first, 0, 1) + 0.45 * np.sin(cell * 7.7) + 0.25 * np.clip(second - first, 0, 1)).astype(
            np.float32
        )
    return field(kind)


@cache
def levels(kind: str) -> tuple[Array, ...]:
    """Return (n, n, 3) copies for n = 512, 256, ... 8: value (zero mean, unit deviation) and its two slopes.

    Slopes are towards larger u and larger v, scaled to unit deviation at full size.
    """
    value = _source(kind)
    value = (value - value.mean()) / value.std()
    slope_u = np.roll(value, -1, 1) - np.roll(value, 1, 1)
    slope_v = np.roll(value, -1, 0) - np.roll(value, 1, 0)
    scale = max(float(np.hypot(slope_u, slope_v).std()), 1e-6)
    level = np.ascontiguousarray(np.stack([value, slope_u / scale, slope_v / scale], -1), np.float32)
    copies = [level]
    while level.shape[0] > 8:
        level = _half(level)
        copies.append(level)
    for copy in copies:
        copy.setflags(write=False)
    return tuple(copies)


def _look_up(texture: Array, u: Array, v: Array) -> Array:
    size = texture.shape[0]
    columns = np.ascontiguousarray((u * size - 0.5) % size, np.float32)
    rows = np.ascontiguousarray((v * size - 0.5) % size, np.float32)
    result: Array = cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return result


def relief(kind: str, u: Array, v: Array, step: float) -> Array:
    """Sample a field at ``u``, ``v`` ((h, w), 1 is one tile) for pixels that cover ``step`` tiles: (h, w, 3)."""
    copies = levels(kind)
    level = float(np.clip(np.log2(max(step * SIZE, 1e-6)), 0, len(copies) - 1))
    low = min(int(level), len(copies) - 2)
    share = np.float32(level - low)
    result = _look_up(copies[low], u, v)
    if share > 0.02:
        result = result * (1 - share) + _look_up(copies[low + 1], u, v) * share
    return result


def relief_by_row(kind: str, u: Array, v: Array, step: Array) -> Array:
    """Sample like ``relief`` with a ``step`` (h,) for each row, monotone in the rows: (h, w, 3)."""
    copies = levels(kind)
    level = np.clip(np.log2(np.maximum(step * SIZE, 1e-6)), 0, len(copies) - 1)
    low = np.minimum(level.astype(int), len(copies) - 2)
    result = np.empty((*u.shape, 3), np.float32)
    for index in np.unique(low):
        rows = np.flatnonzero(low == index)
        band = slice(int(rows[0]), int(rows[-1]) + 1)
        share = (level[band] - index).astype(np.float32)[:, None, None]
        result[band] = _look_up(copies[index], u[band], v[band]) * (1 - share)
        if share.max() > 0:
            result[band] += _look_up(copies[index + 1], u[band], v[band]) * share
    return result
