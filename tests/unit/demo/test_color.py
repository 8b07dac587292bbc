"""Recolouring: the asked colour arrives, and the shading stays."""

import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr

from edit_photos import photo
from varireal.editors import oklab
from varireal.editors.colors import MATTE, METALLIC, NamedColor
from varireal.metrics.receipts import color_distances
from varireal_demo.edit_object import recolor

RED, BLUE, YELLOW = (0.85, 0.05, 0.05), (0.1, 0.2, 0.8), (0.95, 0.85, 0.1)


@pytest.mark.parametrize("rgb", [RED, BLUE, YELLOW, (0.05, 1, 0.05), (0.9, 0.5, 0.7)])
def test_the_asked_colour_arrives(any_photo, rgb):
    image, mask = any_photo
    distance, hue = color_distances(recolor(image, mask, NamedColor("x", rgb), np.random.default_rng(0)), mask, rgb)
    assert hue < 8
    assert distance < 12


def test_black_is_black_and_white_is_white(any_photo):
    image, mask = any_photo
    black = oklab.from_srgb(recolor(image, mask, NamedColor("black", (0, 0, 0)), np.random.default_rng(0))[mask] / 255)
    white = oklab.from_srgb(recolor(image, mask, NamedColor("white", (1, 1, 1)), np.random.default_rng(0))[mask] / 255)
    assert np.median(black[:, 0]) < 0.3
    assert np.median(white[:, 0]) > 0.85
    for lab in (black, white):
        assert np.median(np.hypot(lab[:, 1], lab[:, 2])) < 0.02


@pytest.mark.parametrize("rgb", [RED, BLUE, (0.5, 0.5, 0.5), (1, 1, 1), (0, 0, 0)])
def test_shading_and_fur_stay(any_photo, rgb):
    image, mask = any_photo
    edited = recolor(image, mask, NamedColor("x", rgb), np.random.default_rng(0))
    inside = cv2.erode(mask.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)
    before, after = (oklab.from_srgb(picture / 255)[..., 0] for picture in (image, edited))
    assert spearmanr(before[inside], after[inside]).statistic > 0.85
    fur = [picture - cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in (before, after)]
    assert np.corrcoef(fur[0][inside], fur[1][inside])[0, 1] > 0.75
    assert 0.5 < fur[1][inside].std() / fur[0][inside].std() < 1.6


def test_a_small_dark_eye_stays():
    image, mask = photo((0.7, 0.65, 0.6))
    image[38:42, 46:50] = 12
    edited = recolor(image, mask, NamedColor("green", (0.05, 1, 0.05)), np.random.default_rng(0))
    assert np.abs(edited[39:41, 47:49].astype(int) - 12).max() < 40
    assert edited[60, 48, 1] > 150


def test_a_small_part_of_a_rare_colour_stays():
    image, mask = photo((0.8, 0.8, 0.8))
    image[55:61, 46:51] = (200, 30, 40)
    edited = recolor(image, mask, NamedColor("blue", BLUE), np.random.default_rng(0))
    assert np.abs(edited[57:59, 48:49].astype(int) - (200, 30, 40)).max() < 50
    assert edited[40, 48, 2] > edited[40, 48, 0] + 60


def test_an_object_of_two_colours_takes_one():
    image, mask = photo((0.85, 0.85, 0.85))
    image[:48] = (image[:48] * 0.15).astype(np.uint8)
    edited = recolor(image, mask, NamedColor("white", (1, 1, 1)), np.random.default_rng(0))
    upper, lower = edited[30:40, 44:52].mean(), edited[56:66, 44:52].mean()
    assert lower - upper < 0.6 * (image[56:66, 44:52].mean() - image[30:40, 44:52].mean())
    assert upper > 110


def test_metal_has_more_contrast_than_matte_paint():
    image, mask = photo((0.5, 0.4, 0.3))
    spread = {
        finish: np.ptp(
            np.percentile(
                recolor(image, mask, NamedColor("x", (0.7, 0.5, 0.2), finish), np.random.default_rng(0))[mask], (5, 95)
            )
        )
        for finish in (METALLIC, MATTE)
    }
    assert spread[METALLIC] > 1.1 * spread[MATTE]


def test_edges_have_no_rim_of_the_old_colour():
    image, mask = photo((0.95, 0.94, 0.92))
    image[~mask] = (image[~mask] * 0.3).astype(np.uint8)
    edited = recolor(image, mask, NamedColor("blue", BLUE), np.random.default_rng(0)).astype(int)
    rim = mask & ~np.roll(mask, 1, 0)
    assert np.median(edited[rim][:, 0] - edited[rim][:, 2]) < -30


@pytest.mark.parametrize(("limb", "stays"), [((190, 40, 40), True), ((40, 40, 40), True), ((200, 198, 196), False)])
def test_legs_of_another_colour_stay(limb, stays):
    image, mask = photo((0.8, 0.79, 0.78))
    mask[78:92, 46:49] = True
    image[78:92, 46:49] = limb
    edited = recolor(image, mask, NamedColor("blue", BLUE), np.random.default_rng(0)).astype(int)
    change = np.abs(edited[84:90, 47] - limb).max()
    assert change < 40 if stays else change > 60
