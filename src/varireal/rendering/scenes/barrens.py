"""Bare country: mountains, deserts, snow."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import Soil, contact, lay, ramp
from varireal.rendering.scenes.herbs import GRASS, STRAW, stand, tuft
from varireal.rendering.scenes.planting import aside, frame, lone_trees, scatter_rocks, wood_edge
from varireal.rendering.scenes.skies import day
from varireal.rendering.scenes.sprites import Look, place
from varireal.rendering.scenes.stones import ROCK
from varireal.rendering.scenes.terrain import Land, raise_land
from varireal.rendering.scenes.trees import CONIFER, DRY, SNOWY, tree

TURF = Soil(
    ("#2b3716", "#44571f", "#5f7031", "#7a8044"),
    (("fbm", 9.0, 0.1, 0.9), ("mid", 1.6, 0.3, 0.5), ("fine", 0.9, 0.35, 0.5)),
)
_HILLS = (("smooth", 420.0, 11.0), ("fbm", 120.0, 2.2))


def mountain(canvas: Canvas) -> None:
    """Rocky peaks above an alpine meadow."""
    day(canvas, ("clear", "fair", "fair", "veiled", "late"))
    canvas.haze_distance = canvas.uniform(2200, 4500)
    snow_line = canvas.uniform(70, 200)

    def coat(height: Array, steepness: Array, grain: Array) -> Array:
        stone = ramp(("#4d4b49", "#77736d", "#938d83"), 0.5 + 0.25 * grain)
        white = np.clip((height + 16 * grain - 60 * steepness - snow_line) / 14, 0, 1)[..., None]
        green = np.clip((60 - height + 14 * grain) / 18, 0, 1)[..., None]
        stone = stone * (1 - green) + np.array([0.075, 0.1, 0.04], np.float32) * green
        result: Array = stone * (1 - white) + np.array([0.86, 0.88, 0.92], np.float32) * white
        return result

    octaves = (("peaks", 2800.0, 120.0), ("peaks", 1000.0, 30.0), ("smooth", 500.0, 9.0), ("fbm", 400.0, 3.0))
    land = Land(600, 2800, octaves, base=70, rise=canvas.uniform(0.08, 0.17), slices=72)
    raise_land(canvas, land, coat, detail="ridged", detail_scale=1.6)
    lay(canvas, TURF)
    wood_edge(canvas, "conifer", CONIFER, z=canvas.uniform(60, 110), height=canvas.uniform(5, 9))
    scatter_rocks(canvas, ROCK, 16, (0.08, 0.9), far=40)
    stand(canvas, "grass", GRASS, 0.2, near=canvas.nearest * 0.9, far=14, rows=26)


def snow_field(canvas: Canvas) -> None:
    """Snow with snowy trees."""
    day(canvas, ("clear", "veiled", "overcast", "pale"))
    canvas.haze_distance = canvas.uniform(35, 90)
    kind = canvas.pick(("conifer", "conifer", "bare"))
    look = SNOWY if kind == "conifer" else Look(("#3c352f", "#6d6560", "#c9ccd0"))
    if canvas.chance(0.6):

        def coat(_: Array, steepness: Array, grain: Array) -> Array:
            return ramp(("#6f7780", "#dfe5ea", "#f2f4f6"), 0.75 - 0.35 * steepness + 0.05 * grain)

        raise_land(canvas, Land(120, 600, (("smooth", 600.0, 20.0), ("fbm", 160.0, 3.0)), rise=0.08), coat)
    snow = Soil(
        ("#a7b8cb", "#dbe4ec", "#f1f4f6"),
        (("smooth", 14.0, 0.14, 0.7), ("fbm", 4.0, 0.16, 0.3), ("fine", 1.0, 0.06, 0.1)),
    )
    lay(canvas, snow)
    wood_edge(canvas, kind, look, z=canvas.uniform(30, 60), height=canvas.uniform(4, 8))
    lone_trees(canvas, kind, look, int(canvas.rng.integers(1, 6)), near=10, far=28, height=(2.2, 5.0))
    frame(canvas, (tuft(0), tuft(3)), STRAW, 0.5, count=int(canvas.rng.integers(0, 4)))


def desert(canvas: Canvas) -> None:
    """Sand dunes, or a stony plain with table mountains."""
    day(canvas, ("clear", "clear", "veiled", "pale"))
    canvas.sun = canvas.sun * np.array([1.05, 0.97, 0.84], np.float32)
    canvas.haze = canvas.haze * np.array([1.05, 0.98, 0.86], np.float32)
    canvas.haze_distance = canvas.uniform(300, 700)
    sand = canvas.pick(
        (("#8a5a34", "#bf8a56", "#d9ab78"), ("#94754e", "#c4a272", "#dcc096"), ("#7c4a2c", "#ad6f45", "#cc9468"))
    )
    if canvas.chance(0.6):
        land = Land(30, 420, (("smooth", 260.0, 7.0), ("peaks", 120.0, 2.6)), base=0.5, rise=0.045, slices=64)
        raise_land(
            canvas,
            land,
            lambda h, s, g: ramp(sand, 0.62 + 0.05 * g - 0.1 * s + 0 * h),
            detail="streak",
            detail_scale=3,
        )
        ripple = (("streak", 3.0, 0.3, 0.35), ("smooth", 12.0, 0.15, 0.5), ("fine", 1.0, 0.1, 0.15))
        lay(canvas, Soil(sand, ripple))
        return
    octaves = (("peaks", 900.0, 18.0), ("ridged", 260.0, 5.0))
    raise_land(
        canvas,
        Land(160, 900, octaves, base=2, rise=0.06),
        lambda h, s, g: ramp(sand, 0.4 + 0.12 * g - 0.2 * s + 0.12 * np.sin(h / 5)),
    )
    lay(canvas, Soil(sand, (("fbm", 8.0, 0.15, 0.7), ("pebbles", 2.2, 0.2, 0.4), ("fine", 1.0, 0.3, 0.3))))
    scatter_rocks(canvas, Look((sand[0], sand[1], sand[2])), 18, (0.05, 0.5), far=35)
    for z in np.sort(canvas.rng.uniform(5, 40, 16))[::-1]:
        contact(canvas, x := aside(canvas, float(z), 0.25), float(z), 0.4, 0.5)
        place(canvas, tree("bush", int(canvas.rng.integers(5))), x, float(z), canvas.uniform(0.3, 0.8), DRY)


SPECS = (
    SceneSpec(
        "mountain",
        words(
            "mountains, mountain peak, mountain range, alps, alpine meadow, rocky mountain, mountain "
            "landscape, cliff, cliffs, mountain top, himalayas"
        ),
        mountain,
    ),
    SceneSpec(
        "snow field",
        words(
            "snow, snowy field, winter, winter landscape, snowy forest, tundra, snowfield, ski slope, snow- "
            "covered field, winter forest, snowy landscape, blizzard"
        ),
        snow_field,
    ),
    SceneSpec(
        "desert",
        words(
            "sand dunes, dunes, sahara, sandy desert, desert dunes, arid plain, dry desert, badlands, mesa, "
            "sahara desert, outback"
        ),
        desert,
    ),
)
