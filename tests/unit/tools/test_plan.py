import json
import logging
from pathlib import Path

import pytest
import yaml

from kit import CLASSIFIERS, TINY
from varireal.hosted.money import expected_usd
from varireal.store import tables
from varireal.store.schemas import EDITS
from varireal.study.layout import Layout
from varireal.tools import plan
from varireal.tools.check import load_study_config
from varireal.tools.plan_amounts import count_items, planned_stages, put_money
from watched_study import SMALL, Watched

SHARD = "00000-of-00001"


def layout_of(folder, config):
    raw = {**config, "study": {**config["study"], "results": str(folder / "results")}}
    (folder / "study.yaml").write_text(yaml.safe_dump(raw))
    return Layout(load_study_config([folder / "study.yaml"]))


def told(folder, config, capsys, *, no_probe):
    layout_of(folder, config)
    assert plan.run(configfile=[folder / "study.yaml"], no_probe=no_probe, json_=True) == 0
    return json.loads(capsys.readouterr().out)


def by_stage(found):
    return {stage["stage"]: stage for stage in found["stages"]}


def test_items_and_jobs_are_those_of_the_workflow_without_trying_anything(tmp_path, capsys):
    config = {**TINY, "study": TINY["study"] | {"shards": 2}, "adapters": CLASSIFIERS}
    found = told(tmp_path, config, capsys, no_probe=True)
    stages = by_stage(found)
    layout = layout_of(tmp_path, config)
    assert (found["photos"], found["train_photos"]) == (14, 6)
    assert stages["edits"]["jobs"] == {"total": len(layout.jobs("edits")), "done": 0}
    assert stages["masks"]["jobs"]["total"] == 2
    assert stages["edits"]["items"] == {"low": 36, "high": 54, "done": 0}  # all or half accepted in two rounds
    assert stages["adapters"]["items"]["low"] == 6
    assert stages["predictions"]["items"]["low"] == 7
    assert stages["edits"]["cpu_hours"] is None
    assert stages["edits"]["reasons"] == ["not tried (--no-probe)"]
    assert found["totals"]["cpu_hours"]["high"] is None
    assert not (tmp_path / "results").exists()


def test_a_few_items_of_each_stage_are_tried_and_nothing_is_written(tmp_path, capsys):
    found = told(tmp_path, {**SMALL, "budget": {"disk_gb": 1e-6}}, capsys, no_probe=False)
    stages = by_stage(found)
    for name in ("images", "masks", "edits", "verdicts"):
        stage = stages[name]
        assert stage["reasons"] == []
        assert 0 < stage["seconds_per_item"]["low"] <= stage["seconds_per_item"]["high"]
        assert stage["cpu_hours"]["low"] > 0
        assert stage["disk_gb"]["high"] > 0
        assert stage["gpu_hours"] == {"low": 0.0, "high": 0.0}
    each, hours, left = stages["edits"]["seconds_per_item"], stages["edits"]["cpu_hours"], stages["edits"]["left"]
    started = 4 * stages["edits"]["start_seconds"]
    assert hours["high"] == pytest.approx((each["high"] * left["high"] + started) / 3600)
    assert found["over_budget"][0].startswith("passes budget.disk_gb")
    assert found["free_disk_gb"] > 0
    assert not (tmp_path / "results").exists()
    assert logging.getLogger("varireal.stages").level == logging.NOTSET


def test_what_is_done_is_subtracted_unless_the_config_changed(tmp_path, capsys):
    study = Watched(tmp_path, SMALL).make()
    found = told(tmp_path, SMALL, capsys, no_probe=True)
    stages = by_stage(found)
    assert stages["edits"]["left"] == {"low": 0, "high": 0}
    assert stages["masks"]["jobs"] == {"total": 1, "done": 1}
    assert stages["edits"]["cpu_hours"] == {"low": 0.0, "high": 0.0}
    assert stages["report"]["jobs"]["done"] == 0
    changed = {**SMALL, "masks": {"smooth_px": 3}}
    found = told(tmp_path, changed, capsys, no_probe=True)
    assert by_stage(found)["masks"]["left"]["high"] == 6
    assert any(note.startswith("masks: the config of this stage has changed") for note in found["notes"])
    assert study.root.is_dir()


def test_a_changed_prompt_counts_as_left_with_all_that_reads_its_edits(tmp_path, capsys):
    study = Watched(tmp_path, SMALL).make()
    assert study.dataset() == 0
    assert by_stage(told(tmp_path, SMALL, capsys, no_probe=True))["dataset"]["left"] == {"low": 0, "high": 0}
    edits = tables.read(
        Path(study.paths.edits("color", "feasible", 0, SHARD)), EDITS, ["prompt_id", "prompt_description"]
    )
    one = edits[0]["prompt_id"]
    file = Path(study.paths.prompts(one.partition(".")[0]))
    file.write_text(file.read_text().replace(edits[0]["prompt_description"], "Something else altogether."))
    users = sum(row["prompt_id"] == one for row in edits)
    found = told(tmp_path, SMALL, capsys, no_probe=True)
    stages = by_stage(found)
    assert stages["edits"]["left"] == stages["verdicts"]["left"] == {"low": users, "high": users}
    assert stages["edits"]["jobs"] == {"total": 4, "done": 2}  # both rounds of the setting
    assert stages["dataset"]["left"] == {"low": 1, "high": 1}
    assert stages["masks"]["left"] == {"low": 0, "high": 0}
    assert f"edits: {users} were made with a prompt that has changed since: {one}" in found["notes"]
    assert any(note.startswith("dataset: made again with the edits that are left") for note in found["notes"])


def test_a_model_that_is_not_here_is_a_reason_and_not_an_error(tmp_path, capsys):
    config = {**SMALL, "masks": {"backend": "grounded_sam2"}}
    stages = by_stage(told(tmp_path, config, capsys, no_probe=False))
    assert stages["masks"]["gpu_hours"] is None
    assert stages["masks"]["seconds_per_item"] is None
    assert "masks.grounded_sam2" in stages["masks"]["reasons"][0] or "fetch" in stages["masks"]["reasons"][0]
    assert stages["edits"]["reasons"] == ["needs masks, which could not be tried"]
    assert stages["images"]["seconds_per_item"] is not None


def test_hosted_models_are_counted_and_never_asked(tmp_path):
    block = {"backend": "openai_images", "attributes": ["color"], "rounds": 2}
    block["openai_images"] = {"server": {"base_url": "http://127.0.0.1:9/v1", "usd_per_image": 0.05}}
    verdicts = {"judge": "openai", "openai": {"model": "m", "server": {"base_url": "http://127.0.0.1:9/v1"}}}
    layout = layout_of(tmp_path, {**TINY, "edits": block, "verdicts": verdicts})
    problems = plan._not_here(layout)
    assert problems["edits"] == problems["verdicts"] == "a hosted model does it; nothing is sent to plan"
    amounts = count_items(layout)
    stages = planned_stages(layout, amounts, None)
    put_money(layout, amounts, stages)
    edits, judged = (next(s for s in stages if s.stage == name) for name in ("edits", "verdicts"))
    low, high = (expected_usd(layout.config.edits.openai_images, count) for count in (12, 18))
    assert (edits.usd.low, edits.usd.high) == (low, high)
    assert edits.tokens.high > edits.tokens.low > 0
    assert judged.usd is None
    assert any("no price for m in verdicts.openai.server.prices" in reason for reason in judged.reasons)
    assert judged.tokens.high > judged.tokens.low > 1000


def test_prompts_that_are_not_written_yet_are_a_reason(tmp_path, capsys):
    server = {"base_url": "http://127.0.0.1:9/v1", "prices": {"m": {"input": 1.0, "output": 2.0}}}
    config = {**SMALL, "prompts": {"source": "openai", "openai": {"model": "m", "count": 3, "server": server}}}
    stages = by_stage(told(tmp_path, config, capsys, no_probe=False))
    assert 0 < stages["prompts"]["usd"]["low"] < stages["prompts"]["usd"]["high"]
    assert "has not yet" in stages["edits"]["reasons"][0]
    assert stages["masks"]["seconds_per_item"] is not None


def test_the_table_says_where_the_ranges_come_from(tmp_path, capsys):
    layout_of(tmp_path, SMALL)
    assert plan.run(configfile=[tmp_path / "study.yaml"], no_probe=True, json_=False) == 0
    text = capsys.readouterr().out
    assert "An estimate." in text
    assert "2 rounds at 50% to 100% accepted" in text
    assert "\x1b" not in text
