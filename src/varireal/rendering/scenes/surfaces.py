"""Paints for built surfaces: plaster, boards, tiles, bricks, cloth, books, goods, windows, screens."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.grounds import ramp
from varireal.rendering.scenes.solids import Coat, Paint
from varireal.rendering.scenes.textures import relief
from varireal.rendering.shading import linear, smoothstep


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

    def paint(a: Array, b: Array, step: float) -> Coat:
        wave = relief(kind, a / period + 0.3, b / period + 0.7, step / period)[..., 0]
        return Coat(base * np.clip(1 + grain * wave, 0.4, 1.6)[..., None])

    return paint


def boards(colors: tuple[str, ...], width: float, length: float = 1.8, *, across: bool = False) -> Paint:
    """Wooden boards along the second edge (``across``: along the first), each of its own tone, with joints."""

    def paint(a: Array, b: Array, step: float) -> Coat:
        side, run = (b, a) if across else (a, b)
        number = np.floor(side / width)
        shift = hashed(number) * length
        piece = np.floor((run + shift) / length)
        tone = hashed(number, piece)
        fine = min(1.0, 0.6 * width / step)
        grain = relief("strand", side / 0.9 + tone * 7, run / 2.4 + tone * 3, step / 0.9)[..., 0]
        color = ramp(colors, 0.5 + fine * (0.7 * (tone - 0.5)) + 0.09 * grain)
        joint = np.maximum(gap(side, width, 0.012, step), 0.7 * gap(run + shift, length, 0.01, step))
        return Coat(color * (1 - 0.55 * joint)[..., None])

    return paint


def tiles(color: str, size: float, grout: str, *, second: str | None = None, joint: float = 0.015) -> Paint:
    """Square tiles with joints; ``second`` makes a chequer."""
    base, other, line = linear(color), linear(second or color), linear(grout)

    def paint(a: Array, b: Array, step: float) -> Coat:
        i, j = np.floor(a / size), np.floor(b / size)
        seen = np.float32(min(1.0, 0.5 * size / step))
        odd = ((i + j) % 2) * seen + 0.5 * (1 - seen)
        tone = 1 + 0.12 * seen * (hashed(i, j) - 0.5)
        wave = relief("fbm", a / 3, b / 3, step / 3)[..., 0]
        tile = (base + (other - base) * odd[..., None]) * (tone + 0.04 * wave)[..., None]
        lines = np.maximum(gap(a, size, joint, step), gap(b, size, joint, step))[..., None]
        return Coat(tile + (line - tile) * lines)

    return paint


def bricks(colors: tuple[str, ...], width: float = 0.24, height: float = 0.08, mortar: str = "#a39c90") -> Paint:
    """Courses of brick."""
    line = linear(mortar)

    def paint(a: Array, b: Array, step: float) -> Coat:
        course = np.floor(b / height)
        shifted = a + 0.5 * width * (course % 2)
        seen = min(1.0, 0.6 * height / step)
        tone = 0.5 + seen * 0.8 * (hashed(np.floor(shifted / width), course) - 0.5)
        wave = relief("fbm", a / 2.5, b / 2.5, step / 2.5)[..., 0]
        lines = np.maximum(gap(shifted, width, 0.014, step), gap(b, height, 0.014, step))[..., None] * 0.8
        brick = ramp(colors, tone + 0.12 * wave)
        return Coat(brick + (line - brick) * lines)

    return paint


def cloth(color: str, *, folds: float = 0.0) -> Paint:
    """Woven cloth; ``folds`` makes it hang in folds, as a curtain does."""
    base = linear(color)

    def paint(a: Array, b: Array, step: float) -> Coat:
        weave = relief("fine", a / 0.5, b / 0.5, step / 0.5)[..., 0]
        soft = relief("smooth", a / 1.2 + 0.2, b / 1.2 + 0.4, step / 1.2)[..., 0]
        tone = 1 + 0.06 * weave + 0.1 * soft
        if folds:
            wave = relief("fbm", a / folds, 0.02 * b, step / folds)[..., 0]
            tone = tone * (1 + 0.32 * np.clip(wave, -1.6, 1.6))
        return Coat(base * np.clip(tone, 0.25, 1.7)[..., None])

    return paint


def stacked(colors: tuple[str, ...], shelf: float, thickness: float, fill: float, wood: str, seed: int) -> Paint:
    """Shelves full of upright things of uneven width and height (books, goods), with dark gaps above them."""
    stops = np.stack([linear(color) for color in colors])
    board = linear(wood)

    def paint(a: Array, b: Array, step: float) -> Coat:
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
        return Coat((color + (board - color) * plank).astype(np.float32))

    return paint


def shining(color: str, power: float, *, mottle: float = 0.0) -> Paint:
    """A surface that sends out light: a lamp, a window to a bright outside, a screen."""
    base = linear(color) * power

    def paint(a: Array, b: Array, step: float) -> Coat:
        wave = relief("smooth", a / 4 + 0.1, b / 3 + 0.6, step / 3)[..., 0] if mottle else np.zeros_like(a)
        glow = base * np.clip(1 + mottle * wave, 0.1, 3)[..., None]
        return Coat(np.zeros_like(glow), glow.astype(np.float32))

    return paint
