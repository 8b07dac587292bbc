"""Seamless noise fields that every synthesised picture is made of.

The fields are 512 x 512, tile without a seam, and are the same on every machine: spectral synthesis from a fixed seed.
They are made once per process and shared, so a picture costs look-ups only.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np

from varireal.records import Array

SIZE = 512

# kind: (seed, spectral exponent, lowest frequency, vertical stretch); a larger exponent is smoother.
_SPECTRA: dict[str, tuple[int, float, float, float]] = {
    "fbm": (1, 2.6, 3, 1.0),
    "fbm2": (2, 2.6, 3, 1.0),
    "smooth": (3, 4.0, 2, 1.0),
    "fine": (4, 1.2, 16, 1.0),
    "white": (5, 0.0, 1, 1.0),
    "streak": (6, 2.2, 6, 1 / 8),
    "mid": (7, 2.2, 8, 1.0),
    "cloud": (8, 2.9, 3, 0.55),
    "strand": (9, 1.6, 10, 1 / 6),
}


@cache
def field(kind: str) -> Array:
    """Return the tileable field ``kind``: (512, 512) float32, zero mean, unit standard deviation, read-only.

    Raises:
        KeyError: ``kind`` is not one of fbm, fbm2, smooth, fine, white, streak, mid, cloud, strand.
    """
    seed, exponent, lowest, stretch = _SPECTRA[kind]
    white = np.random.default_rng(seed).standard_normal((SIZE, SIZE)).astype(np.float32)
    spectrum = np.fft.rfft2(white)
    vertical = np.fft.fftfreq(SIZE)[:, None] * SIZE * stretch
    horizontal = np.fft.rfftfreq(SIZE)[None] * SIZE
    radius = np.hypot(horizontal, vertical)
    gain = np.where(radius >= lowest, np.maximum(radius, 1e-6) ** (-exponent / 2), 0)
    noise = np.fft.irfft2(spectrum * gain, s=(SIZE, SIZE)).astype(np.float32)
    noise -= noise.mean()
    noise /= noise.std()
    noise.setflags(write=False)
    return noise


@cache
def voronoi(cells: int = 220, seed: int = 11, jitter: float = 1.0) -> tuple[Array, Array, Array]:
    """Return tileable Voronoi fields (nearest distance, second distance, cell number), each (512, 512) float32.

    Distances are in units of the mean cell spacing. ``jitter`` below 1 starts from a regular grid; 1 is uniform.
    """
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    if jitter < 1:
        side = round(np.sqrt(cells))
        grid = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 0.5) / side
        points = (grid + jitter * (rng.random(grid.shape) - 0.5) / side) % 1
    else:
        points = rng.random((cells, 2))
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64) / SIZE
    distance, index = cKDTree(points, boxsize=1.0).query(np.stack([columns, rows], -1).reshape(-1, 2), k=2)
    scale = np.sqrt(len(points))
    layers: list[Any] = [distance[:, 0] * scale, distance[:, 1] * scale, index[:, 0]]
    first, second, cell = (layer.reshape(SIZE, SIZE).astype(np.float32) for layer in layers)
    for array in (first, second, cell):
        array.setflags(write=False)
    return first, second, cell


def sample(texture: Array, u: Array, v: Array, *, nearest: bool = False) -> Array:
    """Look a tileable field up at ``u``, ``v`` (same shape, 2D; 1 is one whole tile), wrapping around."""
    columns = np.ascontiguousarray((u * SIZE) % SIZE, np.float32)
    rows = np.ascontiguousarray((v * SIZE) % SIZE, np.float32)
    mode = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    looked_up: Array = cv2.remap(texture, columns, rows, mode, borderMode=cv2.BORDER_WRAP)
    return looked_up
