"""The files that are proposed, as Snakemake and its plugin read them."""

from types import SimpleNamespace

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file

from kit import CLASSIFIERS, ROOT, TINY
from varireal.config.model import parse_config
from varireal.errors import ConfigError
from varireal.study.layout import Layout
from varireal.study.needs import Needs
from varireal.tools import cluster_facts
from varireal.tools.cluster import partitions_text, profile_text, write
from varireal.tools.cluster_choosing import Wishes, propose, study_needs

RECORDED = ROOT / "tests" / "recorded" / "slurm-22.05"
NEEDS = {"edits": Needs(8000, 3000, 1), "masks": Needs(1000, 120)}


class Resources(dict):
    """As the plugin sees them: by name, and as attributes."""

    __getattr__ = dict.get


def job(**resources):
    return SimpleNamespace(name="job", threads=1, resources=Resources(resources))


SILENT = SimpleNamespace(debug=lambda text: None, info=lambda text: None, warning=lambda text: None)


def the_cluster(settings=(), **more):
    read = {name: (RECORDED / f"{name}.txt").read_text() for name in ("config", "partitions", "nodes")}
    partitions = cluster_facts.read_partitions(read["partitions"], cluster_facts.read_nodes(read["nodes"]))
    settings = cluster_facts.read_settings(read["config"]) | dict(settings)
    return cluster_facts.Cluster("varireal", "22.05.8", settings, partitions, **({"accounting": False} | more))


def proposal(wishes=None, needs=None, **more):
    return propose(the_cluster(**more), needs or {}, wishes or Wishes())


def test_every_entry_has_a_comment():
    text = profile_text(proposal(), "here/partitions.yaml")
    for block in text.split("\n\n")[1:]:
        assert block.startswith("# "), block
    profile = yaml.safe_load(text)
    assert profile["executor"] == "slurm"
    assert profile["slurm-partition-config"] == "here/partitions.yaml"
    assert (profile["slurm-status-command"], profile["jobs"], profile["slurm-requeue"]) == ("squeue", 500, True)
    assert "# slurm-array-limit: 1000\n" in text
    assert not {"default-resources", "set-resources"} & set(profile)


def test_what_is_no_fact_of_the_cluster_is_as_in_the_profile_of_the_project():
    ours = yaml.safe_load((ROOT / "workflow" / "profiles" / "slurm" / "config.yaml").read_text())
    profile = yaml.safe_load(profile_text(proposal(), "p"))
    assert profile == ours | {"slurm-partition-config": "p"}


def test_gpus_as_generic_resources_and_shorter_times():
    text = profile_text(proposal(Wishes(gpu_partition="gpu", gpu_style="gres"), NEEDS), "p")
    assert yaml.safe_load(text)["set-resources"] == {"edits": {"gpu": 0, "gres": "gpu:1", "runtime": 1440}}
    text = profile_text(proposal(Wishes(partition="short", gpu_partition="gpu"), NEEDS), "p")
    assert yaml.safe_load(text)["set-resources"] == {"edits": {"runtime": 1440}, "masks": {"runtime": 60}}


def test_trainings_that_need_a_gpu_are_one_entry_that_is_enough_for_each_job():
    """A profile for other studies too: the names of the jobs depend on how many a study has."""
    adapters = {**CLASSIFIERS, "jobs": 4, "model": "openai/clip-vit-base-patch16"}
    layout = Layout(parse_config({**TINY, "adapters": adapters}))
    needs = study_needs(layout)
    assert list(needs) == ["masks", "priors", "edits", "verdicts", "adapters", "predictions"]
    times = {layout.needs("predictions", job.runs).runtime for job in layout.jobs("predictions")}
    assert len(times) > 1
    assert needs["predictions"].runtime == max(times)
    text = profile_text(proposal(Wishes(gpu_partition="gpu", gpu_style="gres"), needs), "p")
    changed = yaml.safe_load(text)["set-resources"]
    assert set(changed) == {"adapters", "predictions"}
    for entry in changed.values():
        assert (entry["gpu"], entry["gres"]) == (0, "gpu:1")


def test_account_and_qos_are_texts_for_snakemake():
    with_them = proposal(Wishes(qos="long"), accounting=True, accounts=("a-1",))
    assert yaml.safe_load(profile_text(with_them, "p"))["default-resources"] == {
        "slurm_account": "'a-1'",
        "qos": "'long'",
    }


def test_the_plugin_sends_jobs_where_they_belong(tmp_path):
    write(proposal(), tmp_path, force=False)
    partitions = read_partition_file(tmp_path / "partitions.yaml")

    def goes_to(**resources):
        return get_best_partition(partitions, job(**resources), SILENT)

    assert goes_to(mem_mb=1000, runtime=10) == "normal"
    assert goes_to(mem_mb=15_999, runtime=2880) == "normal"
    assert goes_to(mem_mb=1_000_000, runtime=100_000) == "normal"  # and SLURM says why it is refused
    assert goes_to(mem_mb=1000, runtime=10, gpu=1) == "gpu"
    assert goes_to(mem_mb=1000, runtime=10, gpu=0, gres="gpu:1") == "gpu"
    assert goes_to(mem_mb=1000, runtime=10, gpu=3) is None


def test_the_other_partitions_are_right_once_their_comments_are_gone(tmp_path):
    text = partitions_text(proposal())
    lines = [line.replace("  # ", "  ", 1) for line in text.splitlines() if not line.startswith("#")]
    lines = [line for line in lines if "node (" not in line and "nodes (" not in line]  # the descriptions
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(lines))
    found = {one.name: one.limits for one in read_partition_file(path)}
    assert set(found) == {"short", "normal", "gpu", "preemptible", "closed"}
    assert (found["short"].max_runtime, found["short"].max_mem_mb, found["short"].max_gpu) == (60, 16_000, 0)
    assert (found["preemptible"].max_gpu, found["preemptible"].available_gpu_models) == (2, ["a100"])


def test_strange_names_stay_data():
    name = "gpu:{x}#'$HOME"
    odd = cluster_facts.Partition(
        name, True, True, None, None, "OFF", 1, (), (), False, (cluster_facts.ClusterNode("n", 1, 1, {}, (), True),)
    )
    cluster = cluster_facts.Cluster("c\nexecutor: local", "1", {"MinJobAge": "300"}, (odd,), accounting=False)
    found = propose(cluster, {}, Wishes())
    assert list(yaml.safe_load(partitions_text(found))["partitions"]) == [name]
    assert yaml.safe_load(profile_text(found, "p"))["executor"] == "slurm"


def test_nothing_is_overwritten_without_a_word(tmp_path):
    folder = tmp_path / "mine"
    assert write(proposal(), folder, force=False) == [folder / "config.yaml", folder / "partitions.yaml"]
    (folder / "config.yaml").write_text("jobs: 7\n")
    with pytest.raises(ConfigError, match="exist already; use another --output, or --force"):
        write(proposal(), folder, force=False)
    assert (folder / "config.yaml").read_text() == "jobs: 7\n"
    write(proposal(), folder, force=True)
    assert yaml.safe_load((folder / "config.yaml").read_text())["jobs"] == 500
