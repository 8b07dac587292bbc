"""OKLab against published values, and its gamut mapping."""

import numpy as np
import pytest

from varireal.editors import oklab


@pytest.mark.parametrize(
    ("rgb", "lab"),
    # Published on https://bottosson.github.io/posts/oklab/ and in CSS Color 4 for the primaries.
    [
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 1, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_known_colours(rgb, lab):
    assert oklab.from_srgb(rgb) == pytest.approx(lab, abs=2e-4)


def test_round_trip():
    rgb = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    assert np.abs(oklab.to_srgb(oklab.from_srgb(rgb)) - rgb).max() < 2e-3


def test_a_colour_outside_srgb_keeps_lightness_and_hue():
    lab = np.array([0.6, 0.3, -0.3], np.float32)
    fitted = oklab.fit_gamut(lab)
    assert fitted[0] == pytest.approx(0.6)
    assert np.arctan2(fitted[2], fitted[1]) == pytest.approx(np.arctan2(-0.3, 0.3), abs=1e-3)
    assert 0.1 < np.hypot(*fitted[1:]) < np.hypot(*lab[1:])
    assert np.all((oklab.to_linear(fitted) > -0.002) & (oklab.to_linear(fitted) < 1.002))


def test_a_colour_inside_srgb_is_left_alone():
    lab = oklab.from_srgb([0.3, 0.5, 0.2])
    assert np.array_equal(oklab.fit_gamut(lab), lab)
