"""Trees and bushes as sprites, made of leaves on clumps; drawn once per process."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from varireal.records import Array
from varireal_demo.noise import field
from varireal_demo.scenes.base import Canvas
from varireal_demo.scenes.grounds import contact
from varireal_demo.scenes.sprites import Easel, Look, Sprite, place, row, stack_sideways

# Rocks, corals and lumps as sprites: lit height fields; drawn once per process.

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


# Grass, reeds, crops, flowers and ferns as strips that repeat and as single sprites; drawn once per process.

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


VARIANTS = 5

SUMMER = Look(("#31431f", "#5b7335", "#93a35a"), glow=0.5)
DEEP = Look(("#1d2c14", "#3b5024", "#6c8444"), glow=0.4)
AUTUMN = Look(("#5a2f14", "#a8641f", "#d2a03c"), glow=0.55)
CONIFER = Look(("#18241a", "#304630", "#57694a"), glow=0.15)
SNOWY = Look(("#1f2b25", "#5c6c66", "#edf1f4"), glow=0.1)
DRY = Look(("#463f22", "#7b7042", "#b3a46a"), glow=0.4)


def _clumps(rng: np.random.Generator, count: int, top: float, bottom: float) -> tuple[Array, Array]:
    """Scatter clump centres in a crown: (n, 3) in -1..1 and radii."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centers = direction * rng.random((count, 1)) ** 0.45 * 0.72
    centers[:, 1] = np.clip(centers[:, 1], -bottom, top)
    # Fewer clumps at the lower rim: crowns open towards the trunk.
    centers[:, 0] *= 1 - 0.35 * np.clip(-centers[:, 1], 0, 1)
    return centers, rng.uniform(0.16, 0.36, count)


def _foliage(easel: Easel, rng: np.random.Generator, box: tuple[float, float, float, float], count: int) -> None:
    """Paint a crown inside ``box`` (middle x, middle y, half width, half height), darker inside and below."""
    mx, my, hw, hh = box
    centers, radii = _clumps(rng, 26, 0.8, 0.75)
    pick = rng.integers(len(centers), size=count)
    away = rng.normal(size=(count, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    points = centers[pick] + away * radii[pick, None] * rng.uniform(0.6, 1.08, (count, 1))
    normals = 0.6 * away + 0.55 * points + rng.normal(0, 0.22, (count, 3)) + np.array([0, 0.12, 0.15])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    # A leaf is open to the sky when it lies outside its clump, at the top and towards the viewer.
    open_ = 0.5 + 0.24 * away[:, 1] + 0.2 * points[:, 1] + 0.16 * away[:, 2] + 0.1 * rng.normal(size=count)
    hue = 0.45 + 0.16 * rng.normal(size=len(centers))[pick] + 0.14 * rng.normal(size=count)
    size = hw * rng.uniform(0.05, 0.1, count)
    for i in np.argsort(points[:, 2]):
        x, y = mx + points[i, 0] * hw, my - points[i, 1] * hh
        shape = (normals[i, 0], normals[i, 1], float(np.clip(open_[i], 0.08, 1)), float(np.clip(hue[i], 0, 1)))
        easel.leaf(x, y, size[i], size[i] * 0.55, rng.uniform(0, np.pi), shape)


def _limb(easel: Easel, start: tuple[float, float], end: tuple[float, float], wide: float, thin: float) -> None:
    path = np.linspace(start, end, 6)
    path[1:-1, 0] += 0.03 * (end[1] - start[1]) * np.sin(np.linspace(0.5, 3, 4))
    widths = np.linspace(wide, thin, 6)
    for shift, lean, openness in ((0.0, 0.0, 0.5), (-0.3, -0.7, 0.6), (0.34, 0.7, 0.35)):
        side = path + np.array([shift, 0]) * widths[:, None]
        share = 1.0 if shift == 0 else 0.4
        easel.blade(side, widths * share, np.full(6, openness), np.full(6, 0.02), lean)


@cache
def broadleaf(variant: int) -> Sprite:
    """A leafy tree, 256 x 230."""
    rng = np.random.default_rng([101, variant])
    easel = Easel(256, 230)
    lean = rng.uniform(-14, 14)
    _limb(easel, (115, 258), (115 + lean, 120), 13, 6)
    for _ in range(4):
        _limb(easel, (115 + 0.6 * lean, rng.uniform(150, 185)), (rng.uniform(50, 180), rng.uniform(60, 120)), 6, 2)
    _foliage(easel, rng, (115 + lean, 100, rng.uniform(86, 106), rng.uniform(78, 94)), 1500)
    return easel.sprite()


@cache
def bush(variant: int) -> Sprite:
    """A bush that reaches the ground, 128 x 180."""
    rng = np.random.default_rng([102, variant])
    easel = Easel(128, 180)
    _foliage(easel, rng, (90, 88, rng.uniform(70, 84), rng.uniform(66, 78)), 1100)
    return easel.sprite()


@cache
def conifer(variant: int) -> Sprite:
    """A spruce, 256 x 128: tiers of drooping branches with needles."""
    rng = np.random.default_rng([103, variant])
    easel = Easel(256, 128)
    _limb(easel, (64, 258), (64, 14), 7, 1)
    spread = rng.uniform(40, 56)
    for level in np.sort(rng.uniform(0, 1, 130))[::-1]:
        # The widest boughs are near the foot; irregular lengths give the ragged outline of a real tree.
        reach = spread * (level**0.8) * rng.uniform(0.55, 1.12) + 2
        y = 8 + level * 232
        angle = rng.uniform(0, np.pi)
        side, front = np.cos(angle), np.sin(angle)
        droop = reach * rng.uniform(0.12, 0.4)
        for t in np.linspace(0.1, 1, 4 + int(reach / 4)):
            x = 64 + side * reach * t
            yy = y + droop * t**1.6 + front * reach * 0.1 * t - 2 * t
            light = 0.22 + 0.5 * t * rng.uniform(0.7, 1.2)
            shape = (
                0.6 * side * t,
                0.35,
                float(np.clip(light, 0, 1)),
                float(np.clip(0.25 + 0.5 * t * rng.random(), 0, 1)),
            )
            easel.leaf(x, yy, 4 + 0.17 * reach, 3.0 + 0.06 * reach, np.sign(side) * 0.5 + rng.normal(0, 0.5), shape)
    return easel.sprite()


@cache
def bare(variant: int) -> Sprite:
    """A leafless tree, 256 x 230: forked branches."""
    rng = np.random.default_rng([104, variant])
    easel = Easel(256, 230)

    def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
        ex, ey = x + length * np.cos(angle), y - length * np.sin(angle)
        path = np.linspace((x, y), (ex, ey), 4)
        path[1:3] += rng.normal(0, 0.03 * length, (2, 2))
        easel.blade(
            path, np.linspace(width, width * 0.7, 4), np.full(4, 0.6), np.full(4, 0.1 + 0.2 * rng.random()), 0.2
        )
        if length < 9:
            return
        for _ in range(3 if length > 25 else 2):
            grow(ex, ey, angle + rng.normal(0, 0.45), length * rng.uniform(0.6, 0.8), max(width * 0.62, 0.8))

    grow(115, 256, np.pi / 2 + rng.normal(0, 0.05), 62, 9)
    return easel.sprite()


@cache
def palm(variant: int) -> Sprite:
    """A palm, 256 x 220."""
    rng = np.random.default_rng([105, variant])
    easel = Easel(256, 220)
    top = (110 + rng.uniform(-24, 24), 84)
    _limb(easel, (110, 258), top, 10, 6)
    for angle in rng.permutation(np.linspace(-0.4, np.pi + 0.4, 17)):
        length, sag = rng.uniform(66, 96), rng.uniform(30, 66)
        for t in np.linspace(0.06, 1, 26):
            x = top[0] + np.cos(angle) * length * t
            y = top[1] - np.sin(angle) * length * 0.62 * t + sag * t * t
            slope = np.arctan2(2 * sag * t - np.sin(angle) * length * 0.62, np.cos(angle) * length)
            for side in (-1, 1):
                light = float(np.clip(0.45 + 0.25 * np.sin(angle) + 0.15 * rng.normal(), 0.1, 1))
                shape = (0.5 * np.cos(angle), 0.4, light, float(np.clip(0.35 + 0.3 * t + 0.1 * rng.normal(), 0, 1)))
                easel.leaf(x, y + 5 * (side > 0), 18 * (1 - 0.6 * t), 2.6, slope + side * 0.9, shape)
    return easel.sprite()


_KINDS = {"broadleaf": broadleaf, "bush": bush, "conifer": conifer, "bare": bare, "palm": palm}


def tree(kind: str, variant: int) -> Sprite:
    """Return a tree by kind (broadleaf, bush, conifer, bare, palm)."""
    return _KINDS[kind](variant % VARIANTS)


@cache
def tree_line(kind: str, variant: int = 0) -> Sprite:
    """A strip of a wood's edge that repeats, 128 x 1024; ``kind`` as in ``tree`` or "mixed"."""
    rng = np.random.default_rng([106, variant, len(kind)])
    kinds = ["broadleaf", "broadleaf", "conifer"] if kind == "mixed" else [kind]
    pieces = []
    for layer, openness in ((0, 0.6), (1, 0.8), (2, 1.0)):
        for x in np.arange(0, 1024, 34 if kind == "conifer" else 46) + rng.uniform(-22, 22):
            name = kinds[int(rng.integers(len(kinds)))]
            tall = rng.uniform(62, 124) * (1 - 0.16 * layer) * (1.0 if name != "bush" else 0.6)
            pieces.append((tree(name, int(rng.integers(VARIANTS))), float(x), 128.0, tall, openness))
        if kind != "bare":
            for x in np.arange(0, 1024, 27) + rng.uniform(-20, 20):
                low = tree("bush", int(rng.integers(VARIANTS)))
                pieces.append((low, float(x), 128.0 + 4, rng.uniform(26, 52), openness * 0.85))
    return stack_sideways(pieces, 128, 1024)


# Arrangements that several scenes share: woods in the distance, scattered stones, framing plants at the borders.


def wood_edge(canvas: Canvas, kind: str, look: Look, *, z: float, height: float, rows: int = 2) -> None:
    """Draw the edge of a wood ``height`` tall that stands at distance ``z``; further rows stand behind it."""
    for i in range(rows - 1, -1, -1):
        away = z * (1 + 0.35 * i)
        picture = tree_line(kind, i % 2)
        tall = height * (1 + 0.3 * i) * canvas.uniform(0.85, 1.15)
        row(canvas, picture, away, tall, look, stretch=canvas.uniform(0.8, 1.3), tint=canvas.uniform(0.85, 1.1))


def lone_trees(
    canvas: Canvas, kind: str, look: Look, count: int, *, near: float, far: float, height: tuple[float, float]
) -> None:
    """Scatter single trees between two distances, the far ones first."""
    for z in np.sort(canvas.rng.uniform(near, far, count))[::-1]:
        x = canvas.uniform(-1.1, 1.1) * canvas.edge * z
        tall = canvas.uniform(*height)
        contact(canvas, x, float(z), tall * 0.2, 0.5)
        place(
            canvas,
            tree(kind, int(canvas.rng.integers(VARIANTS))),
            x,
            float(z),
            tall,
            look,
            tint=canvas.uniform(0.8, 1.15),
        )


def aside(canvas: Canvas, z: float, clear: float = 0.3) -> float:
    """Draw a sideways position at distance ``z`` that leaves the middle of the picture free.

    ``clear`` is the half width of the free part, as a share of half the picture's width.
    """
    share = canvas.uniform(clear, 1.05) * canvas.edge * (1 if canvas.chance(0.5) else -1)
    return share * z


def scatter_rocks(
    canvas: Canvas,
    look: Look,
    count: int,
    size: tuple[float, float],
    *,
    far: float = 25.0,
    clear: float = 0.3,
    facets: float = 0.6,
) -> None:
    """Scatter stones on the ground, mostly small ones; near ones stay away from the middle."""
    front = canvas.nearest * 1.02
    far = max(far, 1.5 * front)
    for z in np.sort(np.exp(canvas.rng.uniform(np.log(front), np.log(far), count)))[::-1]:
        away = float(z)
        # No stone is taller than a fifth of the picture, and near ones leave the middle free.
        tall = min(size[0] + (size[1] - size[0]) * canvas.rng.random() ** 3, 0.2 * away)
        free = clear + 0.8 * tall / (away * canvas.edge) if away < 2.2 * canvas.focus else 0.0
        x = aside(canvas, away, min(free, 0.9))
        contact(canvas, x, away, tall * 0.75, 0.55)
        stone = rock(int(canvas.rng.integers(6)), facets)
        wide = canvas.uniform(0.9, 1.5)
        place(canvas, stone, x, away, tall, look, width=wide, tint=canvas.uniform(0.8, 1.15), lift=-0.06 * tall)


def frame(canvas: Canvas, sprites: tuple[Sprite, ...], look: Look, height: float, *, count: int = 3) -> None:
    """Put a few plants into the lower corners, near the camera and out of focus."""
    for _ in range(count):
        z = canvas.uniform(0.8, 1.15) * canvas.nearest
        side = 1 if canvas.chance(0.5) else -1
        x = side * canvas.uniform(0.78, 1.1) * canvas.edge * z
        place(
            canvas,
            canvas.pick(sprites),
            x,
            z,
            height * canvas.uniform(0.7, 1.3),
            look,
            tint=canvas.uniform(0.75, 1.05),
        )
