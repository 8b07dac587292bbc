import math

import pytest

from varireal.config.verdicts import Gates, GatesByAttribute
from varireal.judges.gates import ReceiptJudge

GATES = GatesByAttribute(
    color=Gates(
        min_changed=0.3, max_leak=0.0, max_seam=0.5, max_color_distance=20.0, max_hue_distance=30.0, min_edge_ssim=0.4
    ),
    background=Gates(min_changed=0.5, min_silhouette_iou=0.6),
)
GOOD = {
    "attribute": "color",
    "status": "ok",
    "reason": "",
    "changed_fraction": 0.9,
    "leak_max": 0.0,
    "leak_mean": 0.0,
    "seam_score": 0.1,
    "silhouette_iou": None,
    "color_distance": 5.0,
    "hue_distance": 3.0,
    "edge_ssim": 0.8,
}


def judge(**changes):
    return ReceiptJudge().judge([{**GOOD, **changes}], GATES)[0]


def test_a_good_candidate_is_accepted():
    assert judge().accepted
    assert judge().reasons == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"changed_fraction": 0.29}, "change_inside"),
        ({"leak_max": 1.0}, "leak"),
        ({"seam_score": 0.51}, "seam"),
        ({"color_distance": 20.1}, "color"),
        ({"hue_distance": 31.0}, "hue"),
        ({"edge_ssim": 0.39}, "edges"),
    ],
)
def test_each_gate_rejects_with_its_reason(changes, code):
    verdict = judge(**changes)
    assert not verdict.accepted
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [code]


def test_a_value_on_the_gate_passes():
    assert judge(changed_fraction=0.3, seam_score=0.5, edge_ssim=0.4).accepted


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_missing_measure_never_passes(value):
    assert not judge(seam_score=value).accepted
    assert not judge(leak_max=value).accepted


def test_a_grey_target_has_no_hue():
    assert judge(hue_distance=None).accepted


def test_gates_of_the_attribute_count():
    verdict = judge(attribute="background", silhouette_iou=0.5)
    assert [reason.partition(":")[0] for reason in verdict.reasons] == ["silhouette"]


def test_a_failed_candidate_is_never_accepted():
    verdict = judge(status="no_mask", reason="mask_tiny: small")
    assert not verdict.accepted
    assert verdict.reasons == ("no_mask: mask_tiny: small",)
