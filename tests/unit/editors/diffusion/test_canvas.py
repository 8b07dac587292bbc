"""Pixels around the models, by hand on small pictures."""

import cv2
import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor

from varireal.config.edits import masked_recipe
from varireal.editors.diffusion import canvas as pixels
from varireal.editors.diffusion.canvas import SdxlCanvas


@pytest.mark.parametrize(
    ("photo", "square", "inner", "outer"),
    [
        ((500, 1000), True, (512, 1024), (1024, 1024)),
        ((1000, 500), True, (1024, 512), (1024, 1024)),
        ((300, 300), True, (1024, 1024), (1024, 1024)),
        ((500, 1000), False, (512, 1024), (512, 1024)),
        ((683, 1024), False, (683, 1024), (704, 1024)),
    ],
)
def test_canvases(photo, square, inner, outer):
    canvas = SdxlCanvas.of(photo, 1024, square=square)
    assert (canvas.inner, canvas.outer) == (inner, outer)


def test_there_and_back_keeps_the_picture():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (6, 9, 3), np.uint8)
    image = np.kron(small, np.ones((8, 8, 1), np.uint8))
    canvas = SdxlCanvas.of(image.shape[:2], 128, square=False)
    back = canvas.back(canvas.place(image))
    assert back.shape == image.shape
    assert np.abs(back.astype(int) - image).mean() < 2


def test_a_padded_mask_is_no_object():
    canvas = SdxlCanvas.of((40, 64), 64, square=True)
    placed = canvas.place_mask(np.ones((40, 64), bool))
    assert set(np.unique(placed)) == {0, 255}
    assert (placed[40:] == 0).all()
    assert (placed[:40] == 255).all()


def test_the_ring_is_the_photos():
    image, scene = np.full((20, 20, 3), 9, np.uint8), np.full((20, 20, 3), 200, np.uint8)
    mask = np.zeros((20, 20), np.uint8)
    mask[8:12, 8:12] = 255
    pasted = pixels.paste_with_ring(image, mask, scene, 5)
    assert (pasted[6:14, 6:14] == 9).all()
    assert (pasted[0] == 200).all()
    assert ((pixels.paste_with_ring(image, mask, scene, 0)[..., 0] == 9) == (mask == 255)).all()


def test_the_published_ring_of_nothing_is_opencvs_default():
    mask = np.zeros((16, 16), np.uint8)
    mask[6:10, 5:9] = 255
    image, scene = np.full((16, 16, 3), 9, np.uint8), np.zeros((16, 16, 3), np.uint8)
    ring = masked_recipe("paper", "waterbirds", "background", "feasible", {}).ring_px
    published = cv2.dilate(mask, np.ones((0, 0), np.uint8)) == 255
    assert ((pixels.paste_with_ring(image, mask, scene, ring)[..., 0] == 9) == published).all()


def test_the_inpainting_mask_is_what_the_pipeline_reads_in_the_blurred_one():
    mask = np.zeros((96, 96), np.uint8)
    cv2.ellipse(mask, (50, 44), (30, 17), 33, 0, 360, 255, -1)
    soft = torch.from_numpy(cv2.GaussianBlur(255.0 - mask, (41, 41), 0))[None].float() / 255.0
    reader = VaeImageProcessor(do_normalize=False, do_binarize=True, do_convert_grayscale=True)
    read = reader.preprocess(soft)[0, 0].numpy()
    made = pixels.outside_mask(mask, 41)
    assert set(np.unique(made)) == {0, 255}
    assert np.array_equal(made / 255, read)
    assert not np.array_equal(made, 255 - mask)


def test_blend_cuts_decimals_and_leaves_the_rest():
    image, mask = np.full((4, 4, 3), 101, np.uint8), np.zeros((4, 4), np.uint8)
    mask[0] = 255
    mixed = pixels.blend(image, mask, np.array([0, 0, 255]), 0.5)
    assert mixed[0, 0].tolist() == [50, 50, 178]
    assert (mixed[1:] == 101).all()


def test_edges_are_the_objects_only():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 255, (64, 64, 3), np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    edges = pixels.object_edges(image, mask, 0.7)
    assert edges.shape == (64, 64, 3)
    assert edges[20:44, 20:44].any()
    assert not edges[:12].any()


def test_the_grey_canvas_is_square_and_centred():
    mask = np.full((8, 16), 255, np.uint8)
    seen = pixels.on_grey(np.full((8, 16, 3), 7.9), mask, 100)
    assert seen.shape == (16, 16, 3)
    assert (seen[4:12] == 7).all()
    assert (seen[:4] == 100).all()


@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.999999, 0.999999), (0.3, 0.8)])
@pytest.mark.parametrize("shape", [(64, 64), (64, 128), (128, 64)])
def test_crops_of_priors_fit(corner, shape):
    prior = np.random.default_rng(2).integers(0, 255, (128, 128, 3), np.uint8)
    assert pixels.window(prior, corner, shape).shape == (*shape, 3)
    assert pixels.swatch(prior, corner, 32, shape).shape == (*shape, 3)


def test_other_corners_give_other_crops():
    prior = np.random.default_rng(2).integers(0, 255, (128, 128, 3), np.uint8)
    assert (pixels.window(prior, (0, 0), (64, 128)) != pixels.window(prior, (0.9, 0), (64, 128))).any()


@pytest.mark.parametrize(
    ("how", "expected"), [("round", [0, 0, 2, 255]), ("cut", [0, 0, 1, 255]), ("wrap", [224, 0, 1, 15])]
)
def test_casting(how, expected):
    assert pixels.cast(np.array([-32.4, 0.2, 1.7, 271.3]), how).tolist() == expected
