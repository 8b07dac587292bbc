"""Pictures as judges see them: decoded, and not larger than they need to be."""

from functools import cache

import numpy as np
from PIL import Image

from varireal.pictures import decode_png, encode_png

_GREY, _GREY_SIDE = 128, 448


@cache
def grey_picture() -> bytes:
    """The control: a picture without content, as PNG."""
    return encode_png(np.full((_GREY_SIDE, _GREY_SIDE, 3), _GREY, np.uint8))


def shown_picture(data: bytes, long_side: int | None) -> Image.Image:
    """An encoded picture as RGB, made smaller when its longest side is more than ``long_side`` pixels.

    Raises:
        DataError: the bytes are not a picture.
    """
    picture = Image.fromarray(decode_png(data))
    scale = 1.0 if long_side is None else min(1.0, long_side / max(picture.size))
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)
