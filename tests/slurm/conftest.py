"""The SLURM ring: a cluster of two nodes on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from kit import Project, environment
from slurm.cluster import missing, running_cluster
from slurm.study import STUDY, Workflow

HERE = Path(__file__).parent
# The executor looks at its jobs after 2 s and, while none of them ends, 10 s later each time: behind a long wait of a
# test it is half a minute late for every stage, and no option says so. Snakemake's own waits are 3 s at most here.
LOOKS = """
import os, sys
if any(os.path.basename(word) == "snakemake" for word in sys.orig_argv[:2]):
    import asyncio
    wait = asyncio.sleep
    asyncio.sleep = lambda delay, *args: wait(min(delay, 3), *args)
"""


def give_up(reason):
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must not skip the SLURM ring")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    absent = missing()
    if absent:
        give_up(f"no {absent} on this machine: apt-get install slurm-wlm munge")
    if os.getuid() != 0:
        give_up("slurmd has to run as root")
    # a short path: those of sockets are limited
    with running_cluster(tmp_path_factory.mktemp("slurm") / "c") as started:
        yield started


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    """A folder for PYTHONPATH with the gated editor, installed as pip would."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "gated_editor.py", site)
    (site / "sitecustomize.py").write_text(LOOKS)
    info = site / "gated-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gated\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[varireal.editors]\ngated = gated_editor:GatedEditor\n")
    return site


@pytest.fixture(scope="session")
def reference(tmp_path_factory, packages):
    """The study, run on this machine without any disturbance; once for all processes of pytest."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reference"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            made = folder.with_name("reference-in-work")
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            Project(made, STUDY)
            command = ["snakemake", "--cores", "2", "--configfile", "study.yaml"]
            env = {**environment(), "PYTHONPATH": str(packages)}
            done = subprocess.run(command, cwd=made, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            made.rename(folder)
    return Project.finished(folder)


@pytest.fixture
def workflow(cluster, packages, tmp_path):
    """Make a workflow; what it left is ended after the test, and its screen is shown when the test failed."""
    made: list[Workflow] = []

    def make(project: Project) -> Workflow:
        made.append(Workflow(project, cluster, packages))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        print(one.screen.read_text()[-6000:] if one.screen.exists() else "")  # noqa: T201
        print([(job["id"], job["state"], job["restarts"], job["comment"]) for job in cluster.jobs()])  # noqa: T201
