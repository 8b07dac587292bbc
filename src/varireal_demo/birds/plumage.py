"""Colour and relief of the feathered parts of a bird, and which painter paints which part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from varireal.editors.shading import linear, smoothstep
from varireal.records import Array
from varireal_demo.birds import body
from varireal_demo.birds.species import Plumage
from varireal_demo.noise import field, sample, voronoi

# Feathers on a surface: noise look-ups, roof-tile rows of feathers, their relief, edges and shade.


@dataclass(frozen=True, slots=True)
class Site:
    """N pixels of one part that are to be painted.

    Attributes:
        surface: (N, 4) surface coordinates of the part.
        points: (N, 3) places in the bird's space.
        footprint: pixels per unit, which decides what detail can be shown.
        offset: (4,) random numbers that shift the noise.
    """

    surface: Array
    points: Array
    footprint: float
    offset: Array


@dataclass(frozen=True, slots=True)
class Coat:
    """What shading needs to know of N pixels: albedo (N, 3), relief (N,) in units, gloss (N,), sheen (N,)."""

    albedo: Array
    relief: Array
    gloss: Array
    sheen: Array


@dataclass(frozen=True, slots=True)
class Feathers:
    """A point's place in overlapping rows of feathers, (N,) each.

    Attributes:
        along: 0 where the feather leaves the skin, 1 at its tip.
        across: -0.5..0.5 over its width.
        number: a random value in 0..1 per feather.
        to_tip: distance to its free edge, in rows.
        shade: 1 just behind the edge of the feather that lies over it, else near 0.
    """

    along: Array
    across: Array
    number: Array
    to_tip: Array
    shade: Array


def blend(a: Array, b: Array, t: Array) -> Array:
    """Blend colours ``a`` to ``b``, each (N, 3) or (3,), by ``t`` (N,)."""
    blended: Array = (a + (b - a) * t[:, None]).astype(np.float32)
    return blended


def lookup(kind: str | Array, u: Array, v: Array) -> Array:
    """Sample a noise field, by name or itself, at flat coordinates (N,)."""
    columns = 256
    rows = -(-len(u) // columns)
    padded = np.zeros((2, rows * columns), np.float32)
    padded[0, : len(u)], padded[1, : len(u)] = u, v
    texture = field(kind) if isinstance(kind, str) else kind
    return sample(texture, padded[0].reshape(rows, columns), padded[1].reshape(rows, columns)).ravel()[: len(u)]


def lay(p: Array, q: Array, *, bulge: float = 0.5) -> Feathers:
    """Cover the plane with roof-tile rows of feathers, one per unit; tips point to larger ``p``.

    Rows with smaller ``p`` lie on top; neighbouring rows are shifted by half a feather. ``bulge`` is
    how round tips are.
    """
    row = np.floor(p)
    part = p - row

    def across(of: Array) -> tuple[Array, Array]:
        shifted = q + 0.5 * (of % 2)
        column = np.floor(shifted)
        return shifted - column - 0.5, column

    upper, upper_column = across(row - 1)
    lower, lower_column = across(row)
    edge = bulge * (1 - 4 * upper * upper)
    top = part < edge
    at = np.where(top, upper, lower)
    number = np.where(top, (row - 1) * 57.31 + upper_column * 131.7, row * 57.31 + lower_column * 131.7)
    number = np.abs(np.sin(number * 12.9898) * 43758.547) % 1
    length = np.where(top, part + 1, part)
    to_tip = np.where(top, edge - part, 1 + bulge * (1 - 4 * lower * lower) - part)
    shade = np.where(top, 0, np.exp(-(part - edge) / 0.16))
    return Feathers(length / (1 + bulge), at, number.astype(np.float32), to_tip, shade)


def relief_of(feathers: Feathers) -> Array:
    """Height of a feathered surface in rows: each feather is a dome that rises towards its free edge."""
    dome = 1 - 4 * feathers.across * feathers.across
    return 0.5 * feathers.along + 0.28 * dome + 0.10 * np.exp(-np.abs(feathers.across) / 0.04)


def fringed(color: Array, feathers: Feathers, fringe: Array, amount: float, fade: Array | float) -> Array:
    """Feather-wise variation, shafts, edges and the shade under the overlapping feathers."""
    value = 1 + (0.22 * (feathers.number - 0.5) - 0.30 * feathers.shade - 0.10 * (1 - feathers.along)) * fade
    edge = np.maximum(smoothstep(0.20, 0.06, feathers.to_tip), 0.7 * smoothstep(0.42, 0.48, np.abs(feathers.across)))
    return blend(color * value[:, None], fringe, edge * amount * fade)


# Colour and relief of the bare parts of a bird: beak, legs and eyes.


def paint_beak(site: Site, plumage: Plumage) -> Coat:
    """Paint the beak: horn with a darker ridge, the line between its halves and a nostril."""
    t, p = site.surface[:, 0], np.abs(site.surface[:, 1])
    tip = linear(plumage.beak_tip or plumage.beak)
    grain = lookup("strand", p * 0.5 + site.offset[0], t * 0.3 + site.offset[1])
    albedo = blend(linear(plumage.beak), tip, smoothstep(plumage.tip_from - 0.06, plumage.tip_from + 0.06, t))
    gape = np.exp(-(((p - 0.56 - 0.03 * np.sin(5 * t)) / 0.05) ** 2)) * smoothstep(0.97, 0.9, t)
    nostril = np.exp(-(((t - 0.16) / 0.045) ** 2) - ((p - 0.27) / 0.07) ** 2)
    value = 1.02 + 0.06 * grain - 0.50 * gape - 0.55 * nostril - 0.15 * smoothstep(0.2, 0.0, p)
    value = value * (0.72 + 0.28 * smoothstep(0.0, 0.10, t))
    relief = -0.004 * gape - 0.003 * nostril
    return Coat(albedo * value[:, None], relief, np.full(len(t), 0.45, np.float32), np.zeros(len(t), np.float32))


def paint_leg(site: Site, plumage: Plumage) -> Coat:
    """Paint bare legs and toes: horny plates."""
    length, p = site.surface[:, 2], site.surface[:, 1]
    plates = np.sin(length * 190.0) * smoothstep(0.9, 0.4, np.abs(p)) * smoothstep(120, 300, site.footprint)
    grain = lookup("mid", p * 0.3 + site.offset[0], length * 1.5 + site.offset[1])
    albedo = linear(plumage.legs) * (1 + 0.08 * grain + 0.05 * plates)[:, None]
    return Coat(albedo, 0.0005 * plates, np.full(len(p), 0.3, np.float32), np.zeros(len(p), np.float32))


def paint_eye(site: Site, plumage: Plumage) -> Coat:
    """Paint the eye: pupil, iris, and the dark rim of the lids."""
    angle = site.surface[:, 0]
    pupil, lid = linear("#060505"), linear("#15110f")
    albedo = blend(pupil, linear(plumage.iris), smoothstep(0.20, 0.24, angle))
    albedo = blend(albedo, lid, smoothstep(0.38, 0.43, angle))
    return Coat(albedo, 0 * angle, np.full(len(angle), 1.0, np.float32), 0 * angle)


def paint_trunk(site: Site, plumage: Plumage) -> Coat:
    """Paint trunk, neck and head; the surface coordinates are s, p, conformal length and radius."""
    s, p, run, radius = (np.ascontiguousarray(site.surface[:, k]) for k in range(4))
    side = np.abs(p)
    soft = lookup("mid", p * 0.35 + site.offset[0], run * 0.35 + site.offset[1])
    streak = lookup("strand", p * 0.40 + site.offset[1], run * 0.10 + site.offset[2])
    wobble = 0.03 * soft + 0.03 * streak
    albedo = blend(linear(plumage.back), linear(plumage.belly), smoothstep(0.42, 0.80, side + wobble))
    for patch in plumage.patches:
        (s0, s1), (p0, p1), e = patch.along, patch.around, patch.soft
        at, around = s + wobble * 0.8, side + wobble
        weight = smoothstep(s0 - e, s0 + e, at) * (1 - smoothstep(s1 - e, s1 + e, at))
        weight = weight * smoothstep(p0 - e, p0 + e, around) * (1 - smoothstep(p1 - e, p1 + e, around))
        albedo = blend(albedo, linear(patch.color), weight)
    feathers = lay(-run * 12, p * 12)
    size = radius * (np.pi / 12) * site.footprint
    fade = smoothstep(4.0, 11.0, size)
    bare = smoothstep(1.7, 2.1, s)
    albedo = fringed(albedo, feathers, linear(plumage.fringe), 0.45 * plumage.fringes, fade * (1 - 0.6 * bare))
    if plumage.streaks:
        dark = smoothstep(
            0.5, 1.3, lookup("strand", p * 0.7 + site.offset[2], run * 0.25 + site.offset[3]) + 0.2 * soft
        )
        albedo = albedo * (1 - 0.65 * plumage.streaks * dark * smoothstep(0.15, 0.4, side))[:, None]
    if plumage.barring:
        wave = np.sin(2 * np.pi * (feathers.along * 1.7 + 0.15 * soft))
        albedo = albedo * (1 - 0.55 * plumage.barring * smoothstep(0.1, 0.6, wave) * np.maximum(fade, 0.4))[:, None]
    fine = lookup("fine", p * 0.5 + site.offset[3], run * 0.35 + site.offset[0])
    albedo = albedo * (1 + 0.04 * soft + plumage.mottle * 0.20 * fine + 0.045 * streak)[:, None].clip(0.4, 1.7)
    relief = (
        radius * (np.pi / 12) * (0.10 * relief_of(feathers) * fade * (1 - 0.7 * bare) + 0.022 * streak + 0.008 * soft)
    )
    sheen = plumage.gloss * smoothstep(1.42, 1.56, s)
    return Coat(albedo, relief, 0.06 + 0.3 * sheen, sheen)


def paint_wing(site: Site, plumage: Plumage) -> Coat:
    """Paint a folded wing: rows of coverts, then secondaries, then the dark primaries at its tip."""
    a, b = site.surface[:, 0], site.surface[:, 1]
    tone = lookup("mid", a * 0.4 + site.offset[0], b * 0.25 + site.offset[1])
    place = a + 0.16 * (b - 0.5) + 0.006 * tone
    coverts = lay(place * 13, b * 8.0 + 0.2)
    greater = lay((place - 0.40) / 0.15, b * 9.5)
    flight = lay((a - 0.28) / 0.42 + 0.25 * b, b * 8.0 + 1.4 * a, bulge=0.25)
    tips = lay((a - 0.20) / 0.5, (b - 0.5) * 7.0 * (1.2 - 0.4 * a) + 0.3, bulge=0.3)
    zone_greater = place > 0.44 + 0.05 * np.cos(b * 9.5 * 2 * np.pi) * 0.5
    zone_flight = place > 0.60 + 0.025 * np.cos(b * 9.5 * 2 * np.pi)
    zone_tips = a > 0.80 - 0.10 * b + 0.02 * tone
    zones = [zone_tips, zone_flight, zone_greater]

    def choose(*values: Array) -> Array:
        return np.select(zones, values[:3], values[3]).astype(np.float32)

    parts = (tips, flight, greater, coverts)
    feathers = Feathers(
        *(
            choose(*(getattr(part, name) for part in parts))
            for name in ("along", "across", "number", "to_tip", "shade")
        )
    )
    wing, second, prime = linear(plumage.wing), linear(plumage.flight), linear(plumage.primaries)
    albedo = np.where(zone_flight[:, None], second, blend(wing, second, 0.4 * zone_greater.astype(np.float32)))
    if plumage.speculum:
        bar = zone_flight & (a < 0.80) & (b > 0.42) & (b < 0.86)
        rim = bar & ((a < 0.625 - 0.16 * (b - 0.5)) | (a > 0.775))
        albedo = np.where(rim[:, None], linear("#f2f0ea"), np.where(bar[:, None], linear(plumage.speculum), albedo))
    albedo = np.where(zone_tips[:, None], prime, albedo)
    cell = choose(*(np.full(len(a), v, np.float32) for v in (0.10, 0.11, 0.09, 0.055)))
    fade = smoothstep(0.5, 12.0, cell * 0.42 * site.footprint)
    weight = plumage.fringes * choose(*(np.full(len(a), v, np.float32) for v in (0.35, 0.7, 0.9, 1.0)))
    albedo = fringed(albedo, feathers, linear(plumage.fringe), 1.0, weight * fade)
    value = 1 + fade * (0.16 * (feathers.number - 0.5) - 0.42 * feathers.shade)
    gap = smoothstep(0.40, 0.49, np.abs(feathers.across)) * np.where(zone_flight, 0.5, 0.15)
    if plumage.barring:
        wave = np.sin(2 * np.pi * feathers.along * np.where(zone_flight, 4.0, 1.6))
        value = value * (1 - 0.5 * plumage.barring * smoothstep(0.0, 0.7, wave))
    barbs = lookup("strand", feathers.across * 0.9 + feathers.number, feathers.along * 0.2 + a)
    value = value * (1 - gap * fade) * (1 + 0.05 * barbs + 0.06 * tone)
    value = value * (0.78 + 0.22 * smoothstep(0.0, 0.10, 1 - b)) * (0.85 + 0.15 * smoothstep(0.0, 0.06, b))
    relief = cell * (0.20 * relief_of(feathers) * fade + 0.02 * barbs)
    shiny = np.full(len(a), 0.12, np.float32)
    return Coat(albedo * value[:, None].clip(0.2, 1.6), relief, shiny, 0 * shiny)


def paint_tail(site: Site, plumage: Plumage) -> Coat:
    """Paint the tail: long feathers side by side."""
    a, b = site.surface[:, 0], site.surface[:, 1]
    count = 4.0
    across = (b * count) % 1 - 0.5
    number = np.abs(np.sin(np.floor(b * count) * 78.233) * 43758.5) % 1
    barbs = lookup("strand", b * 2.2 + site.offset[0], a * 0.4 + site.offset[1])
    value = 1 + 0.2 * (number - 0.5) + 0.07 * barbs - 0.45 * smoothstep(0.38, 0.5, np.abs(across))
    if plumage.barring:
        value = value * (1 - 0.5 * plumage.barring * smoothstep(0, 0.6, np.sin(a * 30)))
    albedo = linear(plumage.tail) * value[:, None]
    relief = 0.012 * (1 - 4 * across * across)
    return Coat(albedo, relief, np.full(len(a), 0.1, np.float32), np.zeros(len(a), np.float32))


def paint_thigh(site: Site, plumage: Plumage) -> Coat:
    """Paint the feathered upper leg like the belly above it."""
    a, p = site.surface[:, 0], site.surface[:, 1]
    streak = lookup("strand", p * 0.6 + site.offset[0], a * 0.35 + site.offset[1])
    base = blend(linear(plumage.belly), linear(plumage.back), np.full(len(a), 0.12, np.float32))
    for patch in plumage.patches:
        if patch.along[0] <= 0.45 <= patch.along[1] and patch.around[0] <= 0.9 <= patch.around[1]:
            base = linear(patch.color)
    albedo = base * (1 + 0.12 * streak)[:, None]
    return Coat(albedo, 0.006 * streak, np.full(len(a), 0.05, np.float32), np.zeros(len(a), np.float32))


def paint_plume(site: Site, plumage: Plumage) -> Coat:
    """Paint loose plumes like the flight feathers."""
    a, p = site.surface[:, 0], site.surface[:, 1]
    streak = lookup("strand", p * 0.7 + site.offset[2], a * 0.3 + site.offset[3])
    albedo = blend(linear(plumage.flight), linear(plumage.primaries), smoothstep(0.3, 1.0, a))
    return Coat(
        albedo * (1 + 0.16 * streak)[:, None],
        0.006 * streak,
        np.full(len(a), 0.1, np.float32),
        np.zeros(len(a), np.float32),
    )


def _blotches(points: Array, offset: Array) -> Array:
    value = lookup("fbm", points[:, 0] * 0.55 + offset[0], (points[:, 1] + 0.5 * points[:, 2]) * 0.55 + offset[1])
    return smoothstep(0.05, 0.25, value)


def _stripes(points: Array, offset: Array) -> Array:
    bend = lookup("smooth", points[:, 0] * 0.4 + offset[0], points[:, 1] * 0.4 + offset[1])
    return smoothstep(-0.15, 0.25, np.sin(78 * points[:, 0] + 26 * points[:, 1] + 2.6 * bend))


def _spots(points: Array, offset: Array) -> Array:
    distance, _, _ = voronoi(220, 11, 0.7)
    across = (points[:, 1] + 0.5 * points[:, 2]) * 1.1 + offset[1]
    return smoothstep(0.36, 0.27, lookup(distance, points[:, 0] * 1.1 + offset[0], across))


PATTERNS: Mapping[str, Callable[[Array, Array], Array]] = {
    "blotches": _blotches,
    "stripes": _stripes,
    "spots": _spots,
}

_PAINTERS: Mapping[int, Callable[[Site, Plumage], Coat]] = {
    body.TRUNK: paint_trunk,
    body.WING: paint_wing,
    body.TAIL: paint_tail,
    body.BEAK: paint_beak,
    body.LEG: paint_leg,
    body.THIGH: paint_thigh,
    body.PLUME: paint_plume,
    body.EYE: paint_eye,
}


def paint(part: int, site: Site, plumage: Plumage) -> Coat:
    """Paint the pixels of one part."""
    coat = _PAINTERS[part](site, plumage)
    if not plumage.pattern or part in (body.BEAK, body.LEG, body.EYE):
        return coat
    # The second colour takes over the shading of the first: its own lightness times the local variation.
    marked = PATTERNS[plumage.pattern](site.points, site.offset)
    local = coat.albedo.mean(1) / max(float(coat.albedo.mean()), 1e-3)
    second = linear(plumage.second) * local[:, None].clip(0.5, 1.4)
    return Coat(blend(coat.albedo, second, marked), coat.relief, coat.gloss, coat.sheen)
