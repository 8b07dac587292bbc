"""Budget, status and plan of a study that the real workflow runs."""

import json

import pytest

from kit import TINY, Project

pytestmark = pytest.mark.e2e

CONFIG = {**TINY, "edits": {"attributes": ["color"], "rounds": 2}}


def status(project):
    run = project.varireal("status", "results/tiny", "--json")
    assert run.code == 0, run.text
    found = json.loads(run.text)
    return found, {stage["stage"]: stage for stage in found["stages"]}


def results(project):
    """Every result but the slices, of which the machine's have the budget."""
    return {name: data for name, data in project.outputs().items() if not name.startswith("tiny/config/")}


def records(project):
    root = project.folder / "results" / "tiny" / "logs"
    return {str(path.relative_to(root)): json.loads(path.read_text()) for path in root.rglob("*.json")}


def test_a_budget_stops_the_workflow_and_a_higher_one_goes_on_without_making_anything_twice(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "limited").mkdir()
    whole = Project(tmp_path / "whole", CONFIG)
    run = whole.snakemake()
    assert run.code == 0, run.text

    project = Project(tmp_path / "limited", {**CONFIG, "budget": {"disk_gb": 1e-6}})
    run = project.snakemake("--keep-going")
    assert run.code != 0
    assert "budget.disk_gb" in run.text
    assert "raise budget.disk_gb and run the same command again" in run.text
    found, stages = status(project)
    assert not found["finished"]
    assert found["budget"]["disk_gb"] == 1e-6
    assert stages["images"]["items"]["left"] == 0
    assert stages["masks"]["jobs"]["failed"] == 1
    assert any("budget.disk_gb" in note for note in found["notes"])

    project.configure({**CONFIG, "budget": {"disk_gb": 5.0}})
    run = project.snakemake()
    assert run.code == 0, run.text
    assert results(project) == results(whole)
    made = records(project)
    assert {name: record["state"] for name, record in made.items()} == dict.fromkeys(made, "ended")
    found, stages = status(project)
    assert found["finished"]
    rows = sum(sum(record["counts"].values()) for name, record in made.items() if name.startswith("edits/"))
    assert stages["edits"]["items"]["done"] == rows
    assert stages["verdicts"]["acceptance"]["judged"] == rows

    project.configure({**CONFIG, "budget": {"disk_gb": 4.0, "gpu_hours": 1.0}})
    assert set(project.snakemake("-n").jobs) <= {"stage_config", "all"}
    run = project.varireal("plan", "--configfile", "study.yaml", "--no-probe", "--json")
    assert run.code == 0, run.text
    left = {stage["stage"]: stage["left"]["high"] for stage in json.loads(run.text)["stages"]}
    assert left == dict.fromkeys(left, 0)
