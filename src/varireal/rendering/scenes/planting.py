"""Arrangements that several scenes share: woods in the distance, scattered stones, framing plants at the borders."""

import numpy as np

from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import contact
from varireal.rendering.scenes.sprites import Look, Sprite, place, row
from varireal.rendering.scenes.stones import rock
from varireal.rendering.scenes.trees import VARIANTS, tree, tree_line


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
