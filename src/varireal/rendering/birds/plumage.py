"""Colour and relief of the feathered parts of a bird, and which painter paints which part."""

from collections.abc import Callable, Mapping

import numpy as np

from varireal.arrays import Array
from varireal.rendering.birds import bare, parts
from varireal.rendering.birds.feathers import Coat, Feathers, Site, blend, fringed, lay, lookup, relief_of
from varireal.rendering.birds.species import Plumage
from varireal.rendering.noise import voronoi
from varireal.rendering.shading import linear, smoothstep


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
    parts.TRUNK: paint_trunk,
    parts.WING: paint_wing,
    parts.TAIL: paint_tail,
    parts.BEAK: bare.paint_beak,
    parts.LEG: bare.paint_leg,
    parts.THIGH: paint_thigh,
    parts.PLUME: paint_plume,
    parts.EYE: bare.paint_eye,
}


def paint(part: int, site: Site, plumage: Plumage) -> Coat:
    """Paint the pixels of one part."""
    coat = _PAINTERS[part](site, plumage)
    if not plumage.pattern or part in (parts.BEAK, parts.LEG, parts.EYE):
        return coat
    # The second colour takes over the shading of the first: its own lightness times the local variation.
    marked = PATTERNS[plumage.pattern](site.points, site.offset)
    local = coat.albedo.mean(1) / max(float(coat.albedo.mean()), 1e-3)
    second = linear(plumage.second) * local[:, None].clip(0.5, 1.4)
    return Coat(blend(coat.albedo, second, marked), coat.relief, coat.gloss, coat.sheen)
