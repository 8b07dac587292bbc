"""A study judged by a vision endpoint, reviewed by a person, from Snakemake to the page."""

import csv
import re

import pytest

from kit import TINY, Project
from llm_server import Server, leaning
from varireal.store import tables
from varireal.store.schemas import FEASIBILITY, MANIFEST

pytestmark = pytest.mark.e2e


def opinionated(_path, body, _number):
    return 200, leaning(body), None


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The study after its first run, with the server that judged it."""
    with Server(script=opinionated) as server:
        block = {"judge": "openai", "openai": {"model": "m", "server": {"base_url": server.url}}}
        config = TINY | {"edits": {"attributes": ["color"], "rounds": 1, "per_image": 4}, "verdicts": block}
        project = Project(tmp_path_factory.mktemp("judged"), config)
        run = project.snakemake()
        assert run.code == 0, run.text
        yield project, config, server


def manifest(project):
    return tables.read(project.folder / "results/tiny/dataset/manifest.parquet", MANIFEST)


def test_every_candidate_that_passed_its_receipt_was_judged(judged):
    project, _, server = judged
    rows = manifest(project)
    asked = [row for row in rows if row["judge_model"] == "m"]
    assert len(asked) > 20
    assert all(row["p_feasible_raw"] > 0.7 for row in asked)
    accepted = {row["outcome"] for row in asked}
    assert accepted == {"accepted"}
    assert len(server.calls) >= 8 * len(asked)
    assert "Not calibrated" in (project.folder / "results/tiny/dataset/README.md").read_text()
    assert 'id="feasibility"' in (project.folder / "results/tiny/report/index.html").read_text()


def test_a_review_makes_the_data_set_and_the_report_again_and_asks_nothing(judged):
    project, config, server = judged
    calls = len(server.calls)
    drawn = project.varireal("verdicts", "sample", "--study", "results/tiny", "--output", "review.csv")
    assert drawn.code == 0, drawn.text
    path = project.folder / "review.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 20
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"feasible": "yes" if number % 3 else "no"} for number, row in enumerate(rows))
    project.configure(config | {"verdicts": config["verdicts"] | {"reviewed": {"path": "review.csv"}}})
    run = project.snakemake()
    assert run.code == 0, run.text
    assert run.jobs == {"stage_config": 1, "dataset": 1, "report": 1, "all": 1}
    assert len(server.calls) == calls
    found = tables.read(project.folder / "results/tiny/dataset/feasibility.parquet", FEASIBILITY)
    for row in found:
        assert row["low"] <= row["reviewed_feasible"] / row["reviewed"] <= row["high"]
        assert row["p_feasible_raw"] > 0.7
        assert row["p_feasible"] == pytest.approx(row["reviewed_feasible"] / row["reviewed"], abs=0.05)
    assert all(0.5 < row["p_feasible"] < 0.8 for row in manifest(project) if row["judge_model"])
    assert "(95 %, setting)" in (project.folder / "results/tiny/dataset/README.md").read_text()


def test_a_second_run_does_nothing(judged):
    project, _, server = judged
    calls = len(server.calls)
    run = project.snakemake()
    assert re.search("Nothing to be done", run.text)
    assert len(server.calls) == calls
