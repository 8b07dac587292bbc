"""Receipts: what is measured on every candidate, without a model.

Most defects of an edit can be measured: nothing changed, something changed outside, the border shows, the object is
lost in its new scene, the colour is another one, the drawing of the object is gone. A field is None where it has no
meaning.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import skimage  # loads its parts, and scipy, when they are used: every stage reads the names of the measures

from varireal.arrays import Array
from varireal.metrics.silhouette import silhouette_iou

RECEIPT_FIELDS: dict[str, str] = {
    "changed_fraction": "share of the edited region whose pixels changed by more than 8 of 255 levels, 0..1",
    "leak_max": "largest change of a pixel outside the edited region, in levels of 255",
    "leak_mean": "mean change of the pixels outside the edited region, in levels of 255",
    "seam_score": "share of the region's border with an edge that the photo did not have there, 0..1",
    "silhouette_iou": "overlap of the object found again in the edit with its mask, 0..1; background edits only",
    "color_distance": "CIEDE2000 distance (lightness weighted by half) from the asked colour; colour edits only",
    "hue_distance": "distance from the asked hue in degrees, 0..180; colour edits towards a colour that has a hue",
    "edge_ssim": "similarity (SSIM) of the object's edges before and after, -1..1; colour and texture edits only",
}

_VISIBLE = 8  # levels of 255; smaller changes are within what JPEG or noise does
_NEW_EDGE = 26  # levels of 255 over 3 pixels: an edge that the eye sees without looking for it
_EDGE_GAIN = 1.6  # a new edge also exceeds what the photo had nearby by this factor
_HAS_HUE = 12.0  # CIELAB chroma below which a colour counts as grey
_SMALLEST_SSIM = 7  # side in pixels of the SSIM window


@dataclass(frozen=True, slots=True)
class Receipt:
    """Measures of one candidate; the fields are those of ``RECEIPT_FIELDS``."""

    changed_fraction: float | None
    leak_max: float | None
    leak_mean: float | None
    seam_score: float | None
    silhouette_iou: float | None = None
    color_distance: float | None = None
    hue_distance: float | None = None
    edge_ssim: float | None = None


def measure(
    original: Array,
    edited: Array,
    mask: Array,
    region: Array,
    *,
    attribute: str,
    target_rgb: tuple[float, float, float] | None,
) -> Receipt:
    """Measure a candidate.

    Args:
        original: (H, W, 3) uint8 photo.
        edited: (H, W, 3) uint8 candidate.
        mask: (H, W) bool, the object.
        region: (H, W) bool, where the edit was allowed to change pixels.
        attribute: background, color or texture.
        target_rgb: sRGB colour in 0..1 that a colour edit aimed at.
    """
    change = cv2.absdiff(original, edited).max(-1)
    inside, outside = change[region], change[~region]
    color_distance, hue_distance = None, None
    if attribute == "color" and target_rgb is not None and mask.any():
        color_distance, hue_distance = color_distances(edited, mask, target_rgb)
    on_object = attribute in ("color", "texture")
    return Receipt(
        changed_fraction=float((inside > _VISIBLE).mean()) if inside.size else None,
        leak_max=float(outside.max()) if outside.size else 0.0,
        leak_mean=float(outside.mean()) if outside.size else 0.0,
        seam_score=seam_score(original, edited, region),
        silhouette_iou=silhouette_iou(edited, mask) if attribute == "background" else None,
        color_distance=color_distance,
        hue_distance=hue_distance,
        edge_ssim=edge_ssim(original, edited, mask) if on_object else None,
    )


def _edges(image: Array) -> Array:
    """Morphological gradient over 3 x 3 pixels, largest channel: (H, W) uint8."""
    strength: Array = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(-1)
    return strength


def seam_score(original: Array, edited: Array, region: Array) -> float | None:
    """Share of the region's border, 0..1, where the edit has an edge and the photo had none within 2 pixels.

    The border of a good mask lies on the object's contour, where the photo has an edge of its own; a border that cuts
    through a surface, or a pasted part, makes edges where there were none. None when the region has no border.
    """
    inner = region.astype(np.uint8)
    border = cv2.morphologyEx(inner, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(bool)
    if not border.any():
        return None
    nearby = cv2.dilate(_edges(original), np.ones((5, 5), np.uint8))[border].astype(np.float32)
    now = _edges(edited)[border].astype(np.float32)
    return float(((now > _NEW_EDGE) & (now > _EDGE_GAIN * nearby)).mean())


def color_distances(edited: Array, mask: Array, target_rgb: tuple[float, float, float]) -> tuple[float, float | None]:
    """CIEDE2000 and hue distance between the asked colour and the object's.

    The object's colour is the median of its middle half by lightness: highlights and shadows have other colours by
    right. Lightness counts half (kL = 2), because shading moves it.
    """
    pixels = skimage.color.rgb2lab(edited[mask][None] / 255.0)[0]
    low, high = np.percentile(pixels[:, 0], [25, 75])
    middle = pixels[(pixels[:, 0] >= low) & (pixels[:, 0] <= high)]
    found = np.median(middle, 0)
    asked = skimage.color.rgb2lab(np.array(target_rgb)[None, None])[0, 0]
    distance = float(skimage.color.deltaE_ciede2000(asked, found, kL=2))
    if np.hypot(*asked[1:]) < _HAS_HUE:
        return distance, None
    turn = np.degrees(np.arctan2(asked[2], asked[1]) - np.arctan2(found[2], found[1]))
    return distance, float(abs((turn + 180) % 360 - 180))


def edge_ssim(original: Array, edited: Array, mask: Array) -> float | None:
    """Mean SSIM (Wang et al. 2004) inside the object between the edge maps of photo and edit, each scaled to 1.

    None when the object's box is smaller than the window of the measure.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if min(mask[box].shape) < _SMALLEST_SSIM:
        return None
    maps = [_drawing(image[box]) for image in (original, edited)]
    similarity: Array = skimage.metrics.structural_similarity(
        *maps, win_size=_SMALLEST_SSIM, data_range=1.0, full=True
    )[1]
    return float(similarity[mask[box]].mean())


def _drawing(image: Array) -> Array:
    """Edge strength of the lightness, scaled so that its 98th percentile is 1: contrast alone does not count."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    drawing: Array = np.clip(strength / max(float(np.percentile(strength, 98)), 1.0), 0, 1)
    return drawing
