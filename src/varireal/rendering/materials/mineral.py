"""Patterns of stone, clay, glass and fire: marble, granite, brick, cobblestone, mosaic, lava, ice, crystal."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.materials.fields import Surface, bend, cells, flat, frac, hash01, noise, pick, tint, wave
from varireal.rendering.shading import mix, smoothstep


def marble(u: Array, v: Array, palette: Array) -> Surface:
    """Pale stone with branching veins that fade in and out."""
    warp = 0.07 * noise("smooth", u, v, 0.6) + 0.03 * noise("smooth", u, v, 1.6, 0.2) + 0.006 * noise("fbm", u, v)
    veins = np.zeros_like(u)
    for angle, count, width, strength in ((0.6, 2.6, 0.10, 1.0), (1.5, 3.4, 0.05, 0.8), (-0.5, 6.0, 0.035, 0.45)):
        x = (u * np.cos(angle) + v * np.sin(angle) + warp) * count
        ridge = 1 - np.abs(frac(x) - 0.5) * 2
        presence = smoothstep(-0.9, 0.9, noise("smooth", u, v, 0.8, angle))
        veins = np.maximum(veins, strength * presence * smoothstep(1 - 2.6 * width, 1 - 0.6 * width, ridge))
    cloud = np.clip(0.22 + 0.22 * noise("smooth", u, v, 1.1, 0.7), 0, 0.7)
    body = mix(palette[0], palette[1], 0.45 * cloud)
    return mix(body, palette[1], np.clip(0.95 * veins, 0, 1)), 0.6 - 0.1 * veins


def granite(u: Array, v: Array, palette: Array) -> Surface:
    """Rough stone of pale, grey and dark grains."""
    grain = noise("fine", u, v, 1.3)
    rough = noise("fbm", u, v, 1.2)
    color = mix(palette[0], palette[1], smoothstep(0.5, 1.4, grain))
    color = mix(color, palette[2], smoothstep(0.7, 1.5, noise("fine", u, v, 1.1, 0.5)))
    return tint(color, 0.92 + 0.16 * rough), 0.5 + 0.18 * rough + 0.08 * grain


def brick(u: Array, v: Array, palette: Array) -> Surface:
    """Running bond of bricks with sunken mortar."""
    rows, columns = 12.0, 5.2
    wobble = 0.04 * noise("smooth", u, v, 3.0) + 0.015 * noise("mid", u, v, 1.2)
    y = v * rows + wobble
    j = np.floor(y)
    x = u * columns + 0.5 * (j % 2) + 0.5 * wobble
    a, b = frac(x), frac(y)
    edge = np.minimum(np.minimum(a, 1 - a) * rows / columns, np.minimum(b, 1 - b))
    face = smoothstep(0.06, 0.16, edge)
    burnt = 0.66 + 0.55 * hash01(x, j) + 0.10 * noise("mid", u, v, 1.6) + 0.08 * noise("fine", u, v, 1.6)
    clay = mix(tint(palette[0], burnt), palette[0] * 0.35, 0.6 * (hash01(x, j, 3) > 0.86))
    mortar = tint(palette[1], 0.85 + 0.10 * noise("fine", u, v, 1.4))
    return mix(mortar, clay, face), 0.85 * face + 0.06 * noise("fine", u, v, 1.2)


def cobblestone(u: Array, v: Array, palette: Array) -> Surface:
    """Rounded stones set in dark joints."""
    wall, centre, number = cells(u, v, 0.62, jitter=0.7)
    stone = smoothstep(0.02, 0.30, wall)
    dome = np.sqrt(stone) * (1 - 0.35 * centre)
    tone = (0.60 + 0.60 * number) * (0.75 + 0.30 * dome) + 0.10 * noise("mid", u, v, 1.6)
    color = mix(tint(palette[0], tone), tint(palette[1], tone), 0.5 * hash01(number * 997, 1))
    return mix(palette[2], color, smoothstep(0.03, 0.14, wall)), dome


def mosaic(u: Array, v: Array, palette: Array) -> Surface:
    """Small glazed stones in grout."""
    wall, _, number = cells(u, v, 1.0, count=196, jitter=0.5)
    tile = smoothstep(0.05, 0.13, wall)
    color = pick(palette[:-1], number)
    tone = 0.85 + 0.30 * hash01(number * 997, 2) + 0.05 * noise("mid", u, v, 1.5)
    return mix(palette[-1], tint(color, tone), tile), 0.8 * tile


def stained_glass(u: Array, v: Array, palette: Array) -> Surface:
    """Panes of coloured glass in lead."""
    wall, centre, number = cells(u, v, 0.5, jitter=1.0)
    pane = smoothstep(0.06, 0.11, wall)
    glow = 1.15 - 0.35 * centre + 0.10 * noise("smooth", u, v, 1.5)
    return mix(palette[-1], tint(pick(palette[:-1], number), glow), pane), 1 - 0.6 * pane


def checker(u: Array, v: Array, palette: Array) -> Surface:
    """Glazed square tiles in two colours."""
    count = 7.0
    i, j = np.floor(u * count), np.floor(v * count)
    a, b = frac(u * count), frac(v * count)
    joint = smoothstep(0.02, 0.05, np.minimum(np.minimum(a, 1 - a), np.minimum(b, 1 - b)))
    color = np.where(((i + j) % 2 > 0)[..., None], palette[0], palette[1])
    return mix(palette[2], tint(color, 0.92 + 0.14 * hash01(i, j)), joint), 0.7 * joint


def lava(u: Array, v: Array, palette: Array) -> Surface:
    """Black crust over glowing cracks."""
    x, y = bend(u, v, 0.018)
    wall, _, number = cells(x, y, 0.5)
    fine, _, _ = cells(x, y, 1.0, seed=12)
    crack = np.minimum(wall, 0.10 + 1.2 * fine)
    heat = smoothstep(0.24, 0.0, crack) * smoothstep(-2.2, -0.2, noise("smooth", u, v, 0.8))
    crust = tint(palette[0], 0.7 + 0.7 * number + 0.35 * noise("mid", u, v, 1.6))
    glow = mix(palette[1] * 1.6, palette[2] * 2.6, smoothstep(0.55, 1.0, heat))
    return mix(crust, glow, smoothstep(0.12, 0.5, heat)), smoothstep(0.02, 0.4, crack)


def cracked_earth(u: Array, v: Array, palette: Array) -> Surface:
    """Dried mud in plates."""
    x, y = bend(u, v, 0.012)
    wall, centre, number = cells(x, y, 0.62)
    plate = smoothstep(0.02, 0.12, wall)
    tone = 0.82 + 0.25 * number + 0.07 * noise("mid", u, v, 1.6) + 0.06 * noise("fine", u, v) + 0.10 * centre
    return mix(palette[1], tint(palette[0], tone), plate), plate * (0.75 + 0.25 * centre)


def ice(u: Array, v: Array, palette: Array) -> Surface:
    """Clear ice with white fractures and depths."""
    depth = smoothstep(-1.4, 1.6, noise("smooth", u, v, 0.9) + 0.3 * noise("smooth", u, v, 2.0))
    x, y = bend(u, v, 0.03)
    wall, _, number = cells(x, y, 0.38)
    fine, _, _ = cells(y, x, 0.8, seed=13)
    fracture = np.maximum(0.9 * smoothstep(0.05, 0.0, wall), 0.5 * smoothstep(0.04, 0.0, fine) * (number > 0.4))
    color = mix(palette[1], palette[0], depth)
    return mix(tint(color, 0.85 + 0.25 * number), palette[2], fracture), 0.5 + 0.25 * number - 0.2 * fracture


def crystal(u: Array, v: Array, palette: Array) -> Surface:
    """Cut facets, each with its own tilt."""
    wall, _, number = cells(u, v, 0.75)
    turn = hash01(number * 997, 5) * 2 * np.pi
    slope = frac((u * np.cos(turn) + v * np.sin(turn)) * 3.2 + number)
    tone = 0.35 + 0.75 * number + 0.45 * slope**2
    ridge = smoothstep(0.06, 0.0, wall)
    return mix(tint(palette[0], tone), palette[1] * 1.0, 0.75 * ridge), 0.3 + 0.6 * slope


def porcelain(u: Array, v: Array, palette: Array) -> Surface:
    """White glaze with painted blue tendrils."""
    field = noise("smooth", u, v, 0.8)
    line = smoothstep(0.13, 0.06, np.abs(frac(field * 1.3) - 0.5))
    _, centre, number = cells(u, v, 0.5, jitter=0.8, seed=14)
    petal = 0.30 + 0.07 * np.cos(5 * np.arctan2(frac(v * 7) - 0.5, frac(u * 7) - 0.5))
    flower = smoothstep(0.03, -0.03, centre - petal) * (number > 0.62)
    paint = np.maximum(line * 0.8, flower * smoothstep(0.05, 0.10, centre))
    return mix(palette[0], palette[1], 0.9 * paint), flat(u)


def concrete(u: Array, v: Array, palette: Array) -> Surface:
    """Cast concrete with stains and small pores."""
    stain = noise("fbm", u, v, 0.8)
    _, centre, number = cells(u, v, 1.8, seed=15)
    pore = smoothstep(0.16, 0.08, centre) * (number > 0.55)
    tone = 0.95 + 0.09 * stain + 0.06 * noise("fine", u, v, 1.4)
    return tint(palette[0], tone * (1 - 0.55 * pore)), 0.6 - 0.5 * pore


def sand(u: Array, v: Array, palette: Array) -> Surface:
    """Loose grains with wind ripples."""
    ripple = wave(v * 9 + 0.35 * noise("smooth", u, v, 0.8))
    grain = noise("white", u, v, 0.9)
    return tint(palette[0], 0.84 + 0.16 * ripple + 0.14 * grain), 0.35 + 0.3 * ripple + 0.08 * grain
