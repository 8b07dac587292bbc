"""The options that SLURM is asked with are those that the plugin will give."""

import shlex
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string

from varireal.study.needs import Needs
from varireal.tools import cluster_facts
from varireal.tools.cluster import options
from varireal.tools.cluster_choosing import Wishes, propose

NODES = "cpu|a|8|64000|(null)||idle\ngpu|b|8|64000|gpu:2||idle\n"
ROWS = "PartitionName=cpu Default=YES\nPartitionName=gpu\n"


class Resources(dict):
    __getattr__ = dict.get


@pytest.mark.parametrize("style", ["gpus", "gres"])
@pytest.mark.parametrize("gpus", [0, 1])
@pytest.mark.parametrize("charged", [False, True])
@pytest.mark.parametrize("requeue", ["0", "1"])
def test_the_plugin_gives_the_same_options(style, gpus, charged, requeue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    partitions = cluster_facts.read_partitions(ROWS, cluster_facts.read_nodes(NODES))
    cluster = cluster_facts.Cluster("c", "1", {"JobRequeue": requeue}, partitions, accounting=False)
    wishes = Wishes(gpu_style=style, account="lab x" if charged else "", qos="long" if charged else "")
    proposal = propose(cluster, {}, wishes)
    need = Needs(24_000, 480, gpus, threads=3)

    resources = Resources(mem_mb=24_000, runtime=480)
    if charged:
        resources |= {"slurm_account": "lab x", "qos": "long"}
    if gpus:
        resources |= {"gpu": 1} if style == "gpus" else {"gpu": 0, "gres": "gpu:1"}
    job = SimpleNamespace(resources=Resources(resources), threads=3)
    params = {
        "run_uuid": "varireal-test",
        "slurm_logfile": "/dev/null",
        "comment_str": "rule_edits",
        "account": f" -A {shlex.quote('lab x')}" if charged else "",
        "partition": f" -p {'gpu' if gpus else 'cpu'}",
        "workdir": str(tmp_path),
    }
    settings = SimpleNamespace(requeue=requeue == "1", no_requeue=False, qos=None, reservation=None)
    theirs = shlex.split(get_submit_command(job, params, settings=settings) + set_gres_string(job))
    assert theirs == ["sbatch", *options(proposal, "edits", need, style)]
