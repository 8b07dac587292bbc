"""The camera: where a point of space falls in the picture, and what lens, sensor and processing do to the picture."""

from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.rendering.shading import blur, srgb, tone


@dataclass(frozen=True, slots=True)
class View:
    """A camera that looks at a subject.

    Attributes:
        rotation: (3, 3) from the subject's space to the camera's (x right, y up, z to the camera).
        target: (3,) point of the subject that is in the middle of the turn.
        scale: pixels per unit at the target.
        center: (x, y) pixel where the target is seen.
        distance: distance of the camera in units, for the perspective.
    """

    rotation: Array
    target: Array
    scale: float
    center: tuple[float, float]
    distance: float = 7.0

    def project(self, points: Array) -> tuple[Array, Array]:
        """Screen positions (V, 2) in pixels and depths (V,) (larger is nearer) of points (V, 3)."""
        seen = (points - self.target) @ self.rotation.T
        nearness = self.scale / (1 - np.minimum(seen[:, 2] / self.distance, 0.8))
        screen = np.stack([self.center[0] + seen[:, 0] * nearness, self.center[1] - seen[:, 1] * nearness], -1)
        return screen.astype(np.float32), seen[:, 2].astype(np.float32)

    def scaled(self, factor: float) -> "View":
        """The same view on a raster with ``factor`` times as many pixels per side (pixel centres at integers)."""
        center = ((self.center[0] + 0.5) * factor - 0.5, (self.center[1] + 0.5) * factor - 0.5)
        return View(self.rotation, self.target, self.scale * factor, center, self.distance)


def develop(light: Array, rng: np.random.Generator, *, softness: float = 0.45) -> Array:
    """Take a photograph of linear light (H, W, 3): the result is (H, W, 3) uint8 sRGB.

    Exposure, white balance, vignette, lens softness and sensor noise vary from picture to picture.
    """
    height, width = light.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = (columns / width - 0.5) ** 2 + (rows / height - 0.5) ** 2
    exposure = 2 ** float(np.clip(rng.normal(0.0, 0.16), -0.4, 0.4))
    warmth = float(np.clip(rng.normal(0.0, 0.035), -0.09, 0.09))
    balance = np.array([1 + warmth, 1 + 0.2 * float(rng.normal(0, 0.03)), 1 - warmth], np.float32)
    vignette = 1 - float(rng.uniform(0.1, 0.45)) * radius
    picture = blur(light * (exposure * balance) * vignette[..., None], softness * (height / 128) ** 0.5)
    encoded = srgb(tone(picture))
    noise = rng.standard_normal((height, width, 4), dtype=np.float32)
    # Luminance noise dominates and is coarser than a pixel, as after demosaicing.
    grain = blur(noise[..., :3] * 0.5 + noise[..., 3:] * 0.9, 0.5)
    amount = float(rng.uniform(0.004, 0.012)) * (1.25 - 0.6 * encoded)
    return (np.clip(encoded + amount * grain, 0, 1) * 255 + 0.5).astype(np.uint8)
