"""Triangle surfaces and a small z-buffer rasteriser, enough to draw an animal with numpy alone.

Space: x to the right, y up, z to the camera; a unit is about one body length. Surfaces are grids of points ("lofts"),
so that every pixel knows where on the surface it lies and feathers can be laid out there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varireal.records import Array

# Pixels of a triangle's bounding box are tested all at once; triangles are handled in groups of similar box size.
_BOX_SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 4096)
_DEPTH_LEVELS = 2**30


@dataclass(frozen=True, slots=True)
class Mesh:
    """Triangles with what shading needs at their corners.

    Attributes:
        points: (V, 3) float32 positions.
        normals: (V, 3) float32 unit normals, outward.
        surface: (V, K) float32 surface coordinates; what they mean depends on the part.
        faces: (F, 3) int32 indices of corners.
        parts: (F,) int32, the part that each face belongs to.
    """

    points: Array
    normals: Array
    surface: Array
    faces: Array
    parts: Array

    def moved(self, rotation: Array, origin: Array, shift: Array | float = 0.0) -> "Mesh":
        """Return the mesh turned by ``rotation`` (3, 3) about ``origin`` (3,) and then shifted."""
        turned = rotation.astype(np.float32)
        points = ((self.points - origin) @ turned.T + origin + shift).astype(np.float32)
        return Mesh(points, self.normals @ turned.T, self.surface, self.faces, self.parts)


@dataclass(frozen=True, slots=True)
class Pixels:
    """The nearest surface at every covered pixel, as flat arrays of N pixels in raster order.

    Attributes:
        index: (N,) int64 flat pixel index.
        face: (N,) int64 face index.
        weights: (N, 3) float32 barycentric weights of the face's corners.
        depth: (N,) float32, larger is nearer.
    """

    index: Array
    face: Array
    weights: Array
    depth: Array

    def interpolate(self, faces: Array, values: Array) -> Array:
        """Blend per-corner ``values`` (V, K) at each pixel: (N, K) float32."""
        corners = values[faces[self.face]]
        blended: Array = np.einsum("nck,nc->nk", corners, self.weights)
        return blended


def rotation(axis: str, angle: float) -> Array:
    """Rotation matrix (3, 3) by ``angle`` radians about ``axis`` (x, y or z), right-handed."""
    c, s = np.cos(angle), np.sin(angle)
    rows = {"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]]}
    return np.array(rows.get(axis, [[c, -s, 0], [s, c, 0], [0, 0, 1]]), np.float32)


def unit(vectors: Array) -> Array:
    """Scale vectors (..., 3) to length 1; zero vectors stay zero."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    scaled: Array = (vectors / np.maximum(length, 1e-9)[..., None]).astype(np.float32)
    return scaled


def grid_mesh(points: Array, surface: Array, part: int, *, closed: bool) -> Mesh:
    """Triangulate a grid of points.

    Args:
        points: (M, N, 3); the outward normal is the cross product of the second and the first grid direction.
        surface: (M, N, K) surface coordinates.
        part: number of the part.
        closed: whether the last column coincides with the first one (a tube), which makes its normals continuous.
    """
    first = np.gradient(points, axis=0)
    if closed:
        inner = points[:, :-1]
        second = (np.roll(inner, -1, 1) - np.roll(inner, 1, 1)) / 2
        second = np.concatenate([second, second[:, :1]], 1)
    else:
        second = np.gradient(points, axis=1)
    normals = unit(np.cross(second, first))
    # A row that is drawn together to one point has no direction of its own.
    for end, beside in ((0, 1), (-1, -2)):
        lost = ~normals[end].any(-1)
        normals[end, lost] = normals[beside, lost]
    rows, columns = points.shape[:2]
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        normals.reshape(-1, 3),
        surface.reshape(-1, surface.shape[-1]).astype(np.float32),
        faces.astype(np.int32),
        np.full(len(faces), part, np.int32),
    )


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Put several meshes into one."""
    offsets = np.cumsum([0] + [len(mesh.points) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.points for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.surface for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]).astype(np.int32),
        np.concatenate([mesh.parts for mesh in meshes]),
    )


def tube(path: Array, radius: Array, part: int, *, sides: int = 8, flat: float = 1.0) -> Mesh:
    """Sweep a circle along ``path`` (M, 3) with ``radius`` (M,), rounded off at both ends.

    Surface coordinates: (length along the tube 0..1, angle -1..1 with 0 on top, length in units, 0). ``flat`` scales
    the thickness across the vertical direction.
    """
    ends = np.array([-0.9, -0.6]), np.array([0.6, 0.9])
    forward = unit(np.gradient(path, axis=0))
    first = path[:1] + forward[:1] * (ends[0] * radius[0])[:, None]
    last = path[-1:] + forward[-1:] * (ends[1] * radius[-1])[:, None]
    path = np.concatenate([first, path, last])
    radius = np.concatenate([radius[:1] * [0.05, 0.75], radius, radius[-1:] * [0.75, 0.05]])
    forward = unit(np.gradient(path, axis=0))
    side = unit(np.cross(forward, np.array([0.0, 1.0, 0.0]) + 1e-3))
    top = np.cross(side, forward)
    angle = np.linspace(-np.pi, np.pi, sides + 1)
    ring = np.cos(angle)[None, :, None] * top[:, None] * flat + np.sin(angle)[None, :, None] * side[:, None]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    along = np.broadcast_to((length / max(length[-1], 1e-9))[:, None], ring.shape[:2])
    around = np.broadcast_to(angle / np.pi, ring.shape[:2])
    surface = np.stack([along, around, np.broadcast_to(length[:, None], ring.shape[:2]), np.zeros(ring.shape[:2])], -1)
    return grid_mesh(path[:, None] + ring * radius[:, None, None], surface, part, closed=True)


def curve(points: Array, count: int) -> Array:
    """Smooth curve (count, K) through ``points`` (P, K): Catmull-Rom, evenly spaced in the points' own parameter."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, len(points) - 1, count)
    index = np.minimum(t.astype(int), len(points) - 2)
    f = (t - index)[:, None]
    p0, p1, p2, p3 = (padded[index + k] for k in range(4))
    result: Array = p1 + 0.5 * f * (p2 - p0 + f * (2 * p0 - 5 * p1 + 4 * p2 - p3 + f * (3 * (p1 - p2) + p3 - p0)))
    return result


def rasterize(screen: Array, depth: Array, faces: Array, height: int, width: int) -> Pixels:
    """Find the nearest triangle at each pixel centre of a ``height`` x ``width`` raster.

    Args:
        screen: (V, 2) float32 pixel coordinates (x right, y down; pixel centres at integers).
        depth: (V,) float32, larger is nearer.
        faces: (F, 3) corner indices; both sides are drawn.
        height: rows of the raster.
        width: columns of the raster.
    """
    corners = screen[faces]
    low = np.maximum(np.ceil(corners.min(1)), 0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(1)), [width - 1, height - 1]).astype(np.int64)
    extent = (high - low).max(1) + 1
    usable = (high >= low).all(1)
    hits: list[tuple[Array, Array, Array]] = []
    smallest = 0
    for size in _BOX_SIZES:
        chosen = np.flatnonzero(usable & (extent > smallest) & (extent <= size))
        smallest = size
        if len(chosen):
            which, row, column, weights = _inside(corners[chosen], low[chosen], high[chosen], size)
            face = chosen[which]
            hits.append(((low[face, 1] + row) * width + low[face, 0] + column, face, weights))
    if not hits:
        nothing = np.zeros(0, np.int64)
        return Pixels(nothing, nothing, np.zeros((0, 3), np.float32), np.zeros(0, np.float32))
    index, face, weights = (np.concatenate([group[k] for group in hits]) for k in range(3))
    z = np.einsum("nc,nc->n", depth[faces[face]], weights).astype(np.float32)
    lowest, highest = float(depth.min()), float(depth.max())
    level = ((z - lowest) / max(highest - lowest, 1e-9) * _DEPTH_LEVELS).clip(0, _DEPTH_LEVELS).astype(np.int64)
    nearest = np.full(height * width, -1, np.int64)
    np.maximum.at(nearest, index, (level << 32) | np.arange(len(index)))
    covered = np.flatnonzero(nearest >= 0)
    winner = nearest[covered] & 0xFFFFFFFF
    return Pixels(covered, face[winner], weights[winner], z[winner])


def _inside(corners: Array, low: Array, high: Array, size: int) -> tuple[Array, Array, Array, Array]:
    """Test a block of ``size`` x ``size`` pixels for each of T triangles.

    Args:
        corners: (T, 3, 2) float32 pixel coordinates.
        low: (T, 2) first pixel (x, y) of each block.
        high: (T, 2) last pixel (x, y) that may be hit.
        size: side of the blocks.

    Returns:
        For each of N hits: the triangle, row and column in its block, each (N,), and barycentric weights (N, 3).
    """
    step = np.arange(size, dtype=np.int64)
    x, y = low[:, 0, None, None] + step[None, None, :], low[:, 1, None, None] + step[None, :, None]
    dx, dy = (x - corners[:, 0, 0, None, None]), (y - corners[:, 0, 1, None, None])
    dx, dy = dx.astype(np.float32), dy.astype(np.float32)
    e1, e2 = ((corners[:, k] - corners[:, 0])[..., None, None] for k in (1, 2))
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    scale = np.where(np.abs(area) > 1e-9, 1 / np.where(area == 0, 1, area), np.inf).astype(np.float32)
    with np.errstate(invalid="ignore"):
        w1 = (dx * e2[:, 1] - dy * e2[:, 0]) * scale
        w2 = (dy * e1[:, 0] - dx * e1[:, 1]) * scale
        slack = np.float32(-1e-4)
        hit = (w1 >= slack) & (w2 >= slack) & (w1 + w2 <= 1 - slack)
    hit &= (x <= high[:, 0, None, None]) & (y <= high[:, 1, None, None])
    which, row, column = np.nonzero(hit)
    b, c = w1[which, row, column], w2[which, row, column]
    return which, row, column, np.stack([1 - b - c, b, c], -1)
