import base64

import cv2
import numpy as np
import pytest

from varireal.reporting.confusions import OUTLINE_POINTS, OUTLINE_SIDE, fitted, jpeg_url, outline


def decoded(url):
    head, _, data = url.partition(",")
    assert head == "data:image/jpeg;base64"
    return cv2.cvtColor(
        cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
    )


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((400, 200), (192, 96)),
        ((200, 400), (96, 192)),
        ((3000, 2), (192, 1)),
        ((192, 192), (192, 192)),
        ((1, 1), (1, 1)),
    ],
)
def test_longer_side_is_bounded_and_shape_is_kept(shape, expected):
    assert fitted(np.zeros((*shape, 3), np.uint8), 192).shape == (*expected, 3)


def test_a_small_picture_is_not_copied_or_enlarged():
    image = np.zeros((10, 20, 3), np.uint8)
    assert fitted(image, 192) is image


def test_colours_survive_in_order():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:] = (200, 90, 10)
    assert np.abs(decoded(jpeg_url(image, 82)).astype(int) - image).max() <= 3


def test_blocks_that_an_edit_left_alone_stay_identical():
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    edited = image.copy()
    edited[:16, :16] = 255 - edited[:16, :16]
    a, b = decoded(jpeg_url(image, 82)), decoded(jpeg_url(edited, 82))
    assert (a[:16, :16] != b[:16, :16]).mean() > 0.5
    a[:16, :16] = b[:16, :16] = 0
    assert np.array_equal(a, b)


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)]
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="expected \\(H, W, 3\\) uint8"):
        jpeg_url(image, 82)


def test_outline_of_a_square_with_a_hole():
    mask = np.zeros((20, 30), bool)
    mask[5:16, 10:21] = True
    mask[8:13, 13:18] = False
    width, height, path = outline(mask)
    assert (width, height) == (30, 20)
    assert path.count("M") == 2
    assert path.startswith("M10.5 5.5")


def test_outline_of_an_empty_mask_is_empty():
    assert outline(np.zeros((9, 9), bool)) == (9, 9, "")


def test_outline_of_noise_is_bounded():
    mask = np.random.default_rng(1).random((900, 1200)) < 0.5
    width, height, path = outline(mask)
    assert (width, height) == (OUTLINE_SIDE, OUTLINE_SIDE * 3 // 4)
    points = sum(len(part.rstrip("Z").split()) // 2 for part in path.split("M")[1:])
    assert 0 < points <= OUTLINE_POINTS
