"""Hills, mountains and dunes: height fields seen in perspective, drawn by columns from near to far slices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.textures import relief
from varireal.rendering.shading import smoothstep


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


Coat = Callable[[Array, Array, Array], Array]  # (height, steepness, detail) -> albedo (..., 3)


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


def raise_land(canvas: Canvas, land: Land, coat: Coat, *, detail: str = "mid", detail_scale: float = 2.0) -> Array:
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
