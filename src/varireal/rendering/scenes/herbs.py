"""Grass, reeds, crops, flowers and ferns as strips that repeat and as single sprites; drawn once per process."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.easel import Easel
from varireal.rendering.scenes.sprites import Look, Sprite, place, row

GRASS = Look(("#444f24", "#7b8c49", "#bcbb88"), glow=0.6)
LAWN = Look(("#3d5220", "#6d9040", "#a3b86a"), glow=0.5)
HAY = Look(("#55502c", "#8f8752", "#cbbf8c"), glow=0.5)
STRAW = Look(("#5a4722", "#a98a4c", "#dcc58c"), glow=0.45)
REED = Look(("#4a431f", "#8b8450", "#b9a66f"), glow=0.4)
FERN = Look(("#1c2c12", "#41602a", "#78944a"), glow=0.5)


@dataclass(frozen=True)
class Sward:
    """A stand of blades.

    Attributes:
        count: blades in a strip 1024 wide.
        tall: lowest and highest blade, share of the strip's height.
        width: of a blade in pixels of the 128-pixel strip.
        lean: spread of the lean, share of the blade's height.
        head: what a blade carries: "", "ear", "cattail", "flower", "plume".
        headed: share of blades that carry it.
        hue: mean colour position of the blades.
        rare: how few of the blades are tall (1: all heights alike).
    """

    count: int
    tall: tuple[float, float]
    width: float
    lean: float
    head: str = ""
    headed: float = 0.0
    hue: float = 0.45
    rare: float = 2.2


_SWARDS = {
    "grass": Sward(1000, (0.3, 0.98), 3.0, 0.4),
    "lawn": Sward(1300, (0.3, 0.9), 3.4, 0.45),
    "sedge": Sward(700, (0.4, 0.98), 3.0, 0.28, "ear", 0.12),
    "reeds": Sward(330, (0.55, 0.98), 3.4, 0.14, "plume", 0.16),
    "cattails": Sward(260, (0.5, 0.98), 4.0, 0.12, "cattail", 0.16),
    "wheat": Sward(800, (0.6, 0.97), 1.8, 0.14, "ear", 0.7, 0.5, 1.0),
    "flowers": Sward(620, (0.3, 0.95), 2.6, 0.3, "flower", 0.55, 0.3),
    "corn": Sward(300, (0.65, 0.98), 5.0, 0.1, "plume", 0.3, 0.45, 1.0),
}


def _head(easel: Easel, rng: np.random.Generator, kind: str, x: float, y: float, angle: float) -> None:
    if kind == "ear":
        for step in range(6):
            px, py = x - step * 3.0 * np.cos(angle), y - step * 3.0 * np.sin(angle)
            light = float(np.clip(0.75 + 0.15 * rng.normal(), 0, 1))
            easel.leaf(px, py, 6.5, 3.2, angle + rng.choice([-0.5, 0.5]), (0.2, 0.4, light, 0.85))
    elif kind == "cattail":
        for shift, lean, light in ((0.0, 0.0, 0.8), (1.4, 0.7, 0.55), (-1.4, -0.6, 0.7)):
            easel.leaf(x + shift, y + 8, 20, 4 if shift == 0 else 2.2, np.pi / 2, (lean, 0.1, light, 0.0))
    elif kind == "plume":
        for _ in range(16):
            t = rng.random()
            px, py = x + rng.normal(0, 2.2) * t, y + 18 * t
            easel.leaf(px, py, 6, 1.4, rng.normal(np.pi / 2, 0.5), (0.1, 0.4, 0.85, 0.9))
    elif kind == "flower":
        size = rng.uniform(4.5, 8.5)
        petals = int(rng.integers(5, 8))
        for i in range(petals):
            turn = i * 2 * np.pi / petals + rng.uniform(0, 0.5)
            px, py = x + np.cos(turn) * size * 0.6, y + np.sin(turn) * size * 0.42
            light = float(np.clip(0.85 + 0.12 * rng.normal(), 0, 1))
            easel.leaf(px, py, size, size * 0.6, turn, (0.4 * np.cos(turn), 0.5, light, float(rng.uniform(0.85, 1))))
        easel.leaf(x, y, size * 0.5, size * 0.4, 0, (0, 0.3, 0.7, 0.6))


@cache
def strip(kind: str) -> Sprite:
    """A stand of plants that repeats, 128 x 1024; ``kind`` is a key of this module's table (grass, reeds, wheat …)."""
    sward = _SWARDS[kind]
    rng = np.random.default_rng([201, len(kind), sward.count])
    easel = Easel(128, 1024, wrap=True)
    order = np.sort(rng.random(sward.count))  # 0 is at the back: darker and taller
    for depth in order:
        low, high = sward.tall
        height = 128 * (low + (high - low) * rng.random() ** sward.rare) * (1 - 0.25 * depth)
        x, bend = rng.uniform(0, 1024), rng.normal(0, sward.lean) * height
        t = np.linspace(0, 1, 6)
        path = np.stack([x + bend * t**1.8, 129 - height * (t - 0.12 * abs(bend) / height * t**3)], -1)
        widths = sward.width * (1 - 0.85 * t**1.5) * rng.uniform(0.7, 1.3)
        light = np.clip((0.3 + 0.65 * t**0.8) * rng.uniform(0.75, 1.15) * (0.6 + 0.4 * depth), 0, 1)
        hue = np.clip(sward.hue + rng.normal(0, 0.13) + 0.18 * (t - 0.5), 0, 0.8)
        easel.blade(path, widths, light, hue, float(rng.uniform(-0.7, 0.7)))
        if sward.head and rng.random() < sward.headed:
            tip = path[-1] - path[-2]
            _head(easel, rng, sward.head, path[-1, 0], path[-1, 1], float(np.arctan2(tip[1], tip[0])))
    return easel.sprite()


@cache
def fern(variant: int) -> Sprite:
    """A fern or broad-leaved herb, 128 x 200: fronds that arch from one point."""
    rng = np.random.default_rng([202, variant])
    easel = Easel(128, 200)
    for angle in rng.permutation(np.linspace(0.25, np.pi - 0.25, 13)):
        length, sag = rng.uniform(70, 104), rng.uniform(14, 44)
        base = float(np.clip(0.4 + 0.2 * rng.normal(), 0.1, 0.8))
        for t in np.linspace(0.15, 1, 18):
            x = 100 + np.cos(angle) * length * t
            y = 126 - np.sin(angle) * length * t + sag * t * t
            slope = np.arctan2(2 * sag * t - np.sin(angle) * length, np.cos(angle) * length)
            for side in (-1, 1):
                size = 20 * (1 - 0.75 * t) + 3
                px, py = x + 0.35 * size * np.cos(slope + side), y + 0.35 * size * np.sin(slope + side)
                light = float(np.clip(0.12 + 0.7 * t + 0.2 * rng.normal() + 0.15 * side, 0.05, 1))
                easel.leaf(px, py, size, 3.6, slope + side * 1.0, (0.4 * np.cos(angle), 0.5, light, base))
    return easel.sprite()


@cache
def tuft(variant: int) -> Sprite:
    """A tuft of grass, 96 x 128."""
    rng = np.random.default_rng([203, variant])
    easel = Easel(96, 128)
    for depth in np.sort(rng.random(70)):
        height, bend = rng.uniform(36, 92), rng.normal(0, 26)
        t = np.linspace(0, 1, 6)
        foot = 96 - 9 * rng.random() * (1 - depth)
        path = np.stack([64 + rng.normal(0, 10) + bend * t**1.7, foot - height * t + 0.2 * abs(bend) * t**3], -1)
        light = np.clip((0.15 + 0.8 * t) * rng.uniform(0.7, 1.1) * (0.65 + 0.35 * depth), 0, 1)
        easel.blade(path, 2.8 * (1 - 0.8 * t), light, np.clip(0.45 + 0.14 * rng.normal() + 0 * t, 0, 1), bend / 40)
    return easel.sprite()


@cache
def mirrored(variant: int) -> Sprite:
    """The mirror image of ``tuft`` in water."""
    pixels = np.ascontiguousarray(tuft(variant).pixels[::-1])
    pixels.setflags(write=False)
    return Sprite(pixels)


def in_water(canvas: Canvas, x: float, z: float, height: float, look: Look) -> None:
    """Put a tuft that stands in water at (x, z), with its dim and shortened mirror image."""
    variant, flip = int(canvas.rng.integers(5)), canvas.chance(0.5)
    tint = canvas.uniform(0.85, 1.1)
    sunk, wide = 0.45 * height, 1 / 0.45
    below = mirrored(variant)
    place(canvas, below, x, 1.001 * z, sunk, look, width=wide, tint=0.4 * tint, lift=-0.97 * sunk, flip=flip)
    place(canvas, tuft(variant), x, z, height, look, tint=tint, flip=flip)


def stand(
    canvas: Canvas,
    kind: str,
    look: Look,
    height: float,
    *,
    near: float,
    far: float,
    rows: int,
    stretch: float = 1.0,
    wobble: float = 0.3,
) -> None:
    """Cover the ground between distances ``far`` and ``near`` with rows of a strip ``height`` world units tall."""
    picture = strip(kind)
    for z in np.geomspace(far, near, rows):
        tall = height * canvas.uniform(0.8, 1.15)
        row(canvas, picture, float(z), tall, look, stretch=stretch, tint=canvas.uniform(0.93, 1.07), wobble=wobble)
