"""Places no bird has been: space, the moon, Mars, lava."""

import numpy as np

from varireal.editors.shading import linear, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import FAR, Canvas, SceneSpec, disc_blur, relief, words
from varireal_demo.scenes.grounds import Land, Soil, lay, paint, plane, raise_land, ramp, sample
from varireal_demo.scenes.plants import DARK_ROCK, RED_ROCK, scatter_rocks
from varireal_demo.scenes.skies import clouds, gradient, milky, stars
from varireal_demo.scenes.sprites import Look


def planet(
    canvas: Canvas, x: float, y: float, radius: float, colors: tuple[str, ...], *, bands: bool, air: str
) -> None:
    """Hang a lit ball in the sky: middle (x, y) and ``radius`` in picture heights, its map, the colour of its air."""
    dx, dy = (canvas.x - x) / radius, (canvas.y - y) / radius
    square = dx * dx + dy * dy
    front = np.sqrt(np.clip(1 - square, 0, 1))
    lx, ly, lz = 0.75 * np.sign(canvas.sun_direction[0]), 0.42, 0.5
    cosine = np.clip(dx * lx - dy * ly + front * lz, -0.1, 1)
    # Longitude and latitude of the visible half, so that the map bends with the ball.
    u = np.arctan2(np.broadcast_to(dx, square.shape), front + 1e-3) / 6.0
    v = np.arcsin(np.clip(np.broadcast_to(dy, square.shape), -1, 1)) / 3.0
    u0, v0 = canvas.rng.random(2)
    step = 1 / (canvas.height * radius * 5)
    swirl = relief("fbm", u + u0, v + v0, step)[..., 0]
    tone = 0.5 + 0.28 * swirl
    if bands:
        tone = 0.5 + 0.24 * relief("smooth", 0 * u + u0, 2.2 * v + v0 + 0.012 * swirl, step)[..., 0] + 0.06 * swirl
    color = ramp(colors, tone) * (np.clip(cosine, 0.004, 1) ** 0.9 * 1.05)[..., None]
    rim = np.exp(-(((np.sqrt(square) - 1) / 0.045) ** 2)) * np.clip(dx * lx - dy * ly + 0.25, 0, 1)
    cover = smoothstep(1 + 0.7 / (radius * canvas.height), 1 - 0.7 / (radius * canvas.height), np.sqrt(square))
    canvas.image[:] = canvas.image * (1 - cover[..., None]) + color * cover[..., None]
    canvas.image += (0.5 * rim)[..., None] * linear(air)


def deep_space(canvas: Canvas) -> None:
    """Stars and nebulae, sometimes a planet."""
    canvas.horizon = max(canvas.horizon, 1.25)
    canvas.image[:] = linear("#06070c")
    canvas.depth[:] = FAR
    near, far = canvas.pick(
        (("#8a4a6e", "#3a5b8f"), ("#3f7f96", "#6a3f78"), ("#a8653f", "#4a4f8a"), ("#5a6f9c", "#8f5a4a"))
    )
    milky(canvas, canvas.uniform(0.25, 0.4), far, canvas.uniform(0.06, 0.2))
    milky(canvas, canvas.uniform(0.3, 0.5), near, canvas.uniform(0.04, 0.18))
    stars(canvas, canvas.uniform(260, 620))
    if canvas.chance(0.6):
        world = canvas.pick(
            (
                (("#2e4f7a", "#4f7f9c", "#8a9a6a", "#dfe6e8"), False, "#8fc0ff"),
                (("#8a6a4a", "#c2a27a", "#dcc6a4", "#a8744a"), True, "#e0c8a0"),
                (("#6a3a26", "#a86844", "#c99468"), False, "#d8a080"),
            )
        )
        x = canvas.uniform(0.2, 0.45) * canvas.aspect * (1 if canvas.chance(0.5) else -1)
        radius = canvas.uniform(0.1, 0.3)
        planet(canvas, x, canvas.uniform(0.1, 0.35), radius, world[0], bands=world[1], air=world[2])
    canvas.set_light(0.75 * float(np.sign(canvas.sun_direction[0])), 0.42, 0.5)
    canvas.sun = np.array([1.1, 1.07, 1.02], np.float32)
    canvas.ambient = linear(near) * 0.35 + 0.05
    canvas.bounce = np.full(3, 0.03, np.float32)


def moon(canvas: Canvas) -> None:
    """The grey, airless moon under a black sky."""
    canvas.image[:] = linear("#020203")
    canvas.depth[:] = FAR
    canvas.haze_distance = 1e6
    canvas.set_light(float(np.sign(canvas.sun_direction[0])) * canvas.uniform(0.6, 0.9), canvas.uniform(0.3, 0.5), 0.3)
    canvas.sun, canvas.ambient = np.full(3, 1.25, np.float32), np.full(3, 0.05, np.float32)
    stars(canvas, 90)
    if canvas.chance(0.6):
        x = canvas.uniform(-0.4, 0.4) * canvas.aspect
        colors = ("#1f4a86", "#3f74a8", "#7d8a62", "#e6ecef")
        planet(canvas, x, canvas.uniform(0.08, 0.3) * canvas.horizon, 0.055, colors, bands=False, air="#8fc0ff")

    def coat(_: Array, __: Array, grain: Array) -> Array:
        return ramp(("#6d6b69", "#8f8d8a", "#a8a5a1"), 0.5 + 0.15 * grain)

    raise_land(canvas, Land(60, 500, (("smooth", 420.0, 12.0), ("fbm", 120.0, 1.6)), base=2, rise=0.03), coat)
    dust = ("#5f5d5b", "#8a8885", "#a09d99")
    lay(canvas, Soil(dust, (("fbm", 9.0, 0.16, 0.6), ("mid", 2.6, 0.1, 0.3), ("fine", 1.1, 0.09, 0.25))))
    _craters(canvas)
    scatter_rocks(canvas, Look(("#5a5856", "#8b8986", "#a5a29e")), 22, (0.03, 0.45), far=30)


def _craters(canvas: Canvas) -> None:
    """Press bowls into the ground by lighting their slopes."""
    ground = plane(canvas)
    light = np.ones_like(ground.x)
    lx = float(canvas.sun_direction[0])
    for _ in range(16):
        z = float(np.exp(canvas.uniform(np.log(canvas.nearest * 1.2), np.log(40))))
        x, radius = canvas.uniform(-0.6, 0.6) * canvas.aspect * z, canvas.uniform(0.25, 1.0) * z**0.5 * 0.7
        dx, dz = (ground.x - x) / radius, (ground.z - z) / radius
        away = np.sqrt(dx * dx + dz * dz)
        bowl = smoothstep(1.25, 0.95, away) * smoothstep(0.25, 0.9, away)
        lip = np.exp(-(((away - 1.18) / 0.16) ** 2))
        light *= np.clip(1 + (0.95 * bowl - 0.45 * lip) * (dx * np.sign(lx) - 0.25 * dz) * -1.0, 0.12, 1.6)
    canvas.image[ground.top :] *= light[..., None]


def mars(canvas: Canvas) -> None:
    """Red dust, stones and far hills in butterscotch air."""
    canvas.sun = np.array([0.95, 0.8, 0.66], np.float32)
    canvas.ambient = np.array([0.36, 0.28, 0.22], np.float32)
    low = linear(canvas.pick(("#d9b48c", "#cfa27a", "#dcc0a0")))
    gradient(canvas, linear(canvas.pick(("#a87a58", "#b48a68", "#94705a"))), low, height=0.3)
    canvas.haze, canvas.haze_distance = low * 0.85, canvas.uniform(200, 500)
    red = ("#5e3220", "#8f5132", "#b27449", "#c79468")

    def coat(height: Array, steepness: Array, grain: Array) -> Array:
        return ramp(red, 0.45 + 0.1 * grain - 0.25 * steepness + 0.06 * np.sin(height * 0.7))

    raise_land(canvas, Land(70, 600, (("peaks", 500.0, 14.0), ("ridged", 160.0, 2.6)), base=1.0, rise=0.05), coat)
    lay(
        canvas,
        Soil(
            red,
            (("fbm", 7.0, 0.25, 0.7), ("mid", 2.0, 0.3, 0.3), ("pebbles", 1.8, 0.22, 0.3), ("fine", 0.9, 0.25, 0.2)),
        ),
    )
    scatter_rocks(canvas, RED_ROCK, int(canvas.rng.integers(20, 44)), (0.03, 0.55), far=35)


def lava(canvas: Canvas) -> None:
    """A field of cooling lava with glowing cracks under a smoky sky."""
    canvas.set_light(canvas.uniform(-0.4, 0.4), -0.25, 0.5)
    canvas.sun = np.array([1.1, 0.42, 0.12], np.float32)
    canvas.ambient = np.array([0.22, 0.13, 0.1], np.float32)
    canvas.bounce = np.array([0.95, 0.32, 0.06], np.float32)
    gradient(canvas, linear("#231c1d"), linear(canvas.pick(("#8a4326", "#6f3a28", "#9c5a34"))), height=0.22)
    clouds(canvas, 0.6, linear("#7a4a38"), linear("#1f1817"), scale=0.12)
    canvas.haze, canvas.haze_distance = linear("#6a3826") * 0.7, canvas.uniform(150, 300)
    glow_up = canvas.sun_direction.copy()
    canvas.set_light(float(glow_up[0]), 0.5, -0.2)
    basalt = ("#120f0e", "#2a2422", "#453c38")
    octaves = (("peaks", 420.0, 16.0), ("ridged", 150.0, 4.0))
    raise_land(
        canvas, Land(60, 420, octaves, base=0, rise=0.07), lambda h, s, g: ramp(basalt, 0.5 + 0.2 * g + 0 * h * s)
    )
    ground = plane(canvas)
    lay(canvas, Soil(basalt, (("fbm", 6.0, 0.5, 0.5), ("cracks", 7.0, 0.5, 0.4), ("mid", 1.4, 0.4, 0.3))), ground)
    wave = sample(canvas, ground, "fbm", 9.0)[..., 0]
    crack = sample(canvas, ground, "cracks", 11.0)[..., 0]
    river = np.abs(sample(canvas, ground, "smooth", 34.0)[..., 0] + 0.16 * wave)
    heat = np.maximum(smoothstep(-1.2, -2.2, crack + 0.4 * wave), smoothstep(0.26, 0.04, river))
    crust = smoothstep(0.4, 1.3, sample(canvas, ground, "mid", 3.0)[..., 0])
    heat = heat * (1 - 0.75 * crust)
    color = ramp(("#3a0a04", "#c8330a", "#ff8a1e", "#ffd878"), heat) * (0.15 + 1.35 * heat)[..., None]
    paint(canvas, ground, color.astype(np.float32), smoothstep(0.05, 0.4, heat))
    light = disc_blur(np.ascontiguousarray(color * heat[..., None]), 0.05 * canvas.height)
    canvas.image[ground.top :] += 0.28 * light
    scatter_rocks(canvas, DARK_ROCK, 9, (0.1, 0.6), far=20, clear=0.45)
    canvas.flush()
    _embers(canvas)
    canvas.set_light(float(glow_up[0]), float(glow_up[1]), float(glow_up[2]))


def _embers(canvas: Canvas) -> None:
    """Let sparks drift in the air."""
    layer = np.zeros_like(canvas.image)
    size = max(1, round(canvas.height / 180))
    for _ in range(int(canvas.rng.integers(6, 26))):
        i, j = int(canvas.uniform(0.1, 1) * canvas.height), int(canvas.uniform(0, 1) * canvas.width)
        layer[i : i + size, j : j + size] = np.array([2.2, 0.8, 0.15], np.float32) * canvas.uniform(0.3, 1)
    canvas.image += layer + 2 * disc_blur(layer, 0.012 * canvas.height)


OTHERWORLDLY = (
    SceneSpec(
        "deep space",
        words(
            "space, outer space, galaxy, nebula, stars, starfield, orbit, milky way, cosmos, night sky, "
            "satellite in orbit, asteroid belt, black hole, saturn's rings, planet, universe, interstellar "
            "space"
        ),
        deep_space,
        softness=0.15,
    ),
    SceneSpec(
        "moon",
        words(
            "moon surface, lunar surface, lunar, the moon, lunar landscape, moon crater, crater, surface of "
            "the moon, asteroid, asteroid surface"
        ),
        moon,
        softness=0.6,
    ),
    SceneSpec(
        "mars",
        words(
            "mars surface, martian surface, red planet, martian desert, surface of mars, martian, alien "
            "planet, martian landscape"
        ),
        mars,
    ),
    SceneSpec(
        "lava",
        words(
            "volcano, lava field, lava flow, volcanic, magma, active volcano, volcanic crater, inside a "
            "volcano, molten lava, lava lake, volcanic landscape, fire, volcanic island, erupting volcano, "
            "hell, volcano crater"
        ),
        lava,
    ),
)
