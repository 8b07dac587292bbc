"""Where people travel: car parks, roads, stations."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import band, lay, lit, paint, plane, sample
from varireal.rendering.scenes.herbs import GRASS, stand
from varireal.rendering.scenes.outdoors import TURF, hills
from varireal.rendering.scenes.planting import wood_edge
from varireal.rendering.scenes.skies import day
from varireal.rendering.scenes.solids import box, column, face
from varireal.rendering.scenes.streets import (
    ASPHALT,
    house,
    lamp_post,
)
from varireal.rendering.scenes.surfaces import plain, shining, tiles
from varireal.rendering.scenes.trees import SUMMER
from varireal.rendering.scenes.vehicles import car
from varireal.rendering.shading import linear, smoothstep

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


SPECS = (
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
