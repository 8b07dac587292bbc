"""The object in its photo: bounding box, edge, and the object's colours freed from the background's."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.editors.shading import blur, linear, mix, smoothstep, srgb
from varireal.records import Array

_CODES_TO_LIGHT = linear(np.arange(256, dtype=np.float32) / 255)
EDGE = 1.5
"""Half the width of the band along an outline in which pixels may be mixed, in pixels at 256 x 256."""
_SIDE = 256


@dataclass(frozen=True, slots=True)
class ObjectCutout:
    """The object's bounding box with a margin; all arrays are of its size (h, w).

    Attributes:
        rows: rows of the photo that the box covers.
        columns: columns of the photo that the box covers.
        mask: (h, w) bool, True on the object.
        light: (h, w, 3) the photo in linear RGB.
        inner: (h, w, 3) the photo with the colours at the object's rim replaced by those further inside, so that
            they no longer hold the background's.
        depth: (h, w) distance in pixels from the nearest pixel outside the object, 0 outside.
        alpha: (h, w) share of the object in each pixel of the mask, below 1 at its edge; 0 outside.
        size: the object's size in pixels: geometric mean of the longer side and the mean side of its box.
        scale: pixels of this photo per pixel of a photo of about 256 x 256.
    """

    rows: slice
    columns: slice
    mask: Array
    light: Array
    inner: Array
    depth: Array
    alpha: Array
    size: float
    scale: float


def to_light(image: Array) -> Array:
    """Decode (..., 3) uint8 sRGB to linear RGB float32."""
    return _CODES_TO_LIGHT[image]


def edge_scale(height: int, width: int) -> float:
    """Pixels of a photo per pixel of a 256 x 256 one, at least 0.75: how wide its edges are."""
    return max(0.75, float(np.sqrt(height * width)) / _SIDE)


def cut_out(image: Array, mask: Array) -> ObjectCutout:
    """Cut the object of ``mask`` (H, W) bool out of ``image`` (H, W, 3) uint8; the mask must not be empty."""
    filled_rows, filled_columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    scale = edge_scale(*mask.shape)
    margin = int(np.ceil(3 * scale)) + 1
    rows = slice(max(0, int(filled_rows[0]) - margin), int(filled_rows[-1]) + 1 + margin)
    columns = slice(max(0, int(filled_columns[0]) - margin), int(filled_columns[-1]) + 1 + margin)
    sides = (filled_rows[-1] - filled_rows[0] + 1, filled_columns[-1] - filled_columns[0] + 1)
    box = np.ascontiguousarray(mask[rows, columns])
    light = to_light(image[rows, columns])
    depth = depth_inside(box)
    alpha = edge_share(image[rows, columns], signed_depth(box), scale)
    return ObjectCutout(
        rows=rows,
        columns=columns,
        mask=box,
        light=light,
        inner=_without_rim(light, depth, scale),
        depth=depth,
        alpha=np.where(box, alpha, 0).astype(np.float32),
        size=float(np.sqrt(max(sides) * (sides[0] + sides[1]) / 2)),
        scale=scale,
    )


def depth_inside(mask: Array) -> Array:
    """Distance in pixels from the nearest False pixel, (H, W) float32; the picture's border is no edge."""
    if mask.all():
        return np.full(mask.shape, float(max(mask.shape)), np.float32)
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)


def signed_depth(mask: Array) -> Array:
    """Distance in pixels from the outline, (H, W): positive inside, negative outside."""
    return np.where(mask, depth_inside(mask) - 0.5, 0.5 - depth_inside(~mask))


def edge_share(image: Array, signed: Array, scale: float) -> Array:
    """Share of the object in each pixel, (H, W) float32 in 0..1.

    In a band along the outline it is where the pixel's colour lies between the object's and the background's colours
    nearby, as far as these differ; elsewhere, and where they do not, a ramp across the outline.

    Args:
        image: (H, W, 3) uint8.
        signed: (H, W) from ``signed_depth``.
        scale: from ``edge_scale``.
    """
    ramp = np.clip(0.5 + signed / (1.7 * scale), 0, 1)
    seen = image.astype(np.float32) / 255
    core, far = (signed > EDGE * scale).astype(np.float32), (signed < -2.0 * scale).astype(np.float32)
    object_color, object_found = spread(seen, core, 1.5 * scale)
    behind_color, behind_found = spread(seen, far, 2.0 * scale)
    difference = object_color - behind_color
    apart = (difference**2).sum(-1)
    measured = np.clip(((seen - behind_color) * difference).sum(-1) / np.maximum(apart, 1e-4), 0, 1)
    trust = 0.75 * smoothstep(0.015, 0.08, apart) * smoothstep(0.01, 0.05, np.minimum(object_found, behind_found))
    band = np.abs(signed) <= EDGE * scale
    return np.where(band, mix(ramp, measured, trust), ramp).astype(np.float32)


def spread(values: Array, weight: Array, sigma: float) -> tuple[Array, Array]:
    """Mean of the values (H, W) or (H, W, C) around each pixel by weight (H, W), and the weight found there."""
    total = blur(weight.astype(np.float32), sigma)
    weighted = values * (weight if values.ndim == 2 else weight[..., None])
    summed = blur(weighted.astype(np.float32), sigma)
    divisor = np.maximum(total, 1e-6)
    return (summed / (divisor if values.ndim == 2 else divisor[..., None])).astype(np.float32), total


def _without_rim(light: Array, depth: Array, scale: float) -> Array:
    """Continue the colours of the inside to the rim; parts that are rim only (legs, whiskers) stay as they are."""
    core = (depth > 1.8 * scale).astype(np.float32)
    inside, weight = spread(light, core, 1.2 * scale)
    rim = (1 - smoothstep(1.2 * scale, 2.4 * scale, depth)) * smoothstep(0.02, 0.12, weight)
    return mix(light, inside, rim)


def background_region(mask: Array) -> Array:
    """Pixels (H, W) bool that a background edit may change: all but the sure inside of the object."""
    return depth_inside(mask) <= EDGE * edge_scale(*mask.shape)


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


def _edge(image: Array, mask: Array) -> tuple[Array, Array]:
    """Share of the object in each pixel (H, W), and its colours (H, W, 3) linear without the old background's."""
    scale = edge_scale(*mask.shape)
    signed = signed_depth(mask)
    alpha = edge_share(image, signed, scale)
    light = to_light(image)
    inner_color, weight = spread(light, (signed > EDGE * scale).astype(np.float32), 1.5 * scale)
    # Where the pixel is not wholly the object's its colour comes from further inside; parts too thin for that keep it.
    foreign = (1 - smoothstep(0.75, 1.0, alpha)) * smoothstep(0.02, 0.1, weight)
    return alpha, mix(light, inner_color, foreign)


_REACH = 3  # pixels around the mask that are filled too, as they hold some of the object


def recompose(image: Array, mask: Array) -> Array:
    """Put the object back onto its own background, whose hole was filled from around it.

    This is the identity edit, a control and no attribute.

    What differs from the photo is what any recomposition does at the outline; colour, texture and place do not.

    Args:
        image: (H, W, 3) uint8 sRGB photo.
        mask: (H, W) bool, not empty.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    cut = cut_out(image, mask)
    hole = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=_REACH)
    filled = to_light(cv2.inpaint(image, hole, _REACH, cv2.INPAINT_TELEA))
    result = image.copy()
    box = result[cut.rows, cut.columns]
    share = cut.alpha[..., None]
    mixed = share * cut.inner + (1 - share) * filled[cut.rows, cut.columns]
    rim = cut.mask & (cut.alpha < 1)
    box[rim] = (np.clip(srgb(mixed), 0, 1)[rim] * 255 + 0.5).astype(np.uint8)
    return result
