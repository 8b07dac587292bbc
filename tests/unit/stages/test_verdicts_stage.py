"""The stage verdicts on real tables of candidates."""

import pyarrow as pa
import pytest

from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.errors import DataError
from varireal.judges.gates import ReceiptJudge
from varireal.metrics.measures import RECEIPT_FIELDS, gated
from varireal.stages import verdicts as stage
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.schemas import EDITS, VERDICTS

BLANK = {field.name: "" if pa.types.is_string(field.type) else 0 for field in EDITS if not field.nullable}
GOOD = {"changed_fraction": 0.9, "leak_max": 0.0, "leak_mean": 0.0, "seam_score": 0.1}
# the other gates are off: one that is not named keeps its default
GATES = {**dict.fromkeys(gated()), "min_changed": 0.5, "max_leak": 0.0, "max_seam": 0.4}


def candidate(number, attribute="color", **facts):
    return {
        **BLANK,
        "candidate_id": f"gull-{number}.{attribute}.feasible.k0.r0",
        "attribute": attribute,
        "feasibility": "feasible",
        "status": "ok",
        "image": b"not looked at",
        **dict.fromkeys(RECEIPT_FIELDS),
        **GOOD,
        **facts,
    }


@pytest.fixture
def judge(tmp_path):
    """Judge candidates with gates, by default the same small set for every attribute."""

    def run(candidates, **gates):
        edits, output = tmp_path / "edits.parquet", tmp_path / "out" / "verdicts.parquet"
        tables.write(edits, candidates, EDITS, stage="edits", digest="x")
        summary = stage.run(config(**gates), edits=edits, output=output)
        return summary, tables.read(output, VERDICTS)

    return run


def config(**gates):
    raw = {"verdicts": {"gates": {"color": GATES, "texture": GATES, **gates}}}
    return stage_slices(parse_config(raw), {})["verdicts"]


def test_a_candidate_within_every_gate_is_accepted(judge):
    summary, rows = judge([made := candidate(0)])
    said = {
        "candidate_id": "gull-0.color.feasible.k0.r0",
        "params_digest": made["params_digest"],
        "judge": "receipt",
        "accepted": True,
        "reasons": [],
    }
    assert rows == [{**dict.fromkeys(VERDICTS.names), **said}]
    assert summary == Summary({"accepted": 1})


def test_each_gate_that_fails_is_a_reason(judge):
    _, (row,) = judge([candidate(0, changed_fraction=0.25, leak_max=3.0, seam_score=0.75)])
    assert row["accepted"] is False
    assert row["reasons"] == [
        "change_inside: changed_fraction 0.25 is below the gate 0.5",
        "leak: leak_max 3 is above the gate 0",
        "seam: seam_score 0.75 is above the gate 0.4",
    ]


def test_a_value_on_the_gate_passes(judge):
    _, (row,) = judge([candidate(0, changed_fraction=0.5, seam_score=0.4)])
    assert (row["accepted"], row["reasons"]) == (True, [])


def test_verdicts_keep_the_order_of_the_candidates(judge):
    bad = (1, 3)
    candidates = [candidate(n, seam_score=0.9 if n in bad else 0.1) for n in range(5)]
    summary, rows = judge(candidates)
    assert [row["candidate_id"] for row in rows] == [one["candidate_id"] for one in candidates]
    assert [row["accepted"] for row in rows] == [True, False, True, False, True]
    assert summary.counts == {"accepted": 3, "not accepted": 2}


def test_a_candidate_that_was_not_made_keeps_its_own_reason(judge):
    empty = dict.fromkeys(RECEIPT_FIELDS)
    reason = "the word 'glorp' is not known"
    _, (row,) = judge([candidate(0, **empty, status="unknown_prompt", reason=reason, image=None)])
    assert (row["accepted"], row["reasons"]) == (False, [f"unknown_prompt: {reason}"])


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_measure_that_is_missing_does_not_pass(judge, value):
    _, (row,) = judge([candidate(0, seam_score=value)])
    assert row["accepted"] is False
    assert [reason.partition(":")[0] for reason in row["reasons"]] == ["seam"]


def test_a_gate_that_is_off_asks_nothing(judge):
    _, (row,) = judge([candidate(0, seam_score=float("nan"))], color={**GATES, "max_seam": None})
    assert row["accepted"] is True


def test_every_attribute_has_its_own_gates(judge):
    both = [candidate(0, "color", seam_score=0.5), candidate(0, "texture", seam_score=0.5)]
    _, rows = judge(both, texture={**GATES, "max_seam": 0.6})
    assert [row["accepted"] for row in rows] == [False, True]


def test_the_gates_are_in_the_metadata(judge, tmp_path):
    judge([candidate(0)], color={"max_seam": 0.31})
    origin = tables.origin(tmp_path / "out" / "verdicts.parquet", VERDICTS)
    assert origin["stage"] == "verdicts"
    assert origin["gates"]["color"]["max_seam"] == 0.31
    assert origin["config"] == slice_digest(config(color={"max_seam": 0.31}))


def test_no_candidates_make_an_empty_table(judge):
    assert judge([]) == (Summary({}), [])


def test_the_same_candidates_give_the_same_bytes(judge, tmp_path):
    judge([candidate(0), candidate(1, leak_max=9.0)])
    first = (tmp_path / "out" / "verdicts.parquet").read_bytes()
    judge([candidate(0), candidate(1, leak_max=9.0)])
    assert (tmp_path / "out" / "verdicts.parquet").read_bytes() == first


def test_pictures_are_not_read(tmp_path, monkeypatch):
    edits = tmp_path / "edits.parquet"
    tables.write(edits, [candidate(0)], EDITS, stage="edits", digest="x")
    batches, asked = tables.batches, []

    def noted(path, schema, columns=None, *, at_once):
        asked.append(columns)
        return batches(path, schema, columns, at_once=at_once)

    monkeypatch.setattr(tables, "batches", noted)
    stage.run(config(), edits=edits, output=tmp_path / "verdicts.parquet")
    assert asked == [[name for name in EDITS.names if name not in ("image", "edit_mask")]]


def test_few_rows_are_held_at_once(judge, monkeypatch):
    rows = [candidate(n, leak_max=9.0 if n % 3 else None) for n in range(10)]
    whole = judge(rows)
    sizes, judge_rows = [], ReceiptJudge.judge

    def noted(self, candidates, gates):
        sizes.append(len(candidates))
        return judge_rows(self, candidates, gates)

    monkeypatch.setattr(ReceiptJudge, "judge", noted)
    monkeypatch.setattr(stage, "_AT_ONCE", 4)
    assert judge(rows) == whole
    assert sizes == [4, 4, 2]


def test_a_missing_or_damaged_table_is_told(tmp_path):
    output = tmp_path / "verdicts.parquet"
    with pytest.raises(DataError, match=r"edits\.parquet does not exist"):
        stage.run(config(), edits=tmp_path / "edits.parquet", output=output)
    (tmp_path / "edits.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        stage.run(config(), edits=tmp_path / "edits.parquet", output=output)
    assert not output.exists()
