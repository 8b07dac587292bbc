"""Legs: thighs, joints that bend back, toes and webs."""

import numpy as np

from varireal.arrays import Array
from varireal.rendering.birds.parts import LEG, THIGH
from varireal.rendering.birds.species import Legs
from varireal.rendering.birds.stance import Stance
from varireal.rendering.birds.trunk import Trunk
from varireal.rendering.solids import Mesh, grid_mesh, tube, unit


def build_legs(legs: Legs, trunk: Trunk, stance: Stance) -> tuple[list[Mesh], float]:
    """Both legs with thighs, joints and toes; and the y of the ground under them."""
    tibia, tarsus = legs.tibia * stance.legs, legs.tarsus * stance.legs
    ground = legs.hip[1] - 0.95 * (tibia + tarsus)
    width = float(np.abs(trunk.points[..., 2]).max()) * legs.apart
    meshes: list[Mesh] = []
    for side in (-1, 1):
        hip = np.array([legs.hip[0], legs.hip[1], side * width])
        if stance.one_leg and side == -1:
            joint = hip + np.array([0.75, -0.45, 0.0]) * tibia * 0.9
            foot = joint + np.array([-0.85, 0.1, 0.25]) * tarsus * 0.8
            meshes += _limb(legs, hip, joint, foot)
            continue
        inward = 0.55 if stance.one_leg else 0.92
        foot = np.array([legs.hip[0] + 0.03 + side * stance.stride * (tibia + tarsus) / 2, ground, hip[2] * inward])
        meshes += _limb(legs, hip, _joint(hip, foot, tibia, tarsus), foot) + _toes(legs, foot)
    return meshes, ground - 0.5 * legs.radius


def _joint(hip: Array, foot: Array, tibia: float, tarsus: float) -> Array:
    """Where the ankle lies, bent backwards (law of cosines in the leg's plane)."""
    reach = foot - hip
    distance = min(float(np.linalg.norm(reach)), 0.999 * (tibia + tarsus))
    ahead = reach / np.linalg.norm(reach)
    along = (tibia**2 - tarsus**2 + distance**2) / (2 * distance)
    out = np.sqrt(max(tibia**2 - along**2, 0.0))
    back = unit(np.cross(ahead, np.array([0.0, 0.0, 1.0])))
    back = back if back[0] < 0 else -back
    joint: Array = hip + ahead * along + back * out
    return joint


def _limb(legs: Legs, hip: Array, joint: Array, foot: Array) -> list[Mesh]:
    """Thigh, bare shank with a thick joint, and tarsus."""
    r = legs.radius
    t = np.linspace(0, 1, 8)[:, None]
    inside = hip + np.array([0.0, 0.5 * legs.thigh, 0.0])
    end = inside + (joint - inside) * legs.feathered
    taper = legs.thigh + (1.5 * r - legs.thigh) * t[:, 0] ** 0.8
    shank = np.concatenate([end + (joint - end) * t, joint + (foot - joint) * t[1:]])
    for _ in range(2):
        shank[1:-1] = 0.25 * shank[:-2] + 0.5 * shank[1:-1] + 0.25 * shank[2:]
    place = np.concatenate([(t - 1) * np.linalg.norm(joint - end), t[1:] * np.linalg.norm(foot - joint)])[:, 0]
    knob = 1 + 0.55 * np.exp(-((place / (2.4 * r)) ** 2))
    return [tube(inside + (end - inside) * t, taper, THIGH, sides=12), tube(shank, r * knob, LEG, sides=8)]


def _toes(legs: Legs, foot: Array) -> list[Mesh]:
    """Three toes ahead and one behind, with webs where the species has them."""
    meshes = []
    tips = []
    t = np.linspace(0, 1, 5)[:, None]
    low = foot + np.array([0.0, 0.2 * legs.radius, 0.0])
    for angle, length in ((-0.5, 0.92), (0.0, 1.0), (0.5, 0.92), (np.pi, 0.38)):
        tip = low + legs.toe * length * np.array([np.cos(angle), 0.0, np.sin(angle)])
        arch = np.sin(np.pi * t) * np.array([0.0, 0.35 * legs.radius, 0.0])
        meshes.append(tube(low + (tip - low) * t + arch, legs.radius * (0.85 - 0.4 * t[:, 0]), LEG, sides=6))
        tips.append(tip)
    if legs.webbed:
        across = np.linspace(0, 1, 7)
        rim = np.stack([np.interp(across, [0, 0.5, 1], [tips[k][axis] for k in range(3)]) for axis in range(3)], -1)
        rim = low + (rim - low) * (1 - 0.14 * np.abs(np.sin(2 * np.pi * across)))[:, None]
        web = (
            low + (rim[None] - low) * np.linspace(0.05, 1, 6)[:, None, None] + np.array([0.0, 0.1 * legs.radius, 0.0])
        )
        ones = np.ones(web.shape[:2])
        surface = np.stack([0.5 * ones, 0 * ones, 0 * ones, 0 * ones], -1)
        meshes.append(grid_mesh(web, surface, LEG, closed=False))
    return meshes
