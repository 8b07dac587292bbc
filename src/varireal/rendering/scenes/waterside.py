"""Fresh water: ponds, marshes, rivers."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import lit, paint, plane, ramp, sample
from varireal.rendering.scenes.herbs import GRASS, REED, in_water, strip, tuft
from varireal.rendering.scenes.outdoors import hills
from varireal.rendering.scenes.planting import aside, frame, scatter_rocks, wood_edge
from varireal.rendering.scenes.skies import day
from varireal.rendering.scenes.solids import column, face
from varireal.rendering.scenes.sprites import Look, row
from varireal.rendering.scenes.stones import MOSSY
from varireal.rendering.scenes.surfaces import boards, plain
from varireal.rendering.scenes.trees import CONIFER, DEEP, SUMMER
from varireal.rendering.scenes.waters import Wet, flood, ripples
from varireal.rendering.shading import smoothstep

_SAND = ("#7d6a4e", "#b59f7a", "#d0bd9a", "#e0d2b4")
_SAND_LAYERS = (("fbm", 6.0, 0.12, 0.8), ("mid", 1.2, 0.3, 0.4), ("fine", 0.7, 0.25, 0.3))


def _bank(canvas: Canvas, z: float, look: Look) -> None:
    """A grassy far bank at distance ``z``."""
    for i, away in enumerate((z * 1.25, z * 1.1, z)):
        row(canvas, strip("reeds" if i == 2 else "grass"), away, canvas.uniform(0.5, 1.0), look, wobble=0.3)


def pond(canvas: Canvas) -> None:
    """A still pond or lake before a wood."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(120, 320)
    if canvas.chance(0.5):
        hills(canvas, canvas.uniform(0.5, 1.2))
    kind, look = canvas.pick((("broadleaf", SUMMER), ("mixed", DEEP), ("conifer", CONIFER)))
    z = canvas.uniform(22, 60)
    wood_edge(canvas, kind, look, z=z, height=canvas.uniform(0.12, 0.24) * z)
    _bank(canvas, 0.95 * z, GRASS)
    body = canvas.pick((("#4c5a45", "#2e3a30"), ("#4e6068", "#2f4049"), ("#5a5a40", "#37392a")))
    flood(canvas, Wet(*body, waves=canvas.uniform(0.02, 0.06), period=7, choppy=0.35))
    ripples(canvas, 0.05)
    for _ in range(int(canvas.rng.integers(0, 4))):
        away = canvas.uniform(1.1, 2.2) * canvas.nearest
        in_water(canvas, aside(canvas, away, 0.55), away, 0.6, REED)
    frame(canvas, (tuft(0), tuft(1)), REED, 1.0, count=int(canvas.rng.integers(1, 5)))


def dock(canvas: Canvas) -> None:
    """A wooden jetty that leads out into a lake or harbour."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(120, 300)
    if canvas.chance(0.5):
        hills(canvas, canvas.uniform(0.5, 1.2))
    wood_edge(
        canvas,
        canvas.pick(("mixed", "conifer", "broadleaf")),
        DEEP,
        z=canvas.uniform(50, 90),
        height=canvas.uniform(5, 9),
    )
    body = canvas.pick((("#45595f", "#2c414a"), ("#4e6068", "#2f4049"), ("#4c5a45", "#2e3a30")))
    flood(canvas, Wet(*body, waves=canvas.uniform(0.03, 0.09), period=6, choppy=0.5))
    wood = canvas.pick((("#6a645c", "#8d867b", "#a8a196"), ("#5c4835", "#80684c", "#9c8262")))
    half, far = canvas.uniform(1.0, 1.5), canvas.uniform(9, 16)
    planks = boards(wood, 0.16, 9.0, across=True)
    shift = canvas.uniform(-0.4, 0.4)
    face(canvas, (shift - half, -0.16, far), (2 * half, 0, 0), (0, 0.16, 0), plain("#2c2620"))
    face(canvas, (shift - half, 0, 0), (2 * half, 0, 0), (0, 0, far), planks)
    for z in np.arange(far - 0.2, 0.9 * canvas.nearest, -canvas.uniform(2.2, 3.2)):
        for side in (-1, 1):
            post = plain(wood[0], grain=0.25, period=0.6)
            column(canvas, shift + side * (half + 0.06), float(z), 0.09, (-0.5, canvas.uniform(0.35, 0.6)), post)


def _reeds(canvas: Canvas, far: float, near: float) -> None:
    """Rows of reeds, the near ones with gaps."""
    for z in np.geomspace(far, near, 6):
        tall = canvas.uniform(0.9, 1.4)
        row(canvas, strip("cattails" if z < 20 else "reeds"), float(z), tall, REED, wobble=0.6 if z < 16 else 0.35)


def marsh(canvas: Canvas) -> None:
    """A reed marsh with open water."""
    day(canvas, ("veiled", "overcast", "pale", "fair"))
    canvas.haze_distance = canvas.uniform(80, 180)
    wood_edge(canvas, "broadleaf", DEEP, z=50, height=canvas.uniform(3, 5))
    belt = canvas.uniform(8, 13)
    _reeds(canvas, 40, belt)
    flood(canvas, Wet("#55513a", "#3b3a2c", waves=canvas.uniform(0.015, 0.04), period=5, choppy=0.4))
    ripples(canvas, 0.05)
    _reeds(canvas, 1.5 * belt, belt)
    for z in np.geomspace(2.6, 1.0, 9) * canvas.nearest:
        for _ in range(3):
            in_water(canvas, aside(canvas, z, 0.5), float(z), canvas.uniform(0.5, 1.2), REED)


def river(canvas: Canvas) -> None:
    """A stream with stones between wooded banks."""
    day(canvas, ("fair", "veiled", "overcast", "pale"))
    canvas.haze_distance = canvas.uniform(90, 200)
    for z, tall in ((34, 13), (22, 8)):
        wood_edge(canvas, "mixed", DEEP, z=z, height=tall * canvas.uniform(0.8, 1.2), rows=1)
    flood(canvas, Wet("#5d6a60", "#37443f", waves=0.12, period=2.6, choppy=0.7, mirror=0.75))
    ground = plane(canvas)
    foam = sample(canvas, ground, "strand", 3.0)[..., 0] + 0.6 * sample(canvas, ground, "fbm2", 5.0)[..., 0]
    paint(canvas, ground, lit(canvas, 0.0, 0.0) * 0.75, 0.75 * smoothstep(1.5, 2.6, foam))
    bend = canvas.uniform(0.2, 0.5) * sample(canvas, ground, "smooth", 30.0)[..., 0]
    wide = canvas.uniform(1.2, 1.7)
    bank = smoothstep(wide, wide + 0.35, np.abs(ground.x / (1 + 0.22 * ground.z) + bend))
    gravel = sample(canvas, ground, "pebbles", 1.6)
    stones = ramp(("#45423a", "#77736a", "#9d988c"), 0.5 + 0.2 * gravel[..., 0])
    bank = bank * smoothstep(20, 10, ground.z)
    paint(canvas, ground, stones * lit(canvas, 0.5 * gravel[..., 1], 0.5 * gravel[..., 2]), bank)
    scatter_rocks(canvas, MOSSY, 22, (0.15, 0.9), far=26, clear=0.34, facets=0.35)
    frame(canvas, (tuft(2), tuft(3)), GRASS, 0.8)


SPECS = (
    SceneSpec(
        "pond",
        words(
            "pond edge, lake, lakeside, lakeshore, lake shore, lagoon, reservoir, duck pond, water's edge, "
            "freshwater lake"
        ),
        pond,
    ),
    SceneSpec(
        "dock",
        words(
            "pier, jetty, wooden dock, wooden pier, boardwalk, fishing dock, seaplane dock, boat dock, "
            "harbor, harbour, marina, wharf, ship deck"
        ),
        dock,
    ),
    SceneSpec(
        "marsh",
        words(
            "wetland, wetlands, swamp, bog, reed bed, reeds, marshland, saltmarsh, salt marsh, estuary, "
            "mudflat, cattails, bayou, mangrove, everglades"
        ),
        marsh,
    ),
    SceneSpec(
        "river",
        words("stream, creek, brook, riverbank, river bank, mountain stream, rapids, canal, riverside"),
        river,
    ),
)
