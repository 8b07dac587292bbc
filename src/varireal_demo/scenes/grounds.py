"""Level ground in perspective: colour patches, lit relief, dappled shade, paths."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from varireal.editors.shading import linear, mix, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import Canvas, relief, relief_by_row

# Hills, mountains and dunes: height fields seen in perspective, drawn by columns from near to far slices.


@dataclass(frozen=True)
class Land:
    """A height field.

    Attributes:
        near, far: distances between which it is drawn.
        octaves: (noise kind, period in world units, height) from coarse to fine.
        base: height of its zero level above the ground (negative sinks it below).
        rise: height added per unit of distance beyond ``near``.
        slices: number of distances looked at.
        steep: factor on the slopes used for light (more relief than the outline shows).
    """

    near: float
    far: float
    octaves: tuple[tuple[str, float, float], ...]
    base: float = 0.0
    rise: float = 0.0
    slices: int = 48
    steep: float = 1.0


LandCoat = Callable[[Array, Array, Array], Array]  # (height, steepness, detail) -> albedo (..., 3)


def _heights(canvas: Canvas, land: Land, x: Array, z: Array, offsets: Array) -> Array:
    """Return height and slopes at world points: (h, w, 3)."""
    total = np.zeros(x.shape, np.float32)
    spacing = float(np.median(np.diff(z[:, 0])))
    for (kind, period, height), (u0, v0) in zip(land.octaves, offsets, strict=True):
        # The noise is smoothed to the spacing of the slices, else single slices stick out as spikes.
        layer = relief(kind, x / period + u0, z / period + v0, 0.5 * spacing / period)
        total += height * layer[..., 0]
    # The land swells up from its near edge, which else would stand there as a cut wall.
    total = (total + land.base) * np.clip((z - land.near) / (0.9 * land.near), 0, 1)
    total += land.rise * (z - land.near)
    slope_z, across = np.gradient(total)
    slope_z /= np.gradient(z[:, 0])[:, None]
    slope_x = across * (canvas.height / z)
    return np.stack([total, land.steep * slope_x, land.steep * slope_z], -1)


def raise_land(canvas: Canvas, land: Land, coat: LandCoat, *, detail: str = "mid", detail_scale: float = 2.0) -> Array:
    """Paint a height field over the picture and return the (W,) row (fraction of the height) of its outline.

    Visibility per column: the outline seen from the camera only moves up with distance, so the slice that shows at a
    row is the number of slices whose running outline lies below it.
    """
    canvas.flush()
    canvas.reach = min(canvas.reach, land.near)
    distances = np.geomspace(land.near, land.far, land.slices).astype(np.float32)[:, None]
    offsets = canvas.rng.random((len(land.octaves), 2))
    x = canvas.x * distances
    field = _heights(canvas, land, x, np.broadcast_to(distances, x.shape), offsets)
    rows = canvas.horizon - (field[..., 0] - canvas.eye) / distances
    outline = np.minimum.accumulate(rows, axis=0)
    top = int(np.clip(np.floor(outline.min() * canvas.height), 0, canvas.height - 1))
    y = canvas.y[top:]
    # A row that lies above a slice's outline is further away than that slice.
    index = np.zeros((len(y), canvas.width), np.int32)
    for line in outline[:-1]:
        index += y < line
    columns = np.arange(canvas.width)[None]
    before = np.maximum(index - 1, 0)
    start, end = rows[before, columns], rows[index, columns]
    share = np.clip((start - y) / np.maximum(start - end, 1e-5), 0, 1) * (index > 0)
    seen = field[before, columns] * (1 - share[..., None]) + field[index, columns] * share[..., None]
    z = distances[before, 0] * (1 - share) + distances[index, 0] * share
    height = seen[..., 0]
    grain = canvas.field(detail, detail_scale)[top:]
    steepness = np.hypot(seen[..., 1], seen[..., 2])
    albedo = coat(height, steepness, grain[..., 0])
    lx, ly, lz = (float(v) for v in canvas.sun_direction)
    sx, sz = seen[..., 1] + 0.35 * grain[..., 1], seen[..., 2] + 0.35 * grain[..., 2]
    cosine = (ly - sx * lx + sz * lz) / np.sqrt(1 + sx**2 + sz**2)
    direct = np.clip(cosine, 0, 1.4).astype(np.float32)[..., None]
    light = direct * canvas.sun + canvas.ambient * (1 - 0.25 * np.clip(steepness, 0, 1))[..., None]
    color = canvas.air(albedo * light, z)
    alpha = smoothstep(-0.6 / canvas.height, 0.6 / canvas.height, y - outline[-1][None])
    canvas.paint(color, alpha, z, top)
    result: Array = outline[-1]
    return result


@dataclass(frozen=True)
class Plane:
    """The visible part of the ground: rows from ``top`` down.

    Attributes:
        top: first row.
        x: (h, W) sideways and z: (h, 1) forward world position.
        step: (h,) world size of a pixel, between its width and its foreshortened depth; falls downwards.
    """

    top: int
    x: Array
    z: Array
    step: Array


def plane(canvas: Canvas, lift: float = 0.0) -> Plane:
    """Intersect the picture's lower rows with the level ``lift`` above the ground."""
    top = canvas.first_row
    below = np.maximum(canvas.y[top:] - canvas.horizon, 0.25 / canvas.height)
    z = ((canvas.eye - lift) / below).astype(np.float32)
    wide = z / canvas.height
    deep = wide * z / (canvas.eye - lift)
    return Plane(top, canvas.x * z, z, (wide**0.6 * deep**0.4)[:, 0])


def sample(canvas: Canvas, ground: Plane, kind: str, period: float, *, stretch: float = 1.0) -> Array:
    """Sample noise on the ground with ``period`` world units to a tile: (h, W, 3) value and slopes to x and z.

    ``stretch`` above 1 draws it out along the line of sight. The place on the ground is random.
    """
    u0, v0 = canvas.rng.random(2)
    u = ground.x / period + u0
    v = np.broadcast_to(ground.z / (period * stretch) + v0, u.shape)
    return relief_by_row(kind, u, v, ground.step / period)


def lit(canvas: Canvas, slope_x: Array | float, slope_z: Array | float, shade: Array | float = 1.0) -> Array:
    """Light on a near-level surface with these slopes: (h, W, 3); ``shade`` 0..1 is how much sun reaches it."""
    lx, ly, lz = (float(v) for v in canvas.sun_direction)
    cosine = (ly - slope_x * lx + slope_z * lz) / np.sqrt(1 + np.square(slope_x) + np.square(slope_z))
    direct = np.clip(cosine, 0, None) / max(ly, 0.35)
    result: Array = np.asarray(direct * shade, np.float32)[..., None] * canvas.sun * 0.85 + canvas.ambient
    return result


def dapple(canvas: Canvas, ground: Plane, period: float, amount: float) -> Array:
    """Soft shadows of unseen foliage: how much sun reaches each point, (h, W) in 1 - ``amount`` .. 1."""
    wave = sample(canvas, ground, "fbm2", period)[..., 0] + 0.5 * sample(canvas, ground, "mid", period * 0.7)[..., 0]
    return 1 - amount * smoothstep(0.5, -0.3, wave)


@dataclass(frozen=True)
class Soil:
    """What a ground is made of.

    Attributes:
        colors: dark to light sRGB hex colours of its patches.
        layers: (noise kind, period in world units, slope, weight in the colour) of its relief, coarse to fine.
        shade: strength of dappled shade, 0..1.
        stretch: how much the relief is drawn out along the line of sight.
    """

    colors: tuple[str, ...]
    layers: tuple[tuple[str, float, float, float], ...]
    shade: float = 0.0
    stretch: float = 1.0


def ramp(colors: tuple[str, ...], t: Array) -> Array:
    """Blend along evenly spaced sRGB hex colours by ``t`` (0..1): adds a last axis of 3, linear RGB."""
    stops = np.stack([linear(color) for color in colors])
    if len(stops) == 1:
        return np.broadcast_to(stops[0], (*t.shape, 3)).astype(np.float32)
    position = np.clip(t, 0, 1) * (len(stops) - 1)
    result = np.empty((*t.shape, 3), np.float32)
    marks = np.arange(len(stops))
    for channel in range(3):
        result[..., channel] = np.interp(position, marks, stops[:, channel])
    return result


def lay(canvas: Canvas, soil: Soil, ground: Plane | None = None) -> Array:
    """Paint level ground of ``soil`` down from the horizon and return its relief value (h, W) for further use."""
    canvas.flush()
    ground = ground or plane(canvas)
    value = np.zeros_like(ground.x)
    slope_x, slope_z = np.zeros_like(value), np.zeros_like(value)
    for kind, period, slope, weight in soil.layers:
        layer = sample(canvas, ground, kind, period, stretch=soil.stretch)
        value += weight * layer[..., 0]
        slope_x += slope * layer[..., 1]
        slope_z += slope * layer[..., 2] / soil.stretch
    shade = dapple(canvas, ground, 7.0, soil.shade) if soil.shade else 1.0
    color = ramp(soil.colors, 0.5 + 0.22 * value) * lit(canvas, slope_x, slope_z, shade)
    paint(canvas, ground, color)
    return value


def paint(canvas: Canvas, ground: Plane, color: Array, alpha: Array | float = 1.0) -> None:
    """Put lit ``color`` (h, W, 3) on the ground through the air, with coverage ``alpha``."""
    if not len(ground.z):
        return
    hazy = canvas.air(color, np.broadcast_to(np.minimum(ground.z, canvas.reach), ground.x.shape))
    canvas.paint(hazy, alpha, np.broadcast_to(ground.z, ground.x.shape), ground.top)


def contact(canvas: Canvas, x: float, z: float, radius: float, strength: float = 0.6) -> None:
    """Darken the ground under a thing of ``radius`` that stands at (x, z), and a little along its shadow."""
    if z <= canvas.nearest * 0.8:
        return
    row, column = canvas.row_of(z), x / z
    wide, deep = 1.7 * radius / z, max(1.2 * radius * canvas.eye / z**2, 1.2 / canvas.height)
    top = int(np.clip((row - 3 * deep) * canvas.height, canvas.first_row, canvas.height))
    bottom = int(np.clip((row + 3 * deep) * canvas.height + 1, 0, canvas.height))
    left = int(np.clip((column - 3 * wide + canvas.edge) * canvas.height, 0, canvas.width))
    right = int(np.clip((column + 3 * wide + canvas.edge) * canvas.height + 1, 0, canvas.width))
    if top >= bottom or left >= right:
        return
    side = -0.5 * wide * float(canvas.sun_direction[0])
    dx = (canvas.x[:, left:right] - column - side) / wide
    dy = (canvas.y[top:bottom] - row) / deep
    shadow = (1 - strength * np.exp(-(dx**2 + dy**2))).astype(np.float32)[..., None]

    def draw() -> None:
        canvas.image[top:bottom, left:right] *= shadow

    canvas.later(z * 1.001, draw)


def band(position: Array, low: float, high: float, soft: float | Array) -> Array:
    """Coverage of a strip between ``low`` and ``high`` with edges ``soft`` wide."""
    return smoothstep(low - soft, low + soft, position) * smoothstep(high + soft, high - soft, position)


# Water: mirrored surroundings, waves in perspective, glitter, shore lines.


@dataclass(frozen=True)
class Wet:
    """What a sheet of water looks like.

    Attributes:
        shallow, deep: sRGB hex colours of the light that comes out of it, near and far.
        waves: slope of the waves (0.02 a pond, 0.2 the sea).
        period: size of one tile of waves in world units.
        choppy: share of fine waves.
        mirror: upper bound of the reflection.
    """

    shallow: str
    deep: str
    waves: float
    period: float = 6.0
    choppy: float = 0.5
    mirror: float = 0.95


def _surface(canvas: Canvas, ground: Plane, wet: Wet) -> tuple[Array, Array, Array]:
    """Return slope to x, slope to z and swell height of the waves."""
    swell = sample(canvas, ground, "fbm", wet.period)
    chop = sample(canvas, ground, "mid", wet.period * 0.6)
    patch = 0.55 + 0.45 * smoothstep(-1, 1, sample(canvas, ground, "smooth", wet.period * 4)[..., 0])
    slope_x = wet.waves * (0.5 * swell[..., 1] + wet.choppy * chop[..., 1]) * patch
    slope_z = wet.waves * (swell[..., 2] + wet.choppy * chop[..., 2]) * patch
    return slope_x, slope_z, swell[..., 0]


def flood(canvas: Canvas, wet: Wet) -> tuple[Plane, Array]:
    """Turn the ground into water that mirrors what is painted above the horizon; return the plane and the swell.

    What stands beyond the water must be painted already.
    """
    canvas.flush()
    ground = plane(canvas)
    slope_x, slope_z, swell = _surface(canvas, ground, wet)
    if not len(ground.z):
        return ground, swell
    grazing = np.clip(canvas.eye / ground.z, 0.01, 1)  # sine of the angle at which the water is seen
    facing = np.clip(grazing - 0.8 * slope_z, 0.02, 1)
    # Schlick's approximation of Fresnel's reflectance for water (F0 = 0.02).
    fresnel = np.minimum(0.02 + 0.98 * (1 - facing) ** 5, wet.mirror).astype(np.float32)
    # A slope tilts the mirror by twice its angle; the displacement grows with the depth of what is mirrored.
    tilt = np.clip(2 * slope_z, -0.8, 1.2)
    up = np.clip(canvas.y[ground.top :] - canvas.horizon + 0.55 * np.abs(tilt), 0, None)
    rows = np.clip((canvas.horizon - up) * canvas.height - 0.5, 0, max(ground.top - 1, 0))
    columns = (canvas.x + 0.45 * slope_x + canvas.edge) * canvas.height - 0.5
    mirrored = cv2.remap(
        canvas.image,
        columns.astype(np.float32),
        rows.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    share = smoothstep(1.0, 0.15, canvas.eye / ground.z * 2.2)
    body = mix(linear(wet.shallow), linear(wet.deep), np.broadcast_to(share, ground.x.shape))
    body = body * (0.55 * canvas.sun * max(float(canvas.sun_direction[1]), 0.2) + canvas.ambient)
    color = mix(body * (1 + 0.14 * swell)[..., None], mirrored * 0.96, fresnel)
    color += _glitter(canvas, ground, slope_x, slope_z)
    hazy = canvas.air(color, np.broadcast_to(ground.z, ground.x.shape) * 0.25)
    canvas.paint(hazy.astype(np.float32), 1.0, np.broadcast_to(ground.z, ground.x.shape), ground.top)
    return ground, swell


def _glitter(canvas: Canvas, ground: Plane, slope_x: Array, slope_z: Array) -> Array:
    """Return the sun's glints: strong where the waves' normal lies halfway between sun and camera."""
    norm = np.sqrt(ground.x**2 + ground.z**2 + canvas.eye**2)
    lx, ly, lz = (float(v) for v in canvas.sun_direction)
    half = np.stack([-ground.x / norm + lx, canvas.eye / norm + ly, ground.z / norm + lz], 0)
    half /= np.linalg.norm(half, axis=0)
    normal = np.stack([-slope_x, np.ones_like(slope_x), slope_z], 0)
    normal /= np.linalg.norm(normal, axis=0)
    shine = np.clip((half * normal).sum(0), 0, 1) ** 90
    result: Array = (0.9 * shine)[..., None] * canvas.sun
    return result


def ripples(canvas: Canvas, strength: float) -> None:
    """Draw out the mirror image sideways a little, as calm water does, by brightening thin lines."""
    ground = plane(canvas)
    lines = sample(canvas, ground, "streak", 9.0)[..., 0]
    canvas.image[ground.top :] *= (1 + strength * np.clip(lines, -1.5, 2.5))[..., None]


def shore(canvas: Canvas, ground: Plane, z_shore: float, wander: float) -> Array:
    """Distance (h, W) beyond an irregular shore line around ``z_shore``; positive is water (further away)."""
    low = sample(canvas, ground, "smooth", 40.0)[..., 0]
    fine = sample(canvas, ground, "fbm", 14.0)[..., 0]
    result: Array = ground.z - z_shore * (1 + wander * (0.7 * low + 0.3 * fine))
    return result
