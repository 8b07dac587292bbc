"""Photos on the pictures of editing models, and back."""

import numpy as np
import pytest

from edit_photos import photo
from varireal.editors.base import composite
from varireal.editors.frame import Letterbox, may_change, settled, working_shape
from varireal.editors.regions import background_region

SHAPES = [(768, 1024), (1024, 768), (333, 500), (100, 1000), (64, 64), (1999, 2001)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [128, 512, 1024])
def test_pictures_have_whole_cells_the_photos_shape_and_no_more_than_the_area(shape, size):
    height, width = working_shape(shape, size, 16)
    assert height % 16 == width % 16 == 0
    assert 0.7 * size**2 <= height * width <= size**2
    ratio = min(7 / 3, max(3 / 7, shape[1] / shape[0]))
    assert abs(width / height / ratio - 1) < 32 / min(height, width)


@pytest.mark.parametrize("shape", SHAPES)
def test_qwen_image_edit_gives_its_shapes_themselves_again(shape):
    from diffusers.pipelines.qwenimage.pipeline_qwenimage_edit import calculate_dimensions

    height, width = working_shape(shape, 1024, 32, exact=False)
    assert calculate_dimensions(1024 * 1024, width / height)[:2] == (width, height)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (50, 50), (33, 61)])
@pytest.mark.parametrize("outer", [(64, 96), (96, 64), (128, 128)])
def test_a_photo_comes_back_where_it_was(shape, outer):
    smooth = np.linspace(0, 255, shape[0] * shape[1]).reshape(*shape, 1).repeat(3, -1).astype(np.uint8)
    frame = Letterbox.fitted(shape, outer)
    placed = frame.place(smooth)
    assert placed.shape == (*outer, 3)
    assert frame.inner[0] == outer[0] or frame.inner[1] == outer[1]
    assert abs(frame.inner[1] / frame.inner[0] / (shape[1] / shape[0]) - 1) < 0.03
    assert np.abs(frame.back(placed).astype(int) - smooth).mean() < 3
    twice = placed.repeat(2, 0).repeat(2, 1)
    assert np.abs(frame.back(twice).astype(int) - smooth).mean() < 3


def test_every_part_of_a_region_is_in_the_placed_one():
    region = np.zeros((400, 400), bool)
    region[200, 20:390] = True  # one pixel high, an eighth of a pixel when scaled
    placed = Letterbox.fitted((400, 400), (48, 96)).place_region(region)
    assert placed.any(0)[26:71].all()
    assert placed.sum() <= 2 * 48
    assert not placed[:, :26].any()


def test_an_object_edit_takes_the_picture_and_a_background_edit_keeps_the_object():
    image, mask = photo((0.6, 0.4, 0.2))
    picture = np.full_like(image, 7)
    assert (settled(image, mask, "color", picture) == picture).all()
    assert (may_change(mask, "texture") == mask).all()
    region = may_change(mask, "background")
    assert (region == background_region(mask)).all()
    final = composite(image, settled(image, mask, "background", picture), region)
    far = np.hypot(*(np.indices(mask.shape) - 48)) > 42
    assert (final[far] == 7).all()
    assert (final[~region] == image[~region]).all()
    rim = region & mask
    assert (final[rim].mean(-1) > 20).mean() > 0.8  # the object's rim is the object's, not the plate's
