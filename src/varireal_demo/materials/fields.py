"""Building blocks of the patterns: noise at a place, cells, hashes, tiles and blends."""

import numpy as np
from numpy.typing import ArrayLike

from varireal.records import Array
from varireal_demo.noise import field, sample, voronoi

Surface = tuple[Array, Array]
"""What a pattern returns: albedo (H, W, 3) linear float32 (above 1 it glows) and height (H, W) float32 in 0..1."""


def noise(kind: str, u: Array, v: Array, scale: float = 1.0, offset: float = 0.0) -> Array:
    """Noise field ``kind`` at ``u, v`` (H, W) with ``scale`` tiles per object: zero mean, unit deviation."""
    return sample(field(kind), u * scale + offset, v * scale + 0.37 * offset)


def cells(
    u: Array, v: Array, scale: float, *, count: int = 196, jitter: float = 1.0, seed: int = 11
) -> tuple[Array, Array, Array]:
    """Voronoi cells at ``u, v``, ``sqrt(count) * scale`` of them across the object.

    Returns:
        Distance to the wall (0 at the wall, about 1 in the middle), distance to the cell's centre, both in cell
        spacings, and a random number in 0..1 per cell; each (H, W) float32.
    """
    first, second, index = voronoi(count, seed, jitter)
    near = sample(first, u * scale, v * scale)
    far = sample(second, u * scale, v * scale)
    number = sample(index, u * scale, v * scale, nearest=True)
    return far - near, near, hash01(number, 0, seed)


def bend(u: Array, v: Array, amount: float) -> tuple[Array, Array]:
    """Displace places smoothly by about ``amount`` object sizes, so that lattices lose their straightness."""
    return u + amount * noise("smooth", u, v, 1.5), v + amount * noise("smooth", u, v, 1.5, 0.5)


def hash01(i: ArrayLike, j: ArrayLike, salt: int = 0) -> Array:
    """Random number in 0..1 per pair of integers (any shape); integer arithmetic, so the same on every machine."""
    # At least one dimension: NumPy warns of the intended wrap-around for scalars only.
    a = np.atleast_1d(np.floor(i)).astype(np.int64).astype(np.uint32)
    b = np.atleast_1d(np.floor(j) + 977 * salt).astype(np.int64).astype(np.uint32)
    x = a * np.uint32(0x9E3779B1) ^ b * np.uint32(0x85EBCA77)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    x = (x ^ (x >> np.uint32(12))) * np.uint32(0x297A2D39)
    x = x ^ (x >> np.uint32(15))
    result: Array = (x >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)
    return result


def tint(color: Array, brightness: ArrayLike) -> Array:
    """Colour (3,) or (H, W, 3) times a brightness (H, W), never negative."""
    scaled: Array = np.maximum(color * np.asarray(brightness, np.float32)[..., None], 0).astype(np.float32)
    return scaled


def pick(palette: Array, chance: Array) -> Array:
    """Choose one palette row (n, 3) per pixel from a number in 0..1 (H, W)."""
    chosen: Array = palette[np.minimum((chance * len(palette)).astype(np.int64), len(palette) - 1)]
    return chosen


def frac(x: Array) -> Array:
    """Fractional part, in 0..1."""
    part: Array = x - np.floor(x)
    return part


def wave(x: Array) -> Array:
    """Cosine wave of period 1 between 0 and 1, 1 at whole numbers."""
    value: Array = 0.5 + 0.5 * np.cos(2 * np.pi * x)
    return value


def flat(u: Array) -> Array:
    """A level height field shaped like ``u``."""
    return np.full(u.shape, 0.5, np.float32)
