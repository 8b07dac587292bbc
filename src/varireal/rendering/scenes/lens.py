"""What the camera does to the picture: depth of field with a round aperture, falling light to the corners."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.canvas import Canvas

_LEVELS = (0.25, 0.5, 1.0)


def _disc(radius: float) -> Array:
    """Return a round kernel of sum 1 with a soft rim."""
    half = int(np.ceil(radius))
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1).astype(np.float32)
    result: Array = kernel / kernel.sum()
    return result


def disc_blur(picture: Array, radius: float) -> Array:
    """Blur ``picture`` (H, W, up to 4 channels) with a disc of ``radius`` pixels; a large one works on a copy."""
    if radius < 0.3 or not picture.size:
        return picture
    height, width = picture.shape[:2]
    factor = 1
    while radius / factor > 3.5 and min(height, width) // (2 * factor) >= 8:
        factor *= 2
    if factor == 1:
        blurred: Array = cv2.filter2D(picture, -1, _disc(radius), borderType=cv2.BORDER_REFLECT)
        return blurred
    small = cv2.resize(picture, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    small = cv2.filter2D(small, -1, _disc(radius / factor), borderType=cv2.BORDER_REFLECT)
    enlarged: Array = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return enlarged


def circle_of_confusion(canvas: Canvas, z: Array | float, aperture: float) -> Array:
    """Blur radius in pixels of a point at distance ``z``: thin lens, ``aperture`` is the radius at infinity.

    ``aperture`` is in picture heights.
    """
    radius: Array = np.asarray(np.abs(1 - canvas.focus / np.maximum(z, 1e-3)) * aperture * canvas.height, np.float32)
    return np.minimum(radius, np.float32(1.5 * aperture * canvas.height))


def defocus(canvas: Canvas, aperture: float) -> None:
    """Blur the picture by its distances. What is sharper than a level does not bleed into that level."""
    largest = aperture * canvas.height
    if largest < 0.3:
        return
    radius = np.minimum(circle_of_confusion(canvas, canvas.depth, aperture), largest)
    # Smooth the radius: a hard step between two blurs would show as a line.
    radius = cv2.GaussianBlur(radius, (0, 0), max(0.4, 0.15 * largest))
    sharp = canvas.image
    result = sharp
    below = 0.0
    for share in _LEVELS:
        at = share * largest
        weight = np.clip((radius - 0.35 * below) / max(at - 0.35 * below, 1e-3), 0.02, 1).astype(np.float32)
        packed = np.concatenate([sharp * weight[..., None], weight[..., None]], -1)
        packed = disc_blur(np.ascontiguousarray(packed), at)
        level = packed[..., :3] / np.maximum(packed[..., 3:], 1e-4)
        blend = np.clip((radius - below) / (at - below), 0, 1)[..., None]
        result = result * (1 - blend) + level * blend
        below = at
    canvas.image = result.astype(np.float32)


def vignette(canvas: Canvas, strength: float) -> None:
    """Darken towards the corners, the way a lens does (about cos^4 of the angle)."""
    middle = canvas.y - 0.5
    angle = 1 + strength * (canvas.x**2 + middle**2)
    canvas.image /= (angle * angle)[..., None].astype(np.float32)
