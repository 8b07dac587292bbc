"""Build the surfaces of one bird from the numbers of its species."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.records import Array
from varireal_demo.birds.species import Beak, BirdShape, Legs, Plumes, Pose
from varireal_demo.solids import Mesh, curve, grid_mesh, join, rotation, tube, unit

# The parts of a bird, as numbers on its faces.

TRUNK, WING, TAIL, BEAK, LEG, THIGH, EYE, PLUME = range(8)
SHEETS = (TAIL, LEG)  # parts with thin skins that may be seen from either side


# How one individual stands.


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


# The trunk with neck and head: one smooth surface lofted through the bird's outline.

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
        point = np.concatenate(
            [
                cv2.remap(grid[..., k : k + 3], columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
                for k in (0, 3)
            ],
            -1,
        )
        return point[:, :3], unit(point[:, 3:])

    def mesh(self) -> Mesh:
        """The visible surface: without the envelope of the wing tips, and closed at the tail."""
        start = int(np.searchsorted(self.surface[:, 0, 0], -0.02))
        cap = np.broadcast_to(self.points[start].mean(0), self.points[:1].shape)
        points = np.concatenate([cap, self.points[start:]])
        return grid_mesh(
            points, np.concatenate([self.surface[start : start + 1], self.surface[start:]]), TRUNK, closed=True
        )


def build_trunk(shape: BirdShape, pose: Pose, stance: Stance) -> Trunk:
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
    normals = grid_mesh(points, trunk.surface, TRUNK, closed=True).normals.reshape(points.shape)
    return Trunk(points, normals, trunk.surface)


# Legs: thighs, joints that bend back, toes and webs.


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


def build_bird(shape: BirdShape, stance: Stance) -> tuple[Mesh, float]:
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


def _wing(shape: BirdShape, trunk: Trunk, side: int, droop: float) -> Mesh:
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


def _tail(shape: BirdShape, trunk: Trunk) -> Mesh:
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


def _eye(shape: BirdShape, trunk: Trunk, side: int) -> Mesh:
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
