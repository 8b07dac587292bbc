"""Recolouring an object in OKLab: its shading, highlights and fine structure stay, the pigment changes."""

import numpy as np

from varireal.arrays import Array
from varireal.editors.colors import MATTE, METALLIC, NEON, NamedColor
from varireal.editors.cutout import Cutout, cut_out
from varireal.editors.layers import Layers, kept_parts, take_apart
from varireal.rendering import oklab
from varireal.rendering.shading import smoothstep, srgb

# The darkest and lightest pigments: real black fur and white paint still show their shading.
_DARKEST, _LIGHTEST = 0.21, 0.935
_KEEP = 0.92


def recolor(image: Array, mask: Array, color: NamedColor, rng: np.random.Generator) -> Array:
    """Paint the object.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, not empty.
        color: what to paint it with.
        rng: moves the pigment a little, as no two coats of one colour are equal; a new attempt is another picture.

    Returns:
        (H, W, 3) uint8; outside the mask the pixels are the photo's.
    """
    cut = cut_out(image, mask)
    layers = take_apart(cut)
    painted = np.clip(oklab.to_linear(oklab.fit_gamut(_paint(layers, color, rng))), 0, 1)
    weight = cut.alpha * (1 - _KEEP * kept_parts(cut, layers))
    return lay_over(image, cut, painted, weight)


def lay_over(image: Array, cut: Cutout, surface: Array, weight: Array) -> Array:
    """Exchange the object's surface and keep what else shines through its edge pixels.

    A pixel at the edge is ``a * object + (1 - a) * background``; with the new surface it is the old pixel plus
    ``a * (new - old object)``, so neither the background nor its share has to be known.

    Args:
        image: (H, W, 3) uint8 photo.
        cut: its object.
        surface: (h, w, 3) the new surface, linear RGB, in the object's box.
        weight: (h, w) the share ``a``.

    Returns:
        (H, W, 3) uint8, a new array; pixels outside the mask are those of the photo.
    """
    mixed = cut.light + weight[..., None] * (surface - cut.inner)
    result = image.copy()
    box = result[cut.rows, cut.columns]
    box[cut.mask] = (srgb(mixed)[cut.mask] * 255 + 0.5).astype(np.uint8)
    return result


def _paint(layers: Layers, color: NamedColor, rng: np.random.Generator) -> Array:
    """OKLab of the object in another colour, (h, w, 3)."""
    target = oklab.from_srgb(color.rgb) * _pigment(rng)
    middle = float(np.clip(target[0], _DARKEST, _LIGHTEST))
    lightness = _lightness(layers, target, middle, color.finish)
    chroma = _chroma_share(lightness, middle, color.finish)
    # A little of the object's own variation of colour keeps the paint from looking flat.
    own = layers.lab[..., 1:] - np.median(layers.lab[..., 1:].reshape(-1, 2), axis=0)
    shades = target[1:] * chroma[..., None] + 0.06 * own
    return np.concatenate([lightness[..., None], shades], -1).astype(np.float32)


def _pigment(rng: np.random.Generator) -> Array:
    """Factors of lightness and chroma, within what still goes by the same name."""
    return np.array([rng.uniform(0.97, 1.03), *[rng.uniform(0.93, 1.05)] * 2], np.float32)


def _lightness(layers: Layers, target: Array, middle: float, finish: str) -> Array:
    """Lightness of the painted object: its base moved to ``middle``, steps between its parts made to fit."""
    contrast = {METALLIC: 1.35, NEON: 0.9, MATTE: 0.8}.get(finish, 1.0)
    # A strong colour has no light version: its highlights stay closer to it than those of a grey.
    vivid = min(1.0, float(np.hypot(*target[1:])) / 0.25)
    room_up = (
        contrast
        * min(0.28, 0.9 * (1 - middle), 0.05 + 0.65 * middle)
        * (1 - (0.75 if finish == NEON else 0.4) * vivid)
    )
    # White paint hides dark parts: its own shadows are shallow.
    room_down = contrast * min(0.30, 0.62 * middle, 1.15 - middle)
    # An object of several colours has a wide base: it is compressed, as paint would hide the difference.
    up = min(1.15 * contrast, room_up / max(layers.high - layers.middle, 0.02))
    down = min(1.15 * contrast, room_down / max(layers.middle - layers.low, 0.02))
    offset = layers.base - layers.middle
    base = middle + offset * np.where(offset > 0, up, down)
    # In OKLab equal steps look equal; on a lighter paint the same relief makes a somewhat larger step.
    gain = np.clip(np.sqrt(np.maximum(base, 0.1) / np.maximum(layers.base, 0.12)), 0.75, 1.45)
    lightness = base + layers.detail * gain
    shine = _shine(layers) * (0.25 if finish == MATTE else 1.0)
    if finish == METALLIC:
        shine = np.maximum(shine, 0.55 * smoothstep(0.55, 1.0, offset / max(layers.high - layers.middle, 0.02)))
    lightness = lightness + shine * np.maximum(0.97 - lightness, 0)
    limited: Array = np.clip(lightness, 0.02, 0.995).astype(np.float32)
    return limited


def _shine(layers: Layers) -> Array:
    """Where the photo shows the lamp rather than the object: nearly white spots on an object that is darker."""
    lightness = layers.lab[..., 0]
    colorless = smoothstep(0.06, 0.02, np.linalg.norm(layers.lab[..., 1:], axis=-1))
    return 0.75 * smoothstep(0.90, 0.97, lightness) * smoothstep(0.14, 0.24, lightness - layers.middle) * colorless


def _chroma_share(lightness: Array, middle: float, finish: str) -> Array:
    """Share of the pigment's chroma at each lightness.

    In less light a pigment keeps its chromaticity, and OKLab chroma is then proportional to lightness (both are cube
    roots of light); towards white the highlight's colour takes over.
    """
    shadow = lightness / middle
    if finish == NEON:
        shadow = np.sqrt(shadow)
    fade = 0.35 if finish == NEON else 0.9
    highlight = 1 - fade * np.clip((lightness - middle) / max(1.0 - middle, 0.05), 0, 1) ** 1.4
    share: Array = np.where(lightness < middle, shadow, highlight)
    return share
