"""What a failing comparison says: the file, the figure, the bound, and where the new result lies."""

import cv2
import numpy as np
import pytest

from golden.comparing import HERE, SCRIPT, check_mask, check_picture, check_values, kept_picture, kept_values

PICTURE, MASK, VALUES = "edits/matched_color.png", "masks/gull.png", "masks/values.json"


def test_what_is_kept_passes(tmp_path):
    check_picture(PICTURE, kept_picture(PICTURE), tmp_path, bound=55)
    check_mask(MASK, kept_picture(MASK) > 0, tmp_path, bound=0.98)
    check_values(VALUES, kept_values(VALUES), tmp_path, bound=1e-3)
    assert not list(tmp_path.iterdir())


def told(check, *args, **bounds):
    with pytest.raises(AssertionError) as caught:
        check(*args, **bounds)
    assert SCRIPT in str(caught.value)
    return str(caught.value)


def test_another_picture_is_told_and_saved(tmp_path):
    other = kept_picture(PICTURE).copy()
    other[:20] = 0
    text = told(check_picture, PICTURE, other, tmp_path, bound=55)
    assert text.startswith(f"{HERE / PICTURE}: PSNR ")
    assert " dB, expected at least 55 dB. " in text
    assert str(tmp_path / PICTURE) in text
    assert (cv2.imread(str(tmp_path / PICTURE))[..., ::-1] == other).all()
    inside = np.ones(other.shape[:2], bool)
    inside[:20] = False
    check_picture(PICTURE, other, tmp_path, bound=55, inside=inside)


def test_another_size_is_told(tmp_path):
    text = told(check_picture, PICTURE, np.zeros((5, 6, 3), np.uint8), tmp_path, bound=55)
    assert "shape (5, 6, 3), expected (50, 120, 3)" in text
    assert "shape (5, 6), expected (96, 128)" in told(check_mask, MASK, np.zeros((5, 6), bool), tmp_path, bound=0.98)


def test_another_mask_is_told_and_saved(tmp_path):
    other = kept_picture(MASK) > 0
    other[:, ::7] ^= True
    text = told(check_mask, MASK, other, tmp_path, bound=0.98)
    assert text.startswith(f"{HERE / MASK}: IoU 0.")
    assert ", expected at least 0.98. " in text
    assert ((cv2.imread(str(tmp_path / MASK), cv2.IMREAD_UNCHANGED) > 0) == other).all()


@pytest.mark.parametrize("change", [{"score": 0.5}, {"status": "mask_tiny"}, {"objects": None}])
def test_other_values_are_told_and_saved(tmp_path, change):
    (key, value), kept = next(iter(change.items())), kept_values(VALUES)["gull"]
    text = told(check_values, VALUES, kept | change, tmp_path, bound=1e-3, part="gull")
    assert text.startswith(f"{HERE / VALUES}: gull, {key}: {value}, expected {kept[key]} within 0.001. ")
    assert (tmp_path / VALUES).exists()


def test_a_value_that_is_missing_or_too_many_is_told(tmp_path):
    kept = kept_values(VALUES)
    assert "nothing, status: None" in told(check_values, VALUES, kept | {"nothing": {}}, tmp_path, bound=1e-3)
    assert "new, more: 1, expected None" in told(check_values, VALUES, kept | {"new": {"more": 1}}, tmp_path, bound=1)


def test_a_missing_file_says_how_to_write_it(tmp_path):
    assert "gone.png is missing" in told(check_picture, "gone.png", np.zeros((5, 6, 3), np.uint8), tmp_path, bound=55)
