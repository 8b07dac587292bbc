"""What a cluster is made of, read from what SLURM's programs print."""

import getpass
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from varireal.errors import BackendError
from varireal.running.slurm import ask_if_possible, call

NEEDED = ("sinfo", "scontrol", "sbatch")
# Lines of ``sinfo``: one for each pair of partition and node.
NODE_FIELDS = ("partition", "node", "cpus", "memory", "gres", "features", "state")
_NODE_FORMAT = "%R|%N|%c|%m|%G|%f|%t"


def check_slurm() -> None:
    """Make sure that SLURM's programs are here.

    Raises:
        BackendError: they are not.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise BackendError(
            f"no SLURM on this machine: {', '.join(missing)} not found; run this on a login node of the cluster"
        )


def ask(*command: str) -> str:
    """What a program of SLURM prints.

    Raises:
        BackendError: it fails, or says nothing for a minute.
    """
    done = call(command)
    if done.returncode:
        reason = last_line(done.stderr) or f"exit code {done.returncode}"
        raise BackendError(f"'{' '.join(command)}' failed: {reason}; is this a login node of the cluster?")
    return done.stdout


def node_lines() -> str:
    """One line for each pair of partition and node, with ``NODE_FIELDS``."""
    return ask("sinfo", "--noheader", "--Node", "--exact", f"--format={_NODE_FORMAT}")


def last_line(text: str) -> str:
    """The last line that says something; SLURM puts the cause there."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("sbatch: ").removeprefix("error: ") if lines else ""


# Nodes in these states take no job, today at least.
_OUT = ("down", "drain", "drng", "fail", "inval", "maint", "unk", "future", "boot_fail", "error")
# gpu, gpu:2, gpu:a100:4(S:0-1), with other resources before or behind
_GPU = re.compile(r"(?:^|,)(?:gres/)?gpu(?::(?P<type>[^:,()]*[^:,()\d][^:,()]*))?(?::(?P<count>\d+))?(?=[,(]|$)")
_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<rest>\d+(?::\d+){0,2})")
_UNLIMITED = ("UNLIMITED", "INFINITE", "(NULL)", "NONE", "N/A", "")


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node as one partition has it.

    Attributes:
        name: its name.
        cpus: what SLURM schedules as CPUs.
        memory_mb: MiB.
        gpus: number of GPUs by type; a GPU without a type is under the empty name.
        features: what ``--constraint`` may ask for.
        up: whether it takes jobs now.
    """

    name: str
    cpus: int
    memory_mb: int
    gpus: dict[str, int]
    features: tuple[str, ...]
    up: bool


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition.

    Attributes:
        name: its name.
        default: whether jobs without a partition go there.
        up: whether it takes jobs.
        max_minutes: the longest run time; None without a limit.
        max_memory_mb: MiB that a job may have on a node; None without a limit.
        preempt_mode: what happens to its jobs when others need their place.
        tier: its priority; preemption by partition goes from higher to lower.
        groups: Unix groups that may use it; empty for all.
        accounts: accounts that may use it; empty for all.
        root_only: whether only root may use it.
        nodes: all its nodes.
    """

    name: str
    default: bool
    up: bool
    max_minutes: int | None
    max_memory_mb: int | None
    preempt_mode: str
    tier: int
    groups: tuple[str, ...]
    accounts: tuple[str, ...]
    root_only: bool
    nodes: tuple[ClusterNode, ...]

    @property
    def gpus(self) -> int:
        """The most GPUs of one node."""
        return max((sum(node.gpus.values()) for node in self.nodes), default=0)

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """Types of its GPUs, as SLURM names them."""
        return tuple(sorted({kind for node in self.nodes for kind in node.gpus if kind}))

    @property
    def features(self) -> tuple[str, ...]:
        """What ``--constraint`` may ask for."""
        return tuple(sorted({feature for node in self.nodes for feature in node.features}))

    @property
    def cpus(self) -> int:
        """CPUs of the largest node."""
        return max((node.cpus for node in self.nodes), default=0)

    @property
    def memory_mb(self) -> int:
        """MiB that a job can have at most on one node."""
        largest = max((node.memory_mb for node in self.nodes), default=0)
        return largest if self.max_memory_mb is None else min(largest, self.max_memory_mb)

    @property
    def nodes_up(self) -> int:
        """Nodes that take jobs now."""
        return sum(node.up for node in self.nodes)

    @property
    def gpu_part(self) -> "Partition":
        """The same with its GPU nodes alone, which are what a job with a GPU can have."""
        return replace(self, nodes=tuple(node for node in self.nodes if node.gpus))

    @property
    def only_gpus(self) -> bool:
        """Whether all its nodes have GPUs, so that a job without one would hold CPUs of theirs."""
        return all(node.gpus for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster.

    Attributes:
        name: its name.
        version: SLURM's version.
        settings: ``scontrol show config``.
        partitions: all of them, in the order of SLURM.
        accounting: whether ``sacct`` answers.
        accounts: accounts of the user; empty when none is known.
        default_account: the user's default one; empty when none is known.
        max_submit: jobs that the user may have in the queue; None when no limit is known.
    """

    name: str
    version: str
    settings: Mapping[str, str]
    partitions: tuple[Partition, ...]
    accounting: bool
    accounts: tuple[str, ...] = ()
    default_account: str = ""
    max_submit: int | None = None

    def number(self, key: str) -> int | None:
        """A setting that is a number, such as ``MaxArraySize = 1001`` or ``MinJobAge = 300 sec``."""
        match = re.match(r"\d+", self.settings.get(key, ""))
        return int(match.group()) if match else None


def read_settings(text: str) -> dict[str, str]:
    """``scontrol show config``: lines of ``Key = value``."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def read_nodes(text: str) -> dict[str, list[ClusterNode]]:
    """``sinfo`` with ``NODE_FIELDS``: the nodes of each partition. A line of another shape is passed over."""
    nodes: dict[str, list[ClusterNode]] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != len(NODE_FIELDS):
            continue
        row = dict(zip(NODE_FIELDS, parts, strict=True))
        node = ClusterNode(
            name=row["node"],
            cpus=_int(row["cpus"]),
            memory_mb=_int(row["memory"]),
            gpus=read_gpus(row["gres"]),
            features=_names(row["features"]),
            up=not row["state"].lower().startswith(_OUT),
        )
        nodes.setdefault(row["partition"], []).append(node)
    return nodes


def read_gpus(gres: str) -> dict[str, int]:
    """GPUs by type in a list of generic resources, such as ``gpu:a100:4(S:0-1),shard:16``."""
    gpus: dict[str, int] = {}
    for match in _GPU.finditer(re.sub(r"\([^)]*\)", "", gres)):
        kind = match["type"] or ""
        count = int(match["count"]) if match["count"] else 1
        if count:
            gpus[kind] = gpus.get(kind, 0) + count
    return gpus


def read_partitions(text: str, nodes: Mapping[str, list[ClusterNode]]) -> tuple[Partition, ...]:
    """``scontrol --oneliner show partition``: one partition on each line, as ``Key=value`` pairs."""
    rows = (dict(part.partition("=")[::2] for part in line.split() if "=" in part) for line in text.splitlines())
    return tuple(
        Partition(
            name=row["PartitionName"],
            default=row.get("Default") == "YES",
            up=row.get("State", "UP") == "UP",
            max_minutes=read_minutes(row.get("MaxTime", "")),
            max_memory_mb=int(row["MaxMemPerNode"]) if row.get("MaxMemPerNode", "").isdigit() else None,
            preempt_mode=row.get("PreemptMode", "OFF"),
            tier=_int(row.get("PriorityTier", "1")),
            groups=_names(row.get("AllowGroups", "ALL")),
            accounts=_names(row.get("AllowAccounts", "ALL")),
            root_only=row.get("RootOnly") == "YES",
            nodes=tuple(nodes.get(row["PartitionName"], ())),
        )
        for row in rows
        if "PartitionName" in row
    )


def read_minutes(text: str) -> int | None:
    """A time limit as SLURM writes it, in whole minutes: ``1-12:00:00``, ``30:00``, ``90``; None without a limit."""
    if text.upper() in _UNLIMITED or (match := _TIME.fullmatch(text)) is None:
        return None
    parts = [int(part) for part in match["rest"].split(":")]
    if match["days"] is not None:
        hours, minutes, _ = (*parts, 0, 0)[:3]
        return int(match["days"]) * 1440 + hours * 60 + minutes
    if len(parts) == 1:
        return parts[0]
    hours, minutes = (parts[0], parts[1]) if len(parts) == 3 else (0, parts[0])
    return hours * 60 + minutes


def read_associations(text: str) -> tuple[tuple[str, ...], int | None]:
    """``sacctmgr --parsable2 show assoc`` with account and MaxSubmit: the accounts, and the smallest limit."""
    rows = [line.split("|") for line in text.splitlines() if line.strip()]
    accounts = tuple(dict.fromkeys(row[0] for row in rows if row[0]))
    limits = [int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()]
    return accounts, min(limits, default=None)


def _names(text: str) -> tuple[str, ...]:
    return () if text.upper() in ("ALL", *_UNLIMITED) else tuple(part for part in text.split(",") if part)


def _int(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match.group()) if match else 0


def preempted(partition: Partition, others: Iterable[Partition], settings: Mapping[str, str]) -> bool:
    """Whether jobs of a partition make room for those of another one with a higher tier on the same nodes."""
    if settings.get("PreemptType") != "preempt/partition_prio" or partition.preempt_mode in ("OFF", "DISABLED"):
        return False
    names = {node.name for node in partition.nodes}
    return any(other.tier > partition.tier and names & {node.name for node in other.nodes} for other in others)


_DATABASE = "accounting_storage/slurmdbd"


def look() -> Cluster:
    """The cluster of this machine.

    Raises:
        BackendError: no SLURM here, its controller does not answer, or it has no partition.
    """
    check_slurm()
    settings = read_settings(ask("scontrol", "show", "config"))
    nodes = read_nodes(node_lines())
    partitions = read_partitions(ask("scontrol", "--oneliner", "show", "partition"), nodes)
    if not partitions:
        raise BackendError("scontrol shows no partition that you may see; ask the cluster's administrators for access")
    accounting = settings.get("AccountingStorageType") == _DATABASE
    accounting = accounting and ask_if_possible("sacct", "-X", "--noheader", "-S", "now") is not None
    accounts, default, max_submit = _accounts() if accounting else ((), "", None)
    return Cluster(
        name=settings.get("ClusterName", "unnamed"),
        version=settings.get("SLURM_VERSION", "unknown"),
        settings=settings,
        partitions=partitions,
        accounting=accounting,
        accounts=accounts,
        default_account=default,
        max_submit=max_submit,
    )


def _accounts() -> tuple[tuple[str, ...], str, int | None]:
    """The user's accounts, the default one, and how many jobs may be in the queue."""
    user = getpass.getuser()
    words = ("sacctmgr", "--noheader", "--parsable2", "show")
    listed = ask_if_possible(*words, "assoc", f"user={user}", "format=account,maxsubmit")
    accounts, max_submit = read_associations(listed or "")
    default = ask_if_possible(*words, "user", user, "format=defaultaccount")
    return accounts, (default or "").strip().split("\n")[0], max_submit
