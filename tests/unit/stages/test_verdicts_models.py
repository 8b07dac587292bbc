"""The stage verdicts with models: a local one, an endpoint, and a segmenter that looks for the object again."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from judging_kit import candidate, command, disc_mask, judge_all, picture, slices
from llm_server import Server, looked
from varireal.config.slices import slice_digest
from varireal.core.pictures import encode_png
from varireal.errors import BackendError, ConfigError, DataError
from varireal.hosted.money import BudgetReachedError
from varireal.judges import vlm
from varireal.judges.answers import sigmoid
from varireal.names import EVERY, MAIN
from varireal.stages import verdicts as stage
from varireal.store import tables
from varireal.store.schemas import EDITS, VERDICTS

OFF = {"min_present_1": None, "min_present_2": None, "max_yes_bias": None}


def said(row):
    return {key: row[f"p_{key}"] for key in EVERY}


def noted(answer=looked):
    """A server's script that notes its requests."""
    seen = []

    def script(_path, body, _number):
        seen.append(body)
        return 200, answer(body), None

    return script, seen


def text_of(body):
    return body["messages"][0]["content"][1]["text"]


@pytest.mark.parametrize("family", ["qwen3_vl", "llava_next", "smolvlm"])
def test_every_question_and_control_is_a_column(tmp_path, tiny_model, family):
    candidates = [candidate(0), candidate(1, "texture", "infeasible", "tartan"), candidate(2, "background")]
    summary, rows = judge_all(tmp_path, candidates, model=tiny_model(family), questions={"min_mass": 0.0})
    assert [row["candidate_id"] for row in rows] == [one["candidate_id"] for one in candidates]
    for row in rows:
        assert all(0 <= value <= 1 for value in said(row).values())
        assert row["unknown"] == []
        assert row["p_feasible_raw"] == pytest.approx(sigmoid(row["feasible_logit"]))
        assert row["judge"] == "vlm"
        assert row["judge_model"] == str(tiny_model(family))
        assert row["judge_revision"].startswith(family)
        assert 0 < row["answer_mass"] < 1
    assert len({tuple(said(row).values()) for row in rows}) == 3
    assert summary.computed == 3 * 16


def test_a_model_that_says_neither_is_unknown_and_accepts_nothing(tmp_path, tiny_model):
    """Random weights rarely give yes or no: with the usual least mass no answer is one."""
    summary, (row,) = judge_all(tmp_path, [candidate(0)], model=tiny_model("smolvlm"))
    assert summary.counts == {"not accepted": 1}
    assert set(said(row).values()) == {None}
    assert set(row["unknown"]) == set(EVERY)
    assert row["feasible_logit"] is None
    assert row["score"] == 0
    assert [reason.partition(":")[0] for reason in row["reasons"]][:2] == ["present_unknown", "present_unknown"]
    assert summary.lines == ("1 of 1 candidates have a question without a usable answer (column unknown)",)


def test_a_second_run_asks_nothing_and_writes_the_same_bytes(tmp_path, tiny_model, monkeypatch):
    candidates = [candidate(n) for n in range(5)]
    first, _ = judge_all(tmp_path, candidates, model=tiny_model("smolvlm"))
    before = (tmp_path / "verdicts.parquet").read_bytes()
    monkeypatch.setattr(vlm, "load_transformers", lambda *_, **__: pytest.fail("loaded"))
    second, _ = judge_all(tmp_path, candidates, model=tiny_model("smolvlm"))
    assert (first.computed > 0, second.computed) == (True, 0)
    assert (tmp_path / "verdicts.parquet").read_bytes() == before


def test_a_changed_gate_asks_nothing_and_changes_the_verdict(tmp_path):
    with Server() as server:
        _, before = judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url, answers=OFF)
        calls = len(server.calls)
        summary, after = judge_all(
            tmp_path, [candidate(0)], judge="openai", url=server.url, answers=OFF | {"min_present_1": 0.999}
        )
    assert (before[0]["accepted"], after[0]["accepted"]) == (True, False)
    assert said(before[0]) == said(after[0])
    assert (calls, len(server.calls), summary.computed) == (16, 16, 0)


def test_a_changed_question_asks_that_question_again_and_no_other(tmp_path):
    from importlib.resources import files

    import yaml

    texts = yaml.safe_load((files("varireal") / "assets/judging/default.yaml").read_text())
    texts["color"]["present_1"]["ask"] = 'Is the {noun} "{name}"?'
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(texts))
    script, seen = noted()
    with Server(script=script) as server:
        judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url)
        before = len(seen)
        own = {"file": str(tmp_path / "mine.yaml")}
        judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url, questions=own)
    assert [text_of(body) for body in seen[before:]] == [
        'Is the bird "hot pink"?\nAnswer with one word: Yes or No.'
    ] * 2  # about the picture and about the grey one


def test_another_picture_is_asked_about_again_but_the_grey_one_is_not(tmp_path):
    with Server() as server:
        judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url)
        summary, _ = judge_all(tmp_path, [candidate(0, image=picture(77))], judge="openai", url=server.url)
    assert summary.computed == 8


def test_candidates_with_the_same_prompt_share_the_grey_picture(tmp_path):
    with Server() as server:
        summary, rows = judge_all(tmp_path, [candidate(n) for n in range(3)], judge="openai", url=server.url)
    assert summary.computed == len(server.calls) == 3 * 8 + 8
    assert len({row["p_feasible_1_blank"] for row in rows}) == 1


def test_another_model_is_asked_everything(tmp_path, tiny_model):
    judge_all(tmp_path, [candidate(0)], model=tiny_model("smolvlm"))
    summary, _ = judge_all(tmp_path, [candidate(0)], model=tiny_model("qwen3_vl"))
    assert summary.computed == 16


def test_the_answer_never_reaches_the_model(tmp_path):
    """A feasible and an infeasible candidate with the same picture and prompt are the same requests to the byte."""
    sent = {}
    for arm in ("feasible", "infeasible"):
        script, seen = noted()
        with Server(script=script) as server:
            judge_all(tmp_path / arm, [candidate(0, feasibility=arm)], judge="openai", url=server.url)
        sent[arm] = sorted(json.dumps(body, sort_keys=True) for body in seen)
    assert sent["feasible"] == sent["infeasible"]
    assert not any('"answer"' in body or ".feasible." in body for body in sent["feasible"])


def test_arms_differ_in_what_follows_from_the_same_answers(tmp_path):
    with Server() as server:
        both = [candidate(0, feasibility=arm) for arm in ("feasible", "infeasible")]
        _, (one, other) = judge_all(tmp_path, both, judge="openai", url=server.url, questions={"preset": "paper"})
    assert said(one) == said(other)
    yes = [one[f"p_{key}"] > 0.5 for key in MAIN]
    assert one["score"] == sum(yes) / 4
    assert other["score"] == (sum(yes[:2]) + sum(not answer for answer in yes[2:])) / 4


def test_the_paper_preset_asks_four_questions_and_gates_the_score(tmp_path):
    good = {"Is the bird Herring gull in the image hot pink?", "Does the image show a hot pink bird Herring gull?"}

    def answer(body):
        return looked(body, 0.9 if any(text in text_of(body) for text in good) else 0.1)

    script, seen = noted(answer)
    with Server(script=script) as server:
        _, (row,) = judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url, questions={"preset": "paper"})
    assert len(seen) == 4
    assert (row["score"], row["accepted"]) == (0.5, True)
    assert row["yes_bias"] is None
    assert all(row[f"p_{key}"] is None for key in EVERY if key not in MAIN)


def test_receipt_gates_apply_first_and_spare_the_model(tmp_path):
    script, seen = noted(lambda body: looked(body, 0.9))
    bad = candidate(1, seam_score=9.0)
    failed = candidate(2, status="edit_failed", reason="it broke", image=None)
    with Server(script=script) as server:
        summary, rows = judge_all(tmp_path, [candidate(0), bad, failed], judge="openai", url=server.url, answers=OFF)
    assert len(seen) == 16
    assert [row["accepted"] for row in rows] == [True, False, False]
    assert [row["reasons"][0].partition(":")[0] for row in rows[1:]] == ["seam", "edit_failed"]
    assert all(row["unknown"] is None and row["judge_model"] is None for row in rows[1:])
    assert summary.counts == {"accepted": 1, "not accepted": 2}


def test_a_picture_that_is_none_is_a_damaged_table(tmp_path):
    with Server() as server, pytest.raises(DataError, match="a stored picture cannot be decoded"):
        judge_all(tmp_path, [candidate(0, image=b"no picture")], judge="openai", url=server.url)


def test_a_table_without_candidates_loads_no_model(tmp_path, tiny_model, monkeypatch):
    monkeypatch.setattr(vlm, "load_transformers", lambda *_, **__: pytest.fail("loaded"))
    summary, rows = judge_all(tmp_path, [], model=tiny_model("smolvlm"))
    assert (summary.counts, summary.computed, rows) == ({}, 0, [])
    assert not (tmp_path / "store").exists()


def test_the_receipt_opens_no_store(tmp_path):
    summary, _ = judge_all(tmp_path, [candidate(0)], judge="receipt")
    assert summary.computed is None
    assert not (tmp_path / "store").exists()


def test_a_model_needs_a_store(tmp_path):
    part, _ = slices("openai", url="http://localhost:9/v1")
    tables.write(tmp_path / "edits.parquet", [candidate(0)], EDITS, stage="edits", digest="x")
    with pytest.raises(ConfigError, match="--store is missing"):
        stage.run(part, edits=tmp_path / "edits.parquet", output=tmp_path / "v.parquet")


def test_what_was_asked_is_in_the_metadata(tmp_path):
    with Server() as server:
        part = slices("openai", url=server.url, questions={"preset": "paper"})
        judge_all(tmp_path, [candidate(0)], part)
    origin = tables.origin(tmp_path / "verdicts.parquet", VERDICTS)
    assert origin["config"] == slice_digest(part[0])
    assert (origin["asked"]["judge"], origin["asked"]["model"]) == ("openai", "m")
    assert origin["asked"]["gates"]["min_score"] == 0.5
    assert origin["asked"]["questions"]["preset"] == "paper"


def test_where_the_server_is_judges_nothing_again():
    one, _ = slices("openai", url="http://one/v1")
    other, _ = slices("openai", url="http://other/v1")
    assert slice_digest(one) == slice_digest(other)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"reviewed": {"path": "review.csv"}}, False),
        ({"openai": {"max_tokens": 3}}, False),  # of a judge that is not chosen
        ({"answers": {"min_present_1": 0.7}}, True),
        ({"questions": {"twins": False}}, True),
        ({"vlm": {"long_side": 512}}, True),
        ({"silhouette": {"min_iou": 0.5}}, False),  # no segmenter is chosen
        ({"silhouette": {"segmenter": "grabcut"}}, True),
    ],
)
def test_what_makes_the_stage_run_again(change, again):
    before, after = slices("vlm")[0], slices("vlm", **change)[0]
    assert (slice_digest(before) != slice_digest(after)) is again


def test_what_only_models_are_asked_does_not_touch_the_receipt():
    plain = slices("receipt")[0]
    for change in ({"questions": {"twins": False}}, {"answers": {"min_score": 0.5}}, {"vlm": {"long_side": 99}}):
        assert slice_digest(slices("receipt", **change)[0]) == slice_digest(plain)
    assert plain.noun == ""
    assert slices("vlm")[0].noun == "bird"


def test_the_budget_ends_the_stage_and_keeps_what_was_answered(tmp_path):
    candidates = [candidate(n) for n in range(3)]
    with Server() as server:
        low = slices("openai", url=server.url, openai={"server": {"budget": {"tokens": 900}}})
        with pytest.raises(BudgetReachedError):
            judge_all(tmp_path, candidates, low)
        spent = len(server.calls)
        assert 0 < spent < 32
        assert not (tmp_path / "verdicts.parquet").exists()
        judge_all(tmp_path, candidates, judge="openai", url=server.url)
        assert len(server.calls) == 32


def test_the_last_lines_say_what_it_cost(tmp_path):
    prices = {"m": {"input": 1_000_000, "output": 0}}
    with Server() as server:
        part = slices("openai", url=server.url, openai={"server": {"prices": prices}})
        first, _ = judge_all(tmp_path, [candidate(0)], part)
        again, _ = judge_all(tmp_path, [candidate(0)], part)
    (line,) = first.lines
    assert line.startswith("m: 16 calls, ")
    assert ", $" in line
    assert again.lines == ()  # nothing was asked


def test_a_dead_server_ends_the_stage(tmp_path):
    script = lambda *_: (401, {"error": {"message": "no"}}, None)  # noqa: E731
    with Server(script=script) as server, pytest.raises(BackendError, match="refuses to answer"):
        judge_all(tmp_path, [candidate(0)], judge="openai", url=server.url)


@pytest.mark.parametrize(("how", "lost"), [(signal.SIGKILL, 2 * 4), (signal.SIGTERM, 0)])
def test_a_stopped_job_goes_on_without_asking_again(tmp_path, how, lost):
    candidates = [candidate(n, name=f"colour {n}") for n in range(24)]
    with Server(latency=0.02) as server:
        config = slices("openai", url=server.url, openai={"server": {"traffic": {"concurrency": 4}}})
        job = [sys.executable, "-m", "varireal", *command(tmp_path, candidates, config)]
        running = subprocess.Popen(job)
        end = time.monotonic() + 60
        while len(server.calls) < 40:
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(running.pid, how)
        assert running.wait() == (75 if how == signal.SIGTERM else -signal.SIGKILL)
        before = len([call for call in server.calls if call["what"] == "ok"])
        subprocess.run(job, check=True)
        total = len([call for call in server.calls if call["what"] == "ok"])
    assert 40 <= before < 24 * 16
    assert total - 24 * 16 <= lost  # what was under way when it was killed
    rows = tables.read(tmp_path / "verdicts.parquet", VERDICTS)
    assert all(row["p_feasible_2_twin_blank"] is not None for row in rows)


# ---------------------------------------------------------------- outlines

CHECK = {"segmenter": "grabcut", "min_iou": 0.6, "min_area_ratio": 0.5, "max_area_ratio": 1.5}


def drawn(mask):
    """A red object on a blue ground."""
    image = np.zeros((*mask.shape, 3), np.uint8)
    image[:] = (20, 40, 160)
    image[mask] = (220, 30, 30)
    return encode_png(image)


def grown_mask():
    grown = np.zeros((48, 64), bool)
    grown[4:44, 6:58] = True
    return grown


def test_an_object_that_stayed_passes_and_one_that_grew_does_not(tmp_path):
    both = [candidate(0, image=drawn(disc_mask())), candidate(1, image=drawn(grown_mask()))]
    summary, (stayed, moved) = judge_all(tmp_path, both, judge="receipt", silhouette=CHECK)
    assert stayed["accepted"]
    assert stayed["segmented_iou"] > 0.8
    assert stayed["segmented_area_ratio"] == pytest.approx(1, abs=0.2)
    assert not moved["accepted"]
    assert moved["segmented_area_ratio"] > 2
    assert {reason.partition(":")[0] for reason in moved["reasons"]} == {"outline", "outline_grown"}
    assert summary.computed == 2
    assert stayed["judge"] == "receipt"
    assert tables.origin(tmp_path / "verdicts.parquet", VERDICTS)["silhouette"]["segmenter"] == "grabcut"


def test_a_changed_limit_segments_nothing_again(tmp_path):
    one = [candidate(0, image=drawn(disc_mask()))]
    judge_all(tmp_path, one, judge="receipt", silhouette=CHECK)
    summary, (row,) = judge_all(tmp_path, one, judge="receipt", silhouette=CHECK | {"min_area_ratio": 1.2})
    assert (summary.computed, row["accepted"]) == (0, False)
    summary, _ = judge_all(tmp_path, one, judge="receipt", silhouette=CHECK, masks={"grabcut": {"iterations": 2}})
    assert summary.computed == 1


def test_without_its_mask_an_outline_cannot_pass(tmp_path):
    part, _ = slices("receipt", silhouette=CHECK)
    tables.write(tmp_path / "edits.parquet", [candidate(0)], EDITS, stage="edits", digest="x")
    options = {"edits": tmp_path / "edits.parquet", "output": tmp_path / "v.parquet", "store": tmp_path / "s.sqlite"}
    with pytest.raises(ConfigError, match="--masks is missing"):
        stage.run(part, **options)
    from varireal.store.schemas import MASKS

    tables.write(tmp_path / "masks.parquet", [], MASKS, stage="masks", digest="x")
    stage.run(part, **options, masks=tmp_path / "masks.parquet")
    (row,) = tables.read(tmp_path / "v.parquet", VERDICTS)
    assert row["reasons"] == ["outline_missing: the object was not found again in the edit: the photo has no mask"]


def test_the_outline_and_the_answers_are_both_needed(tmp_path):
    script, _ = noted(lambda body: looked(body, 0.9))
    with Server(script=script) as server:
        part = slices("openai", url=server.url, answers=OFF, silhouette=CHECK)
        _, (row,) = judge_all(tmp_path, [candidate(0, image=drawn(grown_mask()))], part)
    assert row["p_present_1"] == pytest.approx(0.9)
    assert {reason.partition(":")[0] for reason in row["reasons"]} & {"outline", "outline_grown"}


def test_masks_as_provided_cannot_look_again():
    with pytest.raises(ConfigError, match="'provided' has no mask of an edit"):
        slices("receipt", silhouette={"segmenter": "provided"})


def test_judges_of_other_packages_still_judge_by_rows(tmp_path, monkeypatch):
    class Strict:
        def judge(self, candidates, gates):
            from varireal.judges.base import Verdict

            return [Verdict(False, ("mood: not today",)) for _ in candidates]

    monkeypatch.setattr("varireal.stages.verdicts.make_backend", lambda *_: Strict())
    _, (row,) = judge_all(tmp_path, [candidate(0)], judge="receipt")
    assert row["reasons"] == ["mood: not today"]
    assert "image" not in inspect.signature(Strict.judge).parameters
