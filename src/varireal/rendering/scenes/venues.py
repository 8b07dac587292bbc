"""Grand rooms: a gallery, a castle hall, a stage."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.lens import disc_blur
from varireal.rendering.scenes.planting import aside
from varireal.rendering.scenes.rooms import Shell, enclose, gloss, lamp, main_light, picture, window
from varireal.rendering.scenes.solids import box, column, face
from varireal.rendering.scenes.surfaces import boards, bricks, cloth, plain, shining, tiles
from varireal.rendering.shading import linear

_ART = ("#7d8a80", "#a5764f", "#54687a", "#8a4a3c", "#c2b08a", "#3f4a42", "#6a5a78")


def museum(canvas: Canvas) -> None:
    """A gallery: pale walls with lit paintings, pedestals, a bench."""
    canvas.eye = canvas.uniform(1.0, 1.3)
    half = canvas.uniform(3.0, 4.0) + canvas.edge
    shell = Shell(-half, half, canvas.uniform(7.5, 10), canvas.uniform(3.4, 4.2))
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.85, 0.4), "#fff4e4", 0.7, np.array([0.36, 0.35, 0.34]))
    for x in (-0.6 * half, 0.0, 0.6 * half):
        lamp(canvas, (x, shell.height - 0.3, shell.back - 1.4), "#fff0d8", canvas.uniform(0.9, 1.5))
    lamp(canvas, (0.0, shell.height - 0.2, 2.5), "#fff4e8", 1.6)
    wall = canvas.pick(("#dcd9d2", "#cfccc4", "#6a3a34", "#3f4f52", "#b8b0a0"))
    floor = canvas.pick((boards(("#7a5a3a", "#a07c54", "#b8966c"), 0.12), tiles("#b5b0a6", 0.8, "#a19c92")))
    enclose(canvas, shell, floor=floor, wall=plain(wall, grain=0.02), ceiling=plain("#d2d0ca"))
    x = -0.85 * half
    while x < 0.7 * half:
        wide, tall = canvas.uniform(0.7, 1.7), canvas.uniform(0.7, 1.5)
        picture(canvas, x, shell.back, (wide, tall), 1.75 - tall / 2, canvas.pick(_ART))
        x += wide + canvas.uniform(0.5, 1.1)
    for _ in range(int(canvas.rng.integers(1, 4))):
        z = canvas.uniform(0.6, 0.85) * shell.back
        at = aside(canvas, z, 0.3)
        box(canvas, (at, z), (0.5, 1.0, 0.5), plain("#d8d5ce", grain=0.02))
        column(
            canvas,
            at,
            z,
            0.13,
            (1.0, 1.0 + canvas.uniform(0.3, 0.6)),
            plain(canvas.pick(("#5c4a34", "#3d4448", "#b0a894"))),
        )
    z = canvas.uniform(3.6, 4.6)
    box(canvas, (aside(canvas, z, 0.5), z), (1.3, 0.1, 0.45), boards(("#4a3524", "#6b4f36"), 0.15), base=0.38)
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.12, 0.3))


def castle(canvas: Canvas) -> None:
    """A stone hall with pillars, tall windows and hangings."""
    canvas.eye = canvas.uniform(1.1, 1.4)
    half = canvas.uniform(3.4, 4.4) + canvas.edge
    shell = Shell(-half, half, canvas.uniform(10, 14), canvas.uniform(5.5, 7.0))
    main_light(canvas, (canvas.uniform(-0.7, 0.7), 0.7, 0.3), "#ffe8c8", 0.6, np.array([0.2, 0.19, 0.18]))
    for z in (3.0, 7.0, 11.0):
        for side in (-1, 1):
            lamp(canvas, (side * (half - 0.8), 2.6, z), "#ffc88a", canvas.uniform(1.0, 1.9))
    lamp(canvas, (0.0, 4.0, shell.back - 1.5), "#dfe8ee", 2.6)
    stone = canvas.pick(
        (("#5c564c", "#7f786c", "#a09788"), ("#5f5d5a", "#83807b", "#a5a19a"), ("#6a5a46", "#8f7d64", "#b09c80"))
    )
    blocks = bricks(stone, 0.7, 0.36, mortar="#6b655b")
    enclose(
        canvas, shell, floor=tiles(stone[1], 0.8, stone[0]), wall=blocks, ceiling=boards(("#2b2018", "#46362a"), 0.5)
    )
    for x in (-1.7, 0.9):
        window(canvas, x, shell.back, (0.8, 2.4), 1.9)
    hue = cloth(canvas.pick(("#6b2420", "#26405a", "#5a4a24", "#2f4a34")), folds=1.6)
    for z in np.arange(3.6, shell.back, 2.8):
        for side in (-1, 1):
            x = side * (half - 0.9)
            column(canvas, x, float(z), 0.34, (0, shell.height), blocks, flare=0.35)
            flame = (x - side * 0.4, float(z) - 0.1)
            box(canvas, flame, (0.07, 0.2, 0.07), shining("#ffb45a", 5.0), base=2.3)
    canvas.later(shell.back - 0.1, lambda: face(canvas, (-0.5, 1.4, shell.back - 0.1), (1.0, 0, 0), (0, 3.0, 0), hue))
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.04, 0.12))


def stage(canvas: Canvas) -> None:
    """A stage: boards, a curtain, beams of light from above."""
    canvas.eye = canvas.uniform(0.9, 1.2)
    shell = Shell(-5 - 2 * canvas.edge, 5 + 2 * canvas.edge, canvas.uniform(6, 8), 6.5)
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.9, 0.35), "#fff0d4", 0.9, np.array([0.16, 0.14, 0.15]))
    spots = [(canvas.uniform(-2.4, 2.4), canvas.uniform(2.6, 5.0)) for _ in range(3)]
    glow = canvas.pick((("#ffe2b0", "#ffd0a0"), ("#b8c8ff", "#ffc0d0"), ("#ffe8c8", "#c0e0ff")))
    for i, (x, z) in enumerate(spots):
        lamp(canvas, (x, 4.2, z), glow[i % 2], canvas.uniform(3.5, 6.0))
    velvet = cloth(canvas.pick(("#6b1a1e", "#3a1a3c", "#1e2a4a", "#5a1c2a")), folds=2.2)
    wood = boards(canvas.pick((("#2b211a", "#43352a", "#584636"), ("#5a4028", "#7d5c3c", "#97744e"))), 0.16, 3.0)
    enclose(canvas, shell, floor=wood, wall=velvet, ceiling=plain("#0e0d0d"), side=plain("#161414"))
    for side in (-1, 1):
        x = side * 3.0 * (0.6 + canvas.edge) - 0.7
        face(canvas, (x, 0, shell.back - 1.2), (1.4, 0, 0), (0, shell.height, 0), velvet)
    canvas.flush()
    beams = np.zeros_like(canvas.image)
    for i, (x, z) in enumerate(spots):
        top_row, foot_row = canvas.row_of(z, 5.6), canvas.row_of(z)
        down = (canvas.y - top_row) / (foot_row - top_row)
        spread = 0.02 + 0.13 * np.clip(down, 0, 1)
        across = np.exp(-(((canvas.x - x / z * (0.4 + 0.6 * down)) / spread) ** 2))
        beams += (0.16 * across * np.clip(1 - 0.75 * down, 0, 1) * (down < 1.0))[..., None] * linear(glow[i % 2])
    canvas.image += disc_blur(beams.astype(np.float32), 0.01 * canvas.height)
    gloss(canvas, shell.back, canvas.uniform(0.15, 0.3))


SPECS = (
    SceneSpec(
        "museum",
        words(
            "gallery, art gallery, art museum, museum gallery, exhibition, art exhibition, museum hall, "
            "sculpture gallery"
        ),
        museum,
        indoor=True,
        softness=1.6,
    ),
    SceneSpec(
        "castle",
        words(
            "castle hall, medieval castle, castle interior, throne room, dungeon, church, cathedral, temple, "
            "monastery, palace, ruins, tavern"
        ),
        castle,
        indoor=True,
        softness=1.4,
    ),
    SceneSpec(
        "stage",
        words(
            "theater, theatre, theater stage, concert hall, opera house, opera house stage, concert stage, "
            "circus, disco, dance floor, spotlight, movie theater"
        ),
        stage,
        indoor=True,
        softness=1.3,
    ),
)
