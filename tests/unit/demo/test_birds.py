from dataclasses import replace

import cv2
import numpy as np
import pytest

from varireal_demo.birds import SPECIES, Plumage, Stance, build_bird, draw_bird
from varireal_demo.birds.plumage import PATTERNS, lay
from varireal_demo.camera import View, develop, ground_shadow, sun_visibility
from varireal_demo.scenes import Light
from varireal_demo.solids import rotation, unit
from varireal_demo.staging import BirdCutout, compose, without_crumbs

SIZE = 64
LIGHT = Light(unit(np.array([0.5, 0.7, 0.5])), np.full(3, 0.8), np.full(3, 0.4), np.full(3, 0.1))


def view_of(mesh, yaw=0.2, size=SIZE):
    low, high = mesh.points.min(0), mesh.points.max(0)
    scale = 0.8 * size / float((high - low).max())
    return View(rotation("x", 0.1) @ rotation("y", yaw), (low + high) / 2, scale, (size / 2, size / 2))


def cutout_of(species, *, light=LIGHT, plumage=None, stance=None, seed=0):
    mesh, ground = build_bird(species.shape, stance or Stance())
    plumage = plumage or next(iter(species.plumages.values()))
    return draw_bird(mesh, plumage, view_of(mesh), light, ground, (SIZE, SIZE), np.random.default_rng(seed))


@pytest.mark.parametrize("name", sorted(SPECIES))
def test_every_species_builds_and_draws_in_one_piece(name):
    species = SPECIES[name]
    assert species.plumages
    for pose in range(len(species.shape.poses)):
        cutout = cutout_of(species, stance=Stance(pose=pose))
        assert np.isfinite(cutout.color).all()
        assert cutout.color.min() >= 0
        count, _, stats, _ = cv2.connectedComponentsWithStats((cutout.alpha > 0.5).astype(np.uint8))
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.93 * stats[1:, cv2.CC_STAT_AREA].sum(), count


@pytest.mark.parametrize("name", sorted(SPECIES))
def test_every_plumage_names_real_colours_and_patterns(name):
    for plumage in SPECIES[name].plumages.values():
        colors = [plumage.back, plumage.belly, plumage.beak, plumage.legs, *(patch.color for patch in plumage.patches)]
        assert all(len(color) == 7 and int(color[1:], 16) >= 0 for color in colors)
        assert plumage.pattern in ("", *PATTERNS)


def test_mesh_normals_are_unit_and_point_away_from_the_trunk():
    mesh, _ = build_bird(SPECIES["mallard"].shape, Stance())
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-3)
    trunk = np.unique(mesh.faces[mesh.parts == 0])
    side = trunk[(np.abs(mesh.points[trunk, 2]) > 0.15) & (np.abs(mesh.points[trunk, 0]) < 0.2)]
    assert (np.sign(mesh.normals[side, 2]) == np.sign(mesh.points[side, 2])).all()


def test_the_heel_bends_backwards_and_the_feet_reach_the_ground():
    mesh, ground = build_bird(SPECIES["grey-heron"].shape, Stance())
    legs = mesh.points[np.unique(mesh.faces[mesh.parts == 4])]
    assert legs[:, 1].min() == pytest.approx(ground, abs=0.02)
    heights = legs[:, 1] - ground
    joint = legs[(heights > 0.27) & (heights < 0.36), 0].mean()
    hip, foot = SPECIES["grey-heron"].shape.legs.hip[0], legs[heights < 0.05, 0].mean()
    assert joint < min(hip, foot) - 0.02


def test_a_turned_head_leaves_the_body_where_it_was():
    straight, _ = build_bird(SPECIES["white-stork"].shape, Stance())
    turned, _ = build_bird(SPECIES["white-stork"].shape, Stance(turn=0.6))
    trunk = np.unique(straight.faces[straight.parts == 0])
    body = trunk[straight.surface[trunk, 0] < 0.9]
    beak = np.unique(straight.faces[straight.parts == 3])
    np.testing.assert_allclose(straight.points[body], turned.points[body], atol=1e-5)
    assert np.abs(turned.points[beak, 2]).max() > 0.15 > np.abs(straight.points[beak, 2]).max()


def test_floating_birds_have_no_legs_and_one_leg_birds_one_foot_on_the_ground():
    afloat, level = build_bird(SPECIES["mallard"].shape, Stance(afloat=True))
    assert not np.isin([4, 5], afloat.parts).any()
    assert level == SPECIES["mallard"].shape.swims
    mesh, ground = build_bird(SPECIES["flamingo"].shape, Stance(one_leg=True))
    low = mesh.points[mesh.points[:, 1] < ground + 0.05]
    assert (low[:, 2] > 0).mean() > 0.75


def test_coverage_is_exact_against_flat_backgrounds():
    cutout = cutout_of(SPECIES["herring-gull"])
    dark, bright = (compose(np.full((SIZE, SIZE, 3), value, np.float32), cutout) for value in (0.0, 1.0))
    np.testing.assert_allclose(bright - dark, np.broadcast_to(1 - cutout.alpha[..., None], dark.shape), atol=1e-6)
    assert (cutout.alpha > 0.999).sum() > 200
    assert (cutout.alpha == 0).sum() > 1000


def test_pixels_without_coverage_carry_no_colour():
    cutout = cutout_of(SPECIES["flamingo"])
    assert np.abs(cutout.color[cutout.alpha == 0]).max() == 0


def test_light_colours_the_bird_but_not_its_outline():
    stork = SPECIES["white-stork"]
    red = replace(LIGHT, sun=np.array([1.0, 0.2, 0.1]), ambient=np.array([0.4, 0.1, 0.1]))
    plain, lit = cutout_of(stork), cutout_of(stork, light=red)
    np.testing.assert_array_equal(plain.alpha, lit.alpha)
    inside = plain.alpha > 0.5
    ratio = lit.color[inside].mean(0) / plain.color[inside].mean(0)
    assert ratio[0] > 2.5 * ratio[2]


def test_the_side_towards_the_sun_is_brighter():
    plain = Plumage(*["#808080"] * 8)
    left, right = (
        cutout_of(SPECIES["quail"], plumage=plain, light=replace(LIGHT, direction=unit(np.array([x, 0.3, 0.3]))))
        for x in (-1.0, 1.0)
    )
    middle = int(np.argwhere(left.alpha > 0.5)[:, 1].mean())
    difference = (right.color - left.color).mean(-1)
    assert difference[:, middle + 8 :].sum() > 1 > -1 > difference[:, : middle - 8].sum()


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_patterns_change_the_plumage_and_nothing_else(pattern):
    gull = SPECIES["herring-gull"]
    plain = next(iter(gull.plumages.values()))
    before = cutout_of(gull, plumage=plain)
    after = cutout_of(gull, plumage=replace(plain, pattern=pattern, second="#401010"))
    np.testing.assert_array_equal(before.alpha, after.alpha)
    changed = np.abs(before.color - after.color).max(-1)[before.alpha > 0.9] > 0.05
    assert 0.08 < changed.mean() < 0.9


def test_species_differ_in_outline():
    """Shapes alone tell species apart: their normalised silhouettes overlap less than those of two individuals."""

    def silhouette(name, **stance):
        mesh, ground = build_bird(SPECIES[name].shape, Stance(**stance))
        plumage = next(iter(SPECIES[name].plumages.values()))
        return (
            draw_bird(mesh, plumage, view_of(mesh), LIGHT, ground, (SIZE, SIZE), np.random.default_rng(0)).alpha > 0.5
        )

    def overlap(a, b):
        return (a & b).sum() / (a | b).sum()

    outlines = {name: silhouette(name) for name in SPECIES}
    names = sorted(outlines)
    worst = max(overlap(outlines[a], outlines[b]) for i, a in enumerate(names) for b in names[:i])
    assert worst < 0.86
    assert min(overlap(outlines[name], silhouette(name, plump=1.03)) for name in names) > 0.88


def test_feathers_tile_the_plane_and_tips_lie_on_top():
    p, q = (v.ravel() for v in np.meshgrid(np.linspace(-3, 3, 61), np.linspace(-2, 2, 41)))
    feathers = lay(p.astype(np.float32), q.astype(np.float32))
    assert feathers.along.min() >= 0
    assert feathers.along.max() <= 1.001
    assert np.abs(feathers.across).max() <= 0.5
    assert feathers.to_tip.min() >= -1e-5
    assert len(np.unique(feathers.number)) > 20


def test_the_sun_is_blocked_behind_the_bird():
    mesh, _ = build_bird(SPECIES["mallard"].shape, Stance())
    seen = sun_visibility(mesh, mesh.points, np.array([0.0, 1.0, 0.0]))
    top, bottom = mesh.normals[:, 1] > 0.8, mesh.normals[:, 1] < -0.8
    assert seen[top].mean() > 0.7
    assert seen[bottom].mean() < 0.3


def test_ground_shadow_falls_away_from_the_sun():
    mesh, ground = build_bird(SPECIES["herring-gull"].shape, Stance())
    view = view_of(mesh)
    columns = np.arange(SIZE)
    centre = []
    for x in (-0.7, 0.7):
        cast, contact = ground_shadow(mesh, view, unit(np.array([x, 0.6, 0.1])), ground, SIZE, SIZE)
        centre.append(float((cast.sum(0) * columns).sum() / cast.sum()))
        assert cast.min() >= 0
        assert cast.max() <= 1.001
        assert contact.max() > 0.2
    assert centre[0] > centre[1] + 6


def test_crumbs_are_dropped_and_the_body_stays():
    alpha = np.zeros((20, 20), np.float32)
    alpha[3:13, 3:13] = 1
    alpha[17, 17] = 0.8
    alpha[17, 18] = 0.3
    cleaned = without_crumbs(BirdCutout(alpha[..., None].repeat(3, 2), alpha))
    assert cleaned.alpha[3:13, 3:13].min() == 1
    assert cleaned.alpha[14:, 14:].max() == 0
    assert cleaned.color[14:, 14:].max() == 0


def test_developing_is_deterministic_and_varies_with_the_generator():
    light = np.full((16, 16, 3), 0.3, np.float32)
    first, again, other = (develop(light, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 0.5
