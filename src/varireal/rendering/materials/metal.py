"""Patterns of metal and made things: chrome, brushed steel, gold foil, rust, rivets, circuit board, bubble wrap."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.materials.fields import Surface, bend, cells, flat, frac, hash01, noise, tint
from varireal.rendering.shading import mix, smoothstep


def chrome(u: Array, v: Array, palette: Array) -> Surface:
    """A smooth mirror; its look comes from what the editor reflects in it."""
    return tint(palette[0], 1 + 0.02 * noise("smooth", u, v)), flat(u)


def brushed(u: Array, v: Array, palette: Array) -> Surface:
    """Brushed metal: fine scratches in one direction."""
    scratch = noise("streak", u, v, 1.8) + 0.6 * noise("fine", u * 0.15, v, 1.8)
    return tint(palette[0], 0.92 + 0.10 * scratch), flat(u) + 0.05 * scratch


def gold_foil(u: Array, v: Array, palette: Array) -> Surface:
    """Crumpled leaf metal: many small facets."""
    x, y = bend(u, v, 0.02)
    _, _, coarse = cells(x, y, 0.9, seed=16)
    _, _, small = cells(x, y, 2.0, seed=17)
    crease = noise("fbm", u, v, 1.4)
    return tint(palette[0], 0.62 + 0.40 * coarse + 0.30 * small + 0.10 * crease), 0.5 * coarse + 0.3 * small


def rust(u: Array, v: Array, palette: Array) -> Surface:
    """Corroded iron: orange blooms over dark flakes, some bare metal."""
    bloom = noise("fbm", u, v, 0.9)
    flake = noise("fine", u, v, 1.5)
    color = mix(palette[0], palette[1], smoothstep(-0.7, 0.9, bloom + 0.35 * flake))
    bare = smoothstep(0.9, 1.5, noise("fbm2", u, v, 0.7) + 0.3 * flake)
    color = mix(color, palette[2], bare)
    return tint(color, 0.92 + 0.14 * flake), 0.5 + 0.15 * bloom + 0.10 * flake - 0.2 * bare


def riveted(u: Array, v: Array, palette: Array) -> Surface:
    """Steel plates with seams and rows of rivets."""
    columns, rows = 3.0, 3.6
    j = np.floor(v * rows)
    x, y = u * columns + 0.5 * (j % 2), v * rows
    a, b = frac(x), frac(y)
    edge = np.minimum(np.minimum(a, 1 - a) / columns, np.minimum(b, 1 - b) / rows)
    seam = smoothstep(0.004, 0.012, edge)
    spacing = 1 / 18
    along = frac(np.where(np.minimum(b, 1 - b) / rows < np.minimum(a, 1 - a) / columns, u, v) / spacing) - 0.5
    rivet_distance = np.hypot(along * spacing, edge - 0.028)
    rivet = np.sqrt(np.clip(1 - (rivet_distance / 0.014) ** 2, 0, 1))
    tone = (0.82 + 0.25 * hash01(x, j)) * (0.35 + 0.65 * seam) + 0.06 * noise("streak", u, v, 1.6) + 0.25 * rivet
    return tint(palette[0], tone), 0.35 * seam + 0.6 * rivet


def circuit(u: Array, v: Array, palette: Array) -> Surface:
    """Circuit board: traces with turns, pads, holes and chips."""
    count = 16.0
    x, y = u * count, v * count
    i, j = np.floor(x), np.floor(y)
    a, b = frac(x) - 0.5, frac(y) - 0.5
    kind = hash01(i, j)
    straight = np.where(kind < 0.5, np.abs(a), np.abs(b))
    corner = np.abs(np.abs(a + np.where(kind < 0.85, b, -b)) - 0.5)
    trace = smoothstep(0.13, 0.08, np.where(kind < 0.7, straight, corner))
    pad_distance = np.hypot(a, b)
    pad = smoothstep(0.34, 0.29, pad_distance) * (hash01(i, j, 1) > 0.72)
    hole = smoothstep(0.15, 0.11, pad_distance) * (pad > 0)
    p, q = np.abs(frac(u * 3.2) - 0.5), np.abs(frac(v * 4.1) - 0.5)
    chip = smoothstep(0.31, 0.30, np.maximum(p, q)) * (hash01(u * 3.2, v * 4.1, 2) > 0.66)
    color = mix(palette[0], palette[0] * 2.1, 0.8 * trace)
    color = mix(mix(color, palette[1], pad), palette[2], np.maximum(hole, chip))
    return color, 0.3 + 0.2 * trace + 0.2 * pad - 0.3 * hole + 0.6 * chip


def bubble_wrap(u: Array, v: Array, palette: Array) -> Surface:
    """Rows of air bubbles in clear film."""
    count = 11.0
    j = np.floor(v * count)
    a, b = frac(u * count + 0.5 * (j % 2)) - 0.5, frac(v * count) - 0.5
    dome = np.sqrt(np.clip(1 - (np.hypot(a, b) / 0.46) ** 2, 0, 1))
    gleam = smoothstep(0.16, 0.05, np.hypot(a + 0.15, b + 0.17))
    rim = smoothstep(0.0, 0.25, dome) * smoothstep(0.6, 0.25, dome)
    return tint(palette[0], 0.72 + 0.25 * dome - 0.18 * rim + 0.9 * gleam), dome


def plastic(u: Array, v: Array, palette: Array) -> Surface:
    """Smooth moulded plastic or enamel."""
    return tint(palette[0], 1 + 0.015 * noise("smooth", u, v)), flat(u)


def galaxy(u: Array, v: Array, palette: Array) -> Surface:
    """Night sky: nebula clouds and stars."""
    wisp = 0.25 * noise("fbm", u, v, 0.8)
    cloud = smoothstep(-0.5, 1.8, noise("smooth", u, v, 0.9) + wisp)
    second = smoothstep(-0.2, 1.8, noise("smooth", u, v, 1.1, 0.4) + wisp)
    color = mix(mix(palette[0], palette[1], cloud), palette[2], 0.8 * second)
    _, centre, number = cells(u, v, 2.2, seed=18)
    star = smoothstep(0.13 * number, 0.02, centre) * (number > 0.45)
    return (color + (1.4 * star)[..., None]).astype(np.float32), flat(u)
