"""Masks of Grounding DINO with SAM 2 and of an ONNX file against those that are kept."""

import pytest

from golden.comparing import check_mask, check_values, iou, kept_picture, kept_values
from golden.masks import GROUNDED, MATTING, VALUES, grounded, matting, values

# A rerun on one machine is equal; on other CPUs a pixel at the edge may move.
SAME_MASK, SAME_SCORE = 0.98, 1e-3
OTHER_MASK = 0.95


def check(result, case, tmp_path):
    check_values(VALUES, values(result), tmp_path, bound=SAME_SCORE, part=case)
    if result.mask is not None:
        check_mask(f"masks/{case}.png", result.mask, tmp_path, bound=SAME_MASK)
    else:
        assert kept_values(VALUES)[case]["status"] != "ok"


@pytest.mark.parametrize("case", GROUNDED)
def test_detector_and_outliner_find_the_kept_mask(tiny_model, tmp_path, case):
    check(grounded(tiny_model, case), case, tmp_path)


@pytest.mark.parametrize("case", MATTING)
def test_background_removal_finds_the_kept_mask(tmp_path, case):
    check(matting(tmp_path, case), case, tmp_path)


def test_every_case_is_kept():
    assert set(kept_values(VALUES)) == {*GROUNDED, *MATTING}


@pytest.mark.parametrize(
    ("case", "change"),
    [("gull", {"several": "union", "margin": 0.3}), ("gull", {"prompt": "the sea behind a {class}"})],
)
def test_another_setting_is_another_mask(tiny_model, case, change):
    result = grounded(tiny_model, case, **change)
    assert abs(result.score - kept_values(VALUES)[case]["score"]) > 2 * SAME_SCORE
    assert iou(result.mask, kept_picture(f"masks/{case}.png") > 0) < OTHER_MASK


@pytest.mark.parametrize("change", [{"threshold": 0.7}, {"mean": (0.4, 0.456, 0.406)}, {"size": 96}])
def test_other_settings_of_background_removal_are_another_mask(tmp_path, change):
    assert iou(matting(tmp_path, "matting", **change).mask, kept_picture("masks/matting.png") > 0) < OTHER_MASK
