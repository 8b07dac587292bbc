"""A study on the test cluster whose editor can be stopped in an edit, and what it did."""

import os
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from kit import TINY, Project, environment
from slurm.cluster import Cluster, wait_for

# Four jobs of edits with four items each.
STUDY = {
    **TINY,
    "study": {"name": "tiny", "seed": 5, "max_failed_fraction": 1.0, "shards": 2},
    "images": {"demo": {"species": ["mallard", "flamingo"], "size": 64, "train": 4, "val": 1, "test": 1}},
    "edits": {"backend": "gated", "attributes": ["color"], "rounds": 1},
}
# What is fast here would be rude on a cluster that others use; all else is the profile's.
FASTER = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "20")


@dataclass(frozen=True)
class Edit:
    """A line of the editor's trace."""

    what: str
    job: str
    node: str
    gpu: str
    pid: int
    item: str


def copied(reference: Project, folder: Path, *, without: tuple[str, ...] = ()) -> Project:
    """The reference's folder, with some results and what was kept of them taken away."""
    project = reference.copied(folder)
    root = folder / "results" / "tiny"
    for name in without:
        for path in [root / name, *(root / "store").glob(f"{name}-*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return project


class Workflow:
    """The study in a folder, run on the cluster."""

    def __init__(self, project: Project, cluster: Cluster, packages: Path) -> None:
        self.project = project
        self.cluster = cluster
        self.gate = project.folder / "gate"
        self.gate.mkdir(exist_ok=True)
        outer = cluster.environment
        path = os.pathsep.join((str(cluster.bin), environment()["PATH"], "/usr/sbin", "/sbin"))
        self.environment = {
            **outer,
            "PATH": path,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(packages),
            "VARIREAL_GATE": str(self.gate),
        }
        self.screen = project.folder / "screen.txt"
        self.process: subprocess.Popen | None = None

    def start(self, *args: str) -> None:
        """The command of the documentation, with shorter waits."""
        command = ["snakemake", "--profile", "workflow/profiles/slurm", "--configfile", "study.yaml", *FASTER, *args]
        with self.screen.open("a") as screen:
            self.process = subprocess.Popen(
                command,
                cwd=self.project.folder,
                env=self.environment,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    def finish(self, patience: float) -> int:
        assert self.process is not None
        return self.process.wait(patience)

    def kill(self) -> None:
        """``kill -9`` of Snakemake; its jobs live on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End what a failed test left."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def close_gate(self) -> None:
        (self.gate / "closed").touch()

    def open_gate(self) -> None:
        (self.gate / "closed").unlink()

    def trace(self) -> list[Edit]:
        """What editors did so far."""
        path = self.gate / "trace"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Edit(w, j, n, g, int(p), i) for w, j, n, g, p, i in (line.split() for line in lines)]

    def in_hand(self) -> dict[str, Edit]:
        """The edit that each job waits in, by SLURM's job id."""
        found: dict[str, Edit] = {}
        count: Counter[int] = Counter()
        for edit in self.trace():
            if edit.what == "begin":
                count[edit.pid] += 1
                if count[edit.pid] == 2:
                    found[edit.job] = edit
            elif found.get(edit.job, edit).pid == edit.pid and found.get(edit.job, edit).item == edit.item:
                found.pop(edit.job, None)
        return found

    def jobs(self) -> list[str]:
        """Numbers of this folder's jobs, by the place of their logs on SLURM."""
        form = "JobID:|,STDOUT:"
        said = self.cluster.command("squeue", "--noheader", "--states=all", f"--Format={form}")
        folder = f"{self.project.folder}/"
        found = [line.partition("|") for line in said.splitlines()]
        return [number.strip() for number, _, log in found if log.strip().startswith(folder)]

    def job(self, number: str) -> dict[str, str]:
        """What SLURM says of a job."""
        return next(job for job in self.cluster.jobs() if job["id"] == number)

    def reached(self, number: str, *states: str, patience: float = 90) -> None:
        """Wait until a job is in one of the states."""
        wait_for(f"job {number} to be {states}", lambda: self.job(number)["state"] in states, patience, 0.2)
