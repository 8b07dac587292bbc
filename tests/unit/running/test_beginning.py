"""What a workflow finds of one before it: nothing, a good end, a killed owner with a result of the future."""

import os
import subprocess
import sys
import time

import pytest

from varireal.errors import DataError
from varireal.running import slurm
from varireal.running.workflow import begin

OWN = """
import sys, time
from pathlib import Path
from varireal.running.workflow import begin
print(begin(Path(sys.argv[1]), None, []), flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", OWN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "[]\n"
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def late(tmp_path):
    """A result of the future."""
    result = tmp_path / "result"
    result.write_text("x")
    os.utime(result, (time.time() + 600,) * 2)
    return result


def test_a_killed_workflow_is_told_and_its_results_are_dated(tmp_path, owner, late):
    with pytest.raises(DataError):
        begin(tmp_path, None, [late])
    assert late.stat().st_mtime > time.time() + 60
    owner.kill()
    owner.wait()
    killed, dated = begin(tmp_path, None, [late])
    assert str(owner.pid) in killed
    assert "in the future" in dated
    assert late.stat().st_mtime < time.time() + 5


def test_without_a_killed_workflow_no_result_is_looked_at(tmp_path, late):
    assert begin(tmp_path, None, iter([late])) == []
    assert late.stat().st_mtime > time.time() + 60


def test_the_executors_name_of_its_jobs_is_noted(tmp_path):
    class Executor:
        run_uuid = "0b1e7c9a-name"

    begin(tmp_path, Executor(), [])
    assert "0b1e7c9a-name" in (tmp_path / slurm.RUNS).read_text()
