"""Shards, cores and kills change no candidate and no picture."""

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from kit import TINY, Project, environment
from varireal.store import tables
from varireal.store.schemas import EDITS, FUNNEL, MANIFEST, dataset_schema

pytestmark = pytest.mark.e2e

# One attribute and one round: eight shards of it are jobs enough.
STUDY = {**TINY, "edits": {"attributes": ["color"], "rounds": 1}}
LONGEST = 300  # seconds until a busy machine gets there
CUTS = {"one": (1, 1), "many": (8, 4)}  # shards and cores


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("elastic")


def project(place, name, shards):
    (place / name).mkdir()
    return Project(place / name, {**STUDY, "study": {**STUDY["study"], "shards": shards}})


@pytest.fixture(scope="module")
def whole(place):
    """One shard on one core, never interrupted."""
    shards, cores = CUTS["one"]
    study = project(place, "whole", shards)
    run = study.snakemake("--until", "dataset", cores=cores)
    assert run.code == 0, run.text
    return study


def in_dataset(study):
    """Rows of manifest, funnel and data set; the last by candidate, because each shard has a file of its own."""
    folder = study.folder / "results" / "tiny" / "dataset"
    schema = dataset_schema(["flamingo", "mallard"])
    rows = [row for path in folder.glob("data/*.parquet") for row in tables.read(path, schema)]
    made = sorted(rows, key=lambda row: row["candidate_id"])
    return tables.read(folder / "manifest.parquet", MANIFEST), tables.read(folder / "funnel.parquet", FUNNEL), made


def candidates(study):
    paths = (study.folder / "results" / "tiny" / "edits").rglob("*.parquet")
    rows = [row for path in paths for row in tables.read(path, EDITS)]
    assert len({row["candidate_id"] for row in rows}) == len(rows)
    return {row["candidate_id"]: row for row in rows}


def edit_jobs(workflow):
    """Stages of the workflow that edit now, each with the path of its log."""
    for child in psutil.Process(workflow.pid).children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if "edits" in words and any(Path(word).name == "varireal" for word in words[:2]):
            yield child, words[words.index("--log") + 1]


def a_victim(study, workflow, seen):
    """A job that has finished an item and not all; when one got away before it was caught, any other."""
    jobs = {job.pid: (job, study.folder / log) for job, log in edit_jobs(workflow)}
    for job, log in jobs.values():
        if log.exists() and "DEBUG computed" in log.read_text():
            return job
    got_away = seen - jobs.keys()
    seen |= jobs.keys()
    return next((job for job, _ in jobs.values()), None) if got_away else None


def run_and_shoot(study, cores, how):
    """Start the workflow, send a signal to an edit job that is at work, and wait for the end.

    The workflow and its jobs are processes of their own, which are found and shot; what comes before the edits is not.
    """
    before = study.snakemake("--until", "masks", "prompts", cores=cores)
    assert before.code == 0, before.text
    command = ["snakemake", "--cores", str(cores), "--configfile", "study.yaml", "--until", "edits"]
    log = study.folder / "shot.log"
    with log.open("w") as screen:
        workflow = subprocess.Popen(
            command, cwd=study.folder, env=environment(), stdout=screen, stderr=subprocess.STDOUT
        )
        try:
            end, seen = time.monotonic() + LONGEST, set()
            while (job := a_victim(study, workflow, seen)) is None:
                assert workflow.poll() is None, log.read_text()
                assert time.monotonic() < end, "no edit job was seen"
                time.sleep(0.01)
            job.send_signal(how)
            workflow.wait(LONGEST)
        finally:
            if workflow.poll() is None:
                for process in [*psutil.Process(workflow.pid).children(recursive=True), workflow]:
                    process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL], ids=["kill -9"])
def test_shards_cores_and_kills_change_no_candidate(place, whole, how):
    shards, cores = CUTS["many"]
    study = project(place, "many", shards)
    run_and_shoot(study, cores, how)
    run = study.snakemake("--until", "dataset", cores=cores)
    assert run.code == 0, run.text
    assert len(list((study.folder / "results/tiny/edits").rglob("*.parquet"))) == 2 * shards
    then, now = candidates(whole), candidates(study)
    assert len(then) == 12
    assert {row["status"] for row in then.values()} == {"ok"}
    for name, row in then.items():
        assert now[name] == row, name
    assert now.keys() == then.keys()
    manifest, funnel, made = in_dataset(study)
    assert (manifest, funnel, made) == in_dataset(whole)
    assert len(manifest) == 12
    assert 0 < len(made) == sum(row["outcome"] == "accepted" for row in manifest)


def test_a_stop_between_two_items_changes_no_candidate(place, whole):
    shards, cores = CUTS["one"]
    study = project(place, "stopped", shards)
    run_and_shoot(study, cores, signal.SIGTERM)
    run = study.snakemake("--until", "edits", cores=cores)
    assert run.code == 0, run.text
    assert candidates(study) == candidates(whole)
    same = "results/tiny/edits/color/feasible/round0/00000-of-00001.parquet"
    assert (study.folder / same).read_bytes() == (whole.folder / same).read_bytes()
