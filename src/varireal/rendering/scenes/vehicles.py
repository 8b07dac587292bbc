"""Cars as sprites seen from behind; drawn once per process."""

from functools import cache

import numpy as np

from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.easel import Easel
from varireal.rendering.scenes.grounds import contact
from varireal.rendering.scenes.solids import face
from varireal.rendering.scenes.sprites import Look, Sprite, place
from varireal.rendering.scenes.surfaces import shining

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
