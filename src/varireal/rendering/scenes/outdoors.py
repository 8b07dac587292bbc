"""Open green country: meadows, fields, gardens, and the sky above."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import Soil, contact, lay, ramp
from varireal.rendering.scenes.herbs import GRASS, HAY, LAWN, STRAW, stand, tuft
from varireal.rendering.scenes.planting import frame, lone_trees, wood_edge
from varireal.rendering.scenes.skies import clouds, day
from varireal.rendering.scenes.solids import face
from varireal.rendering.scenes.sprites import Look, place
from varireal.rendering.scenes.surfaces import boards
from varireal.rendering.scenes.terrain import Land, raise_land
from varireal.rendering.scenes.trees import SUMMER, tree
from varireal.rendering.shading import linear

TURF = Soil(
    ("#333f1a", "#4d6124", "#6b7d38", "#87904e"),
    (("fbm", 9.0, 0.1, 0.9), ("mid", 1.6, 0.3, 0.5), ("fine", 0.9, 0.35, 0.5)),
)
_HILLS = (("smooth", 420.0, 11.0), ("fbm", 120.0, 2.2))


def _green(height: Array, _: Array, grain: Array) -> Array:
    """Coat of wooded and grassy hills."""
    return ramp(("#2f4522", "#46592c", "#6d7d42", "#8b9156"), 0.45 + 0.18 * grain + 0.02 * height)


def hills(canvas: Canvas, tall: float = 1.0) -> None:
    """Raise soft green hills behind the fields."""
    octaves = tuple((kind, period, height * tall) for kind, period, height in _HILLS)
    raise_land(canvas, Land(90, 420, octaves, base=0.0, rise=0.05 * tall), _green)


def meadow(canvas: Canvas) -> None:
    """A summer meadow before a wood."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(110, 350)
    if canvas.chance(0.7):
        hills(canvas, canvas.uniform(0.6, 1.4))
    lay(canvas, TURF)
    wood_edge(
        canvas, canvas.pick(("broadleaf", "mixed")), SUMMER, z=canvas.uniform(35, 60), height=canvas.uniform(4, 9)
    )
    lone_trees(canvas, "broadleaf", SUMMER, int(canvas.rng.integers(0, 4)), near=18, far=34, height=(3, 5.5))
    look = canvas.pick((GRASS, GRASS, LAWN, HAY))
    stand(canvas, "grass", look, canvas.uniform(0.22, 0.4), near=canvas.nearest * 0.9, far=16, rows=26)
    frame(canvas, (tuft(0), tuft(1), tuft(2)), look, 0.7, count=3)


def flower_field(canvas: Canvas) -> None:
    """A field of wild flowers."""
    day(canvas)
    petal = canvas.pick(("#e6c53c", "#efe9da", "#a07cc8", "#c9403e", "#d887a8"))
    look = Look(("#36491d", "#6f8a3e", petal), glow=0.4)
    lay(canvas, TURF)
    wood_edge(canvas, "broadleaf", SUMMER, z=canvas.uniform(30, 50), height=canvas.uniform(5, 9))
    stand(canvas, "flowers", look, 0.42, near=canvas.nearest * 0.9, far=22, rows=26)


def farm(canvas: Canvas) -> None:
    """A field of ripe grain or maize."""
    day(canvas, ("clear", "fair", "veiled", "pale"))
    canvas.sun = canvas.sun * np.array([1.05, 0.98, 0.85], np.float32)
    canvas.haze_distance = canvas.uniform(80, 160)
    if canvas.chance(0.5):
        hills(canvas, canvas.uniform(0.4, 1.0))
    lay(canvas, Soil(("#5c4a26", "#8f7640", "#b59a5c"), (("fbm", 6.0, 0.2, 0.8), ("streak", 1.5, 0.3, 0.4))))
    wood_edge(canvas, "broadleaf", SUMMER, z=canvas.uniform(45, 80), height=canvas.uniform(4, 7))
    if canvas.chance(0.3):
        front = canvas.nearest * 1.5
        stand(canvas, "corn", GRASS, 0.9, near=front, far=30, rows=24)
        stand(canvas, "grass", HAY, 0.25, near=canvas.nearest * 0.9, far=1.02 * front, rows=10)
    else:
        stand(canvas, "wheat", STRAW, 0.42, near=canvas.nearest * 0.9, far=26, rows=28)


def backyard(canvas: Canvas) -> None:
    """A lawn with a fence, bushes and trees behind."""
    day(canvas, ("fair", "veiled", "overcast", "pale", "clear"))
    canvas.haze_distance = 120.0
    z = canvas.uniform(8, 11)
    wood_edge(canvas, "broadleaf", SUMMER, z=z * 1.8, height=canvas.uniform(4, 6.5))
    wood = canvas.pick(
        (("#6d5640", "#8c7358", "#a48c70"), ("#8f8c86", "#b5b2aa", "#cfccc2"), ("#54473b", "#6f6256", "#857869"))
    )
    lay(canvas, Soil(("#33451b", "#567431", "#7a9348"), TURF.layers, shade=0.45))
    slats = boards(wood, 0.28, 9.0)
    tall = canvas.uniform(1.1, 1.6)
    canvas.later(z, lambda: face(canvas, (-30, 0, z), (60, 0, 0), (0, tall, 0), slats))
    lone_trees(
        canvas, "broadleaf", SUMMER, int(canvas.rng.integers(0, 3)), near=0.8 * z, far=0.97 * z, height=(2.6, 4.0)
    )
    for _ in range(int(canvas.rng.integers(6, 14))):
        away = z * canvas.uniform(0.78, 0.97)
        x = canvas.uniform(-1.1, 1.1) * canvas.edge * away
        contact(canvas, x, away, 0.7, 0.6)
        look = canvas.pick(
            (SUMMER, GRASS, Look(("#31431f", "#5b7335", canvas.pick(("#b0506a", "#d8c25a", "#93a35a")))))
        )
        place(canvas, tree("bush", int(canvas.rng.integers(5))), x, away, canvas.uniform(0.5, 1.3), look)
    stand(canvas, "lawn", LAWN, 0.16, near=canvas.nearest * 0.9, far=7, rows=24, wobble=0.15)


def open_sky(canvas: Canvas) -> None:
    """Nothing but air and clouds."""
    canvas.horizon = max(canvas.horizon, 1.25)
    day(canvas, ("clear", "fair", "fair", "veiled"))
    white, gray = np.array([0.96, 0.95, 0.93], np.float32), linear("#98a5b4")
    clouds(canvas, canvas.uniform(0.3, 0.6), white, gray, scale=canvas.uniform(0.2, 0.32))
    canvas.bounce = canvas.ambient * np.float32(0.9)


SPECS = (
    SceneSpec(
        "meadow",
        words(
            "grass, grassy field, grassland, grasslands, field, open field, pasture, prairie, countryside, "
            "rural countryside, grassy, savanna, savannah, valley, dog park, park, golf course, glider "
            "field, hillside"
        ),
        meadow,
    ),
    SceneSpec(
        "flower field",
        words(
            "flowers, wildflowers, wildflower meadow, field of flowers, flower meadow, flower garden, "
            "sunflower field, lavender field, tulip field, field of daisies, poppy field, botanical garden"
        ),
        flower_field,
    ),
    SceneSpec(
        "cornfield",
        words(
            "farm, farmland, crop field, corn field, wheat field, wheat, hay field, farmyard, barnyard, "
            "country farm, plowed field, field of wheat"
        ),
        farm,
    ),
    SceneSpec(
        "backyard",
        words(
            "garden, lawn, yard, back garden, front yard, suburban garden, community garden, backyard "
            "feeder, patio, fenced yard, suburban backyard, house garden"
        ),
        backyard,
    ),
    SceneSpec(
        "sky",
        words(
            "blue sky, clouds, cloudy sky, open sky, clear sky, mid-air, midair, in flight, above the "
            "clouds, storm clouds, cloud layer, hot air balloon"
        ),
        open_sky,
        softness=0.4,
    ),
)
