"""Towns: streets by day and night, roofs."""

import numpy as np

from varireal.editors.shading import linear, smoothstep
from varireal_demo.scenes.base import Canvas, SceneSpec, disc_blur, words
from varireal_demo.scenes.grounds import Soil, band, lay, lit, paint, plane, sample
from varireal_demo.scenes.nature import TURF, hills
from varireal_demo.scenes.plants import GRASS, SUMMER, aside, stand, tree, wood_edge
from varireal_demo.scenes.rooms import Shell, enclose, gloss, lamp, main_light, picture, window
from varireal_demo.scenes.skies import day, gradient
from varireal_demo.scenes.sprites import place
from varireal_demo.scenes.streets import (
    ASPHALT,
    CONCRETE,
    car,
    house,
    lamp_post,
    rows_of_houses,
    street_ground,
    wet_street,
)
from varireal_demo.scenes.surfaces import boards, box, bricks, cloth, column, face, plain, shining, tiles

# Where people travel: car parks, roads, stations.

_DAYS = ("clear", "fair", "veiled", "overcast", "pale", "late")


def parking(canvas: Canvas) -> None:
    """A car park with rows of cars."""
    day(canvas, _DAYS)
    ground = plane(canvas)
    lay(canvas, ASPHALT, ground)
    worn = 0.8 * smoothstep(1.5, -0.6, sample(canvas, ground, "fbm", 3.0)[..., 0])
    white = linear("#d2d0c8") * lit(canvas, 0.0, 0.0)
    shift = canvas.uniform(0, 1.7)
    bays = band((ground.z - canvas.nearest) / 60, -1, 1, 0.01) * band(
        ((ground.x + shift) / 1.7) % 1, 0.0, 0.05, 0.012 + 0.3 * ground.step[:, None]
    )
    rows = np.maximum(band(ground.z, 4.6, 7.4, 0.05), band(ground.z, 12.5, 15.5, 0.1))
    paint(canvas, ground, white, worn * bays * rows)
    wood_edge(canvas, "broadleaf", SUMMER, z=44, height=canvas.uniform(4, 8), rows=1)
    if canvas.chance(0.6):
        house(canvas, canvas.uniform(-8, 8), 36, (canvas.uniform(14, 30), canvas.uniform(3, 6), 6))
    for z in (26.0, 14.0, 7.4):
        for slot in np.arange(-14, 14) * 1.7 - shift + 0.85:
            if (
                abs(slot) > 0.62 * canvas.edge * z * 2
                or not canvas.chance(0.62)
                or (z < 9 and abs(slot) < 0.45 * z * canvas.edge)
            ):
                continue
            car(canvas, float(slot), z + canvas.uniform(-0.2, 0.2))
    for x in (-7.0, 6.0):
        lamp_post(canvas, x + canvas.uniform(-2, 2), 20, 5, on=False)


def road(canvas: Canvas) -> None:
    """A road or runway that runs to the horizon through open land."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(90, 220)
    if canvas.chance(0.6):
        hills(canvas, canvas.uniform(0.5, 1.2))
    ground = plane(canvas)
    lay(canvas, TURF, ground)
    wood_edge(canvas, "broadleaf", SUMMER, z=canvas.uniform(60, 100), height=canvas.uniform(4, 7))
    stand(canvas, "grass", GRASS, 0.2, near=canvas.nearest, far=20, rows=14)
    canvas.flush()
    half = canvas.uniform(1.5, 3.0)
    off, soft = np.abs(ground.x), 0.02 + 0.5 * ground.step[:, None]
    rough = sample(canvas, ground, "fine", 0.6)
    wave = sample(canvas, ground, "fbm", 6.0)[..., 0]
    tracks = 0.1 * np.cos(ground.x / half * 2 * np.pi)
    tar = (
        linear(canvas.pick(("#5a5a5b", "#6f6e6c", "#4b4b4d")))
        * (1 + 0.09 * wave + 0.05 * rough[..., 0] + tracks)[..., None]
    )
    verge = (
        linear("#857a66")
        * (1 + 0.15 * wave + 0.1 * rough[..., 0])[..., None]
        * lit(canvas, 0.3 * rough[..., 1], 0.3 * rough[..., 2])
    )
    ragged = half + 0.25 + 0.06 * wave
    paint(canvas, ground, verge, smoothstep(ragged + 0.12, ragged - 0.12, off))
    paint(
        canvas,
        ground,
        tar * lit(canvas, 0.12 * rough[..., 1], 0.12 * rough[..., 2]),
        smoothstep(half + soft, half - soft, off),
    )
    line = lit(canvas, 0.0, 0.0) * linear(canvas.pick(("#d9d6cb", "#d9d6cb", "#c9a23f")))
    worn = 0.85 * smoothstep(1.7, -0.5, wave)
    paint(canvas, ground, line, worn * band(off, -1, 0.06, 0.5 * soft) * band((ground.z / 6) % 1, 0, 0.45, 0.03))
    paint(
        canvas,
        ground,
        lit(canvas, 0.0, 0.0) * linear("#d9d6cb"),
        worn * band(off, half - 0.22, half - 0.12, 0.5 * soft),
    )


def subway(canvas: Canvas) -> None:
    """An underground platform with columns, tiles and the track."""
    canvas.eye = canvas.uniform(1.0, 1.3)
    canvas.haze, canvas.haze_distance = linear("#2b2c2a"), 60.0
    canvas.set_light(canvas.uniform(-0.4, 0.4), 0.9, 0.3)
    canvas.sun, canvas.ambient = linear("#f3f2e2") * np.float32(0.65), np.array([0.3, 0.31, 0.3], np.float32)
    side = 1 if canvas.chance(0.5) else -1
    _platform(canvas, side)
    edge, roof = side * 2.3, 3.0
    tile = plain(canvas.pick(("#3f5a50", "#6b3030", "#4a5560", "#8a8678")), grain=0.03)
    for z in np.arange(canvas.uniform(4.2, 5.2), 40, 3.4):
        column(canvas, edge - side * 0.5, float(z), 0.17, (0, roof), tile)
        if canvas.chance(0.35):
            box(canvas, (-side * 2.9, float(z) + 1.2), (0.5, 0.45, 1.5), plain("#6d5a42"), base=0.0)
    if canvas.chance(0.45):
        metal = plain("#9fa4a6", grain=0.05)
        deep = 30.0
        box(canvas, (edge + side * 1.35, 8 + deep / 2), (2.3, 2.4, deep), metal, base=-0.3)
        for z in np.arange(8.6, 30, 1.6):
            box(canvas, (edge + side * 0.19, float(z)), (0.06, 0.8, 1.1), shining("#e9efe2", 0.9), base=0.95)
    canvas.flush()


def _platform(canvas: Canvas, side: int) -> None:
    """Paint the platform, the track beside it, walls, ceiling and strip lights; the track is on ``side``."""
    edge, wall, roof, far = side * 2.3, side * 5.6, 3.0, 48.0
    for z in np.arange(2.0, far, 4.0):
        canvas.lamps.append((np.array([0.0, 2.9, z], np.float32), linear("#f0f2e6") * np.float32(1.5)))
        canvas.lamps.append((np.array([wall * 0.7, 2.7, z], np.float32), linear("#e8eee2") * np.float32(0.7)))
    canvas.lamps = [lamp for lamp in canvas.lamps if lamp[0][2] < 18]
    tile = tiles(canvas.pick(("#d2cfc2", "#b9c2ba", "#c9bfa8")), 0.16, "#8f8a7e")
    low = -0.9
    face(canvas, (-6, low, far), (12, 0, 0), (0, roof - low, 0), plain("#0c0d0e"))
    face(canvas, (wall, low, 0), (0, 0, far), (0, roof - low, 0), tile)
    face(canvas, (-side * 3.6, 0, 0), (0, 0, far), (0, roof, 0), tile)
    face(canvas, (-6, roof, 0), (12, 0, 0), (0, 0, far), plain("#8d8b84", grain=0.12))
    face(canvas, (min(edge, wall), low, 0), (3.3, 0, 0), (0, 0, far), plain("#2c2a28", grain=0.3, period=0.8))
    for rail in (0.9, 2.3):
        face(canvas, (edge + side * rail, low + 0.12, 0), (0.08, 0, 0), (0, 0, far), plain("#8a8884"))
    floor = tiles(canvas.pick(("#8d8a82", "#77756f", "#a29c8f")), 0.6, "#67645e")
    face(canvas, (min(edge, -side * 3.6), 0, 0), (5.9, 0, 0), (0, 0, far), floor)
    face(
        canvas,
        (edge - side * 0.4 if side > 0 else edge, 0.003, 0),
        (0.4, 0, 0),
        (0, 0, far),
        plain("#c2a233", grain=0.15, period=0.5),
    )
    face(canvas, (edge, low, 0), (0, 0, far), (0, -low, 0), plain("#4a4844", grain=0.2))
    for z in np.arange(1.5, far, 2.4):
        face(canvas, (-0.9, roof - 0.02, float(z)), (0.16, 0, 0), (0, 0, 1.6), shining("#f4f6ec", 2.2))


TRANSPORT = (
    SceneSpec(
        "parking lot",
        words(
            "car park, parking, parking garage, gas station, shopping mall parking, car lot, truck stop, "
            "driveway, traffic jam"
        ),
        parking,
    ),
    SceneSpec(
        "highway",
        words(
            "road, runway, airport runway, airport, freeway, motorway, country road, tarmac, airstrip, rural "
            "road, asphalt road, race track, railway tracks, train tracks, bridge, airfield"
        ),
        road,
    ),
    SceneSpec(
        "subway station",
        words(
            "subway, subway platform, metro station, metro, train station, underground station, subway "
            "tunnel, train platform, railway station, subway train, subway car, underground platform"
        ),
        subway,
        indoor=True,
    ),
)


# Grand rooms: a gallery, a castle hall, a stage.

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


VENUES = (
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


def street(canvas: Canvas) -> None:
    """A street between houses, with trees and parked cars."""
    day(canvas, _DAYS)
    canvas.haze_distance = canvas.uniform(120, 320)
    half = canvas.uniform(2.2, 3.2)
    street_ground(canvas, plane(canvas), half)
    rows_of_houses(canvas, half + 1.6, 5.0, 46, (5.0, 13.0), 0.0)
    canvas.flush()  # what stands at the kerb is before every house, seen from the road
    for side in (-1, 1):
        for z in np.arange(5.5, 34, canvas.uniform(4.5, 7.5)):
            if canvas.chance(0.55):
                car(canvas, side * (half - 0.5), float(z))
            if canvas.chance(0.4):
                place(
                    canvas,
                    tree("broadleaf", int(canvas.rng.integers(5))),
                    side * (half + 0.6),
                    float(z) + 2,
                    3.6,
                    SUMMER,
                )
            elif canvas.chance(0.4):
                lamp_post(canvas, side * (half + 0.3), float(z) + 2, 3.4, on=False)


def night_city(canvas: Canvas) -> None:
    """A wet street at night with lit windows, lamps and headlights."""
    gradient(canvas, linear("#0b0e18"), linear(canvas.pick(("#3a3540", "#2f3648", "#4a3a36"))), height=0.3)
    canvas.set_light(canvas.uniform(-0.6, 0.6), 0.7, 0.5)
    canvas.sun = np.array([0.62, 0.47, 0.3], np.float32) * canvas.uniform(0.7, 1.1)
    canvas.ambient = np.array([0.1, 0.11, 0.15], np.float32)
    canvas.haze, canvas.haze_distance = linear("#2f2c36"), canvas.uniform(60, 120)
    half = canvas.uniform(2.4, 3.4)
    day_sun, canvas.sun = canvas.sun, canvas.sun * 0.3
    street_ground(canvas, plane(canvas), half)
    rows_of_houses(canvas, half + 1.4, 4.5, 50, (7.0, 19.0), canvas.uniform(0.25, 0.5))
    canvas.flush()
    for side in (-1, 1):
        for z in np.arange(6.0, 40, canvas.uniform(5, 8)):
            lamp_post(canvas, side * (half + 0.2), float(z), 3.6, on=True)
            if canvas.chance(0.6):
                car(canvas, side * canvas.uniform(0.3, 0.75) * half, float(z) + 1, lights=True)
            if canvas.chance(0.5):
                sign = canvas.pick(("#3fd0c8", "#ff4a6a", "#ffb03a", "#7a9cff", "#8affa0"))
                box(
                    canvas,
                    (side * (half + 1.3), float(z) + 1.5),
                    (0.3, 0.6, 0.1),
                    shining(sign, 2.0),
                    base=canvas.uniform(1.6, 2.6),
                )
    canvas.flush()
    wet_street(canvas, canvas.uniform(0.35, 0.8))
    canvas.sun = day_sun


def rooftop(canvas: Canvas) -> None:
    """A flat roof with a parapet and the town beyond."""
    day(canvas, _DAYS)
    canvas.haze_distance = canvas.uniform(140, 300)
    for z in np.exp(canvas.rng.uniform(np.log(22), np.log(140), 46)):
        tall = canvas.uniform(0.3, 1.0) * (2 + 0.10 * float(z)) + 1
        x = canvas.uniform(-0.9, 0.9) * canvas.aspect * float(z)
        house(canvas, x, float(z), (canvas.uniform(5, 14), tall, 6.0))
    canvas.flush()
    lay(
        canvas,
        canvas.pick(
            (CONCRETE, Soil(("#5f5c58", "#85817a", "#a5a098"), (("fbm", 6.0, 0.1, 0.6), ("pebbles", 0.9, 0.35, 0.4))))
        ),
    )
    z = canvas.uniform(9, 14)
    wall = bricks(canvas.pick((("#5e3a2c", "#84543f", "#9c6b53"), ("#77726a", "#948e85", "#a8a299"))))
    tall = canvas.uniform(0.5, 0.75)
    box(canvas, (0, z + 0.2), (80, tall, 0.4), (wall, wall, plain("#8f8b84")))
    box(canvas, (0, z + 0.15), (80, 0.08, 0.55), plain("#a39e96"), base=tall)
    for _ in range(int(canvas.rng.integers(2, 5))):
        away = canvas.uniform(5.5, 0.85 * z)
        x = aside(canvas, away, 0.45)
        metal = plain(canvas.pick(("#8a8d8e", "#a9aba9", "#6f6a63")), grain=0.08, period=0.8)
        if canvas.chance(0.5):
            column(canvas, x, away, 0.12, (0, canvas.uniform(0.7, 1.6)), metal)
        else:
            box(
                canvas,
                (x, away),
                (canvas.uniform(0.8, 1.5), canvas.uniform(0.5, 0.9), 0.8),
                metal,
                yaw=canvas.uniform(-0.3, 0.3),
            )


CITY = (
    SceneSpec(
        "city street",
        words(
            "street, city, downtown, urban street, sidewalk, town, road in a city, avenue, town square, "
            "alley, urban, city sidewalk, market street, busy street, village street, neighborhood street"
        ),
        street,
    ),
    SceneSpec(
        "night city",
        words(
            "city at night, night street, neon city, city lights, neon street, times square, city skyline at "
            "night, downtown at night, night, casino"
        ),
        night_city,
    ),
    SceneSpec(
        "rooftop",
        words(
            "roof, city rooftop, skyscraper roof, city skyline, skyline, skyscraper, terrace, balcony, "
            "rooftop terrace, building ledge, rooftops"
        ),
        rooftop,
    ),
)
