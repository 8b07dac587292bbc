"""A round body guessed from a silhouette, and the light that the photo throws on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.cutout import Cutout
from varireal.rendering.shading import blur

_SIDE = 160
_PRIOR = np.array([-0.45, -0.75], np.float32)


@dataclass(frozen=True, slots=True)
class Relief:
    """A guess of the object's shape.

    Attributes:
        right: (h, w) how far the surface faces right, -1..1.
        down: (h, w) how far it faces down, -1..1.
        u: (h, w) place on the surface to the right, in object sizes: farther at the flanks, which turn away.
        v: (h, w) place on the surface downwards, in object sizes.
        light: (2,) direction in the picture from which the light comes (x right, y down), length up to 1.
    """

    right: Array
    down: Array
    u: Array
    v: Array
    light: Array


def raise_relief(cut: Cutout, lightness: Array) -> Relief:
    """Blow the silhouette up like a cushion with a rim of constant radius.

    Args:
        cut: the object.
        lightness: (h, w) its lightness; how it varies with the facing tells where the light is.
    """
    height, width = cut.mask.shape
    factor = min(1.0, _SIDE / max(height, width))
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    depth = cv2.resize(cut.depth, small, interpolation=cv2.INTER_AREA) * factor
    size = cut.size * factor
    radius = max(1.5, min(0.30 * size, float(depth.max())))
    rise = np.clip(depth / radius, 0, 1)
    cushion = blur((radius * np.sqrt(1 - (1 - rise) ** 2)).astype(np.float32), max(0.6, 0.035 * size))
    down, right = np.gradient(-cushion) if min(small) > 1 else (np.zeros_like(cushion), np.zeros_like(cushion))
    length = np.sqrt(right**2 + down**2 + 1)
    right, down = (cv2.resize((part / length).astype(np.float32), (width, height)) for part in (right, down))
    tilt = np.clip(np.sqrt(right**2 + down**2), 1e-4, 0.98)
    # Arc length less its projection: how much more surface lies between here and the crest than the photo shows.
    extra = radius / size * (np.arcsin(tilt) - tilt) / tilt
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    u = columns / cut.size + extra * right
    v = rows / cut.size + extra * down
    return Relief(right, down, u, v, _light(cut, lightness, right, down))


def _light(cut: Cutout, lightness: Array, right: Array, down: Array) -> Array:
    """Direction of the light by least squares of lightness on facing, drawn to "from above, left"."""
    values = lightness[cut.mask] - lightness[cut.mask].mean()
    facing = np.stack([right[cut.mask], down[cut.mask]], -1)
    normal = facing.T @ facing + 1e-3 * len(facing) * np.eye(2)
    found = np.linalg.solve(normal, facing.T @ values)
    found = np.array([found[0], min(float(found[1]), 0.0)]) * 4
    direction = found + 0.6 * _PRIOR
    light: Array = (direction / max(1.0, float(np.linalg.norm(direction)))).astype(np.float32)
    return light
