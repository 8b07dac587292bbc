"""The guided filter as a way to enlarge a mask along the edges of its photo."""

import cv2
import numpy as np

from varireal.arrays import Array


def guided_upsample(guide: Array, values: Array, radius: int, epsilon: float = 1e-3) -> Array:
    """Enlarge ``values`` to the size of ``guide`` so that their edges fall on the guide's edges.

    He and Sun, "Fast Guided Filter", 2015, with a colour guide: the local linear models (equation 19 of He, Sun and
    Tang, "Guided Image Filtering", TPAMI 2013) are fitted at the small size and applied at the large one.

    Args:
        guide: (H, W, 3) float32 in 0..1.
        values: (h, w) float32, the small field; h <= H and w <= W.
        radius: half side of the window, in pixels of ``values``.
        epsilon: variance of the guide that still counts as flat.

    Returns:
        (H, W) float32.
    """
    shape = values.shape
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(field: Array) -> Array:
        return np.asarray(cv2.blur(field, window))

    small = np.asarray(cv2.resize(guide, shape[::-1], interpolation=cv2.INTER_AREA))
    mean_guide, mean_values = mean(small), mean(values)
    rows = [mean(small * small[..., i : i + 1]) - mean_guide * mean_guide[..., i : i + 1] for i in range(3)]
    variance = np.stack(rows, axis=-2) + epsilon * np.eye(3, dtype=np.float32)
    covariance = mean(small * values[..., None]) - mean_guide * mean_values[..., None]
    slope = np.linalg.solve(variance, covariance[..., None])[..., 0]
    offset = mean_values - (slope * mean_guide).sum(-1)
    size = (guide.shape[1], guide.shape[0])
    slope = np.asarray(cv2.resize(mean(slope.astype(np.float32)), size, interpolation=cv2.INTER_LINEAR))
    offset = np.asarray(cv2.resize(mean(offset.astype(np.float32)), size, interpolation=cv2.INTER_LINEAR))
    return np.asarray((slope * guide).sum(-1) + offset)
