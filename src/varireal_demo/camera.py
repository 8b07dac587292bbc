"""The camera: where a point of space falls in the picture, and what lens, sensor and processing do to the picture."""

from dataclasses import dataclass

import numpy as np

from varireal.editors.shading import blur, smoothstep, srgb, tone
from varireal.records import Array
from varireal_demo.solids import Mesh, rasterize, unit


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


# Where light does not reach: self shadows, ambient occlusion, and the shadow that falls on the ground.

_FAR = -1e3


def sun_visibility(mesh: Mesh, points: Array, direction: Array, *, resolution: int = 112) -> Array:
    """How much of the sun each point sees, (N,) in 0..1, by a shadow map with soft edges.

    Args:
        mesh: what casts shadows, in the space of ``points``.
        points: (N, 3) places on the mesh.
        direction: (3,) unit vector to the sun.
        resolution: pixels of the shadow map along its longer side.
    """
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = unit(np.cross(helper, direction))
    frame = np.stack([right, np.cross(direction, right), direction]).astype(np.float32)
    corners = mesh.points @ frame.T
    low, high = corners.min(0), corners.max(0)
    scale = (resolution - 9) / float((high - low)[:2].max())
    screen = (corners[:, :2] - low[:2]) * scale + 4
    pixels = rasterize(screen.astype(np.float32), corners[:, 2], mesh.faces, resolution, resolution)
    flat = np.full(resolution * resolution, _FAR, np.float32)
    flat[pixels.index] = pixels.depth
    nearest = flat.reshape(resolution, resolution)
    placed = points @ frame.T
    at = (placed[:, :2] - low[:2]) * scale + 4
    total = np.zeros(len(points), np.float32)
    offsets = ((-1.1, -0.4), (0.4, -1.1), (1.1, 0.4), (-0.4, 1.1), (0.0, 0.0))
    for dx, dy in offsets:
        column = np.clip(np.rint(at[:, 0] + dx), 0, resolution - 1).astype(np.int64)
        row = np.clip(np.rint(at[:, 1] + dy), 0, resolution - 1).astype(np.int64)
        total += smoothstep(0.055, 0.02, nearest[row, column] - placed[:, 2])
    return total / len(offsets)


def crevices(depth: Array, covered: Array, scale: float) -> Array:
    """Ambient light left in hollows, (H, W) in 0..1, from a depth map in units and ``scale`` pixels per unit."""
    inside = covered.astype(np.float32)
    open_ = np.ones_like(depth)
    for radius, strength in ((0.03, 3.0), (0.10, 1.8)):
        around = blur(depth * inside, radius * scale) / np.maximum(blur(inside, radius * scale), 1e-3)
        open_ = open_ * (1 - np.clip(strength * (around - depth - 0.004), 0, 0.55))
    return open_


def ground_shadow(
    mesh: Mesh, view: View, direction: Array, ground: float, height: int, width: int
) -> tuple[Array, Array]:
    """Shadows that the mesh casts on the plane y = ``ground``: (sun shadow, ambient shadow), (H, W) in 0..1 each.

    Args:
        mesh: the caster, in its own space.
        view: the camera.
        direction: (3,) unit vector to the sun in the mesh's space.
        ground: height of the plane.
        height: rows of the picture.
        width: columns of the picture.
    """
    # A very low sun would throw the shadow out of the picture: it is cut off at about two body lengths.
    slope = direction / max(float(direction[1]), 0.38)
    above = np.maximum(mesh.points[:, 1:2] - ground, 0)
    flat = mesh.points * [1, 0, 1] + np.array([0, ground, 0])
    feet, _ = view.project(np.array([[view.target[0], ground, view.target[2]]], np.float32))
    sun = _footprint(flat - above * (slope * [1, 0, 1]), mesh, view, height, width)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot(columns - feet[0, 0], (rows - feet[0, 1]) * 2.5) / max(view.scale, 1.0)
    soft = smoothstep(0.05, 0.9, far)
    sun = blur(sun, 0.010 * view.scale) * (1 - soft) + blur(sun, 0.04 * view.scale) * soft
    near = np.exp(-above[:, 0] / 0.25)
    ambient = blur(_footprint(flat, mesh, view, height, width), 0.09 * view.scale)
    low = mesh.faces[(near[mesh.faces] > 0.85).all(1)]
    feet_print = _footprint(flat, mesh, view, height, width, low)
    contact = blur(feet_print, 0.016 * view.scale) + 0.8 * blur(feet_print, 0.045 * view.scale)
    return sun, np.clip(0.45 * ambient + contact, 0, 1)


def _footprint(points: Array, mesh: Mesh, view: View, height: int, width: int, faces: Array | None = None) -> Array:
    """Filled outline (H, W) of flattened points in the picture."""
    screen, _ = view.project(points.astype(np.float32))
    chosen = mesh.faces if faces is None else faces
    image = np.zeros(height * width, np.float32)
    image[rasterize(screen, np.zeros(len(screen), np.float32), chosen, height, width).index] = 1
    return image.reshape(height, width)
