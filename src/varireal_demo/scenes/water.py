"""The sea and its shores, warm and polar."""

import numpy as np

from varireal.editors.shading import linear, mix, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import FAR, Canvas, SceneSpec, relief, words
from varireal_demo.scenes.grounds import (
    Land,
    Plane,
    Soil,
    Wet,
    band,
    flood,
    lay,
    lit,
    paint,
    plane,
    raise_land,
    ramp,
    ripples,
    sample,
    shore,
)
from varireal_demo.scenes.nature import hills
from varireal_demo.scenes.plants import (
    CONIFER,
    DEEP,
    GRASS,
    ICE,
    MOSSY,
    REED,
    ROCK,
    SUMMER,
    aside,
    coral,
    frame,
    in_water,
    rock,
    scatter_rocks,
    shard,
    strip,
    tree,
    tuft,
    wood_edge,
)
from varireal_demo.scenes.skies import day, low_sun
from varireal_demo.scenes.sprites import Look, place, row
from varireal_demo.scenes.surfaces import boards, column, face, plain

# Fresh water: ponds, marshes, rivers.

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


WATERSIDE = (
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


# Below ground and below water: coral reef, cave.

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


DEPTHS = (
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


SEASIDE = (
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
