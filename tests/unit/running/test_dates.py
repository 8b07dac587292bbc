"""A real Snakemake on results whose date is ten minutes ahead, as a killed workflow's node may have left them."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from kit import environment
from varireal.running.workflow import redate

SNAKEFILE = """
from pathlib import Path
from varireal.running.workflow import redate

onstart:
    if config["mend"]:
        print(redate((Path(path) for job in workflow.dag.jobs for path in job.output), Path(".")))

rule last:
    input: "file", "folder"
    output: "last"
    shell: "touch {output}"
rule folder:
    output: directory("folder")
    shell: "mkdir {output}"
rule file:
    output: "file"
    shell: "touch {output}"
"""


@pytest.fixture
def snakemake(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def run(*args):
        command = ["snakemake", "--cores", "1", *args]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment())
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("late", ["file", "folder/.snakemake_timestamp"])
def test_jobs_that_read_results_of_the_future_go_well_once_they_are_dated_anew(snakemake, tmp_path, late):
    code, said = snakemake("file", "folder", "--config", "mend=0")
    assert code == 0, said
    moment = time.time() + 600
    os.utime(tmp_path / late, (moment, moment))
    code, said = snakemake("--config", "mend=0")
    assert code == 1
    assert "has older modification time" in said  # why it is done at all
    code, said = snakemake("--config", "mend=1")
    assert code == 0, said
    name = Path(late).parts[0]
    ahead = re.search(r"1 result of an earlier workflow dated up to (\d+) s in the future", said)
    assert moment - time.time() - 1 <= int(ahead[1]) <= 600
    assert f"s in the future ({name}), by a node whose clock is ahead" in said
    assert all(path.stat().st_mtime < time.time() + 2 for path in tmp_path.rglob("*"))
    assert "Nothing to be done" in snakemake("-n", "--config", "mend=1")[1]


def test_dates_that_are_right_are_left(tmp_path):
    result = tmp_path / "result"
    result.touch()
    os.utime(result, (1, 1))
    assert redate([result, tmp_path / "missing"], tmp_path) is None
    assert result.stat().st_mtime == 1


def test_a_file_system_with_a_time_of_its_own_is_no_clock_that_is_ahead(tmp_path, monkeypatch):
    """As where a server dates the files, and this machine's clock is behind it."""
    result = tmp_path / "result"
    result.touch()
    before = result.stat().st_mtime
    monkeypatch.setattr("varireal.running.workflow.time.time", lambda: before - 100)
    assert redate([result], tmp_path) is None
    assert result.stat().st_mtime == before
