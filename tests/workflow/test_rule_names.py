"""A stage's name in the options of the real Snakemake, where its jobs are rules of their own."""

import base64
import re

import pytest
import yaml

from kit import CLASSIFIERS, TINY, Project

pytestmark = pytest.mark.workflow

SETTINGS = {"adapters": {"mem_mb": 777, "slurm_partition": "gpu"}, "adapters_00001-of-00002": {"mem_mb": 888}}
WORDS = [f"{rule}:{name}={value}" for rule, entry in SETTINGS.items() for name, value in entry.items()]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of two jobs of trainings; nothing of it is run."""
    config = {**TINY, "adapters": {**CLASSIFIERS, "jobs": 2}}
    return Project(tmp_path_factory.mktemp("names"), config)


def jobs(text):
    """The resources of each job of a dry run, as Snakemake prints them."""
    found = re.findall(r"^rule (\w[^:]*):\n((?:    .*\n)+)", text, re.M)
    return {
        rule: " ".join(line for line in body.splitlines() if "resources:" in line or "threads:" in line)
        for rule, body in found
    }


def check(text):
    found = jobs(text)
    first, second = found["adapters_00000-of-00002"], found["adapters_00001-of-00002"]
    assert "mem_mb=777," in first
    assert "mem_mb=888," in second
    for told in (first, second):
        assert "slurm_partition=gpu" in told
        assert "threads: 3" in told
    assert "slurm_partition" not in found["predictions_00000-of-00002"] + found["edits"]


def test_settings_on_the_command_line_and_in_a_profile_and_targets(study):
    folder = study.folder / "mine"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump({"set-threads": {"adapters": 3}}))
    run = study.snakemake("-n", "adapters", "predictions", "--profile", "mine", "--set-resources", *WORDS, cores=4)
    assert run.code == 0, run.text
    check(run.text)
    assert "report" not in run.jobs


def test_a_job_of_a_cluster_gets_them_as_they_were_given(study):
    """With the words of ``get_set_resources_args``, in the mode of a job: its own Snakemake reads the names again."""
    words = [f"base64//{base64.b64encode(word.encode()).decode()}" for word in WORDS]
    more = ["--mode", "remote", "--set-resources", *words, "--set-threads", "adapters=3"]
    run = study.snakemake("-n", *more, cores=4)
    assert run.code == 0, run.text
    check(run.text)


def test_a_name_of_no_rule_stops_before_anything_runs(study):
    run = study.snakemake("--set-resources", "edit:mem_mb=1")
    lines = [line for line in run.text.splitlines() if line.startswith("error: ")]
    assert (run.code, len(lines)) == (2, 1), run.text
    assert "--set-resources edit" in lines[0]
    assert "'edits'" in lines[0]
    assert not (study.folder / "results").exists()
