"""Faults of a cluster, on a real SLURM: a study goes on by itself, to the same bytes, and computes no item twice."""

import re
import shutil
import time
from collections import Counter

import pytest

from kit import Project
from slurm.cluster import wait_for
from slurm.study import STUDY, copied

pytestmark = [pytest.mark.slurm, pytest.mark.e2e]

ITEMS = 16  # 8 train photos in two arms


def test_a_study_goes_through_all_faults_of_a_cluster(reference, workflow, cluster, tmp_path):
    """One run of the edits, the verdicts, the data set and the report, with one fault after the other."""
    project = copied(reference, tmp_path / "study", without=("edits", "verdicts", "dataset", "report"))
    run = workflow(project)
    run.close_gate()
    run.start("--set-resources", "edits:gpu=1")
    wait_for("four jobs with an edit in hand", lambda: len(run.in_hand()) == 4, 120, 0.2)
    held = run.in_hand()
    on = {node: sorted(job for job, edit in held.items() if edit.node == node) for node in ("one", "two")}
    assert [len(jobs) for jobs in on.values()] == [2, 2]
    for jobs in on.values():  # SLURM gave each its own GPU
        assert sorted(held[job].gpu for job in jobs) == ["0", "1"]
    cancelled, preempted = on["one"]
    late, lost = on["two"]

    # kill -9 of a slurmd that is started again: the jobs on its node do not notice.
    cluster.kill("two")
    cluster.start_node("two")

    # slurmctld is away for 20 s: squeue fails, jobs run on, and the workflow keeps them.
    cluster.kill("slurmctld")
    ended = time.monotonic() + 20
    assert "Unable to contact" in failing_squeue(cluster)
    while time.monotonic() < ended:
        time.sleep(0.5)
    cluster.start_controller()
    wait_for("the nodes", lambda: set(cluster.node_states().values()) <= {"mixed", "allocated"}, 60)
    assert {job["id"] for job in cluster.jobs() if job["state"] == "RUNNING"} >= {cancelled, preempted, lost}

    # A job over its time: SLURM looks every 30 s, and the two faults after this one take their time too.
    cluster.command("scontrol", "update", f"JobId={late}", f"EndTime={time.strftime('%FT%T')}")

    # scancel: the item in hand is finished, the job handed in again.
    cluster.command("scancel", cancelled)
    run.reached(cancelled, "CANCELLED")

    # drain: what runs there goes on, nothing new comes. Then a job of a higher partition wants the other node.
    cluster.command("scontrol", "update", "NodeName=two", "State=drain", "Reason=test")
    urgent = ("--partition=urgent", "--nodelist=one", "--cpus-per-task=2", "--mem=100", "--output=/dev/null")
    number = cluster.command("sbatch", "--parsable", *urgent, "--wrap=sleep 2").strip()
    run.reached(number, "COMPLETED")
    assert run.job(preempted)["restarts"] == "1"
    run.reached(late, "TIMEOUT")
    assert run.job(lost)["state"] == "RUNNING"
    assert {job["node"] for job in cluster.jobs() if int(job["batch"]) > int(number)} <= {"", "one"}

    # the loss of a node, with the job on it in the middle of an item
    cluster.kill("two", with_jobs=True)
    wait_for("the job to be queued again", lambda: run.job(lost)["restarts"] == "1", 60)
    cluster.start_node("two")
    cluster.command("scontrol", "update", "NodeName=two", "State=resume")
    run.open_gate()

    assert run.finish(240) == 0
    assert project.outputs() == reference.outputs()
    begun = Counter(edit.item for edit in run.trace() if edit.what == "begin")
    ended_ = Counter(edit.item for edit in run.trace() if edit.what == "end")
    assert len(ended_) == ITEMS
    assert set(ended_.values()) == {1}  # no item that was finished was made again
    assert begun - ended_ == Counter([held[lost].item])  # and of those that were not, only the one in hand
    assert run.job(preempted)["state"] == run.job(lost)["state"] == "COMPLETED"  # the same jobs, queued again by SLURM


# What a node whose clock is five minutes ahead leaves: the table of the step's job, dated by that clock.
AHEAD = """
export SLURM_CONF={config}
{srun} "$@" || exit
for word; do
  table=$(echo "$word" | sed -n 's|^edits:attribute=\\(.*\\),feasibility=\\(.*\\),round=0,shard=|\\1/\\2/round0/|p')
  [ -z "$table" ] || touch -d '+5 minutes' "results/tiny/edits/$table.parquet" && echo "$table" >> {noted}
done
exit 0
"""


@pytest.fixture
def ahead(cluster, tmp_path):
    """Let the nodes' clock be ahead from now on; the file in which they note what they dated so."""

    def put():
        noted = tmp_path / "ahead"
        cluster.wrap("srun", AHEAD.format(config=cluster.config, srun=shutil.which("srun"), noted=noted))
        return noted

    yield put
    cluster.wrap("srun", f"export SLURM_CONF={cluster.config}")


def test_a_killed_workflow_s_jobs_are_recognised_by_the_next_one(reference, workflow, cluster, ahead, tmp_path):
    """``kill -9`` of Snakemake while two jobs are at work and two wait; the same command then goes on.

    It does so on nodes whose clock is ahead, of which nothing is left in the end.
    """
    project = copied(reference, tmp_path / "study", without=("edits",))
    run = workflow(project)
    run.close_gate()
    options = ("--until", "edits", "--set-threads", "edits=2")  # a job fills a node
    run.start(*options)
    wait_for("two jobs with an edit in hand", lambda: len(run.in_hand()) == 2, 120, 0.2)
    held = run.in_hand()
    wait_for("two that wait", lambda: len(mine := run.jobs()) == 4 and set(mine) - set(held), 60, 0.2)
    waiting = sorted(set(run.jobs()) - set(held))
    # Jobs of somebody else, who is the same user here: one that waits, one that is held.
    other = cluster.command("sbatch", "--parsable", "--hold", "--job-name=other", "--wrap=true").strip()
    name = cluster.command("squeue", "-h", f"--jobs={waiting[0]}", "--format=%j").strip()
    alike = cluster.command("sbatch", "--parsable", "--hold", f"--job-name={name}x", "--wrap=true").strip()
    run.kill()
    dated = ahead()
    assert {job: run.job(job)["state"] for job in (*held, *waiting)} == {
        **dict.fromkeys(held, "RUNNING"),
        **dict.fromkeys(waiting, "PENDING"),
    }

    run.start(*options)
    wait_for("the next one's jobs", lambda: len(run.jobs()) == 8, 120, 0.2)
    said = run.screen.read_text()
    assert "was killed. What it finished is kept and used" in said
    at_work = ", ".join(sorted(held, key=int))
    assert (
        f"Jobs of an earlier workflow of this study on SLURM: 2 at work ({at_work}), whose items will be found; "
        f"2 that waited ({', '.join(waiting)}), cancelled" in said
    )
    assert {run.job(job)["state"] for job in held} == {"RUNNING"}
    assert {run.job(job)["state"] for job in waiting} == {"CANCELLED"}
    assert {run.job(job)["state"] for job in (other, alike)} == {"PENDING"}
    cluster.command("scancel", other, alike)
    run.open_gate()
    assert run.finish(180) == 0
    assert project.outputs() == reference.outputs()
    begun = Counter((edit.what, edit.item) for edit in run.trace())
    assert len(begun) == 2 * ITEMS
    assert set(begun.values()) == {1}  # not one was begun again
    tables = {
        path.relative_to(path.parents[3]): path for path in project.folder.glob("results/tiny/edits/**/*.parquet")
    }
    assert {f"{name}.parquet" for name in dated.read_text().split()} == set(map(str, tables))
    assert all(path.stat().st_mtime < time.time() for path in tables.values())


def test_a_job_leaves_few_files(reference):
    """At most 10 on a shared file system; the workflow adds a record of its own, and SLURM a log while it runs."""
    job = re.compile(r"edits[-/]color[-/]feasible[-/]round0[-/]00000-of-00002")
    names = [path.relative_to(reference.folder).as_posix() for path in reference.folder.rglob("*") if path.is_file()]
    found = [name for name in names if name.startswith("results/") and job.search(name)]
    assert 3 < len(found) <= 8, found


def failing_squeue(cluster):
    try:
        return cluster.command("squeue")
    except RuntimeError as error:
        return str(error)


def test_sbatch_that_fails_and_an_array(reference, workflow, cluster, tmp_path):
    """The first stages, from an empty folder: images, then the masks of all shards as one job array."""
    folder = tmp_path / "study"
    folder.mkdir()
    project = Project(folder, STUDY)
    count = tmp_path / "count"
    cluster.wrap(
        "sbatch",
        f'echo "$*" >> {count}\n'
        f'[ "$(wc -l < {count})" -gt 2 ] || {{ echo "sbatch: error: Socket timed out" >&2; exit 1; }}',
    )
    run = workflow(project)
    try:
        run.start(
            *("--until", "masks", "--slurm-array-jobs", "masks", "--keep-incomplete", "--set-threads", "images=2")
        )
        assert run.finish(150) == 0
    finally:
        cluster.unwrap("sbatch")
    calls = count.read_text().splitlines()
    assert len(calls) == 4  # images three times, the masks of both shards once
    assert "--array=1-2" in calls[-1]
    expected = {name: data for name, data in reference.outputs().items() if name in project.outputs()}
    assert len(list((folder / "results" / "tiny" / "masks").glob("*.parquet"))) == 2
    assert project.outputs() == expected
