import os
import signal
import subprocess
import sys

import pytest

from varireal.errors import BackendError
from varireal.running.gpu_lease import leasable, locks_folder

JOB = """
import logging, os, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
from varireal.running.gpu_lease import lease_gpu
first = lease_gpu()
assert first == lease_gpu() == os.environ["CUDA_VISIBLE_DEVICES"]
print("GOT", first, flush=True)
time.sleep(60)
"""


def refused():
    raise AssertionError("the machine's GPUs must not be listed")


@pytest.mark.parametrize(
    ("environ", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "2,0"}, ["2", "0"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-a, GPU-b"}, ["GPU-a", "GPU-b"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,2"}, ["0"]),
        ({"CUDA_VISIBLE_DEVICES": "0,1", "SLURM_JOB_GPUS": "0,1"}, []),
        ({"SLURM_STEP_GPUS": "3"}, []),
    ],
)
def test_what_is_set_counts(environ, gpus):
    assert leasable(environ, refused) == gpus


def test_a_slurm_job_without_gpus_leases_like_any_other():
    assert leasable({"SLURM_JOB_ID": "7"}, lambda: ["GPU-a"]) == ["GPU-a"]


@pytest.fixture
def job(tmp_path):
    jobs = []

    def start():
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
        environ |= {"TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0,1"}
        jobs.append(subprocess.Popen([sys.executable, "-c", JOB], stdout=subprocess.PIPE, text=True, env=environ))
        return jobs[-1]

    yield start
    for one in jobs:
        one.kill()
        one.wait()


def read_until(job, word):
    for line in job.stdout:
        if word in line:
            return line
    raise AssertionError(f"no {word!r}")


def test_jobs_take_different_gpus_and_a_killed_one_gives_its_own_back(job):
    first = job()
    gpu = read_until(first, "GOT").split()[1]
    assert read_until(job(), "GOT").split()[1] != gpu
    third = job()
    waiting = read_until(third, "waiting for a GPU")
    assert f"is leased by process {first.pid}" in waiting
    assert third.poll() is None
    first.send_signal(signal.SIGKILL)
    assert read_until(third, "GOT").split()[1] == gpu


def test_a_waiting_job_can_be_stopped(tmp_path, job):
    for _ in range(2):
        read_until(job(), "GOT")
    script = JOB.replace("first = ", "from varireal.running import stopping; stopping.listen()\nfirst = ", 1)
    environ = {**os.environ, "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0,1"}
    third = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    read_until(third, "waiting")
    third.terminate()
    assert "StoppedError: stopped by SIGTERM" in third.communicate(timeout=20)[1]


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"varireal-gpus-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BackendError, match="belongs to somebody else; remove it, or set TMPDIR"):
        locks_folder()
