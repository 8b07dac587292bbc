"""A real SLURM on this machine: munged, slurmctld and one slurmd per node, all of them in one temporary folder.

Nothing of a SLURM that is installed here is touched: own key, own socket, own ports, own state. What is started is
known by its process id and is ended by it. With accounting there are a database and slurmdbd too.
"""

import getpass
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil

from slurm import accounting

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmstepd", "sbatch", "srun", "squeue", "scontrol", "scancel", "sinfo")
NODES = ("one", "two")
GPUS = ("/dev/null", "/dev/zero")  # SLURM only looks whether the files are there, and hands out their numbers
PATIENCE = 60.0  # seconds that a daemon gets for what takes it one

# No cgroups: it must run in a container. The intervals are short, so that what takes a cluster minutes
# takes this one seconds. The urgent partition takes its nodes from the normal one, whose jobs go back into the queue.
CONFIG = """
ClusterName=varireal
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
StateSaveLocation={folder}/state
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
GresTypes=gpu
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0,requeue_delay=1
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
{accounting}
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout={node_timeout}
InactiveLimit=0
KillWait={kill_wait}
UnkillableStepTimeout=60
OverTimeLimit=0
MinJobAge=600
MessageTimeout=5
TCPTimeout=2
"""


def missing(programs: tuple[str, ...] = PROGRAMS) -> str:
    """The programs that are not on this machine; empty when a cluster can be started."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"
    # slurmstepd is nowhere on the path of Debian; slurmd knows where it is
    return ", ".join(name for name in programs if name != "slurmstepd" and shutil.which(name, path=path) is None)


def wait_for(what: str, condition: Callable[[], object], patience: float = PATIENCE, pause: float = 0.1) -> object:
    """Look until the condition holds; its value.

    Raises:
        TimeoutError: it never did.
    """
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(pause)
    return found


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, by chance, so that clusters beside each other do not take the same.

    They are below those that the kernel gives to connections: one of these could be taken by a connection while its
    daemon is away, and the daemon could not start again.
    """
    lowest_of_connections = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with ExitStack() as stack:
        found: list[int] = []
        for port in random.sample(range(10_000, lowest_of_connections), 1000):
            one = stack.enter_context(closing(socket.socket()))
            try:
                one.bind(("", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("no free ports")


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started, youngest last; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class Cluster:
    """Two nodes of some CPUs and two make-believe GPUs each; partitions ``normal`` (default) and ``urgent``."""

    def __init__(
        self,
        folder: Path,
        *,
        cpus: int = 2,
        memory: int = 16_000,
        node_timeout: int = 10,
        kill_wait: int = 30,
        accounts: bool = False,
    ):
        self.folder = folder
        self.accounts = accounts
        self.daemons: dict[str, subprocess.Popen] = {}
        self.ports = dict(zip(("slurmctld", "slurmdbd", *NODES), _free_ports(2 + len(NODES)), strict=True))
        self.config = folder / "slurm.conf"
        host = socket.gethostname().partition(".")[0]
        text = CONFIG.format(
            host=host,
            user=getpass.getuser(),
            folder=folder,
            port=self.ports["slurmctld"],
            node_timeout=node_timeout,
            kill_wait=kill_wait,
            accounting=accounting.setting(folder, self.ports["slurmdbd"] if accounts else None),
        )
        for node in NODES:
            text += (
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.ports[node]} CPUs={cpus} "
                f"RealMemory={memory} Gres=gpu:{len(GPUS)} State=UNKNOWN\n"
            )
        everywhere = f"Nodes={','.join(NODES)} State=UP MaxTime=INFINITE"
        text += f"PartitionName=normal {everywhere} Default=YES PriorityTier=1 PreemptMode=REQUEUE\n"
        text += f"PartitionName=urgent {everywhere} PriorityTier=10 PreemptMode=OFF\n"
        self.config.write_text(text)
        (folder / "gres.conf").write_text("".join(f"Name=gpu File={device}\n" for device in GPUS))
        (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        (folder / "state").mkdir()
        # The SLURM executor takes every SLURM_* variable from srun, also the one that says where this cluster is.
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.wrap("srun", f"export SLURM_CONF={self.config}")

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of SLURM need to find this cluster and no other."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        path = os.pathsep.join((str(self.bin), outside["PATH"], "/usr/sbin", "/sbin"))
        database = {"MYSQL_UNIX_PORT": str(accounting.database_socket(self.folder))} if self.accounts else {}
        return {**outside, **database, "PATH": path, "SLURM_CONF": str(self.config)}

    def wrap(self, program: str, script: str) -> None:
        """Put a script before a command of SLURM; jobs see it too."""
        path = self.bin / program
        path.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which(program)} "$@"\n')
        path.chmod(0o755)

    def unwrap(self, program: str) -> None:
        """Take the script away."""
        (self.bin / program).unlink()

    def command(self, *args: str, check: bool = True) -> str:
        """Run a command of SLURM; what it printed."""
        done = subprocess.run(args, env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def start(self) -> None:
        """Start all daemons and wait until the nodes are free."""
        key = self.folder / "munge.key"
        key.touch(mode=0o400)
        key.chmod(0o600)
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        files = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
        self._start(
            "munged",
            *("munged", "--foreground", "--force", "--num-threads=2", f"--key-file={key}"),
            *(f"--socket={files['socket']}", f"--pid-file={files['pid']}"),
            *(f"--log-file={files['log']}", f"--seed-file={files['seed']}"),
        )
        wait_for("munged", files["socket"].exists)
        if self.accounts:
            self.start_accounting()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_for("idle nodes", lambda: set(self.node_states().values()) == {"idle"})

    def start_accounting(self) -> None:
        """Start the database and slurmdbd, and make this cluster and an account of the user known there."""
        user = getpass.getuser()
        accounting.prepare(self.folder, user, self.ports["slurmdbd"])
        self._start("mariadbd", *accounting.database_command(self.folder, user))
        wait_for("the database", accounting.database_socket(self.folder).exists)
        self._start("slurmdbd", "slurmdbd", "-D")
        wait_for("slurmdbd", lambda: "root" in self.command("sacctmgr", "show", "account", check=False))
        for words in accounting.entries(user):
            self.command("sacctmgr", "--immediate", "add", *words)

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        self._start("slurmctld", "slurmctld", "-D", "-f", str(self.config))
        wait_for("slurmctld", lambda: "UP" in self.command("scontrol", "ping", check=False))

    def start_node(self, node: str) -> None:
        """Start the slurmd of a node."""
        self._start(node, "slurmd", "-D", "-N", node, "-f", str(self.config))

    def node_states(self) -> dict[str, str]:
        """The state of each node, as ``sinfo`` says it: idle, mixed, down ..."""
        lines = self.command("sinfo", "--noheader", "--Node", "--partition=normal", "--format=%N %T", check=False)
        return {name: state.rstrip("*") for name, state in (line.split() for line in lines.splitlines())}

    def jobs(self) -> list[dict[str, str]]:
        """Every job that the cluster remembers: id, state, node, restarts, comment, the partition."""
        names = ("id", "state", "node", "restarts", "comment", "partition", "batch")
        form = "JobArrayID:|,State:|,NodeList:|,RestartCnt:|,Comment:|,Partition:|,JobID:"
        lines = self.command("squeue", "--noheader", "--states=all", f"--Format={form}", check=False).splitlines()
        return [dict(zip(names, (part.strip() for part in line.split("|")), strict=True)) for line in lines]

    def kill(self, name: str, *, with_jobs: bool = False) -> None:
        """``kill -9`` of a daemon; with its jobs too it is what the loss of a machine looks like from outside."""
        daemon = self.daemons.pop(name)
        doomed = self.steps(name) if with_jobs else []
        for process in [*family(daemon.pid)[:1], *doomed]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        daemon.wait()

    def steps(self, node: str) -> list[psutil.Process]:
        """All processes of the jobs on a node; they are no children of its slurmd."""
        found: dict[int, psutil.Process] = {}
        spool = str(self.folder / node)
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "slurmstepd":
                continue
            try:
                if spool in " ".join(process.environ().values()) or any(spool in f.path for f in process.open_files()):
                    found |= {one.pid: one for one in family(process.pid)}
            except psutil.Error:
                continue
        return list(found.values())

    def stop(self) -> None:
        """End jobs and daemons."""
        if "slurmctld" in self.daemons:
            self.command("scancel", "--user", getpass.getuser(), check=False)
            try:
                wait_for("the jobs' end", lambda: not self.command("squeue", "--noheader", check=False).strip(), 20)
            except TimeoutError:
                pass
        left = [process for node in NODES for process in self.steps(node)]
        for name in ("slurmctld", *NODES, "slurmdbd", "mariadbd", "munged"):
            daemon = self.daemons.pop(name, None)
            if daemon is None:
                continue
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


@contextmanager
def running_cluster(folder: Path, **settings: int) -> Iterator[Cluster]:
    """A started cluster in a new folder; it is stopped at the end."""
    folder.mkdir(parents=True)
    cluster = Cluster(folder, **settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
