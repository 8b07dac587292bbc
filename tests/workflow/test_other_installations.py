"""Another installation in the way of a workflow's jobs."""

import os
import re
import shutil

import pytest

from kit import ROOT, environment
from varireal import __version__

pytestmark = pytest.mark.workflow

RESULT = "results/tiny/config/images.json"


@pytest.fixture
def run(project, monkeypatch):
    """Make one result, in an environment of other variables."""

    def start(**variables):
        monkeypatch.setenv("VARIREAL_TESTS_REAL", "1")  # what is tested is which program starts
        monkeypatch.setattr("kit.environment", lambda: {**environment(), **variables})
        return project.snakemake("--", RESULT)

    return start


def test_another_command_first_on_the_path_is_not_run(run, project, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "snakemake").symlink_to(shutil.which("snakemake", path=environment()["PATH"]))
    (other / "varireal").write_text(f"#!/bin/sh\necho here > {tmp_path}/ran\nexit 1\n")
    (other / "varireal").chmod(0o755)
    done = run(PATH=f"{other}{os.pathsep}{os.environ['PATH']}")
    assert done.code == 0, done.text
    assert (project.folder / RESULT).exists()
    assert not (tmp_path / "ran").exists()


def test_a_job_with_another_version_is_refused(run, project, tmp_path):
    """As in a conda environment or an image with its own package: only the job's shell finds the other one."""
    package = tmp_path / "there" / "varireal"
    shutil.copytree(ROOT / "src" / "varireal", package, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    module = package / "__init__.py"
    module.write_text(module.read_text().replace(f'"{__version__}"', '"9.8.7"'))
    (tmp_path / "shell").write_text(f"export PYTHONPATH={package.parent}\n")
    done = run(BASH_ENV=str(tmp_path / "shell"))
    assert done.code != 0
    assert not (project.folder / RESULT).exists()
    (line,) = set(re.findall(r"^error: config write: .*", done.text, re.M))
    for word in (f"varireal {__version__} (in {ROOT}", f"9.8.7 (in {package})", "conda environment or the image"):
        assert word in line
