"""Pictures as bytes and back. Every picture that the project stores is a lossless PNG."""

import cv2
import numpy as np

from varireal.errors import DataError
from varireal.records import Array


def encode_png(image: Array) -> bytes:
    """Encode an (H, W, 3) uint8 sRGB picture; the same pixels give the same bytes with the same library.

    Raises:
        DataError: the encoder refuses the array.
    """
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise DataError(f"a picture of shape {image.shape} cannot be written as PNG")
    return bytes(data.tobytes())


def decode_png(data: bytes) -> Array:
    """Decode a PNG to (H, W, 3) uint8 sRGB.

    Raises:
        DataError: the bytes are not a picture.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError("a stored picture cannot be decoded; the table that holds it is damaged")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
