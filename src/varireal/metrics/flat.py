"""Pictures that are no pictures: black, one colour, or with a block that the model never filled.

A diffusion model in 16 bits can overflow to NaN, which becomes black when cast to bytes; a safety checker that refuses
a picture gives a black one; a broken VAE or adapter gives one grey. None of them may be taken for an edit: a black
"deep space" or a grey "fog" would pass a judge.
"""

import cv2
import numpy as np

from varireal.arrays import Array

# The thresholds are far from what real edits have. Over 1,194 edits of the demo (three attributes, both arms) at most
# 0.52 of the region was dark (a black glossy coat) and 0.60 within the tolerance of one colour (the moon's sky); no
# filled block of exact zeros had more than 0.007 of it. An overflow or a refused picture is above 0.99 of all three.
_DARK = 2  # levels of 255: what a lossless or resized black still has
_BLACK_SHARE = 0.99  # a night sky has more stars than that
_SAME = 3  # levels of 255 around the median: decoding a constant latent leaves ripples of this size
_FLAT_SHARE = 0.98
_BLOCK_SHARE = 0.04  # a tile or a group of patches; smaller black spots are pupils, shadows and holes
_BLOCK_FILLED = 0.99  # of the region inside the block's box: what is drawn is never black up to straight edges
_BLEND = 2  # pixels along the region's border that editors blend with the photo


def flat_reason(image: Array, region: Array) -> str | None:
    """Why an edit is black or flat in the region that it was to change; None when it is neither.

    Args:
        image: (H, W, 3) uint8 picture, as it would be kept.
        region: (H, W) bool, where the edit was to change pixels; an empty one is never flat.
    """
    inner = _inner(region)
    pixels = image[inner]
    if not len(pixels):
        return None
    brightest = pixels.max(-1)
    dark = float((brightest <= _DARK).mean())
    if dark >= _BLACK_SHARE:
        return f"black: {dark:.0%} of the edited region has no light"
    median = np.median(pixels, axis=0)
    same = float((np.abs(pixels.astype(np.float32) - median).max(-1) <= _SAME).mean())
    if same >= _FLAT_SHARE:
        red, green, blue = (round(float(level)) for level in median)
        return f"flat: {same:.0%} of the edited region is one colour, #{red:02x}{green:02x}{blue:02x}"
    block = _largest_block(image, inner)
    return f"black block: {block:.0%} of the edited region is empty up to straight edges" if block else None


def _inner(region: Array) -> Array:
    """The region without its blended border, unless little would be left."""
    kernel = np.ones((2 * _BLEND + 1, 2 * _BLEND + 1), np.uint8)
    inner: Array = cv2.erode(region.astype(np.uint8), kernel, borderValue=1).astype(bool)
    return inner if inner.sum() >= 0.25 * region.sum() else region


def _largest_block(image: Array, region: Array) -> float:
    """Share of the region under the largest block of exact zeros with straight edges; 0 when there is none."""
    empty = (~image.any(-1) & region).astype(np.uint8)
    least = _BLOCK_SHARE * float(region.sum())
    if empty.sum() < least:
        return 0.0
    _, _, boxes, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    largest = 0.0
    for left, top, width, height, area in boxes[1:]:
        inside = region[top : top + height, left : left + width].sum()
        if area >= least and area >= _BLOCK_FILLED * inside:
            largest = max(largest, float(area / region.sum()))
    return largest
