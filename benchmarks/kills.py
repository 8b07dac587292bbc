"""Random ``kill -9`` of stages, nodes and whole workflows during a study; it must end as if nothing had happened.

python benchmarks/kills.py [--kills 50] [--seed 1] [--local]

On a real SLURM of two nodes where its programs are installed (one that this script starts and stops), else, or with
``--local``, on this machine without nodes. The study is run again by the same command whenever its workflow was killed
or gave up. Compared with an undisturbed run: every result's bytes; and in the item stores, whether any finished item
was written a second time.
"""

import argparse
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from common import ROOT, environment, save, workflow_copy

sys.path.insert(0, str(ROOT / "tests"))
from slurm import cluster as slurm

CONFIG = {
    "study": {"name": "kills", "seed": 3, "shards": 2},
    "images": {
        "demo": {"species": ["mallard", "flamingo", "grey-heron"], "size": 96, "train": 16, "val": 2, "test": 2}
    },
    "adapters": {"regimes": ["real", "real+synthetic-all-feasible"], "seeds": 1, "training": {"steps": 40}},
}
BETWEEN = (2.0, 20.0)  # seconds from one kill to the next
NODE_AWAY = (3.0, 15.0)  # seconds until a killed node is back
PATIENCE = 3600.0
LOCAL = ("--cores", "2", "--retries", "5", "--keep-going")
ON_SLURM = (
    "--profile",
    "workflow/profiles/slurm",
    "--slurm-no-account",
    "--slurm-init-seconds-before-status-checks",
    "2",
)


def stages(folder: str) -> list[psutil.Process]:
    """The stages at work in a folder, whoever started them; another study's are never touched."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == folder and any(Path(word).name == "varireal" for word in words[:3]):
            found.append(process)
    return found


@dataclass
class Disturber:
    """Kills something now and then while the study runs."""

    folder: Path
    chance: random.Random
    cluster: slurm.Cluster | None
    killed: Counter[str] = field(default_factory=Counter)
    returning: dict[str, float] = field(default_factory=dict)

    def strike(self, workflow: subprocess.Popen) -> None:
        """Kill one thing, of a kind drawn at random from those that are there."""
        running = stages(str(self.folder))
        kinds = ["stage", "stage", "workflow"] if running else []
        up = [name for name in slurm.NODES if name in self.cluster.daemons] if self.cluster is not None else []
        if running and len(up) == len(slurm.NODES):
            kinds += ["node", "node"]
        if not kinds:
            return
        kind = self.chance.choice(kinds)
        if kind == "workflow":
            workflow.kill()
        elif kind == "node":
            node = self.chance.choice(up)
            self.cluster.kill(node, with_jobs=True)
            self.returning[node] = time.monotonic() + self.chance.uniform(*NODE_AWAY)
        else:
            victim = self.chance.choice(running)
            try:
                words = victim.cmdline()
                stage = words[next(i for i, word in enumerate(words) if Path(word).name == "varireal") + 1]
                victim.kill()
            except (psutil.Error, StopIteration, IndexError):
                return
            kind = f"stage {stage}"
        self.killed[kind] += 1

    def mend(self) -> None:
        """Start nodes again whose time is over."""
        for node, moment in list(self.returning.items()):
            if time.monotonic() > moment:
                del self.returning[node]
                self.cluster.start_node(node)


def start(folder: Path, args: tuple[str, ...], environ: dict[str, str]) -> subprocess.Popen:
    with (folder / "screen.txt").open("a") as screen:
        command = ["snakemake", *args, "--configfile", "kills.yaml"]
        return subprocess.Popen(command, cwd=folder, env=environ, stdout=screen, stderr=screen)


def run_calmly(folder: Path, args: tuple[str, ...], environ: dict[str, str]) -> float:
    began = time.monotonic()
    if start(folder, args, environ).wait():
        raise SystemExit(f"{folder}: the undisturbed study failed\n{(folder / 'screen.txt').read_text()[-3000:]}")
    return time.monotonic() - began


def run_roughly(disturber: Disturber, wanted: int, args: tuple[str, ...], environ: dict[str, str]) -> int:
    """Run the study to its end with up to ``wanted`` kills in all; return how often the command was given."""
    given, end = 0, time.monotonic() + PATIENCE
    while True:
        before = sum(disturber.killed.values())
        workflow, given = start(disturber.folder, args, environ), given + 1
        moment = time.monotonic() + disturber.chance.uniform(*BETWEEN)
        while workflow.poll() is None:
            disturber.mend()
            if sum(disturber.killed.values()) < wanted and time.monotonic() > moment:
                disturber.strike(workflow)
                moment = time.monotonic() + disturber.chance.uniform(*BETWEEN)
            if time.monotonic() > end:
                workflow.kill()
                raise SystemExit(f"not finished after {PATIENCE:.0f} s; see {disturber.folder}/screen.txt")
            time.sleep(0.1)
        if workflow.returncode == 0:
            print(f"{disturber.folder.name}: {dict(disturber.killed)}, given {given} times", flush=True)
            return given
        if sum(disturber.killed.values()) == before:
            end_of_screen = (disturber.folder / "screen.txt").read_text()[-3000:]
            raise SystemExit(f"the study failed, and nothing was killed meanwhile:\n{end_of_screen}")


def outputs(folder: Path) -> dict[str, bytes]:
    root = folder / "results" / "kills"
    skipped = {"logs", "store", "benchmarks"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in skipped
    }


def written_again(folder: Path) -> dict[str, int]:
    """By store: writes of finished items beyond the first; a replaced row gets a number beyond the count of rows."""
    found = {}
    for path in sorted((folder / "results" / "kills" / "store").glob("*.sqlite")):
        if path.name.startswith("adapters"):
            continue  # the state of a training is written every minute, and dropped at its end
        connection = sqlite3.connect(path)
        count, last = connection.execute("SELECT count(*), coalesce(max(rowid), 0) FROM items").fetchone()
        connection.close()
        if last > count:
            found[path.name] = last - count
    return found


def new_study(folder: Path) -> Path:
    workflow_copy(folder)
    (folder / "kills.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--local", action="store_true")
    options = parser.parse_args()
    chance, killed = random.Random(options.seed), Counter()
    given = studies = different = compared = 0
    again: Counter[str] = Counter()
    local = options.local or bool(slurm.missing())
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        calm = new_study(Path(temporary) / "calm")
        seconds = run_calmly(calm, ("--cores", "2"), environment())
        expected = outputs(calm)
        nodes = None if local else stack.enter_context(slurm.running_cluster(Path(temporary) / "slurm", cpus=4))
        environ = environment() if nodes is None else {**environment(), **nodes.environment}
        args = LOCAL if nodes is None else ON_SLURM
        while sum(killed.values()) < options.kills:
            rough = new_study(Path(temporary) / f"rough{studies}")
            disturber = Disturber(rough, chance, nodes)
            given += run_roughly(disturber, options.kills - sum(killed.values()), args, environ)
            studies += 1
            killed += disturber.killed
            again.update(written_again(rough))
            found = outputs(rough)
            wrong = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
            compared, different = compared + len(expected), different + len(wrong)
            if wrong:
                shutil.copytree(rough, Path(tempfile.gettempdir()) / "kills-kept", dirs_exist_ok=True)
                print("differ:", *wrong[:10], sep="\n  ")
    save(
        "kills",
        {
            "on": "this machine" if local else "SLURM, two nodes on this machine",
            "kills": sum(killed.values()),
            "killed": dict(sorted(killed.items())),
            "undisturbed_seconds": round(seconds),
            "studies": studies,
            "times_the_command_was_given": given,
            "results_compared": compared,
            "results_lost_or_different": different,
            "finished_items_written_again": sum(again.values()),
            "of_stores": dict(again),
        },
    )
    if different or again:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
