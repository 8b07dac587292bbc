"""Which partitions and settings are proposed, on clusters of many kinds."""

import pytest

from varireal.errors import ConfigError
from varireal.study.needs import Needs
from varireal.tools import cluster_facts
from varireal.tools.cluster_choosing import Wishes, gpu_style, propose

SETTINGS = {"SelectType": "select/cons_tres", "MaxArraySize": "1001", "MinJobAge": "300 sec", "JobRequeue": "1"}
EDITS = Needs(24_000, 480, 1)


def cluster(*partitions, settings=None, accounting=False, **more):
    """Partitions as (name, options of scontrol, node lines of cpus|memory|gres)."""
    nodes, rows = [], []
    for name, words, *own in partitions:
        rows.append(f"PartitionName={name} {words}")
        nodes += [f"{name}|{name}{number}|{node}||idle" for number, node in enumerate(own)]
    found = cluster_facts.read_partitions("\n".join(rows), cluster_facts.read_nodes("\n".join(nodes)))
    return cluster_facts.Cluster("test", "23.11", SETTINGS | (settings or {}), found, accounting=accounting, **more)


CPU = ("cpu", "MaxTime=2-00:00:00 Default=YES", "64|256000|(null)")
GPU = ("gpu", "MaxTime=1-00:00:00", "64|512000|gpu:a100:4")


def chosen(*partitions, needs=None, wishes=None, **more):
    found = propose(cluster(*partitions, **more), needs or {}, wishes or Wishes(), groups=["users"])
    return found.cpu.name, found.gpu.name if found.gpu else None


def test_the_plain_case():
    assert chosen(CPU, GPU) == ("cpu", "gpu")


def test_jobs_without_a_gpu_stay_off_gpu_nodes():
    assert chosen(("main", "Default=YES", "8|64000|gpu:2"), ("cpu", "", "8|64000|(null)")) == ("cpu", "main")
    assert chosen(("main", "Default=YES", "8|64000|gpu:2")) == ("main", "main")
    assert chosen(("mixed", "Default=YES", "8|64000|gpu:2", "8|64000|(null)"), GPU) == ("mixed", "gpu")


def test_what_is_too_small_or_too_short_comes_last():
    debug = ("debug", "MaxTime=00:30:00 Default=YES", "64|256000|gpu:v100:8")
    assert chosen(debug, ("cpu", "MaxTime=1-00:00:00", "8|64000|(null)"), GPU) == ("cpu", "gpu")
    assert chosen(CPU, ("small", "", "8|16000|gpu:8"), GPU, needs={"edits": EDITS}) == ("cpu", "gpu")


def test_memory_counts_on_gpu_nodes_only():
    mixed = ("mixed", "Default=YES", "8|512000|(null)", "8|8000|gpu:8")
    assert chosen(mixed, GPU, needs={"edits": EDITS}) == ("mixed", "gpu")


def test_partitions_that_do_not_take_the_user_are_left_out(monkeypatch):
    monkeypatch.setattr("os.getuid", lambda: 1000)
    closed = [
        ("group", "AllowGroups=others", "8|640000|gpu:8"),
        ("root", "RootOnly=YES", "8|640000|gpu:8"),
        ("down", "State=DOWN", "8|640000|gpu:8"),
        ("empty", ""),
    ]
    assert chosen(CPU, GPU, *closed) == ("cpu", "gpu")
    mine = ("mine", "AllowGroups=staff,users", "8|640000|gpu:8")
    assert chosen(CPU, mine, *closed) == ("cpu", "mine")
    paid = ("paid", "AllowAccounts=rich", "8|640000|gpu:8")
    assert chosen(CPU, paid, accounting=True, accounts=("poor",)) == ("cpu", None)
    assert chosen(CPU, paid, accounting=True, accounts=("poor", "rich")) == ("cpu", "paid")
    with pytest.raises(ConfigError, match="none of the 4 partitions of test takes your jobs"):
        chosen(*closed)


def test_a_partition_that_is_not_preempted_goes_first():
    nodes = cluster_facts.read_nodes("low|n|8|64000|gpu:2||idle\nhigh|n|8|64000|gpu:2||idle\n")
    rows = (
        "PartitionName=low PriorityTier=1 PreemptMode=REQUEUE MaxTime=UNLIMITED",
        "PartitionName=high PriorityTier=9 PreemptMode=OFF MaxTime=2-00:00:00",
    )
    found = cluster_facts.read_partitions("\n".join(rows), nodes)
    both = cluster_facts.Cluster(
        "t", "1", SETTINGS | {"PreemptType": "preempt/partition_prio"}, found, accounting=False
    )
    proposal = propose(both, {}, Wishes())
    assert proposal.gpu.name == "high"
    proposal = propose(both, {}, Wishes(gpu_partition="low"))
    assert any("partition low: jobs may be preempted (REQUEUE)" in note for note in proposal.notes)


def test_wishes_go_first_and_unknown_names_are_told():
    assert chosen(CPU, GPU, wishes=Wishes(partition="gpu")) == ("gpu", "gpu")
    with pytest.raises(ConfigError, match="test has no partition 'gpus'; it has: cpu, gpu"):
        chosen(CPU, GPU, wishes=Wishes(gpu_partition="gpus"))
    with pytest.raises(ConfigError, match="--gpu-partition: cpu has no GPU; with GPUs: gpu"):
        chosen(CPU, GPU, wishes=Wishes(gpu_partition="cpu"))


@pytest.mark.parametrize(
    ("select", "style"),
    [("select/cons_tres", "gpus"), ("select/cons_res", "gres"), ("select/linear", "gres"), ("", "gres")],
)
def test_gpus_or_gres(select, style):
    assert gpu_style(cluster(CPU, settings={"SelectType": select})) == style
    found = propose(cluster(CPU, GPU, settings={"SelectType": select}), {}, Wishes(gpu_style="gpus"))
    assert found.gpu_style == "gpus"


def test_who_tells_the_state_of_jobs():
    with_it = propose(cluster(CPU, accounting=True), {}, Wishes())
    without = propose(cluster(CPU), {}, Wishes())
    forgetful = propose(cluster(CPU, settings={"MinJobAge": "30 sec"}), {}, Wishes())
    assert [(one.status_command, one.first_look) for one in (with_it, without, forgetful)] == [
        ("sacct", 20),
        ("squeue", 20),
        ("squeue", 10),
    ]
    assert any("forgets a job 30 s after its end" in note for note in forgetful.notes)
    assert not any("MinJobAge" in note for note in without.notes)


def test_limits_of_the_cluster_are_kept():
    small = propose(
        cluster(CPU, settings={"MaxArraySize": "101", "MaxJobCount": "10000"}, max_submit=50), {}, Wishes()
    )
    assert (small.array_limit, small.jobs) == (100, 50)
    large = propose(cluster(CPU, settings={"MaxArraySize": "75000"}), {}, Wishes())
    assert (large.array_limit, large.jobs) == (1000, 500)
    none = propose(cluster(CPU, settings={"MaxArraySize": "1"}), {}, Wishes())
    assert none.array_limit == 0
    assert any("no job arrays" in note for note in none.notes)


def test_the_account():
    one = cluster(CPU, accounting=True, accounts=("lab",))
    two = cluster(CPU, accounting=True, accounts=("lab", "guest"), default_account="guest")
    assert [propose(c, {}, Wishes()).account for c in (cluster(CPU), one, two)] == ["", "lab", "guest"]
    assert propose(two, {}, Wishes(account="lab")).account == "lab"
    assert "you have several accounts: lab, guest; choose with --account" in propose(two, {}, Wishes()).notes


def test_needs_are_compared_with_the_limits():
    short = ("gpu", "MaxTime=04:00:00", "8|16000|gpu:2")
    proposal = propose(cluster(CPU, short), {"edits": EDITS, "masks": Needs(24_000, 120, 1)}, Wishes())
    assert proposal.within_limits(EDITS).runtime == 240
    assert proposal.within_limits(Needs(1, 120, 1)).runtime == 120
    assert "edits, masks: each job asks for 24000 MB, but can have 16000 in partition gpu" in proposal.notes
    none = propose(cluster(CPU), {"edits": EDITS}, Wishes())
    assert "no partition with a GPU takes your jobs: rules that ask for one will be refused" in none.notes
