"""Shared by the benchmarks: a clean copy of the workflow, timing, and results with the machine's name."""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


def environment() -> dict[str, str]:
    """This interpreter's commands first, one thread per process."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def workflow_copy(folder: Path) -> Path:
    """Copy what a run needs into a folder of its own."""
    folder.mkdir(parents=True)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("workflow", "envs", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def snakemake(folder: Path, *args: str) -> tuple[float, str]:
    """Run Snakemake in the folder; return wall seconds and what it printed.

    Raises:
        RuntimeError: it failed.
    """
    start = time.perf_counter()
    done = subprocess.run(["snakemake", *args], cwd=folder, capture_output=True, text=True, env=environment())
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return seconds, done.stdout + done.stderr


def peak_child_mib() -> float:
    """Largest resident set of any single process that this one has started and waited for, in MiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else ""
    return {"cpu": model or platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}


def save(name: str, figures: dict[str, object]) -> None:
    """Print the figures and keep them in ``benchmarks/results``."""
    RESULTS.mkdir(exist_ok=True)
    record = {"machine": machine(), "figures": figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2))
