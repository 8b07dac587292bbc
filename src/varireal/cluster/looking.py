"""Looks at a cluster: asks SLURM's programs, and reads what they say."""

import getpass

from varireal.cluster import asking, facts
from varireal.cluster.facts import Cluster
from varireal.errors import BackendError
from varireal.running.slurm_programs import ask_if_possible

_DATABASE = "accounting_storage/slurmdbd"


def look() -> Cluster:
    """The cluster of this machine.

    Raises:
        BackendError: no SLURM here, its controller does not answer, or it has no partition.
    """
    asking.check_slurm()
    settings = facts.read_settings(asking.ask("scontrol", "show", "config"))
    nodes = facts.read_nodes(asking.node_lines())
    partitions = facts.read_partitions(asking.ask("scontrol", "--oneliner", "show", "partition"), nodes)
    if not partitions:
        raise BackendError("scontrol shows no partition that you may see; ask the cluster's administrators for access")
    accounting = settings.get("AccountingStorageType") == _DATABASE and _answers(
        "sacct", "-X", "--noheader", "-S", "now"
    )
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


def _answers(*command: str) -> bool:
    return ask_if_possible(*command) is not None


def _accounts() -> tuple[tuple[str, ...], str, int | None]:
    """The user's accounts, the default one, and how many jobs may be in the queue."""
    user = getpass.getuser()
    words = ("sacctmgr", "--noheader", "--parsable2", "show")
    listed = ask_if_possible(*words, "assoc", f"user={user}", "format=account,maxsubmit")
    accounts, max_submit = facts.read_associations(listed or "")
    default = ask_if_possible(*words, "user", user, "format=defaultaccount")
    return accounts, (default or "").strip().split("\n")[0], max_submit
