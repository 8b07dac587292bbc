"""Parts of streets: house fronts, cars, lamps, people-free pavements, rows of buildings."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from varireal.editors.shading import linear, mix, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import Canvas, disc_blur, relief
from varireal_demo.scenes.grounds import Plane, Soil, band, contact, lay, lit, paint, sample
from varireal_demo.scenes.sprites import Easel, Look, Sprite, place
from varireal_demo.scenes.surfaces import Paint, Painted, box, column, face, hashed, plain, shining

# Cars as sprites seen from behind; drawn once per process.

_PAINTS = ("#2a2d31", "#8f9396", "#c9cbca", "#6a2422", "#2c4058", "#76746c", "#3f5047", "#e1e1dc")
_WIDE, _TALL = 150, 112
_GLASS, _BODY, _BRIGHT = 0.02, 0.5, 0.98


def _bar(easel: Easel, y: float, half: float, up: float, openness: float, color: float) -> None:
    """Paint a strip 3 pixels high that is rounded towards its ends."""
    stops = np.array([-1, -0.93, -0.75, 0.75, 0.93, 1]) * half + _WIDE / 2
    for left, right, lean in zip(stops[:-1], stops[1:], (-0.8, -0.4, 0.0, 0.4, 0.8), strict=True):
        quad = np.array([[left, y], [right, y], [right, y + 3], [left, y + 3]])
        easel.polygon(quad, lean, up, openness, color)


@cache
def rear(variant: int) -> Sprite:
    """The back of a car, 112 x 150: a saloon (even variants) or a taller van-like one (odd ones)."""
    rng = np.random.default_rng([401, variant])
    easel = Easel(_TALL, _WIDE)
    roof = 8 + (0 if variant % 2 else 14) + rng.uniform(-3, 3)
    belt = 50 + rng.uniform(-4, 4)
    for side in (0.16, 0.84):
        easel.leaf(side * _WIDE, 98, 30, 24, np.pi / 2, (0.0, -0.2, 0.12, _GLASS))
    for y in np.arange(roof, belt, 2.0):
        t = (y - roof) / (belt - roof)
        half = 40 + 20 * t + 6 * np.sin(np.pi * min(t * 3, 0.5))
        _bar(easel, y, half, 0.85 - 0.7 * t, 1.0 - 0.2 * t, _BODY)
        if 0.2 < t < 0.86:
            _bar(easel, y, half - 8, 0.55 - 0.5 * t, 0.7 - 0.3 * t, _GLASS)
    for y in np.arange(belt, 100, 2.0):
        t = (y - belt) / (100 - belt)
        half = 64 + 5 * np.sin(np.pi * min(1.4 * t, 1.0)) - 6 * max(0.0, t - 0.75)
        # A crease throws back more sky, the bumper's underside hardly any.
        _bar(easel, y, half, 0.75 - 1.25 * t, float(np.clip(1.0 - 0.75 * t, 0.16, 1)), _BODY if t < 0.86 else 0.2)
    for side in (-1, 1):
        x = _WIDE / 2 + side * 52
        easel.leaf(x, belt + 12, 18, 11, 0, (0.2 * side, 0.3, 0.9, _BRIGHT))
    plate = np.array([[58, 76], [92, 76], [92, 84], [58, 84]], float)
    easel.polygon(plate, 0.0, 0.2, 0.55, 0.8)
    return easel.sprite()


def car(canvas: Canvas, x: float, z: float, *, lights: bool = False) -> None:
    """A car seen from behind (or, with its lamps on, from either end) at (x, z)."""
    look = Look(("#15191d", canvas.pick(_PAINTS), canvas.pick(("#8a2a20", "#b8b4a8"))), gloss=0.35)
    contact(canvas, x, z, 0.75, 0.8)
    place(canvas, rear(int(canvas.rng.integers(6))), x, z, canvas.uniform(0.84, 0.98), look)
    if lights:
        lamp = shining("#ff3a20", 2.0) if canvas.chance(0.5) else shining("#fff0cc", 4.5)

        def glow() -> None:
            for side in (-0.42, 0.42):
                face(canvas, (x + side - 0.06, 0.36, z - 0.05), (0.12, 0, 0), (0, 0.09, 0), lamp)

        canvas.later(z - 0.05, glow)


ASPHALT = Soil(
    ("#48484a", "#626263", "#757473"), (("fbm", 8.0, 0.04, 0.7), ("fine", 0.6, 0.22, 0.3), ("mid", 2.5, 0.05, 0.3))
)
CONCRETE = Soil(("#77746e", "#98948c", "#aba79f"), (("fbm", 7.0, 0.05, 0.8), ("fine", 0.8, 0.16, 0.3)))
WALLS = ("#8d7f70", "#a39a8c", "#7b5a48", "#6f6a66", "#b3a48c", "#94856f", "#85756a", "#9a9c9b", "#7a4d3c")


@dataclass(frozen=True)
class Front:
    """A house front: wall colour, window spacing (width, height), window share of its cell, lit share at night."""

    wall: str
    cell: tuple[float, float]
    pane: tuple[float, float]
    lit: float = 0.0
    seed: int = 0
    sky: str = "#aebfcc"


def front(style: Front) -> Paint:
    """A wall with windows that differ: reflections, blinds, curtains, dark rooms, at night some with light."""
    wall, sky = linear(style.wall), linear(style.sky)
    cw, ch = style.cell

    def draw(a: Array, b: Array, step: float) -> Painted:
        i, j = np.floor(a / cw), np.floor(b / ch)
        u, v = a / cw - i, b / ch - j
        soft = max(step / cw, 0.02)
        # At the foot are doors and shop windows, wider and taller than the windows above.
        shop = (j < 0.5).astype(np.float32)
        pw = style.pane[0] + shop * (0.86 - style.pane[0])
        ph = style.pane[1] + shop * (0.74 - style.pane[1])
        pane = smoothstep(0.5 * pw + soft, 0.5 * pw - soft, np.abs(u - 0.5))
        pane = pane * smoothstep(0.5 * ph + soft, 0.5 * ph - soft, np.abs(v - 0.5))
        key, other = hashed(i, j + style.seed), hashed(i + 17, j + style.seed)
        wave = relief("fbm", a / 5 + style.seed * 0.13, b / 5, step / 5)[..., 0]
        stone = wall * np.clip(1 + 0.09 * wave - 0.1 * shop, 0.5, 1.4)[..., None]
        ledge = smoothstep(0.08 + soft, 0.08, v) * 0.22
        stone = stone * (1 - ledge[..., None])
        blind = (key > 0.62) & (v > 0.5 - 0.5 * ph + ph * other)
        mirror = np.clip(0.28 + 0.5 * (v - 0.3) + 0.08 * wave + 0.4 * (other - 0.5), 0.03, 0.9)
        glass = np.where(blind[..., None], linear("#b9b2a4"), sky * mirror[..., None])
        albedo = mix(stone, glass, pane)
        if not style.lit:
            return Painted(albedo)
        warm = np.stack([np.ones_like(key), 0.62 + 0.3 * other, 0.28 + 0.5 * other * key], -1)
        clump = 0.35 * relief("smooth", a / 30 + style.seed * 0.29, b / 30, step / 30)[..., 0]
        on = (key < np.clip(style.lit * (1 + clump), 0.02, 0.95)) | ((shop > 0) & (key < 0.6))
        power = on * (0.25 + 1.5 * other**2) * (0.55 + 0.45 * v) * (1 + 0.7 * shop)
        return Painted(albedo * 0.5, (warm * (power * pane)[..., None]).astype(np.float32))

    return draw


def house(canvas: Canvas, x: float, z: float, size: tuple[float, float, float], lit_share: float = 0.0) -> None:
    """Queue a building of ``size`` (width, height, depth) with its nearest corner's front at (x, z)."""
    style = Front(
        canvas.pick(WALLS),
        (canvas.uniform(1.3, 2.4), canvas.uniform(1.7, 2.3)),
        (canvas.uniform(0.35, 0.75), canvas.uniform(0.5, 0.75)),
        lit_share,
        int(canvas.rng.integers(100)),
    )
    wall = front(style)
    box(canvas, (x, z + size[2] / 2), size, (wall, wall, plain("#6d6a66")))


def rows_of_houses(
    canvas: Canvas, half: float, near: float, far: float, tall: tuple[float, float], lit_share: float
) -> None:
    """Line both sides of a street of half width ``half`` with buildings of uneven height, depth and setback."""
    for side in (-1, 1):
        z = near
        while z < far:
            deep = canvas.uniform(5, 11)
            wide, back = 14.0, canvas.uniform(0, 0.8)
            house(canvas, side * (half + back + wide / 2), z, (wide, canvas.uniform(*tall), deep), lit_share)
            z += deep + (canvas.uniform(1, 4) if canvas.chance(0.25) else 0.0)
    for _ in range(3):
        x = canvas.uniform(-0.7, 0.7) * far * 0.3
        house(
            canvas,
            x,
            far * canvas.uniform(1.0, 1.4),
            (canvas.uniform(8, 18), canvas.uniform(*tall) * 1.3, 6.0),
            lit_share,
        )


def lamp_post(canvas: Canvas, x: float, z: float, tall: float, *, on: bool) -> None:
    """A street lamp."""
    column(canvas, x, z, 0.05, (0, tall), plain("#3b3d3f"))
    head = shining("#ffd79a", 7.0) if on else plain("#c9c9c4")
    box(canvas, (x - np.sign(x) * 0.3, z), (0.6, 0.1, 0.14), head, base=tall)


def street_ground(canvas: Canvas, ground: Plane, half: float) -> None:
    """Lay a roadway of half width ``half`` with pavements and worn markings."""
    lay(canvas, ASPHALT, ground)
    wave = sample(canvas, ground, "fbm", 4.0)
    slab = sample(canvas, ground, "fine", 1.0)
    joints = band((ground.z / 1.1) % 1, 0.0, 0.04, 0.02) * smoothstep(16, 6, ground.z)
    stone = linear("#a09b92") * (1 + 0.08 * wave[..., 0] + 0.04 * slab[..., 0] - 0.3 * joints)[..., None]
    off = np.abs(ground.x)
    soft = 0.02 + 0.4 * ground.step[:, None]
    paint(canvas, ground, stone * lit(canvas, 0.0, 0.0), smoothstep(half - soft, half + soft, off))
    paint(
        canvas,
        ground,
        linear("#5f5c58") * lit(canvas, 0.0, 0.0),
        0.8 * band(off, half - 0.06, half + 0.05, 0.5 * soft),
    )
    worn = 0.75 * smoothstep(1.6, -0.4, wave[..., 0])
    dash = band((ground.z / 5.0) % 1, 0.0, 0.5, 0.03)
    white = linear("#d6d3c8") * lit(canvas, 0.0, 0.0)
    paint(canvas, ground, white, worn * dash * band(off, -1, 0.07, 0.5 * soft))


def wet_street(canvas: Canvas, strength: float) -> None:
    """Let a wet road mirror the lights, drawn out towards the viewer."""
    top = canvas.first_row
    count = canvas.height - top
    if top < 4 or count < 4:
        return
    rows = np.clip(top - 1 - np.arange(count), 0, canvas.height - 1)
    mirrored = disc_blur(np.ascontiguousarray(canvas.image[rows]), 0.012 * canvas.height)
    smear = np.cumsum(mirrored, axis=0)
    reach = max(2, int(0.12 * canvas.height))
    smear[reach:] = smear[reach:] - smear[:-reach]
    smear /= np.minimum(np.arange(1, count + 1), reach)[:, None, None]
    puddle = canvas.field("fbm", 1.2, 3.0)[top:, :, 0]
    share = strength * np.clip(0.55 + 0.3 * puddle, 0.1, 1)[..., None]
    canvas.image[top:] = canvas.image[top:] * (1 - 0.5 * share) + (0.4 * mirrored + 0.6 * smear) * share
