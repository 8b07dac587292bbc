"""``varireal cluster`` on a real SLURM with GPUs: what it finds, asks and writes, and jobs that run with it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from slurm.cluster import Cluster, missing, wait_for

pytestmark = pytest.mark.slurm

# GPUs for SLURM to count are any two device files; jobs here do nothing with them.
GPUS = "".join(f"NodeName=two Name=gpu Type=a100 File={device}\n" for device in ("/dev/null", "/dev/zero"))
PARTITIONS = """
PartitionName=normal Nodes=one MaxTime=2-00:00:00 Default=YES State=UP
PartitionName=gpu Nodes=two MaxTime=1-00:00:00 State=UP
PartitionName=short Nodes=one,two MaxTime=01:00:00 State=UP
"""
SNAKEFILE = """
rule gpu:
    output: "gpu.txt"
    resources: mem_mb=1000, runtime=30, gpu=1
    shell: "echo $SLURM_JOB_PARTITION gpu=$CUDA_VISIBLE_DEVICES > {output}"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One node without GPUs and one with two, of more memory than this machine has."""
    if lacking := missing():
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {lacking}")
        pytest.skip(f"not installed: {lacking}")
    folder = tmp_path_factory.mktemp("slurm") / "c"
    folder.mkdir()
    found = Cluster(folder, memory=64_000)
    text = re.sub(
        r"^(PartitionName|GresTypes|SlurmdParameters)=.*\n| Gres=\S+", "", found.config.read_text(), flags=re.M
    )
    text = re.sub(r"^(NodeName=two .*?) State=", r"\1 Gres=gpu:a100:2 State=", text, flags=re.M)
    found.config.write_text(f"GresTypes=gpu\nSlurmdParameters=config_overrides\n{text}{PARTITIONS}")
    (folder / "gres.conf").write_text(GPUS)
    try:
        found.start()
        wait_for("the node with GPUs", lambda: found.command("sinfo", "-h", "-p", "gpu", "-o", "%t").strip() == "idle")
        yield found
    finally:
        found.stop()


@pytest.fixture
def run(cluster, tmp_path):
    """Run a program of this environment on the cluster; what it ended with and said."""
    path = os.pathsep.join([str(cluster.bin), str(Path(sys.executable).parent), cluster.environment["PATH"]])

    def call(*words):
        done = subprocess.run(
            words, cwd=tmp_path, env=cluster.environment | {"PATH": path}, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    return call


def test_it_looks_asks_and_writes_a_profile_that_runs_a_job(run, tmp_path):
    code, said = run("varireal", "cluster", "--output", "mine", "--test")
    assert code == 0, said
    assert said.count(": accepted: Job ") == 2
    assert "-p normal -t 480 --mem 4000" in said
    assert "-p gpu -t 480 --mem 24000" in said
    profile = yaml.safe_load((tmp_path / "mine" / "config.yaml").read_text())
    assert (profile["slurm-status-command"], profile["jobs"]) == ("squeue", 500)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    faster = ("--slurm-init-seconds-before-status-checks", "1", "--retries", "0")
    code, said = run("snakemake", "--profile", "mine", *faster)
    assert code == 0, said
    assert (tmp_path / "gpu.txt").read_text() == "gpu gpu=0\n"


def test_what_the_cluster_refuses_is_told(run):
    code, said = run("varireal", "cluster", "--test", "--partition", "short")
    assert code == 0, said  # the job's time is cut to what the partition allows
    assert "-p short -t 60 " in said
    code, said = run("varireal", "cluster", "--gpu-partition", "normal")
    assert code == 2
    assert said.splitlines()[-1] == "error: cluster: --gpu-partition: normal has no GPU; with GPUs: gpu, short"


def test_both_styles_and_a_partition_that_is_down(run, cluster):
    code, said = run("varireal", "cluster", "--test", "--gpu-style", "gres")
    assert code == 0, said
    assert "--gres=gpu:1" in said
    assert "a job with a GPU (--gres): accepted" in said
    cluster.command("scontrol", "update", "partitionname=gpu", "state=down")
    try:
        code, said = run("varireal", "cluster", "--test", "--gpu-partition", "gpu")
    finally:
        cluster.command("scontrol", "update", "partitionname=gpu", "state=up")
    assert code == 2
    assert "partition gpu is not up" in said.splitlines()[-1]
