"""Turns what a cluster is into what a profile should say, with the reason of each choice."""

import grp
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from varireal.core.stages import STAGES, TRAINING_STAGES
from varireal.errors import ConfigError
from varireal.study.layout import Layout
from varireal.study.needs import Needs
from varireal.tools.cluster_facts import Cluster, Partition, preempted

# What to try when no study is given: the largest jobs of a study with models, and of one without.
LARGEST_GPU, LARGEST_CPU = Needs(24_000, 480, 1), Needs(4000, 480)

GPUS, GRES = "gpus", "gres"
_JOBS = 500  # in the queue at once, where the cluster sets no limit
_ARRAY, _SMALLEST_ARRAY = 1000, 2
_FIRST_LOOK = 20  # seconds before the plugin first asks for a job's state, as in workflow/profiles/slurm


def study_needs(layout: Layout) -> dict[str, Needs]:
    """What is enough for each job of a stage, by stage; those without models and trainings are small and left out."""
    stages = [name for name, stage in STAGES.items() if stage.per in ("shard", "pool", "round")]
    needs = {stage: layout.needs(stage) for stage in stages}
    for stage in TRAINING_STAGES:
        if jobs := layout.jobs(stage):
            needs[stage] = _enough(layout.needs(stage, job.runs) for job in jobs)
    return needs


def _enough(needs: Iterable[Needs]) -> Needs:
    """What is enough for each of several jobs."""
    return Needs(*map(max, zip(*needs, strict=True)))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks for; empty means that the proposal chooses.

    Attributes:
        partition: for jobs without a GPU.
        gpu_partition: for jobs with one.
        gpu_style: ``gpus`` or ``gres``.
        account: whom the jobs are charged to.
        qos: quality of service.
    """

    partition: str = ""
    gpu_partition: str = ""
    gpu_style: str = ""
    account: str = ""
    qos: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the profile will say.

    Attributes:
        cluster: what was found.
        cpu: partition of the jobs without a GPU.
        gpu: partition of those with one; None when the cluster has no GPU that the user may use.
        gpu_style: how a GPU is asked for.
        account: whom jobs are charged to; empty to leave it to the cluster.
        qos: quality of service; empty for the default.
        status_command: what tells the state of jobs.
        first_look: seconds before the plugin looks at a job.
        jobs: jobs in the queue at once.
        array_limit: tasks of one job array; 0 where the cluster has no arrays.
        requeue: whether jobs may go back into the queue.
        needs: what jobs of the study ask for, by stage; a profile that says it for a stage serves other studies, too.
        notes: what the user should know.
    """

    cluster: Cluster
    cpu: Partition
    gpu: Partition | None
    gpu_style: str
    account: str
    qos: str
    status_command: str
    first_look: int
    jobs: int
    array_limit: int
    requeue: bool
    needs: Mapping[str, Needs]
    notes: tuple[str, ...]

    def partition_of(self, need: Needs) -> Partition:
        """Where a job goes; of a partition for GPUs, the nodes that have some."""
        return self.gpu.gpu_part if need.gpu and self.gpu is not None else self.cpu

    def within_limits(self, need: Needs) -> Needs:
        """The need with its run time cut to what the partition allows; a job that is cut goes on where it stopped."""
        limit = self.partition_of(need).max_minutes
        return need if limit is None or need.runtime <= limit else need._replace(runtime=limit)


def propose(
    cluster: Cluster, needs: Mapping[str, Needs], wishes: Wishes, groups: Sequence[str] | None = None
) -> Proposal:
    """Choose partitions and settings.

    Args:
        cluster: what was found.
        needs: what the study's jobs ask for, by stage; none when no study was given.
        wishes: what the user asks for.
        groups: the user's Unix groups; by default those of this process.

    Raises:
        ConfigError: a partition that was asked for does not exist, or none may be used.
    """
    groups = _groups() if groups is None else groups
    usable = [one for one in cluster.partitions if may_use(one, groups, cluster.accounts)]
    if not usable:
        raise ConfigError(f"none of the {len(cluster.partitions)} partitions of {cluster.name} takes your jobs")
    cpu = _named(cluster, wishes.partition) or _best_cpu(usable, _largest(needs.values(), gpu=False))
    gpu = _named(cluster, wishes.gpu_partition) or _best_gpu(usable, _largest(needs.values(), gpu=True), cluster)
    if wishes.gpu_partition and gpu is not None and not gpu.gpus:
        raise ConfigError(f"--gpu-partition: {gpu.name} has no GPU; with GPUs: {_list(_with_gpus(usable))}")
    status, first_look, status_note = _status(cluster)
    return Proposal(
        cluster=cluster,
        cpu=cpu,
        gpu=gpu,
        gpu_style=wishes.gpu_style or gpu_style(cluster),
        account=wishes.account or (cluster.default_account or cluster.accounts[0] if cluster.accounts else ""),
        qos=wishes.qos,
        status_command=status,
        first_look=first_look,
        jobs=min(limit for limit in (_JOBS, cluster.max_submit, cluster.number("MaxJobCount")) if limit),
        array_limit=_array_limit(cluster),
        requeue=cluster.number("JobRequeue") != 0,
        needs=needs,
        notes=tuple(note for note in (*_notes(cluster, cpu, gpu, needs), status_note, _plugin_note()) if note),
    )


def may_use(partition: Partition, groups: Iterable[str], accounts: Iterable[str]) -> bool:
    """Whether a partition is up, has nodes, and takes this user's jobs."""
    if not partition.up or not partition.nodes or (partition.root_only and os.getuid() != 0):
        return False
    if partition.groups and os.getuid() != 0 and not set(partition.groups) & set(groups):
        return False
    return not (partition.accounts and accounts) or bool(set(partition.accounts) & set(accounts))


def gpu_style(cluster: Cluster) -> str:
    """``--gpus`` needs the scheduler cons_tres; older ones know ``--gres`` only."""
    return GPUS if cluster.settings.get("SelectType", "").endswith("cons_tres") else GRES


def _best_cpu(usable: Sequence[Partition], need: Needs) -> Partition:
    """With nodes without a GPU, large enough, the default one if there is such a one, with the longest time."""

    def rank(one: Partition) -> tuple[bool, ...]:
        return (not one.only_gpus, _fits(one, need), one.nodes_up > 0, one.default, not one.gpus, not one.max_minutes)

    return max(usable, key=lambda one: (*rank(one), one.max_minutes or 0, one.memory_mb))


def _best_gpu(usable: Sequence[Partition], need: Needs, cluster: Cluster) -> Partition | None:
    """With GPUs, large enough, not preempted if there is such a one, with the longest time."""

    def rank(one: Partition) -> tuple[bool, ...]:
        safe = not preempted(one, cluster.partitions, cluster.settings)
        part = one.gpu_part
        return (_fits(part, need), part.nodes_up > 0, safe, one.only_gpus, one.default, not one.max_minutes)

    with_gpus = _with_gpus(usable)
    return max(with_gpus, key=lambda one: (*rank(one), one.max_minutes or 0, one.gpus), default=None)


def _fits(one: Partition, need: Needs) -> bool:
    long_enough = one.max_minutes is None or one.max_minutes >= need.runtime
    return long_enough and one.memory_mb >= need.mem_mb and one.cpus >= need.threads


def _array_limit(cluster: Cluster) -> int:
    size = cluster.number("MaxArraySize")
    limit = _ARRAY if size is None else min(_ARRAY, size - 1)
    return limit if limit >= _SMALLEST_ARRAY else 0


def _status(cluster: Cluster) -> tuple[str, int, str]:
    """Who tells the state of jobs, when to look first, and what is worth knowing of it."""
    if cluster.accounting:
        return "sacct", _FIRST_LOOK, ""
    age = cluster.number("MinJobAge")
    if age is None or age >= 3 * _FIRST_LOOK:
        return "squeue", _FIRST_LOOK, ""
    note = (
        f"the cluster has no accounting and forgets a job {age} s after its end (MinJobAge), so that its end may be "
        f"missed; ask the administrators for MinJobAge >= {3 * _FIRST_LOOK}"
    )
    return "squeue", max(1, age // 3), note


def _plugin_note() -> str:
    """The plugin looks for the user's account with sacct, and takes a missing program for a failed job."""
    return "" if shutil.which("sacct") else "sacct is not installed here; the plugin needs it, even without accounting"


def _notes(cluster: Cluster, cpu: Partition, gpu: Partition | None, needs: Mapping[str, Needs]) -> Iterable[str]:
    for one in (cpu,) if gpu in (None, cpu) else (cpu, gpu):
        if not one.nodes_up:
            yield f"partition {one.name}: none of its {len(one.nodes)} nodes takes jobs now"
        if preempted(one, cluster.partitions, cluster.settings):
            yield f"partition {one.name}: jobs may be preempted ({one.preempt_mode}); finished items are kept"
    if gpu is None:
        yield "no partition with a GPU takes your jobs: rules that ask for one will be refused"
    if cpu.only_gpus:
        yield f"partition {cpu.name}: all its nodes have GPUs; jobs without one would hold their CPUs"
    too_large: dict[tuple[int, str, int], list[str]] = {}
    for rule, need in needs.items():
        one = gpu.gpu_part if need.gpu and gpu is not None else cpu
        if need.mem_mb > one.memory_mb:
            too_large.setdefault((need.mem_mb, one.name, one.memory_mb), []).append(rule)
    for (asked, name, limit), rules in too_large.items():
        yield f"{', '.join(rules)}: each job asks for {asked} MB, but can have {limit} in partition {name}"
    if not _array_limit(cluster):
        yield "the cluster has no job arrays (MaxArraySize); version 2.8 of the plugin does not start without them"
    if len(cluster.accounts) > 1:
        yield f"you have several accounts: {', '.join(cluster.accounts)}; choose with --account"


def _named(cluster: Cluster, name: str) -> Partition | None:
    if not name:
        return None
    named = next((one for one in cluster.partitions if one.name == name), None)
    if named is None:
        raise ConfigError(f"{cluster.name} has no partition {name!r}; it has: {_list(cluster.partitions)}")
    return named


def _largest(needs: Iterable[Needs], *, gpu: bool) -> Needs:
    wanted = [need for need in needs if bool(need.gpu) == gpu]
    return _enough(wanted) if wanted else LARGEST_GPU if gpu else LARGEST_CPU


def _with_gpus(partitions: Iterable[Partition]) -> list[Partition]:
    return [one for one in partitions if one.gpus]


def _list(partitions: Iterable[Partition]) -> str:
    return ", ".join(one.name for one in partitions) or "none"


def _groups() -> list[str]:
    """The user's Unix groups; one without a name is passed over."""
    groups = []
    for number in os.getgroups():
        with suppress(KeyError):
            groups.append(grp.getgrgid(number).gr_name)
    return groups
