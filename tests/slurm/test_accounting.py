"""A SLURM with accounting: a database and slurmdbd, so that ``sacct`` answers."""

import os
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from snakemake_executor_plugin_slurm.job_status_query import query_job_status_sacct

from slurm import accounting
from slurm.cluster import PROGRAMS, missing, running_cluster, wait_for
from slurm.conftest import give_up
from slurm.study import copied

pytestmark = [pytest.mark.slurm, pytest.mark.e2e]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    absent = missing((*PROGRAMS, *accounting.PROGRAMS))
    if absent:
        packages = "slurm-wlm munge slurmdbd mariadb-server-core mariadb-client-core"
        give_up(f"no {absent} on this machine: apt-get install {packages}")
    if os.getuid() != 0:
        give_up("slurmd has to run as root")
    with running_cluster(tmp_path_factory.mktemp("slurm") / "a", accounts=True, memory=64_000) as started:
        yield started


def test_the_proposal_takes_the_account_and_asks_sacct(cluster, tmp_path):
    path = os.pathsep.join([str(cluster.bin), str(Path(sys.executable).parent), cluster.environment["PATH"]])
    command = ["varireal", "cluster", "--output", "mine", "--test"]
    env = cluster.environment | {"PATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"-A {accounting.ACCOUNT} -p normal" in done.stdout + done.stderr
    profile = yaml.safe_load((tmp_path / "mine" / "config.yaml").read_text())
    assert profile["slurm-status-command"] == "sacct"
    assert profile["default-resources"] == {"slurm_account": f"'{accounting.ACCOUNT}'"}


def test_a_study_whose_jobs_are_asked_for_with_sacct(reference, workflow, cluster, tmp_path):
    """One job is cancelled, one is killed; both are handed in again."""
    project = copied(reference, tmp_path / "study", without=("edits", "verdicts", "dataset", "report"))
    run = workflow(project)
    run.close_gate()
    account = f"slurm_account={accounting.ACCOUNT}"
    run.start("--until", "edits", "--slurm-status-command", "sacct", "--default-resources", account)
    wait_for("four jobs with an edit in hand", lambda: len(run.in_hand()) == 4, 120, 0.2)
    cancelled, killed, *_ = sorted(run.in_hand(), key=int)
    lost = run.in_hand()[killed]
    os.kill(lost.pid, 9)
    cluster.command("scancel", cancelled)
    run.reached(cancelled, "CANCELLED")
    run.reached(killed, "FAILED")
    run.open_gate()
    assert run.finish(120) == 0
    made = project.outputs()
    assert {name for name in reference.outputs() if "/edits/" in name} <= set(made)
    assert made == {name: data for name, data in reference.outputs().items() if name in made}
    begun = Counter(edit.item for edit in run.trace() if edit.what == "begin")
    ended = Counter(edit.item for edit in run.trace() if edit.what == "end")
    assert begun - ended == Counter([lost.item])
    assert set(ended.values()) == {1}
    states = {}
    for line in cluster.command("sacct", "-X", "-n", "-P", "--format=JobID,State,Account").splitlines():
        number, state, charged = line.split("|")
        states[number] = state
        assert charged == accounting.ACCOUNT
    assert states.pop(cancelled).startswith("CANCELLED by ")
    assert states.pop(killed) == "FAILED"
    assert Counter(states.values()) == {"COMPLETED": 4}


MENDED = """
import subprocess, sys
from varireal.running.slurm import mend_sacct
assert mend_sacct()
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def test_each_task_of_an_array_has_its_own_state(cluster):
    """The plugin's question gets the answer that the plugin needs: by the name that it knows a task by."""
    options = ("--parsable", "--array=1-3", "--job-name=three", "--output=/dev/null")
    number = cluster.command("sbatch", *options, "--wrap=exit $((SLURM_ARRAY_TASK_ID % 2))").strip()
    question = shlex.split(query_job_status_sacct("three"))

    def states(*words):
        command = [*words, *question]
        done = subprocess.run(command, env=cluster.environment, capture_output=True, text=True, check=True)
        return dict(line.split("|") for line in done.stdout.splitlines())

    ended = ("COMPLETED", "FAILED")
    wait_for("the array's end", lambda: sorted(states().values()) == sorted([ended[0], ended[1], ended[1]]), 60, 0.5)
    expected = {f"{number}_{task}": ended[task % 2] for task in (1, 2, 3)}
    assert states(sys.executable, "-c", MENDED) == expected
    assert set(states()) & set(expected) == set()  # the real answer has other names: why it is mended
