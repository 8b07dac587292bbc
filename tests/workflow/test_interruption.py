"""Real workflows that are killed, doubled and broken: one study for all of it, to save the time of its stages."""

import re
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from kit import TINY, Project, environment

pytestmark = pytest.mark.workflow

SHARD = "00000-of-00001"
EDITS = f"results/tiny/edits/color/feasible/round0/{SHARD}.parquet"
LOG = f"results/tiny/logs/edits/color/feasible/round0/{SHARD}.log"
STORE = f"results/tiny/store/edits-color-feasible-round0-{SHARD}.sqlite"
PHOTOS = 40


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    images = {"demo": {**TINY["images"]["demo"], "train": PHOTOS // 2}}
    config = {**TINY, "images": images, "edits": {"attributes": ["color"], "rounds": 1}}
    project = Project(tmp_path_factory.mktemp("interruption"), config)
    done = project.snakemake("--", f"results/tiny/masks/{SHARD}.parquet")
    assert done.code == 0, done.text
    return project


@dataclass
class Workflow:
    """A running Snakemake; its screen is a file, so that nobody waits for a pipe that an orphan holds."""

    process: subprocess.Popen
    screen: Path

    def read_until(self, words: str) -> str:
        return wait_for(lambda: next((line for line in self.screen.read_text().splitlines() if words in line), None))

    def end(self) -> str:
        self.code = self.process.wait(timeout=120)
        return self.screen.read_text()


@pytest.fixture
def start(study):
    started = []

    def run(*args: str) -> Workflow:
        screen = study.folder / f"screen{time.monotonic_ns()}.txt"
        command = ["snakemake", "--cores", "1", "--configfile", "study.yaml", *args]
        with screen.open("w") as out:
            started.append(
                subprocess.Popen(command, cwd=study.folder, env=environment(), stdout=out, stderr=subprocess.STDOUT)
            )
        return Workflow(started[-1], screen)

    yield run
    for one in started:
        if one.poll() is None:
            for child in psutil.Process(one.pid).children(recursive=True):
                child.kill()
            one.kill()
            one.wait()


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


def stage_of(workflow: Workflow) -> psutil.Process | None:
    for child in psutil.Process(workflow.process.pid).children(recursive=True):
        words = child.cmdline()
        if any(Path(word).name == "varireal" for word in words[:2]) and "edits" in words:
            return child
    return None


def computed(text: str) -> Counter:
    return Counter(re.findall(r"DEBUG computed (\S+)", text))


def test_a_killed_workflow_leaves_nothing_in_the_way(study, start):
    """Killed with kill -9 while its stage lives on; another one meanwhile; then the same command again."""
    log = study.folder / LOG
    first = start("--", EDITS)
    wait_for(lambda: log.exists() and computed(log.read_text()))
    stage = stage_of(first)
    stage.suspend()  # so that it is at work for as long as the test wants
    before = computed(log.read_text())
    assert 0 < len(before) < PHOTOS

    second = study.snakemake("--", EDITS)
    assert second.code == 2
    assert f"another workflow is at work on this study: process {first.process.pid} of " in second.text
    assert second.text.rstrip().endswith("wait for its end, or stop it and run the same command again")

    first.process.kill()
    first.process.wait()
    third = start("--", EDITS)
    assert f"process {first.process.pid} of " in third.read_until("The workflow before this one")
    assert f"process {stage.pid} of " in third.read_until("the same job is at work already")
    stage.resume()
    wait_for(lambda: not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE)
    rest = third.end()
    assert third.code == 0, rest
    assert f"edits: ok {PHOTOS}; computed 0 now" in rest  # the stage that was left behind had computed them all
    assert (study.folder / "results/tiny/logs/workflow.lock").read_text() == ""
    assert not list((study.folder / ".snakemake" / "locks").glob("*"))


def test_a_stage_that_is_told_to_stop_keeps_its_items(study, start):
    """SIGTERM, as a scheduler sends it; the retry goes on where it stopped."""
    for path in (EDITS, STORE, LOG):
        (study.folder / path).unlink()
    log = study.folder / LOG
    workflow = start("--retries", "1", "--", EDITS)
    wait_for(lambda: log.exists() and computed(log.read_text()))
    stage = stage_of(workflow)
    stage.suspend()
    stage.terminate()
    first = computed(log.read_text())
    stage.resume()
    rest = workflow.end()
    assert workflow.code == 0, rest
    assert "edits: stopped by SIGTERM; what was finished is kept, run the same command again to go on" in rest
    assert "failed:" not in rest
    made = re.search(rf"edits: ok {PHOTOS}; computed (\d+) now", rest)
    assert 0 < len(first) < PHOTOS
    assert int(made[1]) <= PHOTOS - len(first)


def test_a_job_that_a_retry_mended_is_not_named_when_another_fails(study, start):
    """Whatever Snakemake is told to be quiet about."""
    for path in (EDITS, STORE, LOG):
        (study.folder / path).unlink()
    other, log = EDITS.replace("/feasible/", "/infeasible/"), study.folder / LOG
    (study.folder / STORE.replace("-feasible-", "-infeasible-")).write_text("no database")
    workflow = start("--retries", "1", "--keep-going", "--quiet", "progress", "--", EDITS, other)
    wait_for(lambda: log.exists() and computed(log.read_text()))
    stage_of(workflow).terminate()
    rest = workflow.end()
    assert workflow.code == 1
    assert "edits: stopped by SIGTERM" in rest
    assert (study.folder / EDITS).exists()
    assert "\n1 job failed:\n  stage: edits color/infeasible/" in rest


def test_a_failure_ends_with_its_cause(study):
    (study.folder / EDITS).unlink()
    (study.folder / STORE).write_text("no database")
    done = study.snakemake("--", EDITS)
    assert done.code == 1
    assert done.text.endswith(
        "\n1 job failed:\n"
        f"  stage: edits color/feasible/round0/{SHARD}\n"
        "  item:  see the cause\n"
        f"  cause: the item store {STORE} cannot be used (file is not a database)\n"
        "  to do: end the other job if that is the reason, or move the file away to start afresh\n"
        f"  log:   {LOG}\n"
    )
    (study.folder / STORE).unlink()
    assert study.snakemake("--", EDITS).code == 0
