"""Owners that are real processes, and are killed."""

import json
import os
import subprocess
import sys
import time

import pytest

from varireal.running.locks import this_process

WORKFLOW = """
import sys, time
from pathlib import Path
from varireal.errors import DataError
from varireal.running.locks import own_study
try:
    print(own_study(Path(sys.argv[1])), flush=True)
except DataError as error:
    print("refused", error, flush=True)
    sys.exit(2)
if sys.argv[2] == "stay":
    time.sleep(60)
"""
JOB = """
import sys, time
from pathlib import Path
from varireal.running.locks import sole_process
with sole_process(Path(sys.argv[1])):
    print("mine", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def start():
    started = []

    def run(script, *args):
        command = [sys.executable, "-c", script, *map(str, args)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.communicate()


def test_a_second_workflow_is_refused_and_told_who_is_at_work(tmp_path, start):
    first = start(WORKFLOW, tmp_path, "stay")
    assert first.stdout.readline() == "None\n"
    second = start(WORKFLOW, tmp_path, "end")
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 2
    me = this_process()
    owner = f"process {first.pid} of {me.user} on {me.host} (since "
    assert said.startswith(f"refused {tmp_path}: another workflow is at work on this study: {owner}")
    assert said.endswith("; wait for its end, or stop it and run the same command again\n")


def test_what_a_killed_owner_left_is_explained_once(tmp_path, start):
    first = start(WORKFLOW, tmp_path, "stay")
    first.stdout.readline()
    first.kill()
    first.wait()
    said, _ = start(WORKFLOW, tmp_path, "end").communicate(timeout=30)
    assert said.startswith(f"The workflow before this one, process {first.pid} of ")
    assert "was killed. What it finished is kept and used" in said
    assert start(WORKFLOW, tmp_path, "end").communicate(timeout=30)[0] == "None\n"


@pytest.mark.parametrize(("silent_for", "refused"), [(10, True), (600, False)])
def test_an_owner_on_another_machine_counts_while_it_gives_signs_of_life(tmp_path, start, silent_for, refused):
    """As where a file system does not carry locks between machines."""
    lock = tmp_path / "logs" / "workflow.lock"
    lock.parent.mkdir()
    elsewhere = {"host": "another", "pid": 7, "user": "ada", "since": "2026-01-01 00:00:00", "job": "12"}
    lock.write_text(json.dumps(elsewhere))
    moment = time.time() - silent_for
    os.utime(lock, (moment, moment))
    said, _ = start(WORKFLOW, tmp_path, "end").communicate(timeout=30)
    assert "process 7 of ada on another, SLURM job 12" in said
    assert said.startswith("refused") is refused


def test_a_damaged_lock_file_stops_nobody(tmp_path, start):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "workflow.lock").write_text('{"host": "x", "pi')
    assert start(WORKFLOW, tmp_path, "end").communicate(timeout=30)[0] == "None\n"


def test_a_node_whose_clock_is_behind_does_not_begin(tmp_path, start):
    owner, place = tmp_path / "x" / "logs" / "workflow.lock", tmp_path / "x" / "store" / "items.sqlite"
    owner.parent.mkdir(parents=True)
    owner.touch()
    assert start(JOB, place, 0).communicate(timeout=30)[0] == "mine\n"
    moment = time.time() + 300  # what a node that is behind sees
    os.utime(owner, (moment, moment))
    said, error = start(JOB, place, 0).communicate(timeout=30)
    assert said == ""
    assert "s behind that of the workflow's machine" in error
    assert place.with_name("items.sqlite.lock").read_text() == ""


def test_a_job_waits_for_the_one_that_a_killed_workflow_left(tmp_path, start):
    place = tmp_path / "items.sqlite"
    first = start(JOB, place, 60)
    assert first.stdout.readline() == "mine\n"
    second = start(JOB, place, 0)
    waiting = second.stderr.readline()
    assert waiting.startswith(f"the same job is at work already: process {first.pid} of ")
    assert second.poll() is None
    first.kill()
    assert second.stdout.readline() == "mine\n"
    assert second.wait(timeout=30) == 0
