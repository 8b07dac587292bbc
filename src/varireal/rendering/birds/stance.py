"""How one individual stands."""

from dataclasses import dataclass

import numpy as np

from varireal.rendering.birds.species import Pose


@dataclass(frozen=True, slots=True)
class Stance:
    """How one individual stands: everything about it that is drawn at random.

    Attributes:
        pose: index into the species' poses.
        stretch: length of the neck against the usual.
        bend: lean of the neck in radians, positive to the front.
        turn: turn of the head about the vertical in radians, positive to the bird's left.
        plump: girth of the body against the usual.
        stride: distance between the feet along x, in leg lengths.
        one_leg: whether the far leg is drawn up.
        afloat: whether it swims (no legs are built).
        legs: length of the legs against the usual.
        beak: length of the beak against the usual.
        wing_droop: how far the wings hang, added to their lower edge.
    """

    pose: int = 0
    stretch: float = 1.0
    bend: float = 0.0
    turn: float = 0.0
    plump: float = 1.0
    stride: float = 0.0
    one_leg: bool = False
    afloat: bool = False
    legs: float = 1.0
    beak: float = 1.0
    wing_droop: float = 0.0


def posed(pose: Pose, stance: Stance) -> Pose:
    """Lean and stretch a pose about the base of the neck."""
    base = np.array(pose.neck[0][:2])
    count = len(pose.neck)

    def move(x: float, y: float, part: float) -> tuple[float, float]:
        angle = -stance.bend * part
        dx, dy = (np.array([x, y]) - base) * (1 + (stance.stretch - 1) * min(part * 2, 1))
        c, s = np.cos(angle), np.sin(angle)
        return float(base[0] + c * dx - s * dy), float(base[1] + s * dx + c * dy)

    neck = tuple((*move(x, y, i / count), r) for i, (x, y, r) in enumerate(pose.neck))
    return Pose(neck, (*move(pose.head[0], pose.head[1], 1.0), pose.head[2] - 0.4 * stance.bend))
