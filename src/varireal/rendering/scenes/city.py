"""Towns: streets by day and night, roofs."""

import numpy as np

from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import Soil, lay, plane
from varireal.rendering.scenes.planting import aside
from varireal.rendering.scenes.skies import day, gradient
from varireal.rendering.scenes.solids import box, column
from varireal.rendering.scenes.sprites import place
from varireal.rendering.scenes.streets import (
    CONCRETE,
    house,
    lamp_post,
    rows_of_houses,
    street_ground,
    wet_street,
)
from varireal.rendering.scenes.surfaces import bricks, plain, shining
from varireal.rendering.scenes.trees import SUMMER, tree
from varireal.rendering.scenes.vehicles import car
from varireal.rendering.shading import linear

_DAYS = ("clear", "fair", "veiled", "overcast", "pale", "late")


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


SPECS = (
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
