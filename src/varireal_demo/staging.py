"""Put a drawn object into a scene: framing, shadow on the ground, mirror image in water, feet in the grass."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.editors.shading import blur, smoothstep
from varireal.records import Array
from varireal_demo.birds.draw import BirdCutout
from varireal_demo.camera import View, ground_shadow
from varireal_demo.noise import field, sample
from varireal_demo.solids import Mesh, rasterize

_PROBE = 56  # side of the small raster that measures a silhouette


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a subject is put in a picture of side 1.

    Attributes:
        scale: picture sides per unit.
        center: (x, y) of the view's target, y down.
        foot: row of the ground under the subject.
        area: fraction of the picture that the subject covers.
    """

    scale: float
    center: tuple[float, float]
    foot: float
    area: float


def frame_subject(
    mesh: Mesh,
    rotation: Array,
    target: Array,
    ground: float,
    wanted: float,
    margin: float,
    rng: np.random.Generator,
    *,
    smallest: float = 0.0,
    least_margin: float = 0.045,
) -> Frame:
    """Choose size and place so that the whole silhouette above ``ground`` lies in the picture.

    Args:
        mesh: the subject.
        rotation: (3, 3) from the subject's space to the camera's.
        target: (3,) the point that the camera turns about.
        ground: height of the ground in the subject's space.
        wanted: fraction of the picture to cover, reached unless the margin forbids.
        margin: empty border, as a fraction of the side.
        rng: for the place.
        smallest: fraction below which the margin shrinks towards ``least_margin``.
        least_margin: border that is always kept.
    """
    points = mesh.points.copy()
    points[:, 1] = np.maximum(points[:, 1], ground)
    probe = View(rotation, target, 1.0, (0.0, 0.0))
    screen, depth = probe.project(points)
    low, high = screen.min(0), screen.max(0)
    extent = float((high - low).max())
    covered = rasterize((screen - low) * ((_PROBE - 1) / extent), depth, mesh.faces, _PROBE, _PROBE)
    area = len(covered.index) * (extent / (_PROBE - 1)) ** 2
    scale = min(float(np.sqrt(wanted / area)), (1 - 2 * margin) / extent)
    if area * scale * scale < smallest:
        scale = min(float(np.sqrt(smallest / area)), (1 - 2 * least_margin) / extent)
        margin = min(margin, (1 - scale * extent) / 2)
    free = 1 - 2 * margin - (high - low) * scale
    x = margin - float(low[0]) * scale + float(rng.uniform(0.15, 0.85) * free[0])
    # Subjects stand in the lower part of the picture.
    y = margin - float(low[1]) * scale + float(rng.uniform(0.45, 1.0) * free[1])
    foot, _ = probe.project(np.array([[target[0], ground, 0.0]], np.float32))
    return Frame(scale, (x, y), y + float(foot[0, 1]) * scale, area * scale * scale)


def stand_on(image: Array, mesh: Mesh, view: View, to_sun: Array, ground: float, sun: Array, ambient: Array) -> Array:
    """Darken the ground (H, W, 3) under the subject.

    Args:
        image: linear light.
        mesh: the subject.
        view: the camera, in pixels of ``image``.
        to_sun: (3,) direction of the sun in the camera's space.
        ground: height of the ground in the subject's space.
        sun: (3,) linear RGB that the sun adds.
        ambient: (3,) linear RGB of the other light.
    """
    direction = view.rotation.T @ to_sun
    cast, contact = ground_shadow(mesh, view, direction, ground, image.shape[0], image.shape[1])
    share = sun * max(float(direction[1]), 0.2)
    share = share / (share + ambient)
    return image * (1 - 0.95 * cast[..., None] * share) * (1 - 0.8 * contact[..., None])


def mirror_in_water(
    image: Array, cutout: BirdCutout, foot: float, rng: np.random.Generator, *, strength: float
) -> Array:
    """Lay the subject's rippled mirror image on the water (H, W, 3) below row ``foot`` (in pixels)."""
    height, width = cutout.alpha.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    below = np.maximum(rows - foot, 0)
    shift = rng.random(2).astype(np.float32)
    ripple = sample(field("smooth"), columns / width * 0.25 + shift[0], rows / height * 1.6 + shift[1])
    fine = sample(field("mid"), columns / width * 0.2 + shift[1], rows / height * 1.4 + shift[0])
    far = np.clip(below / height * 4, 0.15, 1)
    source_x = columns + (ripple * 0.012 + fine * 0.006) * width * far
    source_y = foot - below * 1.05 + fine * 0.012 * height * far
    flipped = cv2.remap(np.dstack([cutout.color, cutout.alpha]), source_x, source_y, cv2.INTER_LINEAR, borderValue=0)
    flipped = blur(flipped, 0.006 * height)
    fade = strength * smoothstep(-1.5, 1.0, rows - foot) * (1 - 0.5 * np.clip(below / height * 2, 0, 1))
    weight = fade[..., None]
    tint = np.array([0.78, 0.86, 0.84], np.float32)
    mirrored: Array = image * (1 - flipped[..., 3:] * weight) + flipped[..., :3] * tint * weight
    return mirrored


def ring_of_water(image: Array, alpha: Array, foot: float) -> Array:
    """Brighten and darken thin lines of water (H, W, 3) where the subject breaks its surface at row ``foot``."""
    height = image.shape[0]
    rows = np.arange(height, dtype=np.float32)[:, None]
    spread = blur(alpha, 0.012 * height)
    line = np.exp(-(((rows - foot - 0.004 * height) / (0.010 * height)) ** 2)) * spread
    shade = np.exp(-(((rows - foot - 0.022 * height) / (0.014 * height)) ** 2)) * blur(alpha, 0.03 * height)
    result: Array = image * (1 - 0.45 * shade)[..., None] + 0.16 * line[..., None] * image.mean((0, 1))
    return result


def sink(cutout: BirdCutout, foot: float, depth: float, rng: np.random.Generator) -> BirdCutout:
    """Hide what lies behind blades of grass, snow or sand: a ragged edge ``depth`` pixels above row ``foot``."""
    height, width = cutout.alpha.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    shift = rng.random(2).astype(np.float32)
    ragged = sample(field("fine"), columns / width * 0.45 + shift[0], np.full_like(rows, shift[1]))
    edge = foot - depth * (0.35 + 0.55 * np.clip(ragged, -0.6, 2.0))
    keep = smoothstep(edge + 0.8, edge - 0.8, rows)
    return BirdCutout(cutout.color * keep[..., None], cutout.alpha * keep)


def without_crumbs(cutout: BirdCutout, *, smallest: float = 0.02) -> BirdCutout:
    """Drop loose bits of a silhouette that are smaller than ``smallest`` of it, such as toes cut off by grass."""
    solid = (cutout.alpha > 0.5).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA]
    crumbs = [k for k in range(1, count) if areas[k] < smallest * areas[1:].sum()]
    if not crumbs:
        return cutout
    near = cv2.dilate(np.isin(labels, crumbs).astype(np.uint8), np.ones((3, 3), np.uint8))
    keep = np.where((near == 1) & ((solid == 0) | np.isin(labels, crumbs)), 0, 1).astype(np.float32)
    return BirdCutout(cutout.color * keep[..., None], cutout.alpha * keep)


def compose(image: Array, cutout: BirdCutout) -> Array:
    """Lay a cutout over linear light (H, W, 3)."""
    result: Array = image * (1 - cutout.alpha[..., None]) + cutout.color
    return result
