"""Whether a mask is usable, and small helpers on masks: box, smoothing, storage."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from varireal.errors import DataError
from varireal.names import MaskStatus
from varireal.records import Array


def refine_mask(mask: Array, how: str) -> Array:
    """A cleaned (H, W) bool mask; an empty one stays empty.

    Args:
        mask: (H, W) bool.
        how: ``none``; ``largest``, the largest 8-connected part; ``fill``, the area inside of the outer contour that
            encloses the largest area, which is the published refinement.
    """
    if how == "none" or not mask.any():
        return mask
    return _filled(mask) if how == "fill" else _largest(mask)


def _largest(mask: Array) -> Array:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:count, cv2.CC_STAT_AREA])))


def _filled(mask: Array) -> Array:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return mask
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, [max(contours, key=cv2.contourArea)], 0, 1, cv2.FILLED)
    return filled.astype(bool)


_PART_SHARE = 0.02  # a part below this share of the object's area is a speck and does not count


@dataclass(frozen=True, slots=True)
class MaskLimits:
    """When a mask is not usable; all shares are in 0..1.

    Attributes:
        min_area: smallest share of the image that the object may cover.
        max_area: largest share of the image that the object may cover.
        max_parts: largest number of separate parts; parts up to 2 % of the object's area do not count.
        max_border: largest share of the image's border pixels that the object may cover.
    """

    min_area: float = 0.01
    max_area: float = 0.90
    max_parts: int = 3
    max_border: float = 0.35


def check_mask(mask: Array, limits: MaskLimits) -> tuple[MaskStatus, str]:
    """Say whether a mask is usable.

    Args:
        mask: (H, W) bool, True on the object.
        limits: the bounds.

    Returns:
        The first status that applies, in the order empty, tiny, whole image, touches border, many parts, ok; and one
        sentence with the numbers, empty when ok.
    """
    area = area_fraction(mask)
    if not mask.any():
        return MaskStatus.EMPTY, "The mask has no object pixel."
    if area < limits.min_area:
        text = f"The object covers {_percent(area)} of the image, less than the {_percent(limits.min_area)} required."
        return MaskStatus.TINY, text
    if area > limits.max_area:
        text = f"The object covers {_percent(area)} of the image, more than the {_percent(limits.max_area)} allowed."
        return MaskStatus.WHOLE_IMAGE, text
    border = border_fraction(mask)
    if border > limits.max_border:
        text = (
            f"The object covers {_percent(border)} of the image's border, "
            f"more than the {_percent(limits.max_border)} allowed."
        )
        return MaskStatus.TOUCHES_BORDER, text
    parts = count_parts(mask)
    if parts > limits.max_parts:
        text = f"The object is in {parts} separate parts, more than the {limits.max_parts} allowed."
        return MaskStatus.MANY_PARTS, text
    return MaskStatus.OK, ""


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def area_fraction(mask: Array) -> float:
    """Return the share of the image, 0..1, that an (H, W) bool mask covers; 0 for an image without pixels."""
    return float(mask.mean()) if mask.size else 0.0


def border_fraction(mask: Array) -> float:
    """Return the share, 0..1, of the outermost ring of pixels that an (H, W) bool mask covers."""
    ring = np.ones(mask.shape, bool)
    ring[1:-1, 1:-1] = False
    return float(mask[ring].mean()) if mask.size else 0.0


def count_parts(mask: Array) -> int:
    """Return the number of 8-connected parts of an (H, W) bool mask above 2 % of its area."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    return int((areas > _PART_SHARE * areas.sum()).sum())


def bounding_box(mask: Array) -> tuple[int, int, int, int]:
    """Return the box of an (H, W) bool mask as (x, y, width, height) in pixels; (0, 0, 0, 0) for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    top, left = int(rows[0]), int(columns[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


def smooth_mask(mask: Array, radius_px: float) -> Array:
    """Return an (H, W) bool mask with a smoother outline.

    The mask is blurred and cut at one half. Where that would erase a thin part (a leg, a mast: pixels that an
    opening by the same radius removes), the original pixels stay, so that no part vanishes.

    Args:
        mask: (H, W) bool.
        radius_px: standard deviation of the blur; 0 or less returns a copy.
    """
    if radius_px <= 0 or not mask.any():
        return mask.astype(bool)
    source = mask.astype(np.uint8)
    smooth = cv2.GaussianBlur(source.astype(np.float32), (0, 0), radius_px, borderType=cv2.BORDER_REPLICATE) > 0.5
    size = 2 * max(1, round(radius_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    thick = cv2.dilate(cv2.morphologyEx(source, cv2.MORPH_OPEN, disc), disc)
    return np.asarray(smooth | (mask.astype(bool) & (thick == 0)))


def encode_mask(mask: Array) -> bytes:
    """Return an (H, W) bool mask as the bytes of a 1-bit PNG; the same mask gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(bool)).save(buffer, "PNG")
    return buffer.getvalue()


def decode_mask(data: bytes) -> Array:
    """Return the (H, W) bool mask of PNG bytes made by ``encode_mask``.

    Raises:
        DataError: the bytes are not a 1-bit PNG.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            mode = picture.mode
            mask = np.array(picture, dtype=bool)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        message = f"a stored mask of {len(data)} bytes is not a PNG image ({error}); run the masks stage again"
        raise DataError(message) from error
    if mode != "1":
        raise DataError(f"a stored mask has mode {mode}, expected a 1-bit PNG; run the masks stage again")
    return mask
