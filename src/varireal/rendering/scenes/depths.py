"""Below ground and below water: coral reef, cave."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.scenes.base import SceneSpec, words
from varireal.rendering.scenes.canvas import FAR, Canvas
from varireal.rendering.scenes.grounds import Soil, lay, plane, sample
from varireal.rendering.scenes.herbs import strip
from varireal.rendering.scenes.planting import aside, scatter_rocks
from varireal.rendering.scenes.sprites import Look, place, row
from varireal.rendering.scenes.stones import coral, rock
from varireal.rendering.scenes.terrain import Land, raise_land
from varireal.rendering.scenes.textures import relief
from varireal.rendering.shading import linear, mix, smoothstep

_CORALS = (
    Look(("#5a3038", "#a85a5c", "#d89a8a")),
    Look(("#5c4a24", "#a88a48", "#d6c088")),
    Look(("#43305a", "#7a5c96", "#b098c0")),
    Look(("#3c4a34", "#74845a", "#a8b08a")),
    Look(("#5a3a22", "#b0703c", "#e0a870")),
    Look(("#54565a", "#96989a", "#c8c8c4")),
)


def reef(canvas: Canvas) -> None:
    """A coral reef: blue water, sun rays, corals, sand with a net of light."""
    water = canvas.pick((("#3f9fc0", "#0e4566"), ("#4fa8b0", "#155060"), ("#3a88b8", "#0f3560")))
    near, far = linear(water[0]), linear(water[1])
    share = np.clip(canvas.y / max(canvas.horizon, 0.3), 0, 1.3) ** 0.8
    canvas.image[:] = mix(near * 1.25, far, np.broadcast_to(np.clip(share, 0, 1), canvas.depth.shape))
    canvas.depth[:] = FAR
    canvas.set_light(canvas.uniform(-0.35, 0.35), 0.95, 0.3)
    canvas.sun = np.array([0.55, 0.85, 0.88], np.float32)
    canvas.ambient = np.array([0.14, 0.33, 0.42], np.float32)
    canvas.haze, canvas.haze_distance = mix(near, far, np.float32(0.72)), canvas.uniform(9, 15)
    sand = ("#6f6a58", "#a39c84", "#c6bfa6")

    def coat(_: Array, steepness: Array, grain: Array) -> Array:
        return mix(linear("#5c5a4a"), linear("#8f8a72"), np.clip(0.5 + 0.3 * grain - 0.2 * steepness, 0, 1))

    raise_land(canvas, Land(10, 40, (("smooth", 30.0, 1.6), ("fbm", 9.0, 0.6)), base=0.2, rise=0.02), coat)
    canvas.reach = 60.0  # water hides the far ground long before the hills do
    lay(canvas, Soil(sand, (("fbm", 3.0, 0.3, 0.5), ("streak", 1.2, 0.25, 0.3), ("fine", 0.8, 0.25, 0.2))))
    ground = plane(canvas)
    net = np.abs(sample(canvas, ground, "smooth", 2.4)[..., 0]) + 0.25 * sample(canvas, ground, "mid", 3.0)[..., 0]
    light = smoothstep(0.34, 0.0, net) * smoothstep(14, 3, ground.z)
    canvas.image[ground.top :] *= (0.9 + 0.75 * light)[..., None]
    for z in np.exp(canvas.rng.uniform(np.log(canvas.nearest * 1.05), np.log(22), 46)):
        away = float(z)
        x = aside(canvas, away, 0.42 if away < 2.2 * canvas.focus else 0.0)
        look = canvas.pick(_CORALS)
        kind = int(canvas.rng.integers(8))
        thing = rock(kind % 6, 0.2) if canvas.chance(0.2) else coral(kind)
        place(canvas, thing, x, away, canvas.uniform(0.3, 1.15), look, width=canvas.uniform(0.8, 1.4), lift=-0.05)
    for z in canvas.rng.uniform(4, 12, 2):
        row(canvas, strip("sedge"), float(z), 0.45, Look(("#2c3a2a", "#566b48", "#8a9868"), glow=0.4), wobble=0.8)
    canvas.flush()
    _rays(canvas)


def _rays(canvas: Canvas) -> None:
    """Add slanting sun rays and drifting specks."""
    fan = (canvas.x - canvas.uniform(-0.4, 0.4)) / (canvas.y + 0.5)
    v = np.full(canvas.depth.shape, canvas.uniform(0, 1), np.float32)
    beam = relief("fbm", np.broadcast_to(fan * 0.45 + canvas.uniform(0, 1), v.shape), v, 0.9 / canvas.height)[..., 0]
    strength = 0.2 * smoothstep(0.1, 2.0, beam) * np.clip(1 - canvas.y / max(canvas.horizon + 0.25, 0.5), 0, 1)
    canvas.image += strength[..., None] * linear("#cfeef2")
    for _ in range(int(canvas.rng.integers(10, 30))):
        i, j = int(canvas.uniform(0, 1) * canvas.height), int(canvas.uniform(0, 1) * canvas.width)
        canvas.image[i : i + 1, j : j + 1] += 0.08


def cave(canvas: Canvas) -> None:
    """A cave with a far opening or lamp light on rough rock."""
    canvas.set_light(canvas.uniform(-0.6, 0.6), 0.6, canvas.uniform(-0.1, 0.4))
    daylight = canvas.chance(0.6)
    glow = linear(canvas.pick(("#cfdde0", "#dbe2cf", "#c6d4e0")) if daylight else canvas.pick(("#dcb488", "#d6bc98")))
    canvas.sun = glow * np.float32(0.55)
    canvas.ambient = np.array([0.13, 0.125, 0.13], np.float32)
    canvas.haze, canvas.haze_distance = glow * np.float32(0.25), canvas.uniform(20, 40)
    stone = canvas.pick(
        (("#2b2621", "#544a40", "#7d7062"), ("#2a2a2c", "#50504f", "#777570"), ("#33231a", "#624634", "#8f6c50"))
    )
    hole_x, hole_y = canvas.uniform(-0.18, 0.18) * canvas.aspect, canvas.horizon - canvas.uniform(0.1, 0.18)
    size = canvas.uniform(0.09, 0.16)
    # The walls are a tube around the opening: angle and depth along it are the surface's coordinates.
    dx, dy = canvas.x - hole_x, (canvas.y - hole_y) * 0.9
    warp = canvas.field("fbm", 1.1)[..., 0]
    angle = np.arctan2(dy, dx + 0 * dy) / (2 * np.pi)
    # A few harmonics bend the opening's outline; a little noise roughens it.
    waves = [(k, canvas.uniform(-0.5, 0.5) / k, canvas.uniform(0, 6.3)) for k in (1, 2, 3, 5, 8)]
    bend = sum(power * np.sin(2 * np.pi * k * angle + phase) for k, power, phase in waves)
    radius = np.hypot(dx, dy) * (1 + 0.6 * bend + 0.05 * warp) + 1e-3
    u0, v0 = canvas.rng.random(2)
    # Six and two whole tiles go round the tube, so that no seam shows where the angle wraps.
    depth = 0.28 / radius
    slabs = relief(
        "ridged", (2 * angle + u0).astype(np.float32), (0.5 * depth + v0).astype(np.float32), 2.0 / canvas.height
    )
    grain = relief(
        "fbm", (3 * angle + v0).astype(np.float32), (0.9 * depth + u0).astype(np.float32), 3.0 / canvas.height
    )
    slope = np.clip(1 + 0.42 * slabs[..., 2] - 0.2 * slabs[..., 1] + 0.3 * grain[..., 2], 0.1, 2.2)
    tone = np.clip(0.5 + 0.16 * grain[..., 0] + 0.12 * slabs[..., 0], 0, 1)
    colors = [linear(c) for c in stone]
    albedo = mix(colors[0], colors[2], tone)
    near_hole = np.exp(-np.clip(radius - size, 0, None) / 0.2)
    rim = (0.1 + 0.85 * near_hole) * slope
    canvas.image[:] = albedo * (rim[..., None] * canvas.sun * 1.6 + canvas.ambient * 0.55)
    outside = smoothstep(size * 1.08, size * 0.9, radius)
    haze = 1 + 0.25 * canvas.field("smooth", 1.3)[..., 0]
    beyond = (1.7 if daylight else 0.9) * haze * np.exp(-0.9 * (radius / size) ** 2 * (0.35 if daylight else 1.0))
    canvas.image[:] = mix(canvas.image, glow * beyond[..., None], outside)
    canvas.depth[:] = 5 * canvas.focus
    ground = plane(canvas)
    before = canvas.image[ground.top :].copy()
    lay(canvas, Soil(stone, (("fbm", 4.0, 0.5, 0.6), ("ridged", 6.0, 0.3, 0.4), ("mid", 1.2, 0.3, 0.3))))
    spread = np.clip(
        0.35 + 1.1 * np.exp(-((canvas.x - hole_x) ** 2) / 0.12 - (canvas.y[ground.top :] - canvas.horizon) / 0.22),
        0,
        1.5,
    )
    canvas.image[ground.top :] *= spread[..., None]
    edge = smoothstep(0.02, 0.1, canvas.y[ground.top :] - canvas.horizon + 0.03 * warp[ground.top :])
    canvas.image[ground.top :] = mix(before, canvas.image[ground.top :], edge)
    scatter_rocks(canvas, Look(stone), int(canvas.rng.integers(8, 20)), (0.08, 0.6), far=9, clear=0.4)


SPECS = (
    SceneSpec(
        "coral reef",
        words(
            "reef, underwater, underwater coral reef, seabed, deep sea, ocean floor, bottom of the ocean, "
            "under the sea, aquarium, kelp forest, sea floor, dense coral reef, deep ocean trench, "
            "submerged, fish tank, underwater scene"
        ),
        reef,
    ),
    SceneSpec(
        "cave",
        words(
            "cavern, deep cave, grotto, tunnel, underground, underground cave, mine, coal mine, sewer, ice "
            "cave, cave system, subterranean cave, lava tube, mine shaft, catacombs, limestone cave"
        ),
        cave,
        indoor=True,
    ),
)
