"""Cleaning a mask: its largest part, and its holes."""

import cv2
import numpy as np

from varireal.arrays import Array


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
