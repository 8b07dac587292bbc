"""The workflow without a clone: from a wheel, and as a module of another workflow."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from kit import ROOT, TINY, Project, Run, environment, started_environment
from varireal.running.locks import OWNER, OwnedLock

pytestmark = pytest.mark.workflow

SMALL = {**TINY, "edits": {"attributes": ["color"], "rounds": 1}}
PARENT = """
configfile: "parent.yaml"

import varireal

rule all:
    input: "counted.txt"

module feasibility:
    snakefile: varireal.snakefile()
    config: config["feasibility"]

use rule * from feasibility as feasibility_*

# several commands, with braces and a pipe: the workflow's own prefix must not end them
rule counted:
    input: rules.feasibility_dataset.output.counts
    output: "counted.txt"
    shell: "echo first > {output}; wc -l < {input} | awk '{{print $1}}' >> {output}; echo last >> {output}"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel holds, as an installer would leave it."""
    pytest.importorskip("setuptools", reason="the wheel is built with setuptools, which is not installed")
    source, wheels, place = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "installed"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, source / name)
    for name in ("src", "envs", "workflow"):
        skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skipped)
    build = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, wheels], cwd=source, check=True, capture_output=True)
    (wheel,) = wheels.glob("varireal-*.whl")
    zipfile.ZipFile(wheel).extractall(place)
    return place


def call(folder, *command, env):
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return Run(done.returncode, done.stdout + done.stderr)


def test_a_study_from_a_wheel_without_a_clone(installed, tmp_path):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(SMALL))
    env = environment() | {"PYTHONPATH": str(installed)}
    run = [sys.executable, "-m", "varireal", "run", "--configfile", "study.yaml", "--"]
    done = call(tmp_path, *run, "--cores", "2", env=env)
    assert done.code == 0, done.text
    assert (tmp_path / "results/tiny/report/index.html").is_file()
    workflow = installed / "varireal/assets/workflow"
    assert f"workflow specific profile {workflow}/profiles/default" in done.text
    assert str(ROOT) not in done.text.replace(str(sys.prefix), "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".snakemake", "results", "study.yaml"]
    # it is finished: by the same command, for the commands that ask, and for a clone
    assert "Nothing to be done" in call(tmp_path, *run, "-n", env=env).text
    why = call(tmp_path, sys.executable, "-m", "varireal", "why", "results/tiny", env=env)
    assert why.text == "results/tiny: up to date\n"
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("workflow", "envs", "profiles"):
        shutil.copytree(ROOT / name, tmp_path / name)
    assert "Nothing to be done" in Project.finished(tmp_path).snakemake("-n").text


def test_what_the_wheel_holds_is_what_the_repository_has(installed):
    workflow = installed / "varireal/assets/workflow"
    for name in ("Snakefile", "config.yaml", "workflow/rules/edits.smk", "envs/core.yaml", "workflow/report/card.rst"):
        assert (workflow / name).read_bytes() == (ROOT / name).read_bytes()
    assert not list(workflow.rglob("__pycache__"))


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """A workflow of somebody else, with a study as a module, that ran to its end."""
    folder = tmp_path_factory.mktemp("parent")
    (folder / "Snakefile").write_text(PARENT)
    study = {**SMALL, "study": {**SMALL["study"], "results": "made/here"}}
    (folder / "parent.yaml").write_text(yaml.safe_dump({"other": 1, "feasibility": study}))
    done = call(folder, "snakemake", "--cores", "2", env=started_environment())
    assert done.code == 0, done.text
    return folder, done


def test_a_module_runs_in_another_workflow_and_leaves_its_rules_alone(parent):
    folder, done = parent
    assert done.jobs["feasibility_edits"] == 2
    assert done.jobs["counted"] == 1
    assert "feasibility_report" not in done.jobs  # the workflow around has a first rule of its own
    assert re.fullmatch(r"first\n\d+\nlast\n", (folder / "counted.txt").read_text())
    assert "localrules directive" not in done.text
    assert not (folder / "results").exists()


def test_a_module_s_study_is_known_to_the_commands(parent):
    folder, _ = parent
    facts = json.loads((folder / "made/here/tiny/logs/workflow.started").read_text())
    assert facts["configfiles"] == ["made/here/tiny/logs/workflow.config.yaml"]
    done = call(folder, "varireal", "config", "check", "made/here/tiny", env=started_environment())
    assert "ok: study tiny, 2 classes" in done.text
    why = call(folder, "varireal", "why", "made/here/tiny/images.parquet", env=started_environment())
    assert "up to date" in why.text


def test_all_of_a_module_is_a_target(parent):
    folder, _ = parent
    done = call(folder, "snakemake", "-n", "--cores", "1", "feasibility_all", env=started_environment())
    assert done.jobs["feasibility_report"] == 1
    assert "feasibility_edits" not in done.jobs


def test_a_module_s_study_has_its_lock(parent):
    folder, _ = parent
    lock = OwnedLock(folder / "made/here/tiny" / OWNER)
    assert lock.owner() is None  # it was let go of
    assert lock.take()
    try:
        lock.sign()
        done = call(folder, "snakemake", "--cores", "1", "--nolock", "feasibility_all", env=started_environment())
    finally:
        lock.release()
    assert done.code == 2
    assert f"another workflow is at work on this study: process {os.getpid()}" in done.text


def test_a_prefix_is_refused_in_one_line(parent, tmp_path):
    folder, _ = parent
    (tmp_path / "Snakefile").write_text(PARENT.replace("    config:", '    prefix: "there"\n    config:'))
    shutil.copy(folder / "parent.yaml", tmp_path)
    done = call(tmp_path, "snakemake", "-n", "--cores", "1", env=started_environment())
    assert done.code == 2
    (line,) = re.findall(r"^error: .*", done.text, re.M)
    assert "feasibility has a prefix" in line
    assert "study.results" in line


def test_a_mistake_in_a_module_s_config_names_the_module(parent, tmp_path):
    (tmp_path / "Snakefile").write_text(PARENT)
    (tmp_path / "parent.yaml").write_text(yaml.safe_dump({"feasibility": {"edits": {"raunds": 1}}}))
    done = call(tmp_path, "snakemake", "-n", "--cores", "1", env=started_environment())
    assert done.code == 2
    assert re.search(r"^error: module feasibility: .*raunds", done.text, re.M)
