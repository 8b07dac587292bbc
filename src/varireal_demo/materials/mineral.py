"""Patterns of stone, clay, glass and fire: marble, granite, brick, cobblestone, mosaic, lava, ice, crystal."""

import numpy as np

from varireal.editors.shading import mix, smoothstep
from varireal.records import Array
from varireal_demo.materials.fields import Surface, bend, cells, flat, frac, hash01, noise, pick, tint, wave

# Patterns of metal and made things: chrome, brushed steel, gold foil, rust, rivets, circuit board, bubble wrap.


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


# Patterns of thread, wire and straw: knit, basket, rope, plaid, denim, chain mail, carbon fibre, felt.


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
