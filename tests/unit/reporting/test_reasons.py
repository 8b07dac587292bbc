from varireal.config.verdicts import Gates, GatesByAttribute
from varireal.judges.gates import ReceiptJudge
from varireal.metrics.measures import RECEIPT_FIELDS
from varireal.names import EditStatus, MaskStatus
from varireal.reporting.reasons import reason_code, reason_text


def test_code_and_detail_are_told_apart():
    assert reason_code("seam: seam_score 0.7 is above the gate 0.6") == "seam"
    assert reason_code("no_mask") == "no_mask"


def test_an_unknown_code_is_shown_in_plain_words():
    assert reason_text("judge_said_no") == ("judge said no", "Not accepted: judge said no.")
    assert reason_text("").label == "no reason given"


def test_every_status_and_every_gate_has_a_sentence_of_its_own():
    statuses = [status.value for status in (*EditStatus, *MaskStatus) if status.value != "ok"]
    all_on = Gates(
        min_changed=1,
        max_leak=0,
        max_seam=0,
        min_silhouette_iou=1,
        max_color_distance=0,
        max_hue_distance=0,
        min_edge_ssim=1,
    )
    gates = GatesByAttribute(background=all_on, color=all_on, texture=all_on)
    worst = dict.fromkeys(RECEIPT_FIELDS, 0.5) | {"status": "ok", "attribute": "color"}
    (verdict,) = ReceiptJudge().judge([worst], gates)
    codes = [*statuses, *map(reason_code, verdict.reasons)]
    assert len(verdict.reasons) == 7
    assert [code for code in codes if reason_text(code).sentence.startswith("Not accepted:")] == []
