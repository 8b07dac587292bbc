"""Patterns of wood, plants, skins and food: wood, bark, moss, honeycomb, scales, leather, cheese, cactus."""

import numpy as np

from varireal.editors.shading import mix, smoothstep
from varireal.records import Array
from varireal_demo.materials.fields import Surface, bend, cells, flat, frac, hash01, noise, tint, wave

# Patterns of coats and plumages: fur, leopard, zebra, giraffe, brindle, patches, speckles, bars, iridescence.


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


def wood(u: Array, v: Array, palette: Array) -> Surface:
    """Sawn planks: growth rings cut at an angle, pores along the grain."""
    planks = 3.0
    j = np.floor(v * planks)
    offset = hash01(j, 0)
    x, y = u + 7 * offset, v + 0.02 * noise("smooth", u * 0.5, v, 0.9)
    distance = y * 4.5 + 0.50 * noise("smooth", x * 0.22, y, 0.6) + 0.08 * noise("smooth", x * 0.3, y, 1.5, 0.4)
    ring = frac(distance * 2.6)
    late = smoothstep(0.15, 0.9, ring) * smoothstep(1.0, 0.93, ring)
    pore = noise("strand", u * 0.55, v * 1.6, 1.9)
    joint = smoothstep(0.015, 0.04, np.minimum(frac(v * planks), 1 - frac(v * planks)))
    tone = (0.90 + 0.18 * offset + 0.07 * pore + 0.05 * noise("streak", u, v, 1.2)) * (0.35 + 0.65 * joint)
    return tint(mix(palette[0], palette[1], late), tone), (0.55 - 0.12 * late + 0.06 * pore) * joint


def bark(u: Array, v: Array, palette: Array) -> Surface:
    """Ridged bark with deep vertical furrows."""
    x, y = bend(u, v, 0.03)
    wall, _, number = cells(x * 1.7, y * 0.55, 0.85)
    ridge = smoothstep(0.0, 0.38, wall)
    rough = noise("strand", v, u, 1.6) + noise("fine", u, v, 1.2)
    tone = 0.55 + 0.55 * ridge + 0.22 * number + 0.11 * rough
    return mix(palette[1], tint(palette[0], tone), smoothstep(0.02, 0.2, wall)), ridge * (0.75 + 0.08 * rough)


def moss(u: Array, v: Array, palette: Array) -> Surface:
    """Cushions of moss, brown where it is thin."""
    cushion = noise("mid", u, v, 1.0) + 0.5 * noise("fbm", u, v, 1.0)
    tuft = noise("fine", u, v, 1.5)
    height = smoothstep(-1.6, 1.6, cushion)
    color = mix(palette[1], palette[0], smoothstep(-1.5, -0.2, cushion))
    color = mix(color, palette[0] * np.array([1.6, 1.5, 0.9], np.float32), 0.5 * smoothstep(0.4, 1.8, cushion + tuft))
    return tint(color, 0.55 + 0.50 * height + 0.20 * tuft), 0.7 * height + 0.10 * tuft


def leaves(u: Array, v: Array, palette: Array) -> Surface:
    """Overlapping leaves, each with a midrib."""
    wall, centre, number = cells(u + 0.01 * noise("mid", u, v), v, 0.8, seed=19)
    turn = hash01(number * 997, 4) * 2 * np.pi
    rib = np.abs(np.sin((u * np.cos(turn) + v * np.sin(turn)) * 40 * 0.5))
    vein = smoothstep(0.12, 0.03, rib)
    tone = (0.50 + 0.65 * number) * (0.55 + 0.55 * smoothstep(0.0, 0.3, wall)) + 0.18 * vein
    return tint(mix(palette[0], palette[1], hash01(number * 997, 6)), tone), 1 - 0.8 * centre


def honeycomb(u: Array, v: Array, palette: Array) -> Surface:
    """Hexagonal wax cells, some of them full of honey."""
    wall, number = _hexagons(u * 10.0, v * 10.0)
    inside = smoothstep(0.05, 0.13, wall)
    pit = smoothstep(0.05, 0.40, wall)
    honey = number > 0.35
    depth = np.where(honey, 1.0 - 0.30 * pit, 0.52 - 0.30 * pit)
    gleam = np.where(honey, 0.35 * smoothstep(0.25, 0.42, wall), 0)
    cell = tint(palette[1], depth + gleam + 0.05 * noise("mid", u, v, 1.5))
    wax = tint(palette[0], 0.95 + 0.08 * noise("fine", u, v))
    return mix(wax, cell, inside), 1 - 0.85 * smoothstep(0.03, 0.2, wall)


def _hexagons(x: Array, y: Array) -> tuple[Array, Array]:
    """Distance to the wall (0 at the wall, 0.5 in the middle) and a random number per hexagon of unit width.

    A point belongs to the nearer of two rectangular lattices whose union is the hexagonal one.
    """
    step = np.sqrt(3).astype(np.float32)
    first = (np.floor(x) + 0.5, (np.floor(y / step) + 0.5) * step)
    second = (np.floor(x + 0.5), np.floor(y / step + 0.5) * step)
    to_first = (x - first[0]) ** 2 + (y - first[1]) ** 2
    to_second = (x - second[0]) ** 2 + (y - second[1]) ** 2
    nearer = to_first < to_second
    dx = np.abs(np.where(nearer, x - first[0], x - second[0]))
    dy = np.abs(np.where(nearer, y - first[1], y - second[1]))
    wall = 0.5 - np.maximum(dx, dx * 0.5 + dy * step / 2)
    column = np.where(nearer, first[0] * 2, second[0] * 2)
    row = np.where(nearer, first[1] * 2 / step, second[1] * 2 / step)
    return wall.astype(np.float32), hash01(np.round(column), np.round(row))


def scales(u: Array, v: Array, palette: Array) -> Surface:
    """Overlapping round scales, as on a fish or a dragon."""
    inside, number, across, along = shingles(u, v, 11.0)
    rim = smoothstep(0.0, 0.16, inside)
    dome = np.clip(1 - 0.9 * across**2, 0, 1) * smoothstep(-0.1, 1.1, along)
    tone = (0.22 + 0.85 * dome) * (0.80 + 0.36 * number) * (0.45 + 0.55 * rim)
    return tint(mix(palette[0], palette[1], 0.8 * number * dome), tone), 0.25 * rim + 0.7 * dome


def feathers(u: Array, v: Array, palette: Array) -> Surface:
    """Contour feathers that overlap like shingles, with shafts and pale edges."""
    x, y = bend(u, v, 0.008)
    inside, number, across, along = shingles(x, y, 8.0)
    barb = wave(np.abs(across) * 4 + along * 6)
    shaft = smoothstep(0.05, 0.015, np.abs(across)) * smoothstep(1.5, 0.9, along)
    fringe = smoothstep(0.22, 0.04, inside)
    root = smoothstep(0.1, 1.0, along)
    tone = (0.50 + 0.55 * root) * (0.85 + 0.25 * number) + 0.09 * barb - 0.16 * shaft
    return tint(mix(palette[0], palette[1], 0.75 * fringe), tone), 0.7 * root + 0.1 * barb


def shingles(u: Array, v: Array, count: float) -> tuple[Array, Array, Array, Array]:
    """Rows of overlapping round tongues that hang down, ``count`` rows per object, upper rows on top.

    Returns:
        Distance to the rim of the visible tongue (0 at the rim), a number in 0..1 per tongue, and the place inside
        it: across (-0.6..0.6) and along (0 at the root, 1.5 at the tip), in row heights.
    """
    y = v * count
    inside, number = np.zeros_like(u), np.zeros_like(u)
    across, along = np.zeros_like(u), np.zeros_like(u)
    for step in (0, -1):
        # The upper row comes last and covers the roots of the row below it.
        row = np.floor(y) + step
        x = u * count * 0.85 + 0.5 * (row % 2)
        dx, dy = (frac(x) - 0.5) / 0.85, y - row
        rim = 1 - np.hypot(dx / 0.66, np.maximum(dy - 0.6, 0) / 0.9)
        hit = (rim > 0) | (step == 0)
        inside = np.where(hit, np.maximum(rim, 0), inside)
        number = np.where(hit, hash01(x, row), number)
        across, along = np.where(hit, dx, across), np.where(hit, dy, along)
    return inside, number, across, along


def leather(u: Array, v: Array, palette: Array) -> Surface:
    """Pebbled hide with folds."""
    x = u + 0.02 * noise("fbm", u, v, 0.6)
    wall, _, number = cells(x, v, 1.9, seed=20)
    pebble = smoothstep(0.0, 0.35, wall)
    fold = np.abs(np.sin((v * 1.2 + 0.20 * noise("fbm", u, v, 0.5)) * 8)) ** 0.4
    tone = 0.45 + 0.28 * pebble + 0.28 * fold + 0.08 * number
    return tint(palette[0], tone), 0.5 * pebble + 0.4 * fold


def cheese(u: Array, v: Array, palette: Array) -> Surface:
    """Yellow cheese with round holes."""
    _, centre, number = cells(u, v, 0.55, jitter=0.8, seed=21)
    radius = 0.16 + 0.24 * number
    hole = smoothstep(0.02, -0.02, centre - radius)
    depth = np.clip(1 - centre / radius, 0, 1)
    tone = 0.98 + 0.04 * noise("mid", u, v, 1.2)
    inner = tint(palette[1], 0.55 + 0.55 * (1 - depth) ** 0.7)
    return mix(tint(palette[0], tone), inner, hole), 0.8 - 0.7 * hole * np.sqrt(depth)


def watermelon(u: Array, v: Array, palette: Array) -> Surface:
    """Rind: jagged dark green stripes on pale green."""
    x = u * 4.5 + 0.13 * noise("smooth", u, v, 2.0) + 0.05 * noise("mid", u, v, 0.9)
    stripe = smoothstep(0.40, 0.58, wave(x) + 0.12 * noise("smooth", u, v, 3.5, 0.3))
    mottle = smoothstep(0.2, 1.6, noise("smooth", v, u, 3.0))
    color = mix(mix(palette[1], palette[0], 0.35 * mottle), palette[0], stripe)
    return tint(color, 0.96 + 0.05 * noise("fine", u, v)), 0.5 + 0.05 * stripe


def cactus(u: Array, v: Array, palette: Array) -> Surface:
    """Green ribs with rows of pale spines."""
    ribs = 9.0
    x = frac(u * ribs) - 0.5
    rib = np.sqrt(np.clip(1 - (x / 0.5) ** 2, 0, 1))
    b = frac(v * ribs * 1.2 + 0.5 * (np.floor(u * ribs) % 2)) - 0.5
    angle = np.arctan2(b, x)
    star = smoothstep(0.26, 0.04, np.hypot(x, b) * (1.7 + 0.9 * np.cos(6 * angle)))
    color = tint(palette[0], 0.35 + 0.75 * rib + 0.06 * noise("fine", u, v))
    return mix(color, palette[1], star), 0.7 * rib + 0.3 * star
