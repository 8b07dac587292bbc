"""The guided filter, from box filters."""

import cv2
import numpy as np

from varireal.arrays import Array


def guided_filter(guide: Array, values: Array, radius: int, epsilon: float = 1e-3) -> Array:
    """Smooth ``values`` so that their edges fall on the edges of ``guide``.

    He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, with a colour guide (equation 19).

    Args:
        guide: (H, W, 3) float32 in 0..1.
        values: (H, W) float32.
        radius: half side of the window in pixels.
        epsilon: variance of the guide that still counts as flat.

    Returns:
        (H, W) float32.
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(field: Array) -> Array:
        return np.asarray(cv2.blur(field, size))

    mean_guide, mean_values = mean(guide), mean(values)
    products = (guide[..., :, None] * guide[..., None, :]).reshape(*values.shape, 9)
    variance = np.concatenate([mean(products[..., i : i + 3]) for i in (0, 3, 6)], axis=-1)
    variance = variance.reshape(*values.shape, 3, 3) - mean_guide[..., :, None] * mean_guide[..., None, :]
    covariance = mean(guide * values[..., None]) - mean_guide * mean_values[..., None]
    slope = np.linalg.solve(variance + epsilon * np.eye(3, dtype=np.float32), covariance[..., None])[..., 0]
    offset = mean_values - (slope * mean_guide).sum(-1)
    return np.asarray((mean(slope.astype(np.float32)) * guide).sum(-1) + mean(offset.astype(np.float32)))
