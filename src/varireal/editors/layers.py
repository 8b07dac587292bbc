"""Taking a picture of an object apart: shading and surface detail, and the parts that an edit leaves alone."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.cutout import Cutout
from varireal.rendering import oklab
from varireal.rendering.shading import blur, smoothstep

_BINS, _REACH = 56, 0.42
_SPOT_SIDE = 256
_MIDDLE = 0.6
_MOST_LIMBS, _LEAST_LIMB = 40, 0.003
_OTHER_COLOR, _OTHER_LIGHTNESS = 0.08, 0.30


@dataclass(frozen=True, slots=True)
class Layers:
    """The object in OKLab, taken apart.

    Attributes:
        lab: (h, w, 3) OKLab of the object's own colours.
        base: (h, w) lightness without fine detail; steps between differently coloured parts stay.
        detail: (h, w) lightness less ``base``: fur, feathers, wrinkles.
        middle: median of ``base`` on the object.
        low: 4th percentile of ``base``.
        high: 96th percentile of ``base``.
    """

    lab: Array
    base: Array
    detail: Array
    middle: float
    low: float
    high: float


def take_apart(cut: Cutout) -> Layers:
    """Split the object's lightness into base and detail.

    The base is a guided filter of the lightness by itself (He, Sun and Tang, "Guided image filtering", 2010), with
    box means taken over the object only, so that the surroundings have no influence.
    """
    lab = oklab.from_linear(cut.inner)
    lightness = lab[..., 0]
    radius = max(1, round(0.05 * cut.size))
    weight = cut.mask.astype(np.float32)
    mean, squares = _box(lightness, weight, radius), _box(lightness * lightness, weight, radius)
    variance = np.maximum(squares - mean * mean, 0)
    slope = variance / (variance + 0.07**2)
    base = _box(slope, weight, radius) * lightness + _box(mean * (1 - slope), weight, radius)
    low, middle, high = (float(q) for q in np.percentile(base[cut.mask], (4, 50, 96)))
    return Layers(lab, base, lightness - base, middle, low, high)


def _box(values: Array, weight: Array, radius: int) -> Array:
    size = (2 * radius + 1, 2 * radius + 1)
    total = cv2.boxFilter(weight, -1, size, borderType=cv2.BORDER_REFLECT)
    mean: Array = cv2.boxFilter(values * weight, -1, size, borderType=cv2.BORDER_REFLECT) / np.maximum(total, 1e-6)
    return mean


def kept_parts(cut: Cutout, layers: Layers) -> Array:
    """How much each pixel is to be left as it is, (h, w) in 0..1.

    Kept are small dark parts in lighter surroundings (eyes, nostrils) and small parts of a colour that is rare on
    the object and far from its usual one (tongue, speculum, lamps, and background that a rough mask let in), and
    thin parts of another colour than the body (legs, beaks, aerials).
    """
    colors = _even_colors(layers.lab)
    kept = np.maximum(_dark_spots(cut, layers), _rare_colors(cut, colors))
    kept = np.maximum(kept, _other_limbs(cut, layers, colors))
    # Between kept and changed lies a mixture of two pigments, which no object has: the step is kept short.
    return smoothstep(0.25, 0.75, blur(kept, 0.7 * cut.scale)) * cut.mask


def _dark_spots(cut: Cutout, layers: Layers) -> Array:
    """Dark parts narrower than about a tenth of the object, found by a morphological closing."""
    lightness = np.where(cut.mask, layers.lab[..., 0], layers.middle).astype(np.float32)
    height, width = lightness.shape
    # The cost of a closing grows with the square of the kernel: large objects are looked at from farther away.
    factor = min(1.0, _SPOT_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA)
    reach = max(3, int(0.09 * cut.size * factor) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    closed = cv2.resize(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), (width, height))
    hollow = closed - lightness
    return smoothstep(0.16, 0.30, hollow) * smoothstep(0.42, 0.28, lightness)


def _even_colors(lab: Array) -> Array:
    """The two colour axes over lightness, (h, w, 2): a leg has the same place in the light and in the shade."""
    even: Array = lab[..., 1:] * (_MIDDLE / np.maximum(lab[..., :1], 0.5 * _MIDDLE))
    return even


def _rare_colors(cut: Cutout, colors: Array) -> Array:
    """Colours of which the object has little: mass of similar colours in a histogram of the two colour axes."""
    place = np.clip((colors / _REACH + 1) * (_BINS / 2), 0, _BINS - 1).astype(np.int64)
    flat = place[..., 0] * _BINS + place[..., 1]
    counts = np.bincount(flat[cut.mask], minlength=_BINS * _BINS).reshape(_BINS, _BINS).astype(np.float32)
    # Seven bins are 0.105 wide: the colours that look alike.
    mass = cv2.boxFilter(counts, -1, (7, 7), normalize=False, borderType=cv2.BORDER_CONSTANT) / counts.sum()
    usual = np.median(colors[cut.mask], axis=0)
    far = smoothstep(0.085, 0.13, np.linalg.norm(colors - usual, axis=-1))
    return smoothstep(0.10, 0.07, mass.reshape(-1)[flat]) * far


def _other_limbs(cut: Cutout, layers: Layers, colors: Array) -> Array:
    """Parts that an opening of the mask takes away and that differ from the rest in colour or much in lightness."""
    radius = 0.055 * cut.size
    body = cut.mask & (cut.depth > radius)
    if not body.any():
        return np.zeros(cut.mask.shape, np.float32)
    near = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5) <= 1.25 * radius + 1
    count, parts = cv2.connectedComponents((cut.mask & ~near).astype(np.uint8))
    usual, usual_lightness = np.median(colors[body], axis=0), float(np.median(layers.lab[..., 0][body]))
    kept = np.zeros(cut.mask.shape, np.float32)
    for number in range(1, min(count, _MOST_LIMBS)):
        part = parts == number
        if part.sum() < _LEAST_LIMB * cut.mask.sum():
            continue
        away = float(np.linalg.norm(np.median(colors[part], axis=0) - usual))
        darker = abs(float(np.median(layers.lab[..., 0][part])) - usual_lightness)
        if away > _OTHER_COLOR or darker > _OTHER_LIGHTNESS:
            # The part is cut off short of the body: it is continued as far as its colour goes.
            joined = cv2.dilate(part.astype(np.uint8), _disc(0.9 * radius + 1)).astype(bool) & cut.mask & ~body
            similar = np.linalg.norm(colors - np.median(colors[part], axis=0), axis=-1) < 0.7 * max(away, 0.1)
            kept[part | (joined & similar)] = 1
    return kept


def _disc(radius: float) -> Array:
    side = 2 * max(1, round(radius)) + 1
    disc: Array = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return disc
