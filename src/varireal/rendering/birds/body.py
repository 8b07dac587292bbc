"""Build the surfaces of one bird from the numbers of its species."""

import numpy as np

from varireal.rendering.birds.limbs import build_legs
from varireal.rendering.birds.parts import BEAK, EYE, PLUME, TAIL, WING
from varireal.rendering.birds.species import Beak, Plumes, Pose, Shape
from varireal.rendering.birds.stance import Stance, posed
from varireal.rendering.birds.trunk import Trunk, build_trunk, head_frame
from varireal.rendering.solids import Mesh, curve, grid_mesh, join, rotation, tube, unit


def build_bird(shape: Shape, stance: Stance) -> tuple[Mesh, float]:
    """Build all surfaces of a bird.

    Returns:
        The mesh in the bird's own space, and the y of the ground (or of the waterline when afloat).
    """
    pose = posed(shape.poses[stance.pose % len(shape.poses)], stance)
    trunk = build_trunk(shape, pose, stance)
    meshes = [
        trunk.mesh(),
        *(_wing(shape, trunk, side, stance.wing_droop) for side in (-1, 1)),
        _tail(shape, trunk),
        _turned(_beak(shape.beak, shape.head, pose, stance.beak), pose, stance.turn),
        *(_eye(shape, trunk, side) for side in (-1, 1)),
    ]
    for plumes in shape.plumes:
        meshes += _plumes(plumes, trunk)
    if stance.afloat and shape.swims is not None:
        return join(meshes), shape.swims
    legs, ground = build_legs(shape.legs, trunk, stance)
    return join(meshes + legs), ground


def _turned(mesh: Mesh, pose: Pose, angle: float) -> Mesh:
    """Turn a part of the head with the head."""
    return mesh.moved(rotation("y", angle), np.array([pose.neck[-1][0], 0, 0], np.float32))


def _wing(shape: Shape, trunk: Trunk, side: int, droop: float) -> Mesh:
    """The folded wing: a shell over the trunk between two edges, rounded off at the rim."""
    rows, columns = 34, 22
    edge = curve(np.array(shape.wing), rows)
    b = np.linspace(0, 1, columns)
    a = np.linspace(0, 1, rows)
    edge[:, 2] += droop * np.sin(np.pi * a)
    # The wing ends in a rounded point near its upper edge.
    round_ = np.sqrt(1 - (np.clip(a - 0.72, 0, None) / 0.2805) ** 2)
    point = edge[:, 1] + 0.3 * (edge[:, 2] - edge[:, 1])
    edge[:, 1], edge[:, 2] = (point + (edge[:, k] - point) * round_ for k in (1, 2))
    p = edge[:, 1, None] + (edge[:, 2] - edge[:, 1])[:, None] * b
    s = np.broadcast_to(edge[:, :1], p.shape)
    points, normals = trunk.at(s.ravel().copy(), (side * p).ravel())
    rim = np.minimum(1, 1.15 * np.sin(np.pi * np.clip(b, 0.0, 1)) ** 0.45)
    front = np.minimum(1, np.sqrt(a / 0.16))
    height = shape.wing_thickness * (0.25 + 0.75 * front)[:, None] * rim * np.where(b > 0.5, 1.0, 0.35 + 1.3 * b)
    height = height - 0.35 * shape.wing_thickness * (np.abs(2 * b - 1) > 0.999)
    points = points.reshape(rows, columns, 3) + normals.reshape(rows, columns, 3) * height[..., None]
    surface = np.stack(
        [np.broadcast_to(a[:, None], p.shape), np.broadcast_to(b, p.shape), s, np.full(p.shape, float(side))], -1
    )
    return grid_mesh(points[:, ::-side], surface[:, ::-side], WING, closed=False)


def _tail(shape: Shape, trunk: Trunk) -> Mesh:
    """The tail: an arched fan behind the tail's base."""
    tail = shape.tail
    root, _ = trunk.at(np.zeros(2) + 0.03, np.array([0.0, 1.0]))
    above, _ = trunk.at(np.array([0.25]), np.array([0.0]))
    axis = root[0] - above[0]
    start = root[0] * 0.65 + root[1] * 0.35 - np.array([0.0, 0.0, 0.0])
    heading = np.arctan2(axis[1], axis[0]) - tail.angle
    along = np.array([np.cos(heading), np.sin(heading), 0.0])
    up = np.array([np.sin(heading), -np.cos(heading), 0.0])
    a, b = np.linspace(0, 1, 14), np.linspace(-1, 1, 15)
    breadth = 0.045 + (tail.width - 0.045) * a[:, None] ** 0.8 * np.ones(15)
    reach = tail.length * a[:, None] * (1 - 0.10 * b[None] ** 2) - 0.06
    points = (
        start
        + along * reach[..., None]
        + up * (-0.35 * breadth * b[None] ** 2)[..., None]
        + np.array([0.0, 0.0, 1.0]) * (breadth * b[None])[..., None]
    )
    surface = np.stack(
        [np.broadcast_to(a[:, None], breadth.shape), np.broadcast_to(b, breadth.shape), breadth, 0 * breadth], -1
    )
    return grid_mesh(points, surface, TAIL, closed=False)


def _beak(beak: Beak, head: float, pose: Pose, stretch: float) -> Mesh:
    """The beak: a tube along its line with its own height and width, in front of the head."""
    frame, origin = head_frame(pose, head)
    turn = frame / head
    rows, sides = 20, 16
    line = curve(np.array(beak.line), rows) * beak.length * stretch
    deep = curve(np.array(beak.deep)[:, None], rows)[:, 0].clip(0.01) * beak.depth / 2
    wide = curve(np.array(beak.wide)[:, None], rows)[:, 0].clip(0.01) * beak.width / 2
    ahead = unit(np.gradient(line, axis=0))
    up = np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    angle = np.linspace(-np.pi, np.pi, sides + 1)
    flat = line[:, None] + up[:, None] * (np.cos(angle)[None] * deep[:, None])[..., None]
    flat = flat @ turn.T + frame @ np.array([0.40, -0.035]) + origin
    points = np.concatenate([flat, (np.sin(angle)[None] * wide[:, None])[..., None]], -1)
    points = np.concatenate([points, np.broadcast_to(points[-1:].mean(1, keepdims=True), (1, sides + 1, 3))])
    t = np.append(np.linspace(0, 1, rows), 1.0)
    shape = points.shape[:2]
    surface = np.stack(
        [np.broadcast_to(v, shape) for v in (t[:, None], (angle / np.pi)[None], t[:, None], t[:, None])], -1
    )
    return grid_mesh(points, surface, BEAK, closed=True)


def _eye(shape: Shape, trunk: Trunk, side: int) -> Mesh:
    """An eyeball set into the head; its first surface coordinate is the angle from its outward axis (0..1)."""
    s, p, radius = shape.eye
    point, normal = trunk.at(np.array([s]), np.array([side * p]))
    across = unit(np.cross(normal[0], np.array([0.0, 1.0, 0.0])))
    up = np.cross(across, normal[0])
    polar, turn = np.linspace(0.02, 0.62 * np.pi, 7), np.linspace(-np.pi, np.pi, 13)
    ball = np.cos(polar)[:, None, None] * normal[0] + np.sin(polar)[:, None, None] * (
        np.cos(turn)[None, :, None] * across + np.sin(turn)[None, :, None] * up
    )
    surface = np.stack(
        [np.broadcast_to(v, ball.shape[:2]) for v in (polar[:, None] / np.pi, turn[None], 0.0, side)], -1
    )
    return grid_mesh(point[0] - 0.66 * radius * normal[0] + radius * ball, surface, EYE, closed=True)


def _plumes(plumes: Plumes, trunk: Trunk) -> list[Mesh]:
    """Loose feathers as tapering, drooping tubes, the same on both sides."""
    meshes = []
    t = np.linspace(0, 1, 9)[:, None]
    for number in range(plumes.count):
        spread = (number - (plumes.count - 1) / 2) * plumes.spread
        for side in (-1, 1) if plumes.root[1] > 0.02 else (1,):
            root, normal = trunk.at(np.array([plumes.root[0]]), np.array([side * plumes.root[1]]))
            c, s = np.cos(spread), np.sin(spread)
            x, y = plumes.direction
            ahead = np.array([c * x - s * y, s * x + c * y, 0.0]) + 0.25 * normal[0] * (abs(plumes.root[1]) > 0.02)
            path = root + plumes.length * (t * ahead + t * t * np.array([0.0, -plumes.droop, 0.0]))
            radius = plumes.radius * (0.55 + 1.2 * t * (1.15 - t))[:, 0]
            meshes.append(tube(path, radius, PLUME, sides=8))
    return meshes
