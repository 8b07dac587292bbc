"""Colour and relief of the bare parts of a bird: beak, legs and eyes."""

import numpy as np

from varireal.rendering.birds.feathers import Coat, Site, blend, lookup
from varireal.rendering.birds.species import Plumage
from varireal.rendering.shading import linear, smoothstep


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
