"""Trees and bushes as sprites, made of leaves on clumps; drawn once per process."""

from functools import cache

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.easel import Easel, stack_sideways
from varireal.rendering.scenes.sprites import Look, Sprite

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
