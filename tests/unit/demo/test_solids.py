import numpy as np
import pytest

from varireal_demo.solids import curve, grid_mesh, join, rasterize, rotation, tube, unit


def triangle(points, depth=0.0):
    return np.array(points, np.float32), np.full(3, depth, np.float32), np.array([[0, 1, 2]], np.int32)


def test_rasterize_covers_exactly_the_pixel_centres_inside():
    screen, depth, faces = triangle([(0.5, 0.5), (6.5, 0.5), (0.5, 6.5)])
    pixels = rasterize(screen, depth, faces, 8, 8)
    rows, columns = np.divmod(pixels.index, 8)
    expected = {(r, c) for r in range(8) for c in range(8) if r >= 1 and c >= 1 and r + c <= 7}
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


def test_rasterize_draws_both_windings_and_clips_to_the_raster():
    screen, depth, faces = triangle([(-5, -5), (20, -5), (-5, 20)])
    forward = rasterize(screen, depth, faces, 4, 5)
    backward = rasterize(screen, depth, faces[:, ::-1], 4, 5)
    assert forward.index.tolist() == list(range(20))
    assert backward.index.tolist() == list(range(20))


def test_adjacent_triangles_leave_no_gap():
    corners = np.array([(0.2, 0.3), (30.7, 1.1), (29.9, 28.4), (1.6, 30.2)], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    whole = np.zeros((32, 32), bool)
    whole.flat[rasterize(corners, np.zeros(4, np.float32), faces, 32, 32).index] = True
    assert whole[2:28, 2:29].all()


def test_nearest_surface_wins_in_any_order():
    far = np.array([(0, 0), (9, 0), (0, 9)], np.float32)
    screen = np.concatenate([far, far])
    depth = np.array([1, 1, 1, 2, 2, 2], np.float32)
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        pixels = rasterize(screen, depth, np.array(faces, np.int32), 10, 10)
        np.testing.assert_allclose(pixels.depth, 2.0, rtol=1e-6)
        assert np.unique(np.array(faces)[pixels.face]).tolist() == [3, 4, 5]


def test_interpolation_is_linear_over_the_triangle():
    screen, depth, faces = triangle([(0, 0), (16, 0), (0, 16)])
    pixels = rasterize(screen, depth, faces, 20, 20)
    values = pixels.interpolate(faces, screen)
    rows, columns = np.divmod(pixels.index, 20)
    np.testing.assert_allclose(values, np.stack([columns, rows], -1), atol=1e-4)


def test_nothing_in_the_raster_gives_no_pixels():
    screen, depth, faces = triangle([(-9, -9), (-5, -9), (-9, -5)])
    assert len(rasterize(screen, depth, faces, 8, 8).index) == 0


def test_degenerate_triangles_are_skipped():
    screen, depth, faces = triangle([(1, 1), (1, 1), (1, 1)])
    assert len(rasterize(screen, depth, faces, 8, 8).index) == 0


@pytest.mark.parametrize("heading", [(1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.4, 0.5, -0.6)])
def test_normals_of_a_tube_point_outwards(heading):
    axis = unit(np.array(heading))
    path = np.linspace(0, 1, 6)[:, None] * axis
    mesh = tube(path, np.full(6, 0.1), 3)
    radial = mesh.points - (mesh.points @ axis)[:, None] * axis
    wall = np.linalg.norm(radial, axis=1) > 0.09
    assert wall.sum() > 40
    assert ((unit(radial) * mesh.normals).sum(1)[wall] > 0.8).all()
    assert np.unique(mesh.parts).tolist() == [3]


def test_closed_grid_has_no_seam_in_its_normals():
    angle = np.linspace(-np.pi, np.pi, 13)
    rings = [np.stack([np.full(13, x), np.cos(angle), np.sin(angle)], -1) for x in (0.0, 1.0, 2.0)]
    mesh = grid_mesh(np.stack(rings), np.zeros((3, 13, 4)), 0, closed=True)
    normals = mesh.normals.reshape(3, 13, 3)
    np.testing.assert_allclose(normals[:, 0], normals[:, -1], atol=1e-6)


def test_join_keeps_every_face_on_its_own_points():
    path = np.array([[0.0, 0, 0], [1, 0, 0]])
    first, second = tube(path, np.array([0.1, 0.1]), 1), tube(path + 5, np.array([0.2, 0.2]), 2)
    both = join([first, second])
    np.testing.assert_allclose(both.points[both.faces[both.parts == 2]], second.points[second.faces])


def test_curve_passes_through_its_points():
    points = np.array([[0.0, 0], [1, 2], [3, 1], [4, 4]])
    np.testing.assert_allclose(curve(points, 10)[::3], points, atol=1e-9)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotations_are_proper(axis):
    matrix = rotation(axis, 0.7)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-6)
