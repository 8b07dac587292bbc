"""Finding the object again in an edit: is it still there, whole, and told apart from its new scene?"""

import cv2
import numpy as np

from varireal.arrays import Array

_SIDE = 128  # longest side in pixels at which the object is looked for
_ITERATIONS = 2


def silhouette_iou(edited: Array, mask: Array) -> float | None:
    """Overlap (intersection over union, 0..1) of the object segmented in the edit with its mask.

    GrabCut (Rother et al. 2004) starts from the sure core of the mask and the sure surroundings and decides on the
    band between them by colour. An object that has the colours of its new scene, or a mask that cuts through an
    object, comes out with another outline. None when the mask is too small to have a core.

    Args:
        edited: (H, W, 3) uint8 candidate.
        mask: (H, W) bool, the object.
    """
    height, width = mask.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(edited, size, interpolation=cv2.INTER_AREA)
    object_ = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    labels = _seeds(object_)
    if labels is None:
        return None
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    picture = np.ascontiguousarray(small)
    cv2.grabCut(picture, labels, (0, 0, 0, 0), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return float((found & object_).sum() / (found | object_).sum())


def _seeds(object_: Array) -> Array | None:
    """GrabCut labels: the core, the surroundings, and the undecided band; None when a side is missing."""
    depth = cv2.distanceTransform(object_.astype(np.uint8), cv2.DIST_L2, 3)
    away = cv2.distanceTransform((~object_).astype(np.uint8), cv2.DIST_L2, 3)
    reach = max(2.0, 0.6 * float(depth.max()))
    labels = np.where(object_, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[depth >= reach] = cv2.GC_FGD
    labels[away >= max(4.0, 1.5 * reach)] = cv2.GC_BGD
    if not (labels == cv2.GC_FGD).any() or not (labels == cv2.GC_BGD).any():
        return None
    return labels
