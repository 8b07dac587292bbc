"""Putting objects into scenes."""

import cv2
import numpy as np
import pytest

from edit_photos import photo, shape
from varireal.editors.regions import background_region, edge_share, signed_depth
from varireal_demo.edit_background import (
    ground_shadow,
    match_light,
    match_sharpness,
    noise_level,
    replace_background,
    touches_bottom,
)
from varireal_demo.scenes import Light

CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def light(direction=(0.3, 0.8, 0.5)):
    vector = np.asarray(direction, np.float32)
    vector /= np.linalg.norm(vector)
    return Light(vector, np.ones(3, np.float32), np.full(3, 0.4, np.float32), np.full(3, 0.2, np.float32))


def test_the_region_is_all_but_the_sure_inside():
    mask = shape()
    region = background_region(mask)
    assert region[~mask].all()
    kept = ~region
    assert kept.sum() > 0.85 * mask.sum()
    assert not (cv2.dilate(kept.astype(np.uint8), CROSS).astype(bool) & ~mask).any()


def test_scenes_differ_and_cover_the_old_background():
    image, mask = photo((0.8, 0.4, 0.3))
    first = replace_background(image, mask, "beach", np.random.default_rng(0)).astype(int)
    second = replace_background(image, mask, "deep space", np.random.default_rng(0)).astype(int)
    assert np.abs(first - second)[~mask].mean() > 20
    assert np.abs(first - image)[~mask].mean() > 10


def test_the_edge_holds_nothing_of_the_old_background():
    image, mask = photo((0.85, 0.85, 0.85))
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)[..., None]
    green = (image * soft + np.array([0, 255, 0]) * (1 - soft)).astype(np.uint8)
    edited = replace_background(green, mask, "deep space", np.random.default_rng(0)).astype(int)
    band = background_region(mask) & (cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    greenness = lambda picture: (picture[..., 1] - picture[..., [0, 2]].mean(-1))[band].mean()  # noqa: E731
    assert greenness(green.astype(int)) > 60
    assert greenness(edited) < 0.2 * greenness(green.astype(int))


def test_the_edge_is_measured_from_the_colours():
    mask = shape()
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    image = np.repeat((40 + 180 * soft)[..., None], 3, -1).astype(np.uint8)
    share = edge_share(image, signed_depth(mask), 1.0)
    band = np.abs(signed_depth(mask)) < 1
    assert np.abs(share - soft)[band].mean() < 0.08


def test_shadows_fall_on_the_ground_beside_the_feet():
    mask = np.zeros((80, 80), bool)
    mask[20:60, 35:45] = True
    factor = ground_shadow(mask, light((-0.6, 0.7, 0.2)))
    assert factor.shape == (80, 80, 3)
    assert factor[60, 40].mean() < 0.72
    assert factor[5, 5].min() > 0.99
    # Light from the left throws the shadow to the right.
    darkness = 1 - factor[48:62].mean(-1)
    darkness[mask[48:62]] = 0
    assert darkness[:, 46:].sum() > 1.5 * darkness[:, :34].sum()


def test_a_cropped_object_stands_on_nothing():
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    assert not touches_bottom(mask)
    mask[30:, 15:20] = True
    assert touches_bottom(mask)


def test_the_scene_takes_the_photo_exposure_and_sharpness():
    rng = np.random.default_rng(0)
    scene = rng.random((64, 64, 3)).astype(np.float32) * 0.5 + 0.2
    dark, bright = np.full((64, 64, 3), 30, np.uint8), np.full((64, 64, 3), 220, np.uint8)
    assert match_light(scene, light(), dark).mean() < 0.8 * match_light(scene, light(), bright).mean()
    blurred = cv2.GaussianBlur(rng.integers(0, 255, (64, 64, 3), np.uint8), (0, 0), 2)
    softened = match_sharpness(scene, blurred, np.ones((64, 64), bool))
    assert softened.std() < 0.7 * scene.std()


@pytest.mark.parametrize("level", [0.005, 0.02])
def test_noise_is_measured(level):
    noise = np.random.default_rng(0).normal(0.5, level, (128, 128, 1))
    image = (np.clip(np.repeat(noise, 3, -1), 0, 1) * 255).round().astype(np.uint8)
    assert noise_level(image) == pytest.approx(level, rel=0.25)
