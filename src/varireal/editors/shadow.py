"""Shadows that a cut-out object throws on the ground of its new scene."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes import Light
from varireal.rendering.shading import blur, luminance, smoothstep

_NEAR_GROUND = 0.10
_FORESHORTENING = 0.30


def touches_bottom(mask: Array) -> bool:
    """Whether the object (H, W) bool goes on below the picture, so that it stands on nothing that is seen."""
    return bool(mask[-2:].any())


def ground_shadow(mask: Array, light: Light) -> Array:
    """How much of each light reaches the ground around the object, (H, W, 3) factor in 0..1.

    Two parts: the sun's shadow, which is the silhouette laid down along the light, sharp at the feet and soft far
    from them; and the dark line under what touches the ground, where no light of the sky gets in.
    """
    filled = np.flatnonzero(mask.any(1))
    top, foot = int(filled[0]), int(filled[-1])
    tall = max(foot - top + 1, 2)
    silhouette = mask.astype(np.float32)
    cast = _cast(silhouette, foot, light, tall)
    contact = _contact(mask, foot, tall)
    strength = luminance(np.asarray(light.sun, np.float32))
    share = float(strength / (strength + luminance(np.asarray(light.ambient, np.float32)) + 1e-3))
    sun = 1 - (0.32 + 0.40 * share) * cast
    # What the sun does not reach is lit by the sky: a shadow is a little blue.
    color = 1 - (1 - sun[..., None]) * np.array([1.0, 0.98, 0.94], np.float32)
    factor: Array = (color * (1 - 0.70 * contact)[..., None]).astype(np.float32)
    return factor


def _cast(silhouette: Array, foot: int, light: Light, tall: int) -> Array:
    """The silhouette sheared and flattened onto the ground, (H, W) in 0..1."""
    height, width = silhouette.shape
    x, y, z = (float(part) for part in light.direction)
    steep = max(y, 0.45)
    lean = float(np.clip(-x / steep, -1.1, 1.1))
    # Light from behind the camera throws the shadow away from it, upwards in the picture; never edge-on.
    away = _FORESHORTENING * float(np.clip(z / steep, -1, 1))
    away = away if abs(away) > 0.10 else float(np.copysign(0.10, away))
    matrix = np.array([[1, -lean, lean * foot], [0, away, foot * (1 - away)]], np.float32)
    laid = cv2.warpAffine(silhouette, matrix, (width, height), flags=cv2.INTER_LINEAR)
    rows = np.arange(height, dtype=np.float32)[:, None]
    far = smoothstep(0.02, 0.28, np.abs(rows - foot) / tall)
    shadow = blur(laid, max(0.6, 0.012 * tall)) * (1 - far) + 0.85 * blur(laid, max(0.8, 0.05 * tall)) * far
    clipped: Array = np.clip(shadow, 0, 1)
    return clipped


def _contact(mask: Array, foot: int, tall: int) -> Array:
    """Darkness under the lowest parts of the object, (H, W) in 0..1."""
    height, width = mask.shape
    lowest = height - 1 - np.argmax(mask[::-1], axis=0)
    grounded = mask.any(0) & (foot - lowest <= _NEAR_GROUND * tall)
    spots = np.zeros((height, width), np.float32)
    spots[lowest[grounded], np.flatnonzero(grounded)] = 1
    # Feet of four-legged objects stand at different depths; each keeps its own height in the picture.
    wide = cv2.dilate(spots, np.ones((max(1, round(0.02 * tall)), max(1, round(0.03 * tall))), np.uint8))
    across, down = max(0.8, 0.035 * tall), max(0.6, 0.014 * tall)
    pool = cv2.GaussianBlur(wide, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REPLICATE)
    under: Array = np.clip(2.4 * pool, 0, 1)
    return under
