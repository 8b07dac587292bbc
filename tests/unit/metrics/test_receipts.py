"""Every measure reacts to the defect that it is for, and to no other."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage.color import lab2rgb

from varireal.metrics.measures import RECEIPT_FIELDS, every, measure
from varireal.metrics.receipts import color_distances, edge_ssim, seam_score, silhouette_iou
from varireal.records import MeasuredEdit

SIZE = 96


@pytest.fixture
def scene():
    """A shaded, patterned disc before a calm background: photo and mask."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    mask = np.hypot(rows - 48, columns - 48) < 28
    ground = np.stack([60 + rows * 0.4, 90 + 0 * rows, 120 - columns * 0.3], -1)
    shade = 0.7 + 0.3 * np.sin(columns / 3) * np.sin(rows / 5)
    disc = np.stack([190 * shade, 150 * shade, 90 * shade], -1)
    photo = np.where(mask[..., None], disc, ground).clip(0, 255).astype(np.uint8)
    return photo, mask


def recolored(photo, mask, rgb):
    """A good colour edit: the object's luminance times the asked colour."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None] / 150.0
    painted = (np.array(rgb) * 255 * grey).clip(0, 255).astype(np.uint8)
    return np.where(mask[..., None], painted, photo)


BLUE = (0.15, 0.3, 0.8)


def receipt(photo, edited, mask, attribute="color", region=None, target=BLUE):
    region = mask if region is None else region
    aimed = target if attribute == "color" else None
    return SimpleNamespace(**measure(MeasuredEdit(photo, edited, mask, region, attribute, aimed, mask), {}))


def test_fields_are_documented():
    assert list(RECEIPT_FIELDS) == list(every())
    assert all(row.doc and row.column == name for name, row in every().items())


def test_a_good_colour_edit(scene):
    photo, mask = scene
    got = receipt(photo, recolored(photo, mask, BLUE), mask)
    assert got.changed_fraction > 0.95
    assert (got.leak_max, got.leak_mean) == (0, 0)
    assert got.seam_score < 0.2
    assert got.color_distance < 15
    assert got.hue_distance < 12
    assert got.edge_ssim > 0.5
    assert got.silhouette_iou is None


def test_nothing_changed(scene):
    photo, mask = scene
    got = receipt(photo, photo, mask)
    assert got.changed_fraction == 0
    assert got.seam_score == 0
    assert got.edge_ssim == pytest.approx(1)


def test_a_leak_of_one_level_in_one_pixel_is_seen(scene):
    photo, mask = scene
    edited = recolored(photo, mask, BLUE)
    edited[0, 0, 1] += 1
    got = receipt(photo, edited, mask)
    assert got.leak_max == 1
    assert got.leak_mean == pytest.approx(1 / (~mask).sum())


def test_the_wrong_colour(scene):
    photo, mask = scene
    got = receipt(photo, recolored(photo, mask, (0.8, 0.2, 0.1)), mask)
    assert got.color_distance > 30
    assert got.hue_distance > 60


def test_a_shifted_mask_shows_a_seam(scene):
    photo, mask = scene
    shifted = np.roll(mask, (14, 14), (0, 1))
    good = receipt(photo, recolored(photo, mask, BLUE), mask).seam_score
    bad = receipt(photo, recolored(photo, shifted, BLUE), shifted).seam_score
    assert bad > good + 0.3


def test_a_lost_drawing(scene):
    photo, mask = scene
    noise = np.random.default_rng(0).integers(0, 255, photo.shape, np.uint8)
    good = edge_ssim(photo, recolored(photo, mask, BLUE), mask)
    assert edge_ssim(photo, np.where(mask[..., None], noise, photo), mask) < good - 0.3


def test_an_object_that_vanishes_in_its_scene(scene):
    photo, mask = scene
    vanished = photo.copy()
    vanished[~mask] = photo[mask][np.random.default_rng(0).integers(0, mask.sum(), (~mask).sum())]
    assert silhouette_iou(photo, mask) > 0.9
    assert silhouette_iou(vanished, mask) < 0.5


def test_background_edits_have_a_silhouette_and_no_colour(scene):
    photo, mask = scene
    edited = photo.copy()
    edited[~mask] = 255 - edited[~mask]
    got = receipt(photo, edited, mask, "background", ~mask)
    assert got.silhouette_iou > 0.8
    assert (got.color_distance, got.hue_distance, got.edge_ssim) == (None, None, None)


def test_grey_has_no_hue(scene):
    photo, mask = scene
    assert color_distances(photo, mask, (0.5, 0.5, 0.5))[1] is None


@pytest.mark.parametrize("turn", [30, 90, 179])
def test_hue_distance_is_an_angle(turn):
    def color(angle):
        lab = [55, 30 * np.cos(np.radians(angle)), 30 * np.sin(np.radians(angle))]
        return lab2rgb(np.array(lab)[None, None])[0, 0]

    picture = np.tile((color(turn) * 255).round().astype(np.uint8), (8, 8, 1))
    hue = color_distances(picture, np.ones((8, 8), bool), tuple(color(0)))[1]
    assert hue == pytest.approx(turn, abs=2.5)


@pytest.mark.parametrize("attribute", ["background", "color", "texture"])
@pytest.mark.parametrize("kind", ["empty", "whole", "pixel"])
def test_odd_masks_do_not_crash(attribute, kind):
    photo = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[...] = kind == "whole"
    mask[3, 4] |= kind == "pixel"
    got = receipt(photo, 255 - photo, mask, attribute, ~mask if attribute == "background" else mask)
    assert got.leak_max is not None
    assert seam_score(photo, photo, mask) in (None, 0)
