"""Level ground in perspective: colour patches, lit relief, dappled shade, paths."""

from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.textures import relief_by_row
from varireal.rendering.shading import linear, smoothstep


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
