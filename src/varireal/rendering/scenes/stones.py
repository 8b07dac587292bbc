"""Rocks, corals and lumps as sprites: lit height fields; drawn once per process."""

from functools import cache

import numpy as np

from varireal.arrays import Array
from varireal.rendering.noise import field
from varireal.rendering.scenes.easel import Easel
from varireal.rendering.scenes.sprites import Look, Sprite

ROCK = Look(("#5a5650", "#86817a", "#a8a49b"))
DARK_ROCK = Look(("#2b2927", "#47423e", "#66605a"))
RED_ROCK = Look(("#5c2f1e", "#8d4c2e", "#b57a52"))
ICE = Look(("#8fc0d8", "#d6e8f0", "#f6fafb"), glow=0.5, brightness=2.1)
MOSSY = Look(("#4b4a40", "#6b6d58", "#6d8044"))


def _window(kind: str, rng: np.random.Generator, height: int, width: int, zoom: float) -> Array:
    """Cut a random piece out of a noise field: (height, width), ``zoom`` pixels of the field per pixel."""
    rows = (rng.integers(512) + np.arange(height) * zoom).astype(int) % 512
    columns = (rng.integers(512) + np.arange(width) * zoom).astype(int) % 512
    piece: Array = field(kind)[np.ix_(rows, columns)]
    return piece


def _solid(z: Array, cover: Array, openness: Array, color: Array, scale: float) -> Sprite:
    """Turn a height field towards the viewer (in pixels) into a sprite."""
    right = -np.gradient(z, axis=1) * scale
    up = np.gradient(z, axis=0) * scale
    norm = np.sqrt(1 + right**2 + up**2)
    stack = np.stack([np.ones_like(z), right / norm, up / norm, openness, color], -1) * cover[..., None]
    pixels = np.ascontiguousarray(stack, np.float32)
    pixels.setflags(write=False)
    return Sprite(pixels)


@cache
def rock(variant: int, facets: float = 0.6) -> Sprite:
    """A boulder, 128 x 180: a lump cut by a few planes, rough, darker at the foot."""
    rng = np.random.default_rng([301, variant, int(100 * facets)])
    rows, columns = np.mgrid[0:128, 0:180].astype(np.float32)
    x, y = (columns - 90) / 84, (rows - 124) / 112
    z = np.full_like(x, 2.0)
    # The lump is what a handful of planes leave of a block: planes give the flat faces of broken stone.
    for _ in range(14):
        azimuth, lift = rng.uniform(0, np.pi), rng.uniform(0.0, 1.0)
        nx, ny, nz = np.cos(azimuth), -np.sin(azimuth) * rng.uniform(0.4, 1), lift * 0.9 + 0.12
        reach = rng.uniform(0.62, 0.85)
        z = np.minimum(z, (reach - nx * x - ny * y) / nz)
    round_ = np.sqrt(np.clip(0.9 - x**2 - (y * 1.02) ** 2, 0, None))
    z = np.where(z > 0, facets * np.minimum(z, 1.1) + (1 - facets) * round_, z)
    rough = _window("fbm", rng, 128, 180, 1.3)
    grit = _window("mid", rng, 128, 180, 2.0)
    body = z + 0.05 * rough
    edge = np.clip(body / 0.03, 0, 1) * np.clip((126 + 2.5 * rough - rows) / 2, 0, 1)
    openness = np.clip(0.35 + 0.75 * (124 - rows) / 110 + 0.06 * grit, 0.15, 1)
    color = np.clip(0.5 + 0.16 * rough + 0.12 * grit, 0, 1)
    return _solid(60 * z + 3.2 * rough + 1.0 * grit, edge, openness, color, 0.9)


@cache
def coral(variant: int) -> Sprite:
    """A coral head, 128 x 160: brain-like lump (even variants) or branching fan (odd ones)."""
    rng = np.random.default_rng([302, variant])
    if variant % 2:
        easel = Easel(128, 160)
        _branch(easel, rng, 80, 128, np.pi / 2, 34, 9)
        return easel.sprite()
    rows, columns = np.mgrid[0:128, 0:160].astype(np.float32)
    x, y = (columns - 80) / 74, (rows - 118) / 104
    rough = _window("mid", rng, 128, 160, 1.0)
    outline = 1 - x**2 - y**2 + 0.12 * _window("fbm", rng, 128, 160, 1.5)
    groove = np.abs(np.sin(3 * rough))
    z = 52 * np.sqrt(np.clip(outline, 0, None)) + 5 * groove
    openness = np.clip(0.3 + 0.5 * groove + 0.3 * (118 - rows) / 104, 0.1, 1)
    color = np.clip(0.25 + 0.55 * groove, 0, 1)
    return _solid(z, np.clip(outline / 0.05, 0, 1), openness, color, 0.8)


def _branch(
    easel: Easel, rng: np.random.Generator, x: float, y: float, angle: float, length: float, width: float
) -> None:
    ex, ey = x + length * np.cos(angle), y - length * np.sin(angle)
    path = np.linspace((x, y), (ex, ey), 4)
    light = float(np.clip(0.35 + 0.5 * (128 - ey) / 110 + 0.08 * rng.normal(), 0.1, 1))
    for shift, lean in ((0.0, 0.0), (-0.25, -0.6), (0.25, 0.6)):
        side = path + np.array([shift * width, 0])
        share = width * (1.0 if shift == 0 else 0.45)
        easel.blade(
            side, np.full(4, share), np.full(4, light * (1 - 0.15 * lean)), np.full(4, 0.4 + 0.2 * light), lean
        )
    easel.leaf(ex, ey, width, width, 0, (0.0, 0.4, min(1, light + 0.1), 0.9))
    if length > 8:
        for _ in range(3):
            spread = angle + rng.normal(0, 0.55)
            _branch(easel, rng, ex, ey, spread, length * rng.uniform(0.6, 0.82), max(2.5, width * 0.72))


@cache
def shard(variant: int) -> Sprite:
    """An iceberg or ice block, 128 x 240: steep facets, a snow-covered top, a waterline."""
    rng = np.random.default_rng([303, variant])
    rows, columns = np.mgrid[0:128, 0:240].astype(np.float32)
    x = (columns - 120) / 116
    ridge = np.interp(np.arange(240), np.sort(rng.uniform(0, 240, 9)), rng.uniform(0.25, 0.95, 9))
    ridge = ridge * np.clip((1 - np.abs(np.linspace(-1, 1, 240))) * 4, 0, 1) ** 0.6
    top = 126 - 118 * ridge
    rough = _window("fbm", rng, 128, 240, 1.0)
    streak = _window("strand", rng, 128, 240, 1.5)
    depth = (rows - top[None]) + 3 * rough
    cover = np.clip(depth / 2, 0, 1) * np.clip((127 - rows) / 1.5, 0, 1)
    facets = np.interp(np.arange(240), np.sort(rng.uniform(0, 240, 12)), rng.uniform(-16, 16, 12))
    z = facets[None] + 5 * rough + 0.8 * np.minimum(depth, 30) + 1.5 * streak
    snow = np.clip(1 - depth / (9 + 4 * rough), 0, 1)
    openness = np.clip(0.82 + 0.18 * snow + 0.05 * streak, 0, 1)
    color = np.clip(0.42 + 0.5 * snow + 0.1 * streak - 0.25 * np.clip((rows - 112) / 14, 0, 1) + 0 * x, 0, 1)
    return _solid(z, cover, openness, color, 0.16)
