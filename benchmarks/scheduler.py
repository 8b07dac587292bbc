"""What the workflow costs besides the stages: per job against a bare shell loop, and before anything starts.

python benchmarks/scheduler.py            # everything; the part on SLURM needs slurm-wlm, munge and root
python benchmarks/scheduler.py plan       # only `snakemake -n` at 100, 1,000 and 5,000 jobs

The jobs are those of a finished study whose tables of edits were removed, so that each finds its items in its store
and has nothing to compute. SLURM is the cluster of tests/slurm: two nodes of one CPU each on this machine.
"""

import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import yaml
from common import ROOT, environment, save, snakemake, workflow_copy
from scale_study import config as scale_config
from scale_study import write_editor

sys.path.insert(0, str(ROOT / "tests"))
from slurm.cluster import missing, running_cluster

SHARDS = 8
STUDY = {
    "study": {"name": "jobs", "shards": SHARDS},
    "images": {"demo": {"species": ["mallard", "flamingo"], "size": 64, "train": 8, "val": 1, "test": 1}},
    "edits": {"attributes": ["color"], "rounds": 1},
    "adapters": {"regimes": []},
}
ARGS = ("--configfile", "jobs.yaml", "--until", "edits")
# classes, shards: jobs are classes + 25 x shards + a dozen, with three attributes and two rounds
SIZES = ((10, 3), (40, 38), (200, 191))
MOST_JOBS = 5000


def measured(command: list[str], folder: Path, env: dict[str, str]) -> tuple[float, float, float, str]:
    """Run a command; wall seconds, processor seconds, peak MiB of the largest process, and what it printed.

    Raises:
        RuntimeError: it failed.
    """
    out = folder / "printed.txt"
    start = time.perf_counter()
    with out.open("wb") as printed:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=printed, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = out.read_text(errors="replace")
    if process.returncode:
        raise RuntimeError(text[-4000:])
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def planned(folder: Path, classes: int, shards: int) -> dict[str, object]:
    """``snakemake -n`` of a study that has not begun, and the start of one of its jobs on a node."""
    workflow_copy(folder)
    write_editor(folder / "packages")
    env = {**environment(), "PYTHONPATH": str(folder / "packages")}
    make = [sys.executable, str(ROOT / "benchmarks" / "scale_study.py"), "make", str(classes), str(shards)]
    subprocess.run(make, cwd=folder, env=env, check=True)
    shutil.rmtree(folder / "results")
    (folder / "study.yaml").write_text(yaml.safe_dump(scale_config(shards)))
    dry = ["snakemake", "-n", "--quiet", "reason", "rules", "--configfile", "study.yaml"]
    _, seconds, peak, text = measured(dry, folder, env)
    jobs = int(re.search(r"^total +(\d+)", text, re.M).group(1))  # type: ignore[union-attr]
    # as the executor calls Snakemake on a node, without running the job
    node = ["snakemake", "-n", "--configfile", "study.yaml", "--mode", "remote", "--force", "--nolock"]
    node += ["--ignore-incomplete", "--allowed-rules", "edits", "--target-jobs"]
    node += [f"edits:attribute=color,feasibility=feasible,round=0,shard={0:05d}-of-{shards:05d}"]
    _, on_node, node_peak, _ = measured(node, folder, env)
    shutil.rmtree(folder)
    return {
        "jobs": jobs,
        "classes": classes,
        "photos": classes * 100,
        "shards": shards,
        "cpu_seconds": round(seconds, 2),
        "cpu_ms_per_job": round(1000 * seconds / jobs, 2),
        "peak_mib": round(peak),
        "cpu_seconds_of_parsing_in_one_job": round(on_node, 2),
        "peak_mib_of_parsing_in_one_job": round(node_peak),
    }


def growth(rows: list[dict[str, object]]) -> dict[str, float]:
    """The exponent between the two largest studies: 1 is linear."""
    small, large = rows[-2], rows[-1]
    jobs = math.log(float(large["jobs"]) / float(small["jobs"]))  # type: ignore[arg-type]
    names = ("cpu_seconds", "peak_mib", "cpu_seconds_of_parsing_in_one_job")
    return {name: round(math.log(float(large[name]) / float(small[name])) / jobs, 2) for name in names}  # type: ignore[arg-type]


def edits_again(folder: Path) -> None:
    """Take the tables of edits away; the store keeps the items."""
    shutil.rmtree(folder / "results" / "jobs" / "edits")


def per_job(folder: Path) -> dict[str, object]:
    """The same jobs in a shell loop, by Snakemake on one core, and on SLURM."""
    workflow_copy(folder)
    (folder / "jobs.yaml").write_text(yaml.safe_dump(STUDY))
    snakemake(folder, "--cores", "2", "--configfile", "jobs.yaml")
    edits_again(folder)
    _, text = snakemake(folder, "-n", "-p", *ARGS)
    commands = [line for line in re.findall(r"^Shell command: (.*)$", text, re.M) if " edits " in line]
    jobs = len(commands)
    (folder / "loop.sh").write_text("set -e\n" + "\n".join(commands) + "\n")
    for line in commands:
        Path(folder / re.search(r"--output (\S+)", line).group(1)).parent.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
    loop, loop_cpu, _, _ = measured(["bash", "loop.sh"], folder, environment())
    edits_again(folder)
    local = ["snakemake", "--cores", "1", *ARGS]
    wall, cpu, _, _ = measured(local, folder, environment())
    idle, idle_cpu, _, _ = measured(local, folder, environment())
    figures: dict[str, object] = {
        "jobs": jobs,
        "shell_loop": {
            "wall_seconds_per_job": round(loop / jobs, 2),
            "cpu_seconds_per_job": round(loop_cpu / jobs, 2),
        },
        "nothing_to_do_seconds": round(idle, 2),
        "local": {
            "overhead_wall_seconds_per_job": round((wall - idle - loop) / jobs, 2),
            "overhead_cpu_seconds_per_job": round((cpu - idle_cpu - loop_cpu) / jobs, 2),
        },
    }
    lacking = missing()
    figures["slurm"] = {"not_measured": f"no {lacking}"} if lacking else on_slurm(folder, loop / jobs)
    return figures


def on_slurm(folder: Path, bare: float) -> dict[str, object]:
    """The same jobs through the profile, with its own waits."""
    edits_again(folder)
    with running_cluster(folder / "cluster", cpus=1) as cluster:
        path = os.pathsep.join((str(cluster.bin), environment()["PATH"], "/usr/sbin", "/sbin"))
        env = {**cluster.environment, "PATH": path, "OMP_NUM_THREADS": "1"}
        command = ["snakemake", "--profile", "workflow/profiles/slurm", *ARGS]
        wall, cpu, _, _ = measured(command, folder, env)
        form = "StartTime:|,EndTime:|,State:|"
        lines = cluster.command("squeue", "--noheader", "--states=all", f"--Format={form}").splitlines()
    times = [[part.strip() for part in line.split("|")] for line in lines]
    spans = [(datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() for start, end, *_ in times]
    first = min(datetime.fromisoformat(row[0]) for row in times)
    last = max(datetime.fromisoformat(row[1]) for row in times)
    return {
        "jobs": len(spans),
        "seconds_of_a_job": round(sum(spans) / len(spans), 2),
        "overhead_seconds_per_job": round(sum(spans) / len(spans) - bare, 2),
        "first_start_to_last_end_seconds": (last - first).total_seconds(),
        "wall_seconds_of_the_workflow": round(wall, 1),
        "cpu_seconds_of_the_workflow_itself_per_job": round(cpu / len(spans), 2),
    }


def main() -> None:
    only_plan = "plan" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        rows = [planned(Path(temporary) / f"plan{classes}", classes, shards) for classes, shards in SIZES]
        for row in rows:
            print(row, flush=True)
        figures: dict[str, object] = {"dry_run": rows, "growth_exponents": growth(rows)}
        if only_plan:
            print(figures["growth_exponents"])
            return
        figures["per_job"] = per_job(Path(temporary) / "jobs")
    largest = int(str(rows[-1]["jobs"]))
    figures["jobs_of_200_classes_100_photos_30_edits"] = largest
    save("scheduler", figures)
    if largest > MOST_JOBS:
        raise SystemExit(f"{largest} jobs are more than {MOST_JOBS}")


if __name__ == "__main__":
    main()
