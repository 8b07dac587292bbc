import numpy as np
import pytest

from varireal.names import MaskStatus
from varireal.segmenters.provided import ProvidedSegmenter

IMAGE = np.zeros((30, 40, 3), np.uint8)


def one(given, image=IMAGE):
    return ProvidedSegmenter().segment([image], [given], ["gull"])[0]


@pytest.fixture
def disc():
    y, x = np.mgrid[0:30, 0:40]
    return (x - 20) ** 2 + (y - 15) ** 2 < 64


@pytest.mark.parametrize("form", [lambda m: m, lambda m: m.astype(np.uint8), lambda m: m.astype(np.uint8) * 255])
def test_every_form_of_a_mask_is_the_same_mask(disc, form):
    result = one(form(disc))
    assert result.status == MaskStatus.OK
    assert result.score is None
    assert result.mask.dtype == bool
    np.testing.assert_array_equal(result.mask, disc)


def test_anti_aliased_masks_are_cut_at_one_half():
    given = np.zeros((30, 40), np.uint8)
    given[5, 5:8] = (127, 128, 255)
    np.testing.assert_array_equal(np.argwhere(one(given).mask), [[5, 6], [5, 7]])


def test_the_result_is_not_the_given_array(disc):
    given = disc.copy()
    one(given).mask[:] = False
    np.testing.assert_array_equal(given, disc)


def test_an_all_zero_mask_is_an_empty_mask_for_the_check_to_judge():
    assert one(np.zeros((30, 40), np.uint8)).mask.sum() == 0


def test_no_mask_is_missing():
    result = one(None)
    assert (result.mask, result.status) == (None, MaskStatus.MISSING)
    assert result.reason == "The data set has no mask for this image."


def test_another_size_names_both_sizes():
    result = one(np.zeros((40, 30), np.uint8))
    assert (result.mask, result.status) == (None, MaskStatus.UNREADABLE)
    assert result.reason == "The mask is 30 x 40 px but the image is 40 x 30 px (width x height)."


def test_a_mask_with_channels_is_unreadable():
    result = one(np.zeros((30, 40, 3), np.uint8))
    assert result.status == MaskStatus.UNREADABLE
    assert "(30, 40, 3)" in result.reason


def test_a_float_mask_is_unreadable():
    result = one(np.zeros((30, 40), np.float32))
    assert result.status == MaskStatus.UNREADABLE
    assert "float32" in result.reason


def test_results_are_in_order_and_one_bad_mask_spoils_no_other(disc):
    results = ProvidedSegmenter().segment([IMAGE] * 3, [disc, None, ~disc], ["gull"] * 3)
    assert [result.status for result in results] == [MaskStatus.OK, MaskStatus.MISSING, MaskStatus.OK]
    assert [int(result.mask.sum()) for result in (results[0], results[2])] == [int(disc.sum()), int((~disc).sum())]


def test_as_many_masks_as_images_are_needed():
    with pytest.raises(ValueError, match="zip"):
        ProvidedSegmenter().segment([IMAGE], [], ["gull"])
