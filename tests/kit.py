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

import prefork

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
    """A folder with the workflow in it and a config.

    Args:
        folder: the folder.
        config: of the study.
        models: whether its stages load models; its commands then start with their libraries loaded.
    """

    def __init__(self, folder: Path, config: dict, *, models: bool = False) -> None:
        self.folder, self.models = folder, models
        for name in ("Snakefile", "config.yaml"):
            shutil.copy(ROOT / name, folder / name)
        for name in ("workflow", "envs", "profiles"):
            shutil.copytree(ROOT / name, folder / name)
        self.configure(config)

    def copied(self, folder: Path) -> "Project":
        """A copy to change; its files keep their dates."""
        shutil.copytree(self.folder, folder)
        return Project.finished(folder, models=self.models)

    @classmethod
    def finished(cls, folder: Path, *, models: bool = False) -> "Project":
        """One that is there already."""
        project = object.__new__(cls)
        project.folder, project.models = folder, models
        return project

    def configure(self, config: dict) -> None:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")

    def snakemake(self, *args: str, cores: int = 2) -> Run:
        return self._run("snakemake", "--cores", str(cores), "--configfile", "study.yaml", *args)

    def varireal(self, *args: str) -> Run:
        return self._run("varireal", *args)

    def _run(self, *command: str) -> Run:
        env = started_environment(models=self.models)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=env)
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


def environment(first: Path = Path(sys.executable).parent) -> dict[str, str]:
    """The environment with this interpreter's commands first, so that rules find ``varireal``."""
    return {**os.environ, "PATH": f"{first}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def started_environment(*, models: bool = False) -> dict[str, str]:
    """As ``environment``, with commands that are forks, see ``prefork``; ``VARIREAL_TESTS_REAL=1`` turns that off."""
    if os.environ.get("VARIREAL_TESTS_REAL") or prefork.SHARED not in os.environ:  # also outside of a run of tests
        return environment()
    return environment(prefork.folder(models=models)) | ({prefork.MODELS: "1"} if models else {})


def install_package(folder: Path, name: str, module: str, entry_points: str, version: str = "1.0") -> None:
    """What an installer leaves behind: a module of the package's name, and a folder of metadata beside it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(module)
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
