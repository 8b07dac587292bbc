"""Where light does not reach: self shadows, ambient occlusion, and the shadow that falls on the ground."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.camera import View
from varireal.rendering.shading import blur, smoothstep
from varireal.rendering.solids import Mesh, rasterize, unit

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
