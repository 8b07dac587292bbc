"""Patterns of coats and plumages: fur, leopard, zebra, giraffe, brindle, patches, speckles, bars, iridescence."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.materials.fields import Surface, bend, cells, flat, frac, noise, tint, wave
from varireal.rendering.shading import mix, smoothstep


def _hair(u: Array, v: Array) -> Array:
    """Short hair lying downwards: zero mean, about unit deviation."""
    strands: Array = noise("strand", v * 0.6, u + 0.01 * noise("smooth", u, v), 2.2)
    return strands


def fur(u: Array, v: Array, palette: Array) -> Surface:
    """Long shaggy hair in locks."""
    x = u + 0.035 * noise("smooth", u, v, 0.9)
    lock = noise("strand", v * 0.45, x, 0.8)
    hair = noise("strand", v * 0.45, x, 1.9)
    tone = 0.82 + 0.17 * lock + 0.12 * hair
    return mix(
        tint(palette[1], tone), tint(palette[0], tone), smoothstep(-1, 0.8, lock)
    ), 0.5 + 0.22 * lock + 0.1 * hair


def leopard(u: Array, v: Array, palette: Array) -> Surface:
    """Broken dark rosettes with a warmer centre."""
    x, y = bend(u, v, 0.012)
    _, centre, number = cells(x, y, 0.72, jitter=0.75, seed=22)
    radius = 0.25 + 0.10 * number
    ring = smoothstep(0.11, 0.06, np.abs(centre - radius))
    gaps = smoothstep(-0.5, -0.1, noise("smooth", u, v, 5.0))
    color = mix(palette[0], palette[2], 0.75 * smoothstep(radius, radius - 0.08, centre))
    color = mix(color, palette[1], ring * gaps)
    return tint(color, 1 + 0.08 * _hair(u, v)), flat(u) + 0.06 * _hair(u, v)


def zebra(u: Array, v: Array, palette: Array) -> Surface:
    """Bold forking stripes."""
    wander = 0.24 * noise("smooth", u, v, 0.6) + 0.06 * noise("smooth", u, v, 1.7, 0.4)
    stripe = np.cos(2 * np.pi * (u * 6.5 + wander + 0.5 * v)) + 0.20 * noise("smooth", u, v, 2.4)
    edge = stripe + 0.05 * _hair(u, v)
    return tint(mix(palette[1], palette[0], smoothstep(-0.22, 0.12, edge)), 1 + 0.05 * _hair(u, v)), flat(u)


def tiger(u: Array, v: Array, palette: Array) -> Surface:
    """Narrow, pointed dark stripes on a warm ground."""
    stripe = np.cos(2 * np.pi * (u * 8 + 0.16 * noise("smooth", u, v, 1.0)))
    width = 0.55 - 0.45 * noise("smooth", u, v, 2.2, 0.3) + 0.06 * _hair(u, v)
    ground = mix(palette[0], palette[2], 0.35 * smoothstep(-0.5, 1.5, noise("smooth", u, v, 0.6)))
    return tint(mix(ground, palette[1], smoothstep(width - 0.1, width + 0.12, stripe)), 1 + 0.08 * _hair(u, v)), flat(
        u
    )


def giraffe(u: Array, v: Array, palette: Array) -> Surface:
    """Brown polygons in a pale net."""
    wall, _, number = cells(*bend(u, v, 0.008), 0.6, jitter=0.85, seed=23)
    patch = smoothstep(0.10, 0.17, wall + 0.015 * _hair(u, v))
    brown = tint(palette[1], 0.8 + 0.4 * number)
    return tint(mix(palette[0], brown, patch), 1 + 0.06 * _hair(u, v)), flat(u)


def patches(u: Array, v: Array, palette: Array) -> Surface:
    """Large irregular patches of two or three colours."""
    shape = noise("smooth", u, v, 0.8) + 0.06 * noise("fbm", u, v, 1.0) + 0.05 * _hair(u, v)
    color = mix(palette[0], palette[1], smoothstep(-0.05, 0.08, shape))
    if len(palette) > 2:
        other = noise("smooth", u, v, 0.8, 0.45) + 0.06 * noise("fbm2", u, v, 1.0) + 0.05 * _hair(u, v)
        color = mix(color, palette[2], smoothstep(0.62, 0.75, other))
    return tint(color, 1 + 0.07 * _hair(u, v)), flat(u) + 0.05 * _hair(u, v)


def spots(u: Array, v: Array, palette: Array) -> Surface:
    """Round spots of about one size."""
    _, centre, number = cells(u, v, 0.6, jitter=0.55, seed=24)
    spot = smoothstep(0.03, -0.03, centre - 0.27 - 0.09 * number)
    return tint(mix(palette[1], palette[0], spot), 1 + 0.04 * _hair(u, v)), flat(u)


def speckles(u: Array, v: Array, palette: Array) -> Surface:
    """Many small flecks."""
    _, centre, number = cells(u, v, 1.9, seed=25)
    fleck = smoothstep(0.05, -0.05, centre - 0.12 - 0.25 * number)
    soft = 0.25 * smoothstep(0.2, 1.5, noise("fine", u, v, 1.0))
    return tint(mix(palette[1], palette[0], np.maximum(fleck, soft)), 1 + 0.07 * _hair(u, v)), flat(u)


def bars(u: Array, v: Array, palette: Array) -> Surface:
    """Barred plumage: narrow wavy cross bars."""
    y = v * 12 + 0.35 * np.abs(frac(u * 7) - 0.5) + 0.16 * noise("smooth", u, v, 2.0)
    bar = smoothstep(0.42, 0.62, wave(y) + 0.05 * _hair(u, v))
    return tint(mix(palette[1], palette[0], bar), 0.97 + 0.08 * _hair(u, v)), 0.4 + 0.2 * bar


def stripes(u: Array, v: Array, palette: Array) -> Surface:
    """Even straight stripes."""
    stripe = smoothstep(0.46, 0.54, wave(u * 6.0 + 0.02 * noise("mid", u, v)))
    return tint(mix(palette[1], palette[0], stripe), 1 + 0.03 * noise("fine", u, v)), flat(u)


def iridescent(u: Array, v: Array, palette: Array) -> Surface:
    """Sheen that runs through the palette with the angle, as on a starling or an oil film."""
    phase = 0.16 * noise("smooth", u, v, 0.8) + 0.9 * (u + v)
    position = frac(phase) * len(palette)
    first = np.floor(position).astype(np.int64) % len(palette)
    color = mix(palette[first], palette[(first + 1) % len(palette)], smoothstep(0, 1, frac(position)))
    return tint(color, 0.9 + 0.14 * _hair(u, v)), flat(u) + 0.06 * _hair(u, v)


def camouflage(u: Array, v: Array, palette: Array) -> Surface:
    """Blotches of four colours."""
    color = np.broadcast_to(palette[0], (*u.shape, 3))
    for number, (level, offset) in enumerate(((-0.1, 0.1), (0.5, 0.35), (0.95, 0.6)), start=1):
        blotch = noise("smooth", u, v, 1.25, offset) + 0.12 * noise("fbm", u, v, 0.9, offset)
        color = mix(color, palette[number % len(palette)], smoothstep(level - 0.03, level + 0.03, blotch))
    return tint(color, 0.97 + 0.04 * noise("fine", u, v, 1.5)), flat(u)
