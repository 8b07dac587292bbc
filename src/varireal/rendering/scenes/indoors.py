"""Homes and reading rooms: living room, kitchen, library, office."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import contact
from varireal.rendering.scenes.herbs import fern, tuft
from varireal.rendering.scenes.planting import aside
from varireal.rendering.scenes.rooms import (
    Shell,
    chair,
    enclose,
    gloss,
    lamp,
    main_light,
    picture,
    sofa,
    table,
    window,
)
from varireal.rendering.scenes.solids import box, column, face
from varireal.rendering.scenes.sprites import place
from varireal.rendering.scenes.surfaces import boards, cloth, plain, shining, stacked, tiles
from varireal.rendering.scenes.trees import DEEP

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


SPECS = (
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
