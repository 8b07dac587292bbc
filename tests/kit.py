"""Shared by the rings: a project folder in which the real Snakemake runs."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]

# The whole study in seconds: two species, few small pictures.
TINY = {
    "study": {"name": "tiny", "seed": 5, "max_failed_fraction": 1.0},
    "images": {"demo": {"species": ["mallard", "flamingo"], "size": 64, "train": 3, "val": 1, "test": 1}},
    "adapters": {"regimes": []},
}

# The smallest training of classifiers, to put on top of it.
CLASSIFIERS = {
    "regimes": ["real", "real+synthetic-all-feasible", "real+synthetic-all-infeasible"],
    "seeds": 2,
    "jobs": 1,
    "training": {"steps": 3, "batch_size": 4, "validate_every": 2},
}


@dataclass
class Run:
    """What a Snakemake call printed."""

    code: int
    text: str

    @property
    def jobs(self) -> Counter[str]:
        """Jobs by rule, from Snakemake's own table."""
        table = re.search(r"^job +count\n[- ]+\n(.*?)^total ", self.text, re.S | re.M)
        if table is None:
            return Counter()
        rows = (line.split() for line in table.group(1).splitlines() if line.strip())
        return Counter({name: int(count) for name, count in rows})


class Project:
    """A folder with the workflow in it and a config."""

    def __init__(self, folder: Path, config: dict) -> None:
        self.folder = folder
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, folder / name)
        for name in ("workflow", "envs", "profiles"):
            shutil.copytree(ROOT / name, folder / name)
        self.configure(config)

    def copied(self, folder: Path) -> "Project":
        """A copy to change; its files keep their dates."""
        shutil.copytree(self.folder, folder)
        return Project.finished(folder)

    @classmethod
    def finished(cls, folder: Path) -> "Project":
        """One that is there already."""
        project = object.__new__(cls)
        project.folder = folder
        return project

    def configure(self, config: dict) -> None:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")

    def snakemake(self, *args: str, cores: int = 2) -> Run:
        command = ["snakemake", "--cores", str(cores), "--configfile", "study.yaml", *args]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=environment())
        return Run(done.returncode, done.stdout + done.stderr)

    def varireal(self, *args: str) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "varireal", *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment(),
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def outputs(self) -> dict[str, bytes]:
        """Every result by its name; logs, stores and benchmark tables are not results."""
        root = self.folder / "results"
        skipped = ("logs", "store", "benchmarks")
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.relative_to(root).parts[1] not in skipped
        }


def environment() -> dict[str, str]:
    """The environment with this interpreter's commands first, so that rules find ``varireal``."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
