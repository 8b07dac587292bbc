"""Decoding at reduced scale."""

import cv2
import numpy as np
import pytest

from varireal.classifiers.augment_decode import load_small
from varireal.errors import DataError


def encoded(height, width, suffix=".jpg"):
    coarse = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return image, cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])[
        1
    ].tobytes()


@pytest.mark.parametrize(
    ("size", "min_side", "expected"),
    [
        ((375, 500), 224, (375, 500)),
        ((800, 1000), 400, (400, 500)),
        ((799, 1000), 400, (799, 1000)),
        ((1000, 1700), 240, (250, 425)),
        ((2000, 2400), 240, (250, 300)),
        ((40, 50), 224, (40, 50)),
    ],
)
def test_the_short_side_stays_long_enough(size, min_side, expected):
    image, data = encoded(*size)
    small = load_small(data, min_side)
    assert small.shape == (*expected, 3)
    reference = cv2.resize(image, expected[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - reference).mean() < 3


def test_other_formats_are_decoded_in_full():
    image, data = encoded(800, 1000, ".png")
    assert np.array_equal(load_small(data, 100), image)


@pytest.mark.parametrize("data", [b"", b"not a picture", encoded(50, 50, ".png")[1][:40]])
def test_damage_is_an_error(data):
    with pytest.raises(DataError, match="cannot be decoded"):
        load_small(data, 100)
