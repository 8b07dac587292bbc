"""Reading what SLURM's programs print; the recorded texts are of a real SLURM 22.05."""

import pytest

from kit import ROOT
from varireal.tools import cluster_facts

RECORDED = ROOT / "tests" / "recorded" / "slurm-22.05"


def recorded(name):
    return (RECORDED / f"{name}.txt").read_text()


@pytest.fixture
def partitions():
    found = cluster_facts.read_partitions(recorded("partitions"), cluster_facts.read_nodes(recorded("nodes")))
    return {one.name: one for one in found}


def test_settings_of_a_real_cluster():
    settings = cluster_facts.read_settings(recorded("config"))
    assert settings["SLURM_VERSION"] == "22.05.8"
    assert settings["SelectType"] == "select/cons_tres"
    assert settings["AccountingStorageType"] == "accounting_storage/none"
    assert settings["SchedulerParameters"].startswith("sched_interval=2,")  # only the first = divides
    cluster = cluster_facts.Cluster("x", "22.05", settings, (), accounting=False)
    assert (cluster.number("MaxArraySize"), cluster.number("MinJobAge"), cluster.number("ClusterName")) == (
        1001,
        600,
        None,
    )


def test_partitions_of_a_real_cluster(partitions):
    assert list(partitions) == ["short", "normal", "gpu", "preemptible", "closed"]
    assert [name for name, one in partitions.items() if one.default] == ["normal"]
    assert [name for name, one in partitions.items() if not one.up] == ["closed"]
    assert {name: one.max_minutes for name, one in partitions.items()} == {
        "short": 60,
        "normal": 2880,
        "gpu": 1440,
        "preemptible": None,
        "closed": None,
    }
    gpu = partitions["gpu"]
    assert (gpu.gpus, gpu.gpu_types, gpu.features) == (2, ("a100",), ("a100", "nvlink"))
    assert (gpu.cpus, gpu.memory_mb, gpu.nodes_up, gpu.groups, gpu.accounts) == (2, 16000, 1, (), ())
    mixed = partitions["preemptible"]
    assert [node.name for node in mixed.nodes] == ["one", "two"]
    assert [node.name for node in mixed.gpu_part.nodes] == ["two"]
    assert (gpu.only_gpus, mixed.only_gpus, partitions["short"].only_gpus) == (True, False, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(null)", {}),
        ("gpu", {"": 1}),
        ("gpu:4", {"": 4}),
        ("gpu:0", {}),
        ("gpu:a100", {"a100": 1}),
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("gpu:v100:2(S:0,2),shard:16", {"v100": 2}),
        ("craynetwork:4,gpu:h100:8,nvme:1", {"h100": 8}),
        ("gpu:nvidia_a100_1g.5gb:7,gpu:a100:1", {"nvidia_a100_1g.5gb": 7, "a100": 1}),
        ("mygpu:3", {}),
    ],
)
def test_gpus_in_generic_resources(text, expected):
    assert cluster_facts.read_gpus(text) == expected


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("UNLIMITED", None),
        ("infinite", None),
        ("NONE", None),
        ("1-00:00:00", 1440),
        ("7-12:30:00", 10_830),
        ("2-12", 3600),
        ("01:00:00", 60),
        ("30:00", 30),
        ("90", 90),
        ("odd", None),
    ],
)
def test_time_limits(text, minutes):
    assert cluster_facts.read_minutes(text) == minutes


@pytest.mark.parametrize(
    ("state", "up"),
    [
        ("idle", True),
        ("mix", True),
        ("alloc", True),
        ("idle~", True),
        ("down*", False),
        ("drng", False),
        ("inval", False),
    ],
)
def test_only_some_states_take_jobs(state, up):
    (node,) = cluster_facts.read_nodes(f"p|n|4|1000|(null)|(null)|{state}")["p"]
    assert node.up == up


def test_a_line_of_another_shape_is_passed_over():
    text = "sinfo: note\np|n|4+|1000+|gpu:2|a,b|idle\np|odd|name|with|a|bar|in|it\n"
    assert cluster_facts.read_nodes(text) == {
        "p": [cluster_facts.ClusterNode("n", 4, 1000, {"": 2}, ("a", "b"), up=True)]
    }


def test_associations():
    assert cluster_facts.read_associations("lab|50\nlab|200\nguest|\n") == (("lab", "guest"), 50)
    assert cluster_facts.read_associations("") == ((), None)


def test_preemption_needs_a_higher_tier_on_the_same_nodes():
    nodes = cluster_facts.read_nodes("low|n1|1|1|||idle\nhigh|n1|1|1|||idle\nelse|n2|1|1|||idle\n")
    text = "\n".join(
        f"PartitionName={name} PriorityTier={tier} PreemptMode={mode}"
        for name, tier, mode in (("low", 1, "REQUEUE"), ("high", 10, "OFF"), ("else", 1, "REQUEUE"))
    )
    low, high, other = cluster_facts.read_partitions(text, nodes)
    by_tier = {"PreemptType": "preempt/partition_prio"}
    assert [cluster_facts.preempted(one, (low, high, other), by_tier) for one in (low, high, other)] == [
        True,
        False,
        False,
    ]
    assert not cluster_facts.preempted(low, (low, high, other), {"PreemptType": "preempt/none"})
