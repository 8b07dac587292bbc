import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.errors import DataError
from varireal.names import MaskStatus
from varireal.segmenters.quality import (
    MaskLimits,
    area_fraction,
    border_fraction,
    bounding_box,
    check_mask,
    count_parts,
    decode_mask,
    encode_mask,
    smooth_mask,
)

LIMITS = MaskLimits()


def blank(height=100, width=100):
    return np.zeros((height, width), bool)


def test_the_default_limits_are_the_documented_ones():
    assert MaskLimits(min_area=0.01, max_area=0.90, max_parts=3, max_border=0.35) == LIMITS


def test_a_plain_object_is_ok_without_a_reason():
    mask = blank()
    mask[30:70, 30:70] = True
    assert check_mask(mask, LIMITS) == (MaskStatus.OK, "")


def test_empty():
    assert check_mask(blank(), LIMITS) == (MaskStatus.EMPTY, "The mask has no object pixel.")


@pytest.mark.parametrize(("pixels", "status"), [(99, MaskStatus.TINY), (100, MaskStatus.OK)])
def test_tiny_is_below_the_smallest_area(pixels, status):
    mask = blank()
    mask[10:20, 10:20] = True
    mask[10, 10] = pixels == 100
    assert check_mask(mask, LIMITS)[0] == status


def test_tiny_names_both_numbers():
    mask = blank()
    mask[50, 50:55] = True
    assert check_mask(mask, LIMITS) == (
        MaskStatus.TINY,
        "The object covers 0.05 % of the image, less than the 1 % required.",
    )


def test_whole_image():
    status, reason = check_mask(~blank(), LIMITS)
    assert status == MaskStatus.WHOLE_IMAGE
    assert reason == "The object covers 100 % of the image, more than the 90 % allowed."


def test_border_hugging():
    mask = blank()
    mask[:50] = True
    # Of the 396 border pixels, the top row and 49 more on each of two sides are covered.
    assert border_fraction(mask) == pytest.approx(198 / 396)
    status, reason = check_mask(mask, LIMITS)
    assert status == MaskStatus.TOUCHES_BORDER
    assert reason == "The object covers 50 % of the image's border, more than the 35 % allowed."


def test_many_parts():
    mask = blank()
    for left in (10, 30, 50, 70):
        mask[40:60, left : left + 10] = True
    assert check_mask(mask, LIMITS) == (
        MaskStatus.MANY_PARTS,
        "The object is in 4 separate parts, more than the 3 allowed.",
    )
    assert check_mask(mask, MaskLimits(max_parts=4))[0] == MaskStatus.OK


def test_specks_are_not_parts():
    mask = blank()
    mask[20:60, 20:60] = True
    for left in range(10, 90, 8):
        mask[80:83, left : left + 3] = True  # 9 pixels each, half a percent of the object
    assert count_parts(mask) == 1


def test_parts_that_touch_at_a_corner_are_one():
    mask = blank(4, 4)
    mask[0, 0] = mask[1, 1] = True
    assert count_parts(mask) == 1


def test_masks_without_pixels_are_empty():
    assert area_fraction(np.zeros((0, 5), bool)) == 0.0
    assert check_mask(np.zeros((0, 5), bool), LIMITS)[0] == MaskStatus.EMPTY


def test_one_pixel_images():
    assert check_mask(np.ones((1, 1), bool), LIMITS)[0] == MaskStatus.WHOLE_IMAGE
    assert check_mask(np.zeros((1, 1), bool), LIMITS)[0] == MaskStatus.EMPTY


def test_bounding_box_is_xywh():
    mask = blank(50, 80)
    mask[10:15, 30:52] = True
    mask[40, 33] = True
    assert bounding_box(mask) == (30, 10, 22, 31)
    assert bounding_box(blank()) == (0, 0, 0, 0)
    assert bounding_box(np.ones((1, 1), bool)) == (0, 0, 1, 1)


def test_smoothing_rounds_a_ragged_outline_and_keeps_the_area():
    mask = blank()
    mask[30:70, 30:70] = True
    mask[28:30, 36:64:4] = True  # a comb on the upper edge
    smooth = smooth_mask(mask, 2.0)
    assert abs(int(smooth.sum()) - 1600) < 60
    assert not smooth[:29].any()
    assert smooth[31, 34:66].all()


def test_smoothing_keeps_thin_parts():
    mask = blank()
    mask[20:50, 20:80] = True
    mask[50:95, 40] = True  # a leg of one pixel
    assert smooth_mask(mask, 3.0)[60:95, 40].all()


@pytest.mark.parametrize("radius", [0.0, 0.4, 1.0, 25.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 300), (16, 16)])
def test_smoothing_never_fails_and_never_empties(shape, radius):
    mask = np.zeros(shape, bool)
    assert not smooth_mask(mask, radius).any()
    mask[shape[0] // 2, shape[1] // 2] = True
    smooth = smooth_mask(mask, radius)
    assert smooth.shape == shape
    assert smooth.dtype == bool
    assert smooth[shape[0] // 2, shape[1] // 2]


def test_no_smoothing_is_a_copy():
    mask = blank()
    mask[30:70, 30:70] = True
    same = smooth_mask(mask, 0)
    same[:] = False
    assert mask.sum() == 1600


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**31))
def test_encoding_round_trip(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) > 0.5
    back = decode_mask(encode_mask(mask))
    assert back.dtype == bool
    np.testing.assert_array_equal(back, mask)


def test_encoding_is_one_bit_and_stable():
    mask = blank(64, 64)
    mask[10:50, 10:50] = True
    data = encode_mask(mask)
    assert data == encode_mask(mask.copy())
    assert data[24:26] == bytes([1, 0])  # IHDR: bit depth 1, greyscale


def test_a_damaged_mask_is_a_data_error():
    data = encode_mask(blank())
    with pytest.raises(DataError, match="is not a PNG image"):
        decode_mask(b"not a png")
    with pytest.raises(DataError, match="is not a PNG image"):
        decode_mask(data[: len(data) // 2])


def test_a_mask_of_another_mode_is_a_data_error():
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    with pytest.raises(DataError, match="mode RGB, expected a 1-bit PNG"):
        decode_mask(buffer.getvalue())
