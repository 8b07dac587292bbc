"""Cleaning masks."""

import numpy as np
import pytest

from varireal.segmenters.quality import refine_mask


@pytest.fixture
def ragged():
    """A ring with a hole, and a speck."""
    mask = np.zeros((30, 40), bool)
    mask[5:20, 5:25] = True
    mask[10:14, 10:16] = False
    mask[25:28, 30:33] = True
    return mask


def test_none_changes_nothing(ragged):
    assert refine_mask(ragged, "none") is ragged


def test_largest_keeps_the_hole_and_drops_the_speck(ragged):
    found = refine_mask(ragged, "largest")
    assert (found.dtype, found[25:28, 30:33].any(), found[10:14, 10:16].any()) == (bool, False, False)
    assert found.sum() == ragged.sum() - 9


def test_fill_is_the_area_of_the_outer_contour(ragged):
    expected = np.zeros((30, 40), bool)
    expected[5:20, 5:25] = True
    found = refine_mask(ragged, "fill")
    assert found.dtype == bool
    assert (found == expected).all()


@pytest.mark.parametrize("how", ["largest", "fill"])
@pytest.mark.parametrize("pixels", [0, 1, 2])
def test_masks_of_almost_nothing_are_no_error(how, pixels):
    mask = np.zeros((5, 5), bool)
    mask.flat[:pixels] = True
    assert (refine_mask(mask, how) == mask).all()


@pytest.mark.parametrize("how", ["largest", "fill"])
def test_a_full_mask_stays(how):
    assert refine_mask(np.ones((4, 6), bool), how).all()
