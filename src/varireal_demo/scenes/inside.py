"""Homes and reading rooms: living room, kitchen, library, office."""

import numpy as np

from varireal.editors.shading import linear
from varireal_demo.scenes.base import Canvas, SceneSpec, words
from varireal_demo.scenes.grounds import band, contact, paint, plane
from varireal_demo.scenes.plants import DEEP, aside, fern, tuft
from varireal_demo.scenes.rooms import Shell, chair, enclose, gloss, lamp, main_light, picture, sofa, table, window
from varireal_demo.scenes.sprites import place
from varireal_demo.scenes.surfaces import boards, box, cloth, column, face, pipe, plain, shining, stacked, tiles

# Large rooms: factory, supermarket, sports hall.

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


HALLS = (
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


OAK = ("#6e4c2e", "#95704a", "#b08a60")
WALNUT = ("#3c2618", "#5c3f29", "#77563a")
ASH = ("#8f7f6a", "#b3a28a", "#cdbfa8")
BOOKS = ("#6b2a26", "#2d4352", "#3f5238", "#8a6f3f", "#c4b79a", "#4a3550", "#7c4a2c", "#2f2c2b", "#95826a")


def _plant(canvas: Canvas, x: float, z: float, tall: float) -> None:
    """A plant in a pot."""
    contact(canvas, x, z, 0.2, 0.5)
    column(canvas, x, z, 0.15, (0, 0.3), plain(canvas.pick(("#a8654a", "#d8d2c6", "#4d5358"))))
    place(canvas, canvas.pick((fern(0), fern(2), tuft(1))), x, z - 0.05, tall, DEEP, lift=0.28)


def living_room(canvas: Canvas) -> None:
    """A room with a sofa, a window and a wooden floor."""
    canvas.eye = canvas.uniform(0.7, 0.95)
    shell = Shell(
        -canvas.uniform(1.9, 2.6) - canvas.edge, canvas.uniform(1.9, 2.6) + canvas.edge, canvas.uniform(4.4, 5.4), 2.6
    )
    main_light(canvas, (canvas.uniform(-0.7, 0.7), 0.6, 0.4), "#fff0dc", 0.7, np.array([0.3, 0.28, 0.25]))
    side = 1 if canvas.chance(0.5) else -1
    lamp(canvas, (side * 1.6, 1.8, shell.back - 1.0), "#e8eef4", canvas.uniform(0.9, 1.6))
    lamp(canvas, (-side * 1.0, 2.3, 1.8), "#ffdcb0", canvas.uniform(0.7, 1.3))
    wall = canvas.pick(("#cfc5b4", "#b9bdb6", "#c8b7a4", "#a7ada2", "#d8d3c8", "#93a0a3"))
    wood = canvas.pick((OAK, WALNUT, ASH))
    enclose(canvas, shell, floor=boards(wood, 0.14), wall=plain(wall), ceiling=plain("#dcd8d0"))
    x = side * canvas.uniform(0.9, 1.5) - 0.6
    window(canvas, x, shell.back, (1.2, 1.3), 0.85)
    curtain = cloth(canvas.pick(("#cdc3b2", "#8f8a80", "#6f7d80", "#a88f74")), folds=1.1)
    for edge in (x - 0.45, x + 1.2):
        face(canvas, (edge, 0.2, shell.back - 0.06), (0.45, 0, 0), (0, 2.2, 0), curtain)
    picture(
        canvas,
        -side * canvas.uniform(0.5, 1.2) - 0.35,
        shell.back,
        (0.8, 0.6),
        1.45,
        canvas.pick(("#7d8a80", "#a5764f", "#54687a")),
    )
    if canvas.chance(0.7):
        rug = cloth(canvas.pick(("#8c7f70", "#7a4438", "#57606a", "#b3a68f")))
        face(canvas, (-1.4, 0.01, 2.2), (2.8, 0, 0), (0, 0, 1.6), rug)
    color = canvas.pick(("#6e7370", "#8b7a66", "#545e66", "#a59a88", "#6a4a3a", "#566152"))
    sofa(canvas, -side * canvas.uniform(0.4, 0.9), shell.back - 0.75, canvas.uniform(1.8, 2.3), color)
    table(canvas, side * canvas.uniform(1.0, 1.6), canvas.uniform(3.0, 3.6), (0.7, 0.4, 0.5), boards(wood, 0.2))
    _plant(canvas, side * (shell.right - 0.5), shell.back - 0.6, canvas.uniform(0.7, 1.2))
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.06, 0.2))


def kitchen(canvas: Canvas) -> None:
    """A kitchen: counters, cupboards, a tiled wall and floor."""
    canvas.eye = canvas.uniform(0.8, 1.1)
    shell = Shell(-2.2 - canvas.edge, 2.2 + canvas.edge, canvas.uniform(3.6, 4.4), 2.5)
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.8, 0.4), "#fff6ea", 0.7, np.array([0.36, 0.36, 0.35]))
    lamp(canvas, (canvas.uniform(-1, 1), 2.3, 2.4), "#fff0dc", canvas.uniform(1.3, 1.9))
    lamp(canvas, (canvas.uniform(-1.8, 1.8), 1.8, shell.back - 0.6), "#eef4f8", 0.6)
    floor = canvas.pick(
        (
            tiles("#b8b2a6", 0.4, "#8a857b"),
            tiles("#8f8a82", 0.5, "#6b675f"),
            boards(OAK, 0.16),
            tiles("#cfcac0", 0.3, "#77736c", second="#6a6a68"),
        )
    )
    wall = tiles(canvas.pick(("#dcdad2", "#b9c4c0", "#cfc6b4")), 0.15, "#b5b1a8")
    enclose(canvas, shell, floor=floor, wall=wall, ceiling=plain("#dddad3"), side=plain("#cfcac0"))
    front = plain(canvas.pick(("#d8d4ca", "#7d8c86", "#5a6670", "#a68b68", "#e2dfd8")), grain=0.02)
    top = plain(canvas.pick(("#4a4744", "#b0a99c", "#7a5a3c")), grain=0.12, period=0.6)
    at = shell.back - 0.3
    x = shell.left
    while x < shell.right:
        wide = canvas.uniform(0.45, 0.75)
        box(canvas, (x + wide / 2, at), (wide - 0.008, 0.86, 0.6), (front, front, top), base=0.02)
        if canvas.chance(0.75):
            box(canvas, (x + wide / 2, shell.back - 0.17), (wide - 0.008, 0.72, 0.34), front, base=1.5)
        if canvas.chance(0.7):
            column(
                canvas,
                x + wide * canvas.uniform(0.2, 0.8),
                at - 0.1,
                canvas.uniform(0.04, 0.1),
                (0.91, 0.91 + canvas.uniform(0.12, 0.34)),
                plain(canvas.pick(("#8a3b2c", "#c9c4b8", "#5c6b4a", "#b58a3c", "#3d4448", "#7d9aa0"))),
            )
        x += wide
    canvas.later(
        at - 0.01,
        lambda: face(canvas, (shell.left, 0.88, at - 0.33), (shell.right - shell.left, 0, 0), (0, 0.05, 0), top),
    )
    window(canvas, canvas.uniform(-1.2, 0.6), shell.back, (0.9, 0.6), 1.1)
    for _ in range(int(canvas.rng.integers(1, 3))):
        z = canvas.uniform(2.2, 2.9)
        chair(
            canvas, aside(canvas, z, 0.62), z, boards(canvas.pick((OAK, WALNUT)), 0.2), yaw=canvas.uniform(-0.6, 0.6)
        )
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.1, 0.28))


def bathroom(canvas: Canvas) -> None:
    """A tiled bathroom with a tub, a basin and a mirror."""
    canvas.eye = canvas.uniform(0.8, 1.0)
    shell = Shell(-1.6 - canvas.edge, 1.6 + canvas.edge, canvas.uniform(3.6, 4.4), 2.5)
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.8, 0.4), "#fff6ea", 0.7, np.array([0.36, 0.37, 0.37]))
    lamp(canvas, (canvas.uniform(-0.6, 0.6), 2.3, 2.6), "#fff2e0", canvas.uniform(1.2, 1.7))
    hue = canvas.pick(("#cfdad8", "#a9c0c4", "#d8d0c0", "#8fa8a0", "#c9b8b0", "#e0e2e0"))
    wall = tiles(hue, canvas.pick((0.12, 0.2, 0.3)), "#b9bab6", joint=0.012)
    floor = tiles(canvas.pick(("#6f7374", "#b5b1a8", "#4f5a5e")), 0.25, "#8f8d88")
    enclose(canvas, shell, floor=floor, wall=wall, ceiling=plain("#dedcd8"))
    side = 1 if canvas.chance(0.5) else -1
    white = plain("#e4e4e0", grain=0.01)
    at = shell.back - 0.4
    contact(canvas, -side * 0.8, at, 0.9, 0.5)
    box(canvas, (-side * 0.8, at), (1.7, 0.56, 0.75), white, bevel=0.05)
    box(canvas, (side * 1.2, shell.back - 0.28), (0.7, 0.16, 0.5), white, base=0.72, bevel=0.03)
    column(canvas, side * 1.2, shell.back - 0.25, 0.1, (0, 0.72), white)
    x = side * 1.2 - 0.35
    face(canvas, (x, 1.1, shell.back - 0.02), (0.7, 0, 0), (0, 0.8, 0), shining("#c9d2d4", 0.55, mottle=0.25))
    towel = cloth(canvas.pick(("#7a8f94", "#b58a6a", "#d8d2c4", "#5a6a5c")), folds=1.2)
    face(canvas, (-side * 0.4, 0.9, shell.back - 0.05), (0.45, 0, 0), (0, 0.75, 0), towel)
    rug = cloth(canvas.pick(("#8fa0a0", "#b8a890", "#5c6468")))
    face(canvas, (-side * 0.8 - 0.45, 0.01, at - 1.1), (0.9, 0, 0), (0, 0, 0.6), rug)
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.12, 0.28))


def library(canvas: Canvas) -> None:
    """Between bookshelves."""
    canvas.eye = canvas.uniform(0.8, 1.2)
    half = canvas.uniform(1.15, 1.5) + 0.5 * canvas.edge
    shell = Shell(-half, half, canvas.uniform(6.0, 9.0), 2.7)
    main_light(canvas, (canvas.uniform(-0.5, 0.5), 0.8, 0.4), "#ffe9c8", 0.7, np.array([0.24, 0.21, 0.18]))
    for z in np.arange(1.6, shell.back, 2.0):
        lamp(canvas, (0.0, 2.55, float(z)), "#ffe2b8", canvas.uniform(0.6, 0.9))
    wood = canvas.pick((WALNUT, OAK))
    shelves = [stacked(BOOKS, 0.36, 0.055, 0.78, wood[0], int(canvas.rng.integers(1000))) for _ in range(3)]
    floor = canvas.pick((boards(wood, 0.12), cloth("#6b5a4c"), boards(OAK, 0.15)))
    enclose(canvas, shell, floor=floor, wall=shelves[0], ceiling=plain("#c9c1b2"), side=shelves[1])
    if canvas.chance(0.6):
        x = canvas.uniform(-0.9, 0.1)
        window(canvas, x, shell.back, (0.8, 1.4), 0.8)
    for z in np.arange(shell.back - 0.5, 3.2, -canvas.uniform(1.9, 2.4)):
        for side in (-1, 1):
            box(
                canvas,
                (side * (half - 0.16), float(z)),
                (0.34, 2.3, 1.5),
                (boards(wood, 0.3), shelves[2], boards(wood, 0.3)),
            )
    if canvas.chance(0.6):
        z = canvas.uniform(3.4, 4.4)
        table(canvas, aside(canvas, z, 0.45), z, (1.0, 0.7, 0.7), boards(wood, 0.25))
    canvas.flush()
    gloss(canvas, shell.back, canvas.uniform(0.05, 0.2))


def office(canvas: Canvas) -> None:
    """An office or classroom: desks, screens, a board, strip lights."""
    canvas.eye = canvas.uniform(0.9, 1.15)
    shell = Shell(-2.6 - canvas.edge, 2.6 + canvas.edge, canvas.uniform(6.0, 8.0), 2.7)
    main_light(canvas, (canvas.uniform(-0.4, 0.4), 0.85, 0.35), "#f2f5f2", 0.65, np.array([0.4, 0.41, 0.41]))
    for x in (-1.4, 1.4):
        for z in (2.4, 5.0):
            lamp(canvas, (x, 2.5, z), "#f4f6f0", 1.1)
    floor = canvas.pick((cloth("#6b7076"), cloth("#7d766b"), tiles("#aaa79e", 0.5, "#8f8c84")))
    enclose(
        canvas,
        shell,
        floor=floor,
        wall=plain(canvas.pick(("#d3d3cc", "#c4c9c6", "#cfc7b6"))),
        ceiling=tiles("#d8d8d4", 0.6, "#b8b8b4"),
    )
    for x in (-1.4, 1.4):
        for z in np.arange(2.0, shell.back, 1.9):
            face(canvas, (x - 0.6, 2.69, float(z)), (1.2, 0, 0), (0, 0, 0.3), shining("#f6f8f4", 1.6))
    side = shell.left + 0.02 if canvas.chance(0.5) else shell.right - 0.02
    for z in np.arange(2.0, shell.back - 1.2, 1.8):
        window(canvas, side, float(z), (1.4, 1.3), 0.95, wall="side")
    board = canvas.pick(("#2f4239", "#e6e8e6", "#3a3f42"))
    picture(canvas, canvas.uniform(-1.8, -0.6), shell.back, (2.2, 1.1), 1.0, board, grain=0.06)
    wood = boards(canvas.pick((ASH, OAK)), 0.4)
    for z in np.arange(shell.back - 1.2, canvas.focus * 1.15, -1.5):
        for x in (-2.1, -0.75, 0.75, 2.1):
            if abs(x) / z < 0.3 and z < 1.7 * canvas.focus:
                continue
            px = x + canvas.uniform(-0.2, 0.2)
            table(canvas, px, float(z), (1.1, 0.72, 0.6), wood)
            chair(
                canvas,
                px,
                float(z) - 0.5,
                cloth(canvas.pick(("#2f3438", "#3d4f66", "#6b2f2c"))),
                yaw=canvas.uniform(-0.5, 0.5) + np.pi,
            )
            if canvas.chance(0.5):
                box(canvas, (px, float(z) - 0.25), (0.5, 0.32, 0.04), plain("#1d1f22"), base=0.8)
    canvas.flush()
    gloss(canvas, shell.back, 0.08)


ROOMS = (
    SceneSpec(
        "living room",
        words(
            "room, lounge, sofa, couch, sitting room, cozy living room, bedroom, home, house interior, hotel "
            "lobby, hotel room, lobby, apartment, restaurant, cafe, home interior, indoors, carpet"
        ),
        living_room,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "kitchen",
        words(
            "kitchen counter, cafeteria, laundry room, restaurant kitchen, small kitchen, home kitchen, "
            "hospital, laboratory, operating room, bakery, chemistry lab"
        ),
        kitchen,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "bathroom",
        words("bathtub, bath tub, shower, restroom, toilet, public restroom, spa, locker room"),
        bathroom,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "library",
        words(
            "bookshelf, bookshelves, library shelves, bookstore, bookshop, study, reading room, library "
            "reading room, archive, old library, books"
        ),
        library,
        indoor=True,
        softness=1.7,
    ),
    SceneSpec(
        "office",
        words(
            "classroom, school, office cubicle, cubicle, meeting room, conference room, boardroom, high "
            "school classroom, lecture hall, control room, computer lab, call center, school classroom"
        ),
        office,
        indoor=True,
        softness=1.7,
    ),
)
