"""Laying a synthesised material over an object so that it follows the body, its light and its wrinkles."""

from collections.abc import Sequence

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.color import lay_over
from varireal.editors.colors import NamedColor
from varireal.editors.cutout import Cutout, cut_out, to_light
from varireal.editors.layers import Layers, kept_parts, take_apart
from varireal.editors.relief import Relief, raise_relief
from varireal.rendering.materials import Material
from varireal.rendering.noise import field, sample
from varireal.rendering.shading import blur, luminance, mix, smoothstep, tone

_KEEP = 0.92
_SMALLEST_REPEAT = 9.0
_DRAWN_AREA = 420 * 420
_LOOKS_NEUTRAL = 0.2


def retexture(
    image: Array, mask: Array, material: Material, colors: Sequence[NamedColor], rng: np.random.Generator
) -> Array:
    """Make the object of another material.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        material: what to make it of.
        colors: colours that replace the material's own, may be empty.
        rng: turns and shifts the pattern.

    Returns:
        (H, W, 3) uint8; outside the mask the pixels are the photo's.
    """
    cut = cut_out(image, mask)
    layers = take_apart(cut)
    relief = raise_relief(cut, layers.base)
    turn = float(rng.uniform(-0.12, 0.12) if material.upright else rng.uniform(-0.6, 0.6))
    albedo, slope = _draw(cut, relief, material, [color.rgb for color in colors], turn, rng)
    surface = _lit(layers, relief, material, albedo, slope) * _exposure(image)
    return lay_over(image, cut, tone(surface), cut.alpha * (1 - _KEEP * kept_parts(cut, layers)))


def _draw(
    cut: Cutout,
    relief: Relief,
    material: Material,
    colors: Sequence[tuple[float, float, float]],
    turn: float,
    rng: np.random.Generator,
) -> tuple[Array, tuple[Array, Array]]:
    """Albedo (h, w, 3) and the slope of the height field (right, down), drawn finer and averaged down."""
    # On a small object fewer repeats, so that each one keeps enough pixels to be seen.
    zoom = min(1.25, cut.size / (material.repeats * _SMALLEST_REPEAT))
    u = (relief.u * np.cos(turn) - relief.v * np.sin(turn)) * zoom
    v = (relief.u * np.sin(turn) + relief.v * np.cos(turn)) * zoom
    height, width = cut.mask.shape
    finer = 2 if 4 * height * width <= _DRAWN_AREA else 1
    if finer > 1:
        large = (width * finer, height * finer)
        u, v = (cv2.resize(axis.astype(np.float32), large, interpolation=cv2.INTER_LINEAR) for axis in (u, v))
    albedo, relief_height = material.draw(u, v, rng, colors)
    if finer > 1:
        albedo, relief_height = (
            cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA) for layer in (albedo, relief_height)
        )
    soft = blur(relief_height, 0.4)
    repeat = cut.size / (material.repeats * zoom)
    if min(height, width) < 2:
        return albedo, (np.zeros_like(soft), np.zeros_like(soft))
    down, right = np.gradient(soft)
    return albedo, (right * repeat * 0.22 * material.relief, down * repeat * 0.22 * material.relief)


def _lit(layers: Layers, relief: Relief, material: Material, albedo: Array, slope: tuple[Array, Array]) -> Array:
    """The material in the photo's light, (h, w, 3) linear RGB."""
    shade = _shading(layers)
    toward = relief.right * relief.light[0] + relief.down * relief.light[1]
    bump = np.clip(1 - slope[0] * relief.light[0] - slope[1] * relief.light[1], 0.4, 1.7)
    diffuse = shade * bump * np.clip(1 + 0.28 * toward, 0.6, 1.35)
    surface = albedo * diffuse[..., None]
    if material.mirror:
        reflected = _surroundings(relief, slope, layers.detail) * np.clip(shade, 0.5, 1.4)
        surface = mix(surface, np.minimum(albedo, 1) * reflected[..., None], material.mirror)
    if material.gloss:
        highlight = _highlight(relief, slope) + 0.5 * smoothstep(1.3, 2.2, shade)
        surface = surface + (0.55 * material.gloss * highlight)[..., None]
    glow = smoothstep(1.0, 1.4, albedo.max(-1))
    return mix(surface, albedo * 0.8, glow)


def _shading(layers: Layers) -> Array:
    """Light on each pixel relative to the object's middle, from the photo, (h, w).

    Lightness is a cube root of light. What the photo's object has in different colours must not show through the
    new material as deep shadow, so the range is bounded.
    """
    stops = 3 * np.log(np.maximum(layers.base, 0.04) / max(layers.middle, 0.04))
    brightest = 3 * np.log(max(layers.high, 0.05) / max(layers.middle, 0.04))
    darkest = 3 * np.log(max(layers.middle, 0.05) / max(layers.low, 0.04))
    up, down = min(0.9, 0.55 / max(brightest, 0.05)), min(0.9, 0.95 / max(darkest, 0.05))
    relative = np.clip(layers.detail / np.maximum(layers.base, 0.15), -0.35, 0.35)
    shade: Array = np.exp(np.clip(stops * np.where(stops > 0, up, down), -2, 1.2) + 1.5 * relative)
    return shade.astype(np.float32)


def _highlight(relief: Relief, slope: tuple[Array, Array]) -> Array:
    """Blinn's highlight on the raised and bumped surface, (h, w) in 0..1."""
    right, down = relief.right - 0.5 * slope[0], relief.down - 0.5 * slope[1]
    out = np.sqrt(np.maximum(1 - np.minimum(right**2 + down**2, 0.98), 0.02))
    half = np.array([relief.light[0] * 0.55, relief.light[1] * 0.55, 1.0])
    half /= np.linalg.norm(half)
    facing = np.clip(right * half[0] + down * half[1] + out * half[2], 0, 1)
    shine: Array = facing**60
    return shine


def _surroundings(relief: Relief, slope: tuple[Array, Array], detail: Array) -> Array:
    """What a mirror shows, (h, w): bright sky above, a dark line at the horizon, ground that brightens below.

    Fine detail of the photo's lightness is taken for tilt, so that fur and folds stay visible in the reflections.
    """
    wobble = 0.05 * sample(field("smooth"), relief.u * 1.1, relief.v * 1.1)
    up = 0.8 * slope[1] - 1.25 * relief.down + wobble + 1.6 * detail + 0.2 * relief.right * np.sign(relief.light[0])
    sky = 0.50 + 0.80 * smoothstep(0.85, 0.10, up)
    ground = 0.07 + 0.50 * smoothstep(-0.08, -0.8, up)
    return mix(ground, sky, smoothstep(-0.12, 0.10, up))


def _exposure(image: Array) -> float:
    """How bright the photo was taken: a mean of 0.2 in linear light is ordinary."""
    step = max(1, min(image.shape[:2]) // 64)
    mean = float(luminance(to_light(image[::step, ::step])).mean())
    return float(np.clip((mean / _LOOKS_NEUTRAL) ** 0.5, 0.6, 1.3))
