"""Skies: clear and clouded days, low suns, nights, stars."""

import numpy as np

from varireal.editors.shading import linear, mix, smoothstep
from varireal.records import Array
from varireal_demo.scenes.base import FAR, Canvas, relief, relief_by_row

# weather: (zenith, horizon, cloud cover, sun, ambient)
_WEATHER: dict[str, tuple[str, str, float, tuple[float, float, float], tuple[float, float, float]]] = {
    "clear": ("#5f8fc4", "#c6d8e4", 0.0, (1.0, 0.93, 0.8), (0.27, 0.32, 0.4)),
    "fair": ("#5d8ec3", "#ccdbe5", 0.42, (0.98, 0.91, 0.8), (0.3, 0.34, 0.41)),
    "veiled": ("#8aa9c8", "#dbe2e5", 0.3, (0.75, 0.7, 0.63), (0.4, 0.43, 0.47)),
    "overcast": ("#b3bcc4", "#d9dddd", 0.8, (0.28, 0.28, 0.27), (0.6, 0.62, 0.64)),
    "late": ("#7f9cbc", "#e8d6b8", 0.3, (1.05, 0.82, 0.55), (0.29, 0.3, 0.35)),
    "pale": ("#c5ced3", "#e6e8e4", 0.0, (0.45, 0.44, 0.41), (0.52, 0.53, 0.54)),
}


def gradient(canvas: Canvas, zenith: Array, low: Array, *, height: float = 0.34) -> None:
    """Fill the picture with a sky that goes from ``low`` at the horizon to ``zenith`` over ``height``."""
    elevation = np.maximum(canvas.horizon - canvas.y, 0)
    share = np.exp(-elevation / height)
    glow = 1 + 0.1 * np.clip(canvas.x * np.sign(canvas.sun_direction[0]), -1, 1) * share
    canvas.image[:] = mix(zenith, low, np.broadcast_to(share, canvas.depth.shape)) * glow[..., None]
    canvas.depth[:] = FAR


def _dome(canvas: Canvas, scale: float) -> tuple[Array, Array, Array, int]:
    """Project the rows above the horizon on a cloud ceiling: u, v, step per row, number of rows."""
    rows = min(canvas.height, max(1, int(np.ceil(canvas.horizon * canvas.height))))
    elevation = np.maximum(canvas.horizon - canvas.y[:rows], 0)
    # The offset bends the ceiling down at the horizon: 0.16 flattens far clouds to lines, 0.5 keeps them puffy.
    distance = 1 / (elevation + canvas.uniform(0.16, 0.5))
    u = canvas.x * distance * scale
    v = np.broadcast_to(distance * scale, u.shape)
    step = (distance[:, 0] ** 1.5) * scale / canvas.height
    return u, v, step, rows


def clouds(
    canvas: Canvas, cover: float, bright: Array, dark: Array, *, scale: float = 0.16, wisp: float = 0.0
) -> None:
    """Add a cloud deck: ``cover`` 0..1, lit edge colour, shaded base colour; ``wisp`` 1 gives thin streaks.

    The shade of a point is the cloud that lies between it and the sun (a few steps of absorption).
    """
    u, v, step, rows = _dome(canvas, scale)
    u0, v0 = canvas.rng.random(2)
    stretch = 1 + 2.5 * wisp

    def density(shift: float) -> Array:
        du, dv = shift * canvas.sun_direction[0], shift * 0.8
        uu, vv = u * (1 + 0.3 * wisp) + u0 + du, v * stretch + v0 + dv
        base = relief_by_row("cloud", uu, vv, step)[..., 0]
        puff = relief_by_row("mid", uu * 1.7 + 0.37, vv * 1.7, step * 1.7)[..., 0]
        result: Array = base + 0.22 * puff
        return result

    here = density(0.0)
    edge = 1.15 - 2.3 * cover
    alpha = smoothstep(edge - 0.35, edge + 1.0 + wisp, here)
    thickness = sum(np.clip(density(s) - edge, 0, 2) for s in (0.012, 0.03))
    lit = np.exp(-0.55 * thickness)
    color = mix(dark, bright, np.asarray(lit, np.float32))
    fade = smoothstep(-0.02, 0.22, canvas.horizon - canvas.y[:rows])
    canvas.image[:rows] = mix(canvas.image[:rows], color, alpha * (0.25 + 0.75 * fade) * (1 - 0.55 * wisp))


def day(
    canvas: Canvas, weathers: tuple[str, ...] = ("clear", "fair", "fair", "veiled", "overcast", "pale", "late")
) -> str:
    """Paint a day sky, set the light and the haze to match, and return the weather drawn."""
    weather = canvas.pick(weathers)
    zenith, low, cover, sun, ambient = _WEATHER[weather]
    if weather == "late":  # the sun stands low and to the side
        canvas.set_light(
            float(np.sign(canvas.sun_direction[0])) * 0.8, canvas.uniform(0.35, 0.5), canvas.uniform(0.1, 0.5)
        )
    warmth = canvas.uniform(-0.06, 0.06)
    tint = np.array([1 + warmth, 1, 1 - warmth], np.float32)
    canvas.sun = np.array(sun, np.float32) * tint
    canvas.ambient = np.array(ambient, np.float32)
    top, bottom = linear(zenith) * canvas.uniform(0.85, 1.15), linear(low) * canvas.uniform(0.88, 1.05) * tint
    gradient(canvas, top, bottom, height=canvas.uniform(0.25, 0.5))
    if cover:
        white = np.array([0.95, 0.94, 0.92], np.float32) * tint
        gray = linear("#8f9aa6") if weather != "overcast" else linear("#a3abb2")
        wisp = canvas.uniform(0.6, 1.0) if weather == "veiled" else canvas.uniform(0, 0.25)
        clouds(canvas, cover * canvas.uniform(0.75, 1.2), white, gray, scale=canvas.uniform(0.1, 0.2), wisp=wisp)
    canvas.haze = (bottom * 0.85).astype(np.float32)
    return weather


def low_sun(canvas: Canvas, x: float, rise: float, zenith: str, low: str, glow: str) -> None:
    """Paint a sky with the sun near the horizon at column ``x``, ``rise`` above the horizon, and light from there."""
    gradient(canvas, linear(zenith), linear(low), height=canvas.uniform(0.2, 0.34))
    warm = linear(glow)
    lit, base = warm * 1.05, linear(zenith) * 0.75 + 0.04
    clouds(canvas, canvas.uniform(0.2, 0.5), lit, base, scale=canvas.uniform(0.08, 0.14), wisp=canvas.uniform(0.5, 1))
    distance = np.hypot(canvas.x - x, (canvas.y - (canvas.horizon - rise)) * 1.15)
    halo = 0.5 * np.exp(-distance / 0.3) + 0.9 * np.exp(-((distance / 0.07) ** 2))
    disc = 5.0 * smoothstep(0.036, 0.027, distance)
    canvas.image += (halo + disc)[..., None] * warm
    canvas.set_light(2.2 * x, 0.34, -0.25 if abs(x) < 0.3 else 0.3)
    canvas.sun = (warm * 1.25).astype(np.float32)
    canvas.ambient = (linear(zenith) * 0.5 + linear(low) * 0.22).astype(np.float32)
    canvas.haze = (linear(low) * 0.8).astype(np.float32)
    canvas.haze_distance = 70.0


def stars(canvas: Canvas, density: float) -> None:
    """Add stars of many brightnesses; ``density`` is their number per squared picture height."""
    count = int(density * canvas.aspect)
    rows = canvas.rng.random(count)
    columns = (canvas.rng.random(count) - 0.5) * canvas.aspect
    power = canvas.rng.pareto(1.6, count) * 0.05
    hue = canvas.rng.random(count)
    # A star is a point: its light is spread over the pixels of one small spot whatever the resolution.
    layer = np.zeros_like(canvas.image)
    size = max(1, round(canvas.height / 220))
    for row, column, strength, warm in zip(rows, columns, power, hue, strict=True):
        i, j = int(row * canvas.height), int((column + canvas.edge) * canvas.height)
        color = (0.8 + 0.4 * warm, 1.0, 1.25 - 0.45 * warm)
        layer[i : i + size, j : j + size] += np.minimum(strength, 1.6) * np.array(color, np.float32)
    canvas.image += layer


def milky(canvas: Canvas, scale: float, color: str, strength: float) -> None:
    """Add soft clouds of light (nebulae): layered noise, brightest where the layers agree."""
    u0, v0, u1, v1 = canvas.rng.random(4)
    u = np.broadcast_to(canvas.x * scale, canvas.depth.shape)
    v = np.broadcast_to(canvas.y * scale, canvas.depth.shape)
    bend = relief("smooth", u * 0.7 + u1, v * 0.7 + v1, 0.7 * scale / canvas.height)
    wave = relief("fbm", u + u0 + 0.06 * bend[..., 0], v + v0 + 0.06 * bend[..., 1], 5 * scale / canvas.height)[..., 0]
    light = np.exp(np.clip(0.85 * bend[..., 0] + 0.4 * wave - 0.5, -4, 1.6))
    canvas.image += (strength * light)[..., None] * linear(color)
