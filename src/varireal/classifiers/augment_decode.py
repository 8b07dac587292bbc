"""Decoding of large JPEGs at reduced scale, which costs less than decoding them in full."""

import io

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from varireal.arrays import Array
from varireal.errors import DataError

_REDUCED = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def load_small(data: bytes, min_side: int) -> Array:
    """Decode a picture, a large JPEG at 1/2, 1/4 or 1/8 of its size, upright by its EXIF orientation.

    The reduction averages blocks of pixels (in the DCT domain) before the bicubic filter does, so the result is
    slightly softer than that of the full picture. With ``min_side`` of at least 2.4 x the network's input, the
    smallest crop of the published recipe (a quarter of the area) is never enlarged because of the reduction.

    Args:
        data: the file's bytes. Other formats than JPEG are decoded in full.
        min_side: the short side, in pixels, that the result must not go below, unless the file is smaller.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        DataError: the bytes are not a picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as header:
            is_jpeg, short = header.format == "JPEG", min(header.size)
    except (UnidentifiedImageError, OSError) as error:
        raise DataError("a training picture cannot be decoded: the bytes are of no known format") from error
    reduction = max(n for n in _REDUCED if n == 1 or (is_jpeg and short // n >= min_side))
    image = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[reduction])
    if image is None:
        raise DataError("a training picture cannot be decoded: the file is damaged")
    return image if reduction == 1 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
