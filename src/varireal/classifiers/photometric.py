"""Tone, colour and sharpness of uint8 RGB pictures: Pillow's operations within rounding, several times faster.

Each function takes and returns (H, W, 3) uint8 and leaves its input alone. The reference is
``torchvision.transforms.functional`` on a PIL picture, which is what published recipes run: a factor of 1 changes
nothing, 0 is the degenerate picture (black, flat gray, colourless, smooth).
"""

import cv2
import numpy as np

from varireal.arrays import Array

# ITU-R 601 luma, as Pillow's "L" and OpenCV's gray.
_LUMA = np.array([0.299, 0.587, 0.114])
# Pillow cuts the fraction off where OpenCV rounds; a hair less than a half keeps whole results whole.
_CUT = 0.4999
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
_LEVELS = np.arange(256)


def brightness(image: Array, factor: float) -> Array:
    """Scale all levels by ``factor``, which is 0 or more."""
    return _linear(image, factor, 0.0)


def contrast(image: Array, factor: float, *, frame: Array | None = None) -> Array:
    """Scale the distance of all levels to the mean gray of ``frame`` (default: of the picture itself)."""
    mean = int(_LUMA @ np.array(cv2.mean(image if frame is None else frame)[:3]) + 0.5)
    return _linear(image, factor, (1 - factor) * mean)


def saturation(image: Array, factor: float) -> Array:
    """Scale the distance of each pixel to its own gray."""
    matrix = np.full((3, 4), -_CUT)
    matrix[:, :3] = factor * np.eye(3) + (1 - factor) * _LUMA
    changed: Array = cv2.transform(image, matrix.astype(np.float32))
    return changed


def hue(image: Array, shift: float) -> Array:
    """Turn the hue by ``shift`` turns, -0.5 to 0.5, at 8 bits as torchvision does on PIL pictures."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    # Pillow has 255 steps a turn and OpenCV 256; the overflow wraps around, as desired.
    hsv[..., 0] += np.uint8(round(int(shift * 255) * 256 / 255) % 256)
    turned: Array = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
    return turned


def grayscale(image: Array) -> Array:
    """Replace each pixel by its gray, in three equal channels."""
    gray: Array = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return gray


def solarize(image: Array, threshold: float = 128) -> Array:
    """Invert the levels at or above ``threshold``."""
    if threshold == 128:  # then the smaller of a level and its inverse is the answer: no table needed
        solarized: Array = cv2.min(image, cv2.bitwise_not(image))
        return solarized
    return _look_up(image, np.where(np.less(_LEVELS, threshold), _LEVELS, 255 - _LEVELS))


def posterize(image: Array, bits: int) -> Array:
    """Keep the ``bits`` (1 to 8) highest bits of each level."""
    return _look_up(image, _LEVELS & ~(2 ** (8 - bits) - 1))


def autocontrast(image: Array, *, frame: Array | None = None) -> Array:
    """Stretch each channel so that the darkest and brightest levels of ``frame`` become 0 and 255."""
    tables = []
    for counts in _histograms(image if frame is None else frame):
        present = np.flatnonzero(counts)
        low, high = int(present[0]), int(present[-1])
        scale = 255 / (high - low) if high > low else 1.0
        offset = -low * scale if high > low else 0.0
        tables.append(np.clip(np.trunc(_LEVELS * scale + offset), 0, 255))
    return _look_up(image, np.stack(tables, -1))


def equalize(image: Array, *, frame: Array | None = None) -> Array:
    """Flatten each channel's histogram, as counted in ``frame`` (default: the picture itself)."""
    tables = []
    for counts in _histograms(image if frame is None else frame):
        present = np.flatnonzero(counts)
        step = int(counts.sum() - counts[present[-1]]) // 255
        below = np.cumsum(counts) - counts
        tables.append(np.minimum((step // 2 + below) // step, 255) if step else _LEVELS)
    return _look_up(image, np.stack(tables, -1))


def sharpness(image: Array, factor: float) -> Array:
    """Scale the distance to the smoothed picture; the outermost pixels stay as they are, as in Pillow."""
    if min(image.shape[:2]) < 3:
        return image.copy()
    kernel = (1 - factor) * _SMOOTH
    kernel[1, 1] += factor
    changed: Array = cv2.filter2D(image, -1, kernel, delta=-_CUT)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        changed[edge] = image[edge]
    return changed


def blur(image: Array, radius: float) -> Array:
    """Blur as Pillow's ``GaussianBlur`` of ``radius`` pixels, above 0, does: by three box filters."""
    kernel = _blur_kernel(radius)
    blurred: Array = cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return blurred


def _blur_kernel(radius: float) -> Array:
    """Return the 1D kernel of three equal box filters, together of variance ``radius`` squared.

    A box has whole pixels and a fraction at either end, so that it can have any variance (Gwosdek et al., 2011).
    """
    variance = radius**2 / 3
    half = int((np.sqrt(12 * variance + 1) - 1) / 2)
    end = (2 * half + 1) * (half * (half + 1) - 3 * variance) / (6 * (variance - (half + 1) ** 2))
    box = np.array([end, *[1.0] * (2 * half + 1), end]) / (2 * (half + end) + 1)
    return np.convolve(np.convolve(box, box), box)


def _linear(image: Array, scale: float, offset: float) -> Array:
    changed: Array = cv2.addWeighted(image, scale, image, 0, offset - _CUT)
    return changed


def _look_up(image: Array, table: Array) -> Array:
    """Map levels by one (256,) table or by one per channel (256, 3)."""
    shaped = table.astype(np.uint8).reshape((256, 1, -1) if table.ndim > 1 else 256)
    changed: Array = cv2.LUT(image, shaped)
    return changed


def _histograms(image: Array) -> list[Array]:
    """Count the levels of each channel: three (256,) int64."""
    counts = (cv2.calcHist([image], [channel], None, [256], [0, 256]) for channel in range(3))
    return [each.ravel().astype(np.int64) for each in counts]
