"""Large rooms: factory, supermarket, sports hall."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import band, paint, plane
from varireal.rendering.scenes.planting import aside
from varireal.rendering.scenes.rooms import Shell, enclose, gloss, lamp, main_light
from varireal.rendering.scenes.solids import box, column, face, pipe
from varireal.rendering.scenes.surfaces import boards, cloth, plain, shining, stacked, tiles
from varireal.rendering.shading import linear

GOODS = ("#9c3b30", "#c9a545", "#3f6a8a", "#d4cfc2", "#5a7a4a", "#b56a35", "#7a8f9c", "#8a3550", "#e0d8b8", "#46618f")


def factory(canvas: Canvas) -> None:
    """An engine room or works hall: pipes, tanks, cabinets, a steel floor."""
    canvas.eye = canvas.uniform(1.0, 1.3)
    shell = Shell(-3.4 - canvas.edge, 3.4 + canvas.edge, canvas.uniform(8, 12), canvas.uniform(3.6, 4.6))
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.85, 0.35), "#f0ead8", 0.6, np.array([0.2, 0.21, 0.22]))
    for z in (2.5, 5.5, 8.5):
        lamp(
            canvas,
            (canvas.uniform(-1.5, 1.5), shell.height - 0.3, z),
            canvas.pick(("#ffe6bc", "#e4eef0")),
            canvas.uniform(1.8, 3.0),
        )
    wall = plain(canvas.pick(("#70756f", "#7d776b", "#5f6a70", "#66604f")), grain=0.12, period=3)
    floor = canvas.pick((plain("#66645f", grain=0.12), tiles("#5c5f60", 0.8, "#47494a"), plain("#6d5f4d", grain=0.14)))
    enclose(canvas, shell, floor=floor, wall=wall, ceiling=plain("#3f4140", grain=0.15))
    metals = ("#8d918f", "#6e5844", "#5f6c63", "#8a8058", "#5c6468", "#744a40", "#77776f")
    for _ in range(int(canvas.rng.integers(5, 9))):
        y, z = canvas.uniform(1.6, shell.height - 0.3), canvas.uniform(0.5, 0.97) * shell.back
        pipe(canvas, y, z, canvas.uniform(0.05, 0.16), plain(canvas.pick(metals), grain=0.12))
    for _ in range(int(canvas.rng.integers(5, 9))):
        z = canvas.uniform(0.55, 0.95) * shell.back
        tall = canvas.uniform(1.2, shell.height)
        column(
            canvas,
            aside(canvas, z, 0.15),
            z,
            canvas.uniform(0.08, 0.5),
            (0, tall),
            plain(canvas.pick(metals), grain=0.14),
        )
    for _ in range(int(canvas.rng.integers(5, 10))):
        z = canvas.uniform(0.45, 0.9) * shell.back
        x = aside(canvas, z, 0.35)
        size = (canvas.uniform(0.6, 1.5), canvas.uniform(0.8, 2.0), canvas.uniform(0.5, 1.0))
        panel = tiles(canvas.pick(metals), canvas.uniform(0.4, 0.7), "#2f302e", joint=0.012)
        box(canvas, (x, z), size, panel, bevel=0.04)
        for _ in range(int(canvas.rng.integers(0, 4))):
            light = shining(canvas.pick(("#ff5040", "#7cff8a", "#ffc850")), 2.5)
            at = (x + canvas.uniform(-0.3, 0.3) * size[0], z - size[2] / 2 - 0.02)
            box(canvas, at, (0.05, 0.05, 0.02), light, base=size[1] * canvas.uniform(0.5, 0.9))
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.08, 0.22))


def supermarket(canvas: Canvas) -> None:
    """An aisle between shelves of goods."""
    canvas.eye = canvas.uniform(0.9, 1.2)
    half = canvas.uniform(1.4, 1.9) + 0.4 * canvas.edge
    shell = Shell(-half - 0.5, half + 0.5, canvas.uniform(11, 16), 3.6)
    main_light(canvas, (canvas.uniform(-0.3, 0.3), 0.9, 0.3), "#f6f8f4", 0.7, np.array([0.42, 0.43, 0.42]))
    for z in (2.0, 5.0, 8.0, 11.0):
        lamp(canvas, (0, 3.3, z), "#f6f8f2", 1.9)
    floor = tiles(canvas.pick(("#cfccc4", "#b8b5ae", "#d6d0c0")), 0.6, "#a5a29a")
    enclose(canvas, shell, floor=floor, wall=stacked(GOODS, 0.5, 0.24, 0.85, "#c9c7c0", 5), ceiling=plain("#d2d2cc"))
    for x in (-0.75, 0.75):
        face(canvas, (x - 0.08, 3.55, 0), (0.16, 0, 0), (0, 0, shell.back), shining("#f8faf4", 2.2))
    seed = int(canvas.rng.integers(1000))
    goods = stacked(
        GOODS, 0.42, canvas.uniform(0.14, 0.22), 0.82, canvas.pick(("#d2d0c8", "#9a9c9c", "#b8a88c")), seed
    )
    for side in (-1, 1):
        deep = shell.back - 1.5
        box(
            canvas,
            (side * (half + 0.25), 0.6 + deep / 2),
            (0.5, 2.0, deep),
            (plain("#b8b8b2"), goods, plain("#a8a8a2")),
        )
    if canvas.chance(0.5):
        z = canvas.uniform(3.2, 5.0)
        x = (half - 0.55) * (1 if canvas.chance(0.5) else -1)
        canvas.flush()
        box(canvas, (x, z), (0.6, 0.9, 0.5), plain(canvas.pick(("#b03a30", "#2f5f8a", "#d0a040"))))
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.2, 0.4), 0.008)


def sports_hall(canvas: Canvas) -> None:
    """A gymnasium or arena: a varnished court, stands with seats, bright lamps."""
    canvas.eye = canvas.uniform(1.1, 1.5)
    shell = Shell(-9 - 4 * canvas.edge, 9 + 4 * canvas.edge, canvas.uniform(15, 20), canvas.uniform(7, 9))
    main_light(canvas, (canvas.uniform(-0.4, 0.4), 0.9, 0.3), "#fdf4e2", 0.75, np.array([0.33, 0.32, 0.31]))
    for x in (-5.0, 0.0, 5.0):
        for z in (5.0, 12.0):
            lamp(canvas, (x, shell.height - 0.5, z), "#fff2da", 11.0)
    court = boards(canvas.pick((("#8a6038", "#b58a58", "#cda474"), ("#7a6046", "#a58862", "#c2a680"))), 0.16, 3.0)
    enclose(
        canvas,
        shell,
        floor=court,
        wall=plain(canvas.pick(("#9aa09e", "#b0a794", "#6f7a80"))),
        ceiling=plain("#4a4a48", grain=0.1),
    )
    ground = plane(canvas)
    hue = canvas.pick(("#e8e4d8", "#b03a2e", "#2c4f86"))
    soft = 0.03 + 0.3 * ground.step[:, None]
    ring = np.hypot(ground.x - canvas.uniform(-2, 2), ground.z - canvas.uniform(5, 8))
    lines = np.maximum(band(ring, 1.95, 2.05, soft), band(np.abs(ground.x), 5.0, 5.1, soft))
    lines = np.maximum(lines, band(ground.z + 0 * ground.x, 9.0, 9.1, soft))
    canvas.flush()
    paint(canvas, ground, linear(hue) * (canvas.ambient + 0.5 * canvas.sun) + 0 * lines[..., None], 0.85 * lines)
    color = canvas.pick(("#2f4a78", "#7a2f2c", "#5a5f63", "#3a5a46"))
    for i in range(7):
        z, y = shell.back - 4.2 + 0.6 * i, 0.45 * i
        step = stacked((color, color, "#8a8680"), 0.46, 0.5, 0.9, "#4d4b48", i)
        box(canvas, (0, z + 0.3), (2 * shell.right, 0.45, 0.6), (step, plain("#55534f"), plain("#6b6862")), base=y)
    for x in np.arange(-7, 8, 3.5):
        for z in (4.0, 8.0, 12.0):
            face(canvas, (x - 0.5, shell.height - 0.05, z), (1.0, 0, 0), (0, 0, 0.5), shining("#fff6e4", 4.0))
    if canvas.chance(0.6):
        z, x = canvas.uniform(8, 10.5), canvas.uniform(2.0, 3.2) * (1 if canvas.chance(0.5) else -1)
        column(canvas, x, z, 0.08, (0, 3.0), cloth("#34383c"))
        box(canvas, (x, z - 0.4), (1.5, 1.0, 0.05), plain("#d8dad8"), base=2.6)
    canvas.flush()
    gloss(canvas, shell.back - 4.2, canvas.uniform(0.15, 0.32))


SPECS = (
    SceneSpec(
        "factory",
        words(
            "engine room, warehouse, industrial plant, machine room, oil rig, oil rig deck, hangar, aircraft "
            "hangar, garage, workshop, power plant, server room, submarine interior, space station, assembly "
            "line, ship engine room, boiler room, steel mill, construction site"
        ),
        factory,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "supermarket",
        words(
            "grocery store, supermarket aisle, store, shop, shopping mall, convenience store, grocery aisle, "
            "department store, market, pharmacy"
        ),
        supermarket,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "stadium",
        words(
            "gym, gymnasium, sports hall, basketball court, arena, sports stadium, bowling alley, indoor "
            "court, tennis court, soccer stadium, football stadium"
        ),
        sports_hall,
        indoor=True,
        softness=1.7,
    ),
)
