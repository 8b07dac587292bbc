"""Draw one bird: from its surfaces to colour and coverage in a picture."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from varireal.editors.shading import smoothstep
from varireal.records import Array
from varireal_demo.birds import body
from varireal_demo.birds.plumage import Coat, Site, paint
from varireal_demo.birds.species import Plumage
from varireal_demo.camera import View, crevices, sun_visibility
from varireal_demo.scenes.base import Light
from varireal_demo.solids import Mesh, Pixels, rasterize, unit

SUPERSAMPLING = 2
# A photographer's taste: more of the sun and less of the sky gives rounder bodies.
_KEY, _FILL = 1.2, 0.85
_GLOSSY = (body.BEAK, body.EYE)


@dataclass(frozen=True, slots=True)
class BirdCutout:
    """A drawn object.

    Attributes:
        color: (H, W, 3) float32 linear light, premultiplied by ``alpha``.
        alpha: (H, W) float32 antialiased coverage in 0..1.
    """

    color: Array
    alpha: Array


@dataclass(frozen=True, slots=True)
class Fragments:
    """What is known of the N covered pixels of a raster of ``shape`` before light falls on them.

    Attributes:
        pixels: which pixels, and how near.
        part: (N,) part of the bird.
        points: (N, 3) places in the bird's space.
        normals: (N, 3) unit normals in the camera's space.
        shape: rows and columns of the raster.
    """

    pixels: Pixels
    part: Array
    points: Array
    normals: Array
    shape: tuple[int, int]

    def image(self, values: Array, empty: float = 0.0) -> Array:
        """Spread values (N,) over the raster."""
        raster = np.full(self.shape[0] * self.shape[1], empty, np.float32)
        raster[self.pixels.index] = values
        return raster.reshape(self.shape)


def draw_bird(
    mesh: Mesh,
    plumage: Plumage,
    view: View,
    light: Light,
    ground: float,
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    clip: bool = False,
) -> BirdCutout:
    """Draw a bird.

    Args:
        mesh: its surfaces, from :func:`varireal_demo.birds.body.build_bird`.
        plumage: its colours.
        view: the camera, in pixels of the final picture.
        light: the light of the scene, in the camera's space.
        ground: height of the ground (or of the water) in the bird's space.
        shape: rows and columns of the picture.
        rng: for the irregularities of the plumage.
        clip: whether what lies below ``ground`` is under water and not drawn.
    """
    offset = rng.random(4).astype(np.float32)
    fine = view.scaled(SUPERSAMPLING)
    screen, depth = fine.project(mesh.points)
    top, left, rows, columns = _box(screen, shape)
    faces = _facing(mesh, screen)
    pixels = rasterize(screen - np.array([left, top], np.float32), depth, mesh.faces[faces], rows, columns)
    pixels = Pixels(pixels.index, faces[pixels.face], pixels.weights, pixels.depth)
    if clip:
        pixels = _above(pixels, mesh, ground)
    fragments, surface = _fragments(mesh, pixels, fine, (rows, columns))
    # No two birds of a kind have quite the same colour.
    individual = np.exp(rng.normal(0, 0.06)) * (1 + 0.025 * rng.standard_normal(3))
    coat = _coat(fragments, surface, plumage, fine.scale, offset)
    coat = replace(coat, albedo=coat.albedo * individual.astype(np.float32))
    color = _lit(mesh, fragments, coat, fine, light, ground)
    raster = np.zeros((rows * columns, 4), np.float32)
    raster[pixels.index, :3] = color
    raster[pixels.index, 3] = 1
    size = (columns // SUPERSAMPLING, rows // SUPERSAMPLING)
    small = cv2.resize(raster.reshape(rows, columns, 4), size, interpolation=cv2.INTER_AREA)
    result = np.zeros((*shape, 4), np.float32)
    y, x = top // SUPERSAMPLING, left // SUPERSAMPLING
    result[y : y + size[1], x : x + size[0]] = small
    return BirdCutout(result[..., :3], result[..., 3])


def _box(screen: Array, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, left, rows and columns of the supersampled raster that holds the subject, on whole picture pixels."""
    step = SUPERSAMPLING
    limit = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(screen.min(0) / step).astype(int) - 2, 0, limit - 1)
    high = np.clip(np.ceil(screen.max(0) / step).astype(int) + 3, low + 1, limit)
    left, top = (int(v) * step for v in low)
    columns, rows = (int(v) * step for v in high - low)
    return top, left, rows, columns


def _facing(mesh: Mesh, screen: Array) -> Array:
    """Faces that can be seen: those turned to the camera, and all of the sheets."""
    corners = screen[mesh.faces]
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    outside = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0] > 0
    return np.flatnonzero(outside | np.isin(mesh.parts, body.SHEETS))


def _above(pixels: Pixels, mesh: Mesh, level: float) -> Pixels:
    """Only the pixels that lie above a level of the bird's space."""
    keep = pixels.interpolate(mesh.faces, mesh.points[:, 1:2])[:, 0] > level
    return Pixels(pixels.index[keep], pixels.face[keep], pixels.weights[keep], pixels.depth[keep])


def _fragments(mesh: Mesh, pixels: Pixels, view: View, shape: tuple[int, int]) -> tuple[Fragments, Array]:
    """Interpolate everything at the covered pixels; also the surface coordinates (N, K)."""
    values = pixels.interpolate(
        mesh.faces, np.concatenate([mesh.points, mesh.normals @ view.rotation.T, mesh.surface], 1)
    )
    part = mesh.parts[pixels.face]
    normals = unit(values[:, 3:6])
    # Sheets and the rims of shells are seen from either side.
    flip = (normals[:, 2] < 0) & np.isin(part, body.SHEETS)
    normals[flip] *= -1
    return Fragments(pixels, part, values[:, :3], normals, shape), values[:, 6:]


def _coat(fragments: Fragments, surface: Array, plumage: Plumage, footprint: float, offset: Array) -> Coat:
    """Paint all parts."""
    count = len(fragments.part)
    albedo, rest = np.zeros((count, 3), np.float32), np.zeros((3, count), np.float32)
    for part in np.unique(fragments.part):
        chosen = fragments.part == part
        site = Site(surface[chosen], fragments.points[chosen], footprint, offset)
        coat = paint(int(part), site, plumage)
        albedo[chosen] = coat.albedo
        for row, values in zip(rest, (coat.relief, coat.gloss, coat.sheen), strict=True):
            row[chosen] = values
    return Coat(albedo, *rest)


def _bumped(fragments: Fragments, relief: Array, footprint: float) -> Array:
    """Tilt the normals by the slope of the relief, measured in the picture."""
    image = fragments.image(relief)
    part = fragments.image(fragments.part + 1)
    slopes = []
    for axis in (1, 0):
        ahead, behind = np.roll(image, -1, axis), np.roll(image, 1, axis)
        same = (np.roll(part, -1, axis) == part) & (np.roll(part, 1, axis) == part)
        slope = np.where(same, (ahead - behind) * (0.5 * footprint), 0)
        slopes.append(slope.ravel()[fragments.pixels.index].clip(-1.2, 1.2))
    normals = fragments.normals.copy()
    normals[:, 0] -= slopes[0]
    normals[:, 1] += slopes[1]
    return unit(normals)


def _lit(mesh: Mesh, fragments: Fragments, coat: Coat, view: View, light: Light, ground: float) -> Array:
    """Light the painted pixels: sun with soft self shadow, sky and ground, gloss, sheen, and a rim from the sky."""
    normals = _bumped(fragments, coat.relief, view.scale)
    sun, ambient, below = (np.asarray(c, np.float32) for c in (light.sun, light.ambient, light.ground))
    sun, ambient = sun * _KEY, ambient * _FILL
    to_sun = np.asarray(light.direction, np.float32)
    visible = sun_visibility(mesh, fragments.points, view.rotation.T @ to_sun)
    open_ = crevices(fragments.image(fragments.pixels.depth), fragments.image(1.0 + 0 * coat.gloss) > 0, view.scale)
    open_ = open_.ravel()[fragments.pixels.index]
    feathery = np.isin(fragments.part, _GLOSSY, invert=True)
    wrap = np.where(feathery, 0.12, 0.02).astype(np.float32)
    cosine = normals @ to_sun
    direct = np.clip((cosine + wrap) / (1 + wrap), 0, 1) * visible
    # The bright horizon lights what faces sideways, too.
    up = (0.64 + 0.40 * normals[:, 1]).clip(0, 1)
    # The ground takes light away from what is close above it and faces down.
    height = smoothstep(0.0, 0.35, fragments.points[:, 1] - ground)
    sky = (up * open_)[:, None] * ambient + ((1 - up) * (0.35 + 0.65 * height) * open_)[:, None] * below
    facing = np.clip(normals[:, 2], 0, 1)
    rim = (1 - facing) ** 3
    half = unit(to_sun + np.array([0, 0, 1], np.float32))
    shine = np.clip(normals @ half, 0, 1)
    color = coat.albedo * (direct[:, None] * sun + sky)
    # Feather edges let light from behind through.
    through = (rim * visible * np.clip(-to_sun[2] + 0.4, 0, 1) * feathery * 0.5)[:, None]
    color = color + coat.albedo * through * sun
    broad, tight = 0.25 * shine**12, 1.6 * shine**90
    spec = coat.gloss * np.where(feathery, broad, broad + tight) * visible
    color = color + spec[:, None] * sun + (rim * open_ * up * (0.10 + 0.35 * coat.gloss))[:, None] * ambient
    color = color * _sheen(coat.sheen, shine + 0.5 * rim)
    return _catch_light(color, fragments, normals, to_sun, sun + ambient)


def _sheen(amount: Array, angle: Array) -> Array:
    """Iridescence: the hue runs from blue to green with the angle, (N, 3) factors."""
    phase = np.clip(angle, 0, 1)[:, None] * np.array([2.2, 3.0, 2.4]) + np.array([3.4, 4.6, 0.9])
    factors: Array = (1 + amount[:, None] * 0.9 * np.sin(phase)).astype(np.float32)
    return factors


def _catch_light(color: Array, fragments: Fragments, normals: Array, to_sun: Array, light: Array) -> Array:
    """Put the reflection of the sky into the eye: a small bright spot on the light's side."""
    eye = fragments.part == body.EYE
    spot = unit(np.array([0.45 * np.sign(to_sun[0] or 1), 0.75, 1.0], np.float32))
    bright = smoothstep(0.962, 0.985, normals[eye] @ spot)
    color[eye] += bright[:, None] * np.minimum(light, 1.2)
    return color
