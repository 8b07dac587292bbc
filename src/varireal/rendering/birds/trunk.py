"""The trunk with neck and head: one smooth surface lofted through the bird's outline."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.rendering.birds import parts
from varireal.rendering.birds.species import Pose, Shape
from varireal.rendering.birds.stance import Stance
from varireal.rendering.solids import Mesh, curve, grid_mesh, unit

_ROWS, _SIDES = 84, 36


@dataclass(frozen=True, slots=True)
class Trunk:
    """The lofted trunk with neck and head: points (R, C, 3), normals (R, C, 3) and surface (R, C, 4) of its grid."""

    points: Array
    normals: Array
    surface: Array

    def at(self, s: Array, p: Array) -> tuple[Array, Array]:
        """Points and normals (N, 3) at coordinates ``s`` and ``p`` (N,), ``p`` signed by side (-1..1)."""
        row = np.interp(s, self.surface[:, 0, 0], np.arange(len(self.surface)))
        column = (p + 1) / 2 * (self.surface.shape[1] - 1)
        grid = np.concatenate([self.points, self.normals], -1).astype(np.float32)
        columns, rows = column.astype(np.float32).reshape(1, -1), row.astype(np.float32).reshape(1, -1)
        found = np.concatenate(
            [
                cv2.remap(grid[..., k : k + 3], columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
                for k in (0, 3)
            ],
            -1,
        )
        return found[:, :3], unit(found[:, 3:])

    def mesh(self) -> Mesh:
        """The visible surface: without the envelope of the wing tips, and closed at the tail."""
        start = int(np.searchsorted(self.surface[:, 0, 0], -0.02))
        cap = np.broadcast_to(self.points[start].mean(0), self.points[:1].shape)
        points = np.concatenate([cap, self.points[start:]])
        return grid_mesh(
            points, np.concatenate([self.surface[start : start + 1], self.surface[start:]]), parts.TRUNK, closed=True
        )


def build_trunk(shape: Shape, pose: Pose, stance: Stance) -> Trunk:
    """Loft body, neck and head through their outlines and smooth them into one surface."""
    body = np.array(shape.body)
    axis = (body[:, :2] + body[:, 2:4]) / 2
    body[:, :2] = axis + (body[:, :2] - axis) * stance.plump
    body[:, 2:4] = axis + (body[:, 2:4] - axis) * stance.plump
    body[:, 4] *= stance.plump
    neck = np.array(pose.neck)
    frame, origin = head_frame(pose, shape.head)
    direction = unit(np.gradient(np.concatenate([neck[:, :2], origin[None]]), axis=0))[:-1]
    back = np.stack([-direction[:, 1], direction[:, 0]], -1) * neck[:, 2:]
    necks = np.concatenate([neck[:, :2] + back, neck[:, :2] - back, neck[:, 2:] * 0.92], 1)
    heads = np.array(shape.profile)
    heads = np.concatenate(
        [heads[:, :2] @ frame.T + origin, heads[:, 2:4] @ frame.T + origin, heads[:, 4:] * shape.head], 1
    )
    s = np.concatenate(
        [
            [-0.5],
            np.linspace(0, 1, len(body) - 1),
            1 + np.arange(1, len(neck) + 1) / (len(neck) + 1),
            np.linspace(2, 3, len(heads)),
        ]
    )
    stations = np.concatenate([body, necks, heads])
    step = np.maximum(*(np.linalg.norm(np.diff(stations[:, k : k + 2], axis=0), axis=1) for k in (0, 2)))
    place = np.concatenate([[0], np.cumsum(np.maximum(step, 0.02))])
    samples = curve(np.concatenate([stations, s[:, None], place[:, None]], 1), 400)
    rows = np.interp(np.linspace(0, place[-1], _ROWS), samples[:, 6], np.arange(400))
    outline = np.stack([np.interp(rows, np.arange(400), samples[:, k]) for k in range(6)], -1)
    for _ in range(3):
        outline[1:-1] = 0.25 * outline[:-2] + 0.5 * outline[1:-1] + 0.25 * outline[2:]
    return _turn_neck(_loft(outline), pose, stance.turn)


def head_frame(pose: Pose, length: float) -> tuple[Array, Array]:
    """Matrix (2, 2) and origin (2,) that take head coordinates to body coordinates."""
    x, y, tilt = pose.head
    c, s = np.cos(tilt), np.sin(tilt)
    return np.array([[c, -s], [s, c]]) * length, np.array([x, y])


def _loft(outline: Array) -> Trunk:
    """Sweep rounded sections through an outline (R, 6) of back x y, belly x y, half width, s."""
    angle = np.linspace(-np.pi, np.pi, _SIDES + 1)
    above, below, width = outline[:, :2], outline[:, 2:4], outline[:, 4]
    middle, half = (above + below) / 2, (above - below) / 2
    # Birds are widest below the middle: the section's side bulges towards the belly.
    lift = np.cos(angle) + 0.10 * (np.cos(2 * angle) - 1)
    lift = (lift - lift.min()) / (lift.max() - lift.min()) * 2 - 1
    flat = middle[:, None] + half[:, None] * lift[None, :, None]
    points = np.concatenate([flat, (np.sin(angle)[None] * width[:, None])[..., None]], -1)
    cap = np.concatenate([middle[-1] + 0.15 * (middle[-1] - middle[-3]), [0.0]])
    points = np.concatenate([points, np.broadcast_to(cap, (1, len(angle), 3))])
    s = np.append(outline[:, 5], 3.02)
    radius = np.append(np.maximum((np.linalg.norm(half, axis=1) + width) / 2, 0.02), 0.02)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points.mean(1), axis=0), axis=1))])
    # Conformal length: feathers keep their proportions and get smaller where the body gets thinner.
    conformal = np.concatenate([[0], np.cumsum(np.diff(length) / ((radius[1:] + radius[:-1]) / 2))]) / np.pi
    shape = points.shape[:2]
    surface = np.stack(
        [np.broadcast_to(v, shape) for v in (s[:, None], (angle / np.pi)[None], conformal[:, None], radius[:, None])],
        -1,
    )
    return Trunk(points.astype(np.float32), np.zeros_like(points, np.float32), surface.astype(np.float32))


def _turn_neck(trunk: Trunk, pose: Pose, angle: float) -> Trunk:
    """Turn neck and head about the vertical, more and more towards the head; fills in the normals."""
    points = trunk.points.copy()
    if angle:
        s = trunk.surface[..., 0]
        weight = np.clip((s - 1.0) / 1.2, 0, 1)
        turn = angle * weight * weight * (3 - 2 * weight)
        pivot = pose.neck[-1][0]
        x, z = points[..., 0] - pivot, points[..., 2]
        points[..., 0] = np.where(s > 1.0, pivot + np.cos(turn) * x + np.sin(turn) * z, points[..., 0])
        points[..., 2] = np.where(s > 1.0, -np.sin(turn) * x + np.cos(turn) * z, z)
    normals = grid_mesh(points, trunk.surface, parts.TRUNK, closed=True).normals.reshape(points.shape)
    return Trunk(points, normals, trunk.surface)
