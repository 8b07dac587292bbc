"""Pictures and mask outlines small enough to travel inside a page.

Pictures are JPEG with full chroma and fixed tables. Its 8 x 8 blocks are coded independently of one another, so
blocks that an edit left alone also look exactly alike in the two compressed pictures: flipping between original and
edit does not shimmer, and a difference map shows the edit instead of the codec.
"""

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from varireal.records import Array

THUMBNAIL_QUALITY = 82
DETAIL_QUALITY = 90
OUTLINE_SIDE = 512
OUTLINE_POINTS = 2400


def fitted(image: Array, limit: int) -> Array:
    """Shrink a picture so that its longer side is at most ``limit`` pixels; a smaller one is returned as it is.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        limit: longest side in pixels, at least 1.
    """
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= limit:
        return image
    size = (max(1, round(width * limit / longest)), max(1, round(height * limit / longest)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def jpeg_url(image: Array, quality: int) -> str:
    """Encode an (H, W, 3) uint8 sRGB picture as a JPEG ``data:`` address.

    Raises:
        ValueError: the array is not an (H, W, 3) uint8 picture.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"a picture of shape {image.shape} and type {image.dtype}; expected (H, W, 3) uint8")
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def outline(mask: Array) -> tuple[int, int, str]:
    """Trace a mask as an SVG path that fills by the even-odd rule.

    The path is a drawing for the eye: it is simplified until it has at most ``OUTLINE_POINTS`` points, and the
    smallest parts go first. The exact mask stays in the table of masks.

    Args:
        mask: (H, W) bool, True on the object.

    Returns:
        Width and height of the path's coordinates, and the path; an empty path for an empty mask.
    """
    height, width = mask.shape
    scale = min(1.0, OUTLINE_SIDE / max(height, width))
    small = mask.astype(np.uint8)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = (cv2.resize(small * 255, size, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)
    contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts = _bounded(contours)
    return small.shape[1], small.shape[0], "".join(_path(part) for part in parts)


def _bounded(contours: Sequence[Array]) -> list[Array]:
    """Simplify contours, then drop the smallest, until the points are few enough."""
    for tolerance in (0.6, 1.2, 2.4):
        parts = [cv2.approxPolyDP(contour, tolerance, closed=True)[:, 0] for contour in contours]
        if sum(map(len, parts)) <= OUTLINE_POINTS:
            return parts
    by_area = sorted(parts, key=lambda part: -float(np.prod(np.ptp(part, axis=0) + 1)))
    fitting, points = [], 0
    for part in by_area:
        points += len(part)
        if points > OUTLINE_POINTS:
            break
        fitting.append(part)
    return fitting


def _path(points: Array) -> str:
    """Write one closed polygon; pixel centres lie at half coordinates."""
    text = " ".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points.tolist())
    return f"M{text}Z"
