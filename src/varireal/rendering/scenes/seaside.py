"""The sea and its shores, warm and polar."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import Canvas
from varireal.rendering.scenes.grounds import Plane, band, lit, paint, plane, ramp, sample
from varireal.rendering.scenes.outdoors import hills
from varireal.rendering.scenes.planting import scatter_rocks
from varireal.rendering.scenes.skies import day, low_sun
from varireal.rendering.scenes.sprites import place
from varireal.rendering.scenes.stones import ICE, ROCK, shard
from varireal.rendering.scenes.trees import SUMMER, tree
from varireal.rendering.scenes.waters import Wet, flood, shore
from varireal.rendering.shading import linear, mix, smoothstep

_SAND = ("#7d6a4e", "#b59f7a", "#d0bd9a", "#e0d2b4")
_SAND_LAYERS = (("fbm", 6.0, 0.12, 0.8), ("mid", 1.2, 0.3, 0.4), ("fine", 0.7, 0.25, 0.3))


def _sand_color(canvas: Canvas, ground: Plane, colors: tuple[str, ...], wet: Array | float = 0.0) -> Array:
    """Lit sand; ``wet`` 0..1 darkens and smooths it."""
    value, sx, sz = np.zeros_like(ground.x), np.zeros_like(ground.x), np.zeros_like(ground.x)
    for kind, period, slope, weight in _SAND_LAYERS:
        layer = sample(canvas, ground, kind, period)
        value += weight * layer[..., 0]
        sx += slope * (1 - 0.8 * wet) * layer[..., 1]
        sz += slope * (1 - 0.8 * wet) * layer[..., 2]
    dark = np.asarray(1 - 0.5 * wet, np.float32)
    return ramp(colors, 0.6 + 0.14 * value) * (dark[..., None] if dark.ndim else dark) * lit(canvas, sx, sz)


def _sea(canvas: Canvas, rough: float) -> tuple[Plane, Array]:
    colors = canvas.pick(
        (("#3f7482", "#274f66"), ("#54808a", "#2f5a70"), ("#6b7f83", "#46606b"), ("#2f7f86", "#1f5570"))
    )
    return flood(canvas, Wet(*colors, waves=rough, period=5.0, choppy=0.6, mirror=0.7))


def ocean(canvas: Canvas) -> None:
    """Open sea."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(80, 200)
    ground, swell = _sea(canvas, canvas.uniform(0.12, 0.24))
    crest = swell + 0.5 * sample(canvas, ground, "mid", 1.6)[..., 0]
    caps = smoothstep(2.3, 3.1, crest) * smoothstep(40, 10, ground.z)
    paint(canvas, ground, lit(canvas, 0.0, 0.0) * 0.8, 0.8 * caps)


def _strand(canvas: Canvas, colors: tuple[str, ...], z_shore: float) -> None:
    """Lay a beach before the water: dry sand, wet sand that mirrors, lines of foam."""
    mirror = canvas.image[::-1].copy()
    ground = plane(canvas)
    beyond = shore(canvas, ground, z_shore, 0.12)
    wet = smoothstep(-0.42 * z_shore, -0.1 * z_shore, beyond)
    sand = _sand_color(canvas, ground, colors, wet)
    offset = int(np.clip(canvas.height - 2 * ground.top, -canvas.height, canvas.height))
    shine = np.roll(mirror, -offset, axis=0)[ground.top :]
    share = (0.45 * wet * np.clip(1 - 1.6 * canvas.eye / ground.z, 0.1, 1))[..., None]
    sand = sand * (1 - share) + shine * share
    paint(canvas, ground, sand, smoothstep(0.05, -0.05, beyond))
    lace = sample(canvas, ground, "mid", 1.3)[..., 0]
    breakers = np.zeros_like(beyond)
    for away, width in ((0.0, 0.22), (1.6, 0.3), (4.0, 0.5)):
        drift = beyond - away * (1 + 0.1 * lace)
        breakers = np.maximum(breakers, band(drift, -width, width, 0.25 * width) * smoothstep(-0.9, 0.5, lace + 0.7))
    white = lit(canvas, 0.0, 0.0) * 0.82
    paint(canvas, ground, white, np.clip(breakers, 0, 0.92))


def beach(canvas: Canvas) -> None:
    """A sandy beach with the sea behind."""
    day(canvas)
    canvas.haze_distance = canvas.uniform(90, 220)
    if canvas.chance(0.35):
        hills(canvas, canvas.uniform(0.3, 0.7))
    _sea(canvas, canvas.uniform(0.07, 0.16))
    _strand(canvas, _SAND, canvas.uniform(1.5, 2.2) * canvas.focus)
    if canvas.chance(0.4):
        side = 1 if canvas.chance(0.5) else -1
        for _ in range(int(canvas.rng.integers(1, 4))):
            z = canvas.uniform(7, 13)
            x = side * canvas.uniform(0.65, 1.1) * canvas.edge * z
            place(canvas, tree("palm", int(canvas.rng.integers(5))), x, z, canvas.uniform(3, 5), SUMMER)
    scatter_rocks(canvas, ROCK, int(canvas.rng.integers(0, 9)), (0.04, 0.25), far=7, clear=0.4)


def sunset_beach(canvas: Canvas) -> None:
    """A beach with the sun low over the sea."""
    sky = canvas.pick(
        (("#4a5478", "#e09a66", "#ffb066"), ("#5b4a6e", "#e58a5e", "#ff9a55"), ("#6d7f9c", "#eec184", "#ffd08a"))
    )
    low_sun(canvas, canvas.uniform(-0.32, 0.32), canvas.uniform(0.05, 0.16), *sky)
    flood(canvas, Wet("#3c4650", "#2b3440", waves=canvas.uniform(0.08, 0.15), period=5, choppy=0.6, mirror=0.85))
    _strand(canvas, ("#4f4336", "#7d6c56", "#94826a"), canvas.uniform(1.2, 1.9) * canvas.focus)


def polar(canvas: Canvas) -> None:
    """Ice floes and icebergs in a cold sea."""
    day(canvas, ("clear", "veiled", "overcast", "pale"))
    canvas.haze_distance = canvas.uniform(150, 400)
    for z in sorted(canvas.rng.uniform(14, 60, 7), reverse=True):
        x = canvas.uniform(-1.1, 1.1) * canvas.edge * z
        tall = canvas.uniform(0.03, 0.16) * z
        place(canvas, shard(int(canvas.rng.integers(6))), x, float(z), tall, ICE, width=canvas.uniform(0.8, 1.6))
    flood(canvas, Wet("#33566a", "#24414f", waves=canvas.uniform(0.05, 0.1), period=5, choppy=0.5))
    ground = plane(canvas)
    plates = sample(canvas, ground, "cracks", 30.0)[..., 0] + 0.35 * sample(canvas, ground, "smooth", 60.0)[..., 0]
    near = smoothstep(9, 4.5, ground.z)
    cover = smoothstep(-0.35, -0.15, plates + 3 * near - 0.6)
    grain = sample(canvas, ground, "fbm", 3.0)
    snow = ramp(("#a9c3d4", "#dde7ec", "#f3f6f7"), 0.6 + 0.16 * grain[..., 0])
    rim = mix(linear("#7fb4c8"), snow, smoothstep(-0.15, 0.25, plates + 3 * near - 0.6))
    paint(canvas, ground, rim * lit(canvas, 0.22 * grain[..., 1], 0.22 * grain[..., 2]), cover)


SPECS = (
    SceneSpec(
        "beach",
        words(
            "sandy beach, sand beach, seashore, shore, shoreline, coast, coastline, seaside, tropical beach, "
            "sand, tropical island, island, beachfront, ocean beach"
        ),
        beach,
    ),
    SceneSpec(
        "sunset beach",
        words("sunset, sunrise, dusk, dawn, beach at sunset, golden hour, twilight, ocean sunset, sunset sky"),
        sunset_beach,
    ),
    SceneSpec(
        "ocean",
        words("ocean surface, sea, open ocean, open sea, waves, open water, at sea, seascape, high seas, bay, water"),
        ocean,
    ),
    SceneSpec(
        "iceberg",
        words(
            "polar, arctic, antarctica, antarctic, ice floe, ice floes, icebergs, glacier, north pole, south "
            "pole, frozen ocean, pack ice, polar ice, ice shelf"
        ),
        polar,
    ),
)
