"""Patterns of thread, wire and straw: knit, basket, rope, plaid, denim, chain mail, carbon fibre, felt."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.materials.fields import Surface, flat, frac, hash01, noise, tint, wave
from varireal.rendering.shading import mix, smoothstep


def knit(u: Array, v: Array, palette: Array) -> Surface:
    """Stocking stitch: columns of V-shaped loops."""
    columns, rows = 11.0, 13.0
    x = frac(u * columns) - 0.5
    lean = np.abs(x) * 2
    y = frac(v * rows - 0.55 * lean)
    across = np.abs(lean - 0.5) * 2
    loop = np.sqrt(np.clip(1 - across**2, 0, 1)) * np.clip(np.sin(np.pi * y), 0, 1) ** 0.45
    fibre = noise("strand", u, v, 2.2) + noise("fine", u, v, 1.5)
    dyed = 0.92 + 0.16 * hash01(u * columns, v * rows - 0.55 * lean)
    return tint(palette[0], (0.30 + 0.78 * loop) * dyed + 0.06 * fibre), loop * 0.9 + 0.03 * fibre


def basket(u: Array, v: Array, palette: Array) -> Surface:
    """Over-and-under weave of flat canes."""
    count = 10.0
    i, j = np.floor(u * count), np.floor(v * count)
    x, y = frac(u * count), frac(v * count)
    level = (i + j) % 2 > 0
    along, across = np.where(level, x, y), np.where(level, y, x)
    cane = np.clip(np.sin(np.pi * along), 0, 1) ** 0.5 * smoothstep(0, 0.16, np.minimum(across, 1 - across))
    split = 0.06 * wave(across * 4) + 0.05 * noise("fine", u, v, 1.4)
    tone = (0.26 + 0.80 * cane + split) * (0.82 + 0.34 * hash01(i, j))
    return tint(palette[0], tone), cane


def rope(u: Array, v: Array, palette: Array) -> Surface:
    """Turns of twisted rope lying side by side."""
    turns = 9.0
    y = frac(v * turns) - 0.5
    round_ = np.sqrt(np.clip(1 - (y / 0.5) ** 2, 0, 1))
    strand = wave(u * turns * 1.5 + y * 1.1 + 0.5 * np.floor(v * turns)) ** 0.6
    height = round_ * (0.45 + 0.55 * strand)
    return tint(palette[0], 0.22 + 0.85 * height + 0.07 * noise("strand", u, v, 2.0)), height


def plaid(u: Array, v: Array, palette: Array) -> Surface:
    """Tartan of wide bands and thin lines in a twill weave."""
    color = np.broadcast_to(palette[0], (*u.shape, 3))
    lines = np.zeros_like(u)
    for axis in (u, v):
        x = frac(axis * 3.5)
        band = smoothstep(0.28, 0.29, x) * smoothstep(0.62, 0.61, x)
        color = mix(color, palette[1], 0.55 * band)
        thin = smoothstep(0.42, 0.425, x) * smoothstep(0.475, 0.47, x) + smoothstep(0.93, 0.935, x)
        lines = np.maximum(lines, thin)
    color = mix(color, palette[2], 0.75 * lines)
    twill = wave((u + v) * 60)
    return tint(color, 0.88 + 0.14 * twill + 0.05 * noise("fine", u, v)), 0.4 + 0.15 * twill


def denim(u: Array, v: Array, palette: Array) -> Surface:
    """Twill of blue and white threads, worn in places."""
    twill = wave((u * 1.0 + v * 0.55) * 36)
    thread = noise("streak", u, v, 2.6)
    worn = np.clip(0.5 * noise("fbm", u, v, 0.7), -1, 1)
    pale = np.clip(0.16 + 0.26 * twill + 0.13 * thread + 0.16 * worn, 0, 0.9)
    return mix(palette[0], palette[1], pale), 0.4 + 0.3 * twill


def chain_mail(u: Array, v: Array, palette: Array) -> Surface:
    """Interlinked steel rings, every row shifted by half a ring."""
    count = 11.0
    best = np.zeros_like(u)
    shine = np.zeros_like(u)
    for row in (-1, 0, 1):
        y = v * count * 1.35
        j = np.floor(y) + row
        x = u * count + 0.5 * (j % 2)
        for column in (-0.5, 0.5):
            dx = (x - np.floor(x) - 0.5 - column) * 1.0
            dy = (y - j - 0.5) / 1.35
            distance = np.hypot(dx, dy)
            wire = np.sqrt(np.clip(1 - ((distance - 0.50) / 0.115) ** 2, 0, 1))
            # Every ring dives under its neighbour on one side, which is what makes the rows look linked.
            wire = wire * (0.72 + 0.28 * np.clip(dx / 0.5, -1, 1) * (1 if column < 0 else -1))
            lit = wire * (0.5 - 0.5 * (dx + 1.4 * dy) / 0.8)
            over = wire > best
            best, shine = np.where(over, wire, best), np.where(over, lit, shine)
    metal = tint(palette[0], 0.18 + 0.65 * best + 0.75 * np.clip(shine, 0, 1.2))
    return mix(palette[1], metal, smoothstep(0.15, 0.5, best)), best


def carbon(u: Array, v: Array, palette: Array) -> Surface:
    """Carbon fibre: a 2/2 twill of dark ribbons."""
    count = 30.0
    i, j = np.floor(u * count), np.floor(v * count)
    warp = (i + j) % 4 < 2
    bow = np.where(warp, np.sin(np.pi * frac(u * count)), np.sin(np.pi * frac(v * count)))
    tone = np.where(warp, 1.5, 0.7) * (0.65 + 0.45 * bow)
    return tint(palette[0], tone), 0.4 + 0.2 * bow


def wool(u: Array, v: Array, palette: Array) -> Surface:
    """Curly fleece: small tight locks."""
    x = u + 0.015 * noise("mid", u, v, 1.2)
    y = v + 0.015 * noise("mid", u, v, 1.2, 0.4)
    curl = np.abs(np.sin(5.5 * noise("mid", x, y, 0.85)))
    lock = smoothstep(0.0, 0.8, curl)
    return tint(palette[0], 0.55 + 0.45 * lock + 0.07 * noise("fine", u, v, 1.3)), 0.2 + 0.7 * lock


def felt(u: Array, v: Array, palette: Array) -> Surface:
    """Pressed fibres without a weave."""
    fibre = 0.6 * noise("fine", u, v, 1.6) + 0.6 * noise("strand", u, v, 1.8) + 0.4 * noise("strand", v, u, 1.8)
    return tint(palette[0], 0.95 + 0.09 * fibre), flat(u) + 0.08 * fibre
