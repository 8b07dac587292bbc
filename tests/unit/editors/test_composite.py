"""Compositing keeps the original bytes."""

import numpy as np
import pytest

from varireal.editors.base import composite

A = np.zeros((4, 5, 3), np.uint8)
B = np.full((4, 5, 3), 9, np.uint8)


def test_only_the_region_is_taken():
    region = np.zeros((4, 5), bool)
    region[1, 2] = True
    result = composite(A, B, region)
    assert result.sum() == 27
    assert result[1, 2].tolist() == [9, 9, 9]
    assert result.dtype == np.uint8


def test_the_inputs_are_left_alone():
    composite(A, B, np.ones((4, 5), bool))[...] = 77
    assert (A.max(), B.max()) == (0, 9)


@pytest.mark.parametrize(
    ("edited", "region"),
    [(B[:3], np.ones((4, 5), bool)), (B, np.ones((3, 5), bool)), (B.astype(float), np.ones((4, 5), bool))],
)
def test_what_does_not_fit_is_refused(edited, region):
    with pytest.raises(ValueError, match=r"differ|uint8"):
        composite(A, edited, region)
