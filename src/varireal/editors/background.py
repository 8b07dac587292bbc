"""Putting an object into a synthesised scene. The object's own pixels are never touched: the scene is fitted to it."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.cutout import EDGE, depth_inside, edge_scale, edge_share, signed_depth, spread, to_light
from varireal.editors.harmonize import add_noise, match_light, match_sharpness
from varireal.editors.shadow import ground_shadow, touches_bottom
from varireal.rendering.scenes import Scene, render_scene
from varireal.rendering.shading import mix, smoothstep, srgb, tone

_LARGEST = 896
_SMALLEST = 16


def background_region(mask: Array) -> Array:
    """Pixels (H, W) bool that a background edit may change: all but the sure inside of the object."""
    region: Array = depth_inside(mask) <= EDGE * edge_scale(*mask.shape)
    return region


def replace_background(image: Array, mask: Array, scene_name: str, rng: np.random.Generator) -> Array:
    """Put the object into a scene.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        scene_name: key of ``SCENES``.
        rng: decides the scene's layout and light.

    Returns:
        (H, W, 3) uint8; where ``background_region`` is False the pixels are meant to stay the photo's.
    """
    scene = _scene(image.shape[:2], mask, scene_name, rng)
    plate = match_sharpness(match_light(scene.image, scene.light, image), image, mask)
    if not touches_bottom(mask) and scene.horizon < _foot(mask):
        plate = plate * ground_shadow(mask, scene.light)
    plate = add_noise(srgb(tone(plate)), image, rng)
    return put_before((np.clip(plate, 0, 1) * 255 + 0.5).astype(np.uint8), image, mask)


def put_before(plate: Array, image: Array, mask: Array) -> Array:
    """Put the object before another background, with an edge that no longer holds the old one.

    Args:
        plate: (H, W, 3) uint8 sRGB, the new background.
        image: (H, W, 3) uint8 sRGB photo.
        mask: (H, W) bool, not empty.

    Returns:
        (H, W, 3) uint8; where ``background_region`` is False the pixels are meant to stay the photo's.
    """
    alpha, inner = _edge(image, mask)
    edited = (srgb(mix(to_light(plate), inner, alpha)) * 255 + 0.5).astype(np.uint8)
    return np.where((alpha == 0)[..., None], plate, edited)


def _foot(mask: Array) -> float:
    """Where the object ends below, as a fraction of the height."""
    return (int(np.flatnonzero(mask.any(1))[-1]) + 1) / int(mask.shape[0])


def _scene(shape: tuple[int, ...], mask: Array, name: str, rng: np.random.Generator) -> Scene:
    """Render the scene with its ground where the object stands; of large photos at a bounded size."""
    height, width = shape[:2]
    factor = min(1.0, _LARGEST / max(height, width))
    size = max(_SMALLEST, round(height * factor)), max(_SMALLEST, round(width * factor))
    foot = _foot(mask)
    above = float(rng.uniform(0.14, 0.30))
    # The horizon lies above the feet; how far decides from how high the camera looks down.
    horizon = 0.38 + above if touches_bottom(mask) else float(np.clip(foot - above, 0.22, 0.72))
    scene = render_scene(name, *size, rng, horizon=horizon, focus=min(foot, 0.97))
    if size == (height, width):
        return scene
    image = cv2.resize(scene.image, (width, height), interpolation=cv2.INTER_CUBIC)
    return Scene(np.maximum(image, 0), scene.light, scene.horizon)


def _edge(image: Array, mask: Array) -> tuple[Array, Array]:
    """Share of the object in each pixel (H, W), and its colours (H, W, 3) linear without the old background's."""
    scale = edge_scale(*mask.shape)
    signed = signed_depth(mask)
    alpha = edge_share(image, signed, scale)
    light = to_light(image)
    inner_color, found = spread(light, (signed > EDGE * scale).astype(np.float32), 1.5 * scale)
    # Where the pixel is not wholly the object's its colour comes from further inside; parts too thin for that keep it.
    foreign = (1 - smoothstep(0.75, 1.0, alpha)) * smoothstep(0.02, 0.1, found)
    return alpha, mix(light, inner_color, foreign)
