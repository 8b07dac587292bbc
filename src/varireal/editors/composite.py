"""Putting an edit into its photo."""

import numpy as np

from varireal.arrays import Array


def composite(original: Array, edited: Array, region: Array) -> Array:
    """Take the edited pixels inside the region and the original bytes everywhere else.

    Args:
        original: (H, W, 3) uint8 photo.
        edited: (H, W, 3) uint8 edit.
        region: (H, W) bool, True where the edit may differ.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        ValueError: the shapes or the types do not fit.
    """
    if original.dtype != np.uint8 or edited.dtype != np.uint8:
        raise ValueError(f"photo and edit must be uint8, found {original.dtype} and {edited.dtype}")
    if original.shape != edited.shape or region.shape != original.shape[:2]:
        raise ValueError(f"sizes differ: photo {original.shape}, edit {edited.shape}, region {region.shape}")
    return np.where(region.astype(bool)[..., None], edited, original)
