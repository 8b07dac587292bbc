"""Paints for built surfaces: plaster, boards, tiles, bricks, cloth, books, goods, windows, screens."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from varireal.editors.shading import linear, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import Canvas, relief
from varireal_demo.scenes.grounds import ramp

# Built things in perspective: rectangles, boxes, columns and pipes, lit by the sun or by the lamps of a room.

_NEAR = 0.05
_SHIFT = 4  # cv2 takes points in 1/16 pixel


class Painted(NamedTuple):
    """What a surface looks like at some points: albedo (h, w, 3), and the light that it sends out itself, if any."""

    albedo: Array
    glow: Array | None = None


# (position along the first edge, along the second edge, world size of a pixel) -> Painted
Paint = Callable[[Array, Array, float], Painted]
Point = Sequence[float] | Array


def light_on(canvas: Canvas, x: Array, y: Array, z: Array, normal: Array) -> Array:
    """Light that falls on points with one ``normal`` (3,): (h, w, 3)."""
    if not canvas.lamps:
        facing = max(0.0, float(normal @ canvas.sun_direction))
        even = facing * canvas.sun + canvas.ambient * (0.72 + 0.28 * float(normal[1]))
        flat: Array = np.broadcast_to(even, (*x.shape, 3)).astype(np.float32)
        return flat
    total = np.zeros((*x.shape, 3), np.float32) + canvas.ambient * np.float32(0.8 + 0.2 * float(normal[1]))
    for position, power in canvas.lamps:
        dx, dy, dz = position[0] - x, position[1] - y, position[2] - z
        square = dx * dx + dy * dy + dz * dz + 0.15
        cosine = np.clip((dx * normal[0] + dy * normal[1] + dz * normal[2]) / np.sqrt(square), 0, 1) * 0.85 + 0.15
        total += (cosine / square)[..., None].astype(np.float32) * power
    return total


def _clipped(corners: Array) -> Array:
    """Cut a convex polygon (n, 3) at the plane just before the camera."""
    result = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if a[2] >= _NEAR:
            result.append(a)
        if (a[2] >= _NEAR) != (b[2] >= _NEAR):
            t = (_NEAR - a[2]) / (b[2] - a[2])
            result.append(a + t * (b - a))
    return np.array(result)


def face(canvas: Canvas, origin: Point, first: Point, second: Point, paint: Paint, *, bevel: float = 0.0) -> None:
    """Paint a rectangle: ``origin`` (x, y, z) and two edges at right angles; drawn at once, over what is there.

    Its normal is turned to the camera. ``bevel`` darkens it towards its edges over about that width, as round
    edges do.
    """
    o, u, v = (np.asarray(p, np.float64) for p in (origin, first, second))
    corners = _clipped(np.array([o, o + u, o + u + v, o + v]))
    if len(corners) < 3:
        return
    px = (corners[:, 0] / corners[:, 2] + canvas.edge) * canvas.height
    py = (canvas.horizon - (corners[:, 1] - canvas.eye) / corners[:, 2]) * canvas.height
    left, right = max(0, int(px.min()) - 1), min(canvas.width, int(np.ceil(px.max())) + 1)
    top, bottom = max(0, int(py.min()) - 1), min(canvas.height, int(np.ceil(py.max())) + 1)
    if (right - left) * (bottom - top) < 5 or left >= right or top >= bottom:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    outline = np.clip(np.stack([px - left - 0.5, py - top - 0.5], -1), -8000, 8000)
    cv2.fillConvexPoly(mask, np.round(outline * (1 << _SHIFT)).astype(np.int32), 255.0, cv2.LINE_AA, _SHIFT)
    # Spelled out: np.cross takes ten times as long for one pair.
    normal = np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    normal /= np.linalg.norm(normal)
    to_plane = o - np.array([0, canvas.eye, 0])
    if normal @ to_plane > 0:
        normal = -normal
    dx, dy = canvas.x[:, left:right], canvas.horizon - canvas.y[top:bottom]
    along = normal[0] * dx + normal[1] * dy + normal[2]
    z = float(normal @ to_plane) / np.where(np.abs(along) < 1e-6, -1e-6, along)
    z = np.clip(z, _NEAR, 1e4).astype(np.float32)
    x, y = dx * z, canvas.eye + dy * z
    rel = (x - o[0], y - o[1], z - o[2])
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    a, b = (
        np.clip(sum(r * e for r, e in zip(rel, edge / length, strict=True)), 0, length).astype(np.float32)
        for edge, length in ((u, lengths[0]), (v, lengths[1]))
    )
    inside = z[mask > 127]
    step = float(np.median(inside) if inside.size else z.mean()) / canvas.height
    coat = paint(a, b, step)
    color = coat.albedo * light_on(canvas, x, y, z, normal.astype(np.float32))
    if bevel:
        margin = np.minimum(np.minimum(a, lengths[0] - a), np.minimum(b, lengths[1] - b))
        color = color * (1 - 0.45 * np.exp(-margin / bevel))[..., None]
    if coat.glow is not None:
        color = color + coat.glow
    canvas.paint(canvas.air(color.astype(np.float32), z), mask.astype(np.float32) / 255, z, top, left)


def box(
    canvas: Canvas,
    center: tuple[float, float],
    size: tuple[float, float, float],
    paint: Paint | tuple[Paint, Paint, Paint],
    *,
    base: float = 0.0,
    yaw: float = 0.0,
    bevel: float = 0.0,
) -> None:
    """Queue a box on the ground: ``center`` (x, z), ``size`` (width, height, depth), turned by ``yaw`` radians.

    ``paint`` is for all faces, or (front and back, sides, top).
    """
    front, side, lid = paint if isinstance(paint, tuple) else (paint, paint, paint)
    cx, cz = center
    wide, tall, deep = size
    right = np.array([np.cos(yaw), 0, np.sin(yaw)])
    away = np.array([-np.sin(yaw), 0, np.cos(yaw)])
    up = np.array([0, tall, 0.0])
    middle = np.array([cx, base, cz])
    corner = middle - right * wide / 2 - away * deep / 2
    faces = [
        (corner, right * wide, up, -away, front),
        (corner + right * wide + away * deep, -right * wide, up, away, front),
        (corner + away * deep, -away * deep, up, -right, side),
        (corner + right * wide, away * deep, up, right, side),
        (corner + up, right * wide, away * deep, np.array([0, 1.0, 0]), lid),
        (corner, right * wide, away * deep, np.array([0, -1.0, 0]), lid),
    ]
    eye = np.array([0, canvas.eye, 0])

    def draw() -> None:
        for origin, u, v, normal, coat in faces:
            if normal @ (origin - eye) < 0:
                face(canvas, origin, u, v, coat, bevel=bevel)

    canvas.later(max(cz - 0.25 * deep, 0.1), draw)


def column(
    canvas: Canvas,
    x: float,
    z: float,
    radius: float,
    span: tuple[float, float],
    paint: Paint,
    *,
    lean: float = 0.0,
    flare: float = 0.0,
) -> None:
    """Queue an upright cylinder at (x, z) from ``span[0]`` to ``span[1]`` above the ground.

    ``lean`` moves it sideways per unit of height, ``flare`` widens its foot by that share; the paint gets the position
    around it and up it.
    """
    rise = canvas.eye + (canvas.horizon - canvas.y) * z
    middle = (x + lean * rise) / z
    half = radius / z * (1 + flare * np.exp(-np.clip(rise, 0, None) / (3.5 * radius)))

    def draw() -> None:
        low, high = float((middle - half).min()), float((middle + half).max())
        left = max(0, int((low + canvas.edge) * canvas.height) - 1)
        right = min(canvas.width, int((high + canvas.edge) * canvas.height) + 2)
        if left >= right:
            return
        off = (canvas.x[:, left:right] - middle) / half
        soft = 1 / (half * canvas.height)
        cover = np.clip((1 - np.abs(off)) / soft + 0.5, 0, 1)
        ends = np.clip((rise - span[0]) / z * canvas.height + 0.5, 0, 1)
        cover = cover * ends * np.clip((span[1] - rise) / z * canvas.height + 0.5, 0, 1)
        turn = np.clip(off, -0.999, 0.999)
        coat = paint(
            (np.arcsin(turn) * radius).astype(np.float32), np.broadcast_to(rise, off.shape), z / canvas.height
        )
        lx, lz = float(canvas.sun_direction[0]), float(canvas.sun_direction[2])
        direct = np.clip(turn * lx + np.sqrt(1 - turn**2) * max(lz, 0.15), 0, 1)[..., None]
        rim = (0.75 + 0.25 * np.sqrt(1 - turn**2))[..., None]
        color = coat.albedo * (direct * canvas.sun + canvas.ambient * rim)
        if coat.glow is not None:
            color = color + coat.glow
        canvas.paint(canvas.air(color.astype(np.float32), z), cover.astype(np.float32), z, 0, left)

    canvas.later(z, draw)


def pipe(canvas: Canvas, y: float, z: float, radius: float, paint: Paint) -> None:
    """Queue a horizontal cylinder that runs across the whole picture at height ``y`` and distance ``z``."""

    def draw() -> None:
        rise = canvas.eye + (canvas.horizon - canvas.y) * z
        off = (rise - y) / radius
        rows = np.flatnonzero(np.abs(off[:, 0]) < 1 + z / canvas.height / radius)
        if not rows.size:
            return
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        turn = np.clip(off[top:bottom], -0.999, 0.999)
        shape = (bottom - top, canvas.width)
        along = np.broadcast_to(canvas.x * z, shape)
        coat = paint(along, np.broadcast_to(np.arcsin(turn) * radius, shape).astype(np.float32), z / canvas.height)
        upper = np.clip(turn * 0.8 + 0.5 * np.sqrt(1 - turn**2), 0, 1)
        gleam = np.clip(turn * 0.7 + 0.7 * np.sqrt(1 - turn**2), 0, 1) ** 24
        color = coat.albedo * (upper[..., None] * canvas.sun + canvas.ambient) + 0.25 * gleam[..., None] * canvas.sun
        cover = np.clip((1 - np.abs(off[top:bottom])) * radius / z * canvas.height + 0.5, 0, 1)
        alpha = np.broadcast_to(cover, shape).astype(np.float32)
        canvas.paint(canvas.air(color.astype(np.float32), z), alpha, z, top)

    canvas.later(z, draw)


def hashed(*cells: Array) -> Array:
    """A number in 0..1 for each cell (whole numbers in float arrays), the same for the same cell."""
    total: Array = np.zeros(cells[0].shape, np.uint32)
    for cell, prime in zip(cells, (374761393, 668265263, 2246822519), strict=False):
        total = total + (cell.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32) * np.uint32(prime)
    total = (total ^ (total >> np.uint32(13))) * np.uint32(1274126177)
    result: Array = ((total ^ (total >> np.uint32(16))) & np.uint32(0xFFFF)).astype(np.float32) / 65535
    return result


def gap(position: Array, period: float, width: float, step: float) -> Array:
    """Coverage of joints ``width`` wide every ``period``; fades out when smaller than the pixel ``step``."""
    off = np.abs((position / period + 0.5) % 1 - 0.5) * period
    soft = max(step, 0.25 * width)
    share = min(1.0, width / soft)
    result: Array = smoothstep(0.5 * width + 0.6 * soft, 0.5 * width - 0.1 * soft, off) * np.float32(share)
    return result


def plain(color: str, *, grain: float = 0.04, period: float = 2.0, kind: str = "fbm") -> Paint:
    """An even coat with faint mottling."""
    base = linear(color)

    def paint(a: Array, b: Array, step: float) -> Painted:
        wave = relief(kind, a / period + 0.3, b / period + 0.7, step / period)[..., 0]
        return Painted(base * np.clip(1 + grain * wave, 0.4, 1.6)[..., None])

    return paint


def boards(colors: tuple[str, ...], width: float, length: float = 1.8, *, across: bool = False) -> Paint:
    """Wooden boards along the second edge (``across``: along the first), each of its own tone, with joints."""

    def paint(a: Array, b: Array, step: float) -> Painted:
        side, run = (b, a) if across else (a, b)
        number = np.floor(side / width)
        shift = hashed(number) * length
        piece = np.floor((run + shift) / length)
        tone = hashed(number, piece)
        fine = min(1.0, 0.6 * width / step)
        grain = relief("strand", side / 0.9 + tone * 7, run / 2.4 + tone * 3, step / 0.9)[..., 0]
        color = ramp(colors, 0.5 + fine * (0.7 * (tone - 0.5)) + 0.09 * grain)
        joint = np.maximum(gap(side, width, 0.012, step), 0.7 * gap(run + shift, length, 0.01, step))
        return Painted(color * (1 - 0.55 * joint)[..., None])

    return paint


def tiles(color: str, size: float, grout: str, *, second: str | None = None, joint: float = 0.015) -> Paint:
    """Square tiles with joints; ``second`` makes a chequer."""
    base, other, line = linear(color), linear(second or color), linear(grout)

    def paint(a: Array, b: Array, step: float) -> Painted:
        i, j = np.floor(a / size), np.floor(b / size)
        seen = np.float32(min(1.0, 0.5 * size / step))
        odd = ((i + j) % 2) * seen + 0.5 * (1 - seen)
        tone = 1 + 0.12 * seen * (hashed(i, j) - 0.5)
        wave = relief("fbm", a / 3, b / 3, step / 3)[..., 0]
        tile = (base + (other - base) * odd[..., None]) * (tone + 0.04 * wave)[..., None]
        lines = np.maximum(gap(a, size, joint, step), gap(b, size, joint, step))[..., None]
        return Painted(tile + (line - tile) * lines)

    return paint


def bricks(colors: tuple[str, ...], width: float = 0.24, height: float = 0.08, mortar: str = "#a39c90") -> Paint:
    """Courses of brick."""
    line = linear(mortar)

    def paint(a: Array, b: Array, step: float) -> Painted:
        course = np.floor(b / height)
        shifted = a + 0.5 * width * (course % 2)
        seen = min(1.0, 0.6 * height / step)
        tone = 0.5 + seen * 0.8 * (hashed(np.floor(shifted / width), course) - 0.5)
        wave = relief("fbm", a / 2.5, b / 2.5, step / 2.5)[..., 0]
        lines = np.maximum(gap(shifted, width, 0.014, step), gap(b, height, 0.014, step))[..., None] * 0.8
        brick = ramp(colors, tone + 0.12 * wave)
        return Painted(brick + (line - brick) * lines)

    return paint


def cloth(color: str, *, folds: float = 0.0) -> Paint:
    """Woven cloth; ``folds`` makes it hang in folds, as a curtain does."""
    base = linear(color)

    def paint(a: Array, b: Array, step: float) -> Painted:
        weave = relief("fine", a / 0.5, b / 0.5, step / 0.5)[..., 0]
        soft = relief("smooth", a / 1.2 + 0.2, b / 1.2 + 0.4, step / 1.2)[..., 0]
        tone = 1 + 0.06 * weave + 0.1 * soft
        if folds:
            wave = relief("fbm", a / folds, 0.02 * b, step / folds)[..., 0]
            tone = tone * (1 + 0.32 * np.clip(wave, -1.6, 1.6))
        return Painted(base * np.clip(tone, 0.25, 1.7)[..., None])

    return paint


def stacked(colors: tuple[str, ...], shelf: float, thickness: float, fill: float, wood: str, seed: int) -> Paint:
    """Shelves full of upright things of uneven width and height (books, goods), with dark gaps above them."""
    stops = np.stack([linear(color) for color in colors])
    board = linear(wood)

    def paint(a: Array, b: Array, step: float) -> Painted:
        level = np.floor(b / shelf)
        up = b / shelf - level
        # Uneven widths: a bent ruler, bent differently on each shelf.
        bent = (
            a + 0.4 * thickness * np.sin(a / thickness * 0.9 + 5 * level) + 0.7 * thickness * np.sin(a * 1.9 + level)
        )
        number = np.floor(bent / thickness)
        group = np.floor(bent / (5.3 * thickness))
        hue = np.where(hashed(group, level, level + seed) < 0.35, hashed(group, level), hashed(number, level))
        which = np.minimum((hue * len(colors)).astype(int), len(colors) - 1)
        tone = 0.7 + 0.5 * hashed(number, level + 31)
        tall = fill * (0.72 + 0.28 * hashed(number, level + 7)) * (hashed(number, level + 3) > 0.04)
        soft = max(step / shelf, 0.01)
        there = smoothstep(tall + soft, tall - soft, up)
        edge = np.abs((bent / thickness) % 1 - 0.5) * 2
        round_ = 1 - 0.45 * edge**4 * min(1.0, thickness / step / 2)
        label = 1 + 0.5 * ((up > 0.55 * tall) & (up < 0.68 * tall)) * (hashed(number, level + 11) > 0.5)
        item = stops[which] * (tone * round_ * label)[..., None]
        hollow = board * (0.10 + 0.18 * smoothstep(fill, 1.0, up))[..., None]
        color = hollow + (item - hollow) * there[..., None]
        plank = gap(b, shelf, 0.09 * shelf, step)[..., None]
        return Painted((color + (board - color) * plank).astype(np.float32))

    return paint


def shining(color: str, power: float, *, mottle: float = 0.0) -> Paint:
    """A surface that sends out light: a lamp, a window to a bright outside, a screen."""
    base = linear(color) * power

    def paint(a: Array, b: Array, step: float) -> Painted:
        wave = relief("smooth", a / 4 + 0.1, b / 3 + 0.6, step / 3)[..., 0] if mottle else np.zeros_like(a)
        glow = base * np.clip(1 + mottle * wave, 0.1, 3)[..., None]
        return Painted(np.zeros_like(glow), glow.astype(np.float32))

    return paint
