"""The identity edit: the object is cut out and put back, and nothing else happens. A control, not an attribute."""

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.editors.cutout import cut_out, to_light
from varireal.rendering.shading import srgb

_REACH = 3  # pixels around the mask that are filled too, as they hold some of the object


def recompose(image: Array, mask: Array) -> Array:
    """Put the object back onto its own background, whose hole was filled from around it.

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
