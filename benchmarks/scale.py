"""What everything outside the models costs as a study grows: time, memory, files and bytes per item.

python benchmarks/scale.py                             # 1,000 and 10,000 items, a few minutes; nothing is saved
python benchmarks/scale.py 24000 100000 1000000        # the curves of the docs

Photos are 32 x 32 pixels and the editor only inverts a region, so what is left is what the package itself does; work
that grows with the size of a picture (codecs, receipts) is in it, but small. Every job is a process of its own.
Stages that are one job (images, dataset, report) run whole at every size. Of the stages in shards a sample of jobs
runs inside the study of the full size, and the tables of the other jobs are written by ``scale_study.py`` as the
stages write them. Seconds are processor time, user and system: those of the clock depend on what else the machine
does.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from common import ROOT, environment, save
from scale_study import ARMS, ATTRIBUTES, PER_CLASS, PER_IMAGE, STUDY, classes_of, write_editor

ITEMS_PER_JOB = 4000  # an edit by SDXL takes a second or two: jobs of one to two hours
SIZES = (1_000, 10_000)
JOB_SIZES = (1_000, 4_000, 16_000)
SAMPLED = 6  # jobs of a stage in shards
PICTURE = ROOT / "docs" / "pictures" / "scale.svg"


class Study:
    """A study on disk, and what its jobs took."""

    def __init__(self, folder: Path, items: int, items_per_job: int) -> None:
        self.folder, self.classes = folder, classes_of(items)
        self.photos = self.classes * PER_CLASS
        self.items = self.photos * PER_IMAGE * len(ATTRIBUTES) * len(ARMS)
        self.shards = max(1, round(self.items / (items_per_job * len(ATTRIBUTES) * len(ARMS))))
        self.jobs: list[dict[str, Any]] = []
        folder.mkdir(parents=True)
        write_editor(folder / "packages")
        self.environment = {**environment(), "PYTHONPATH": str(folder / "packages")}
        self.prepare("make", self.classes, self.shards)

    def prepare(self, what: str, *numbers: int) -> None:
        """Run a part of ``scale_study.py``; not measured."""
        command = [sys.executable, str(ROOT / "benchmarks/scale_study.py"), what, *map(str, numbers)]
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True)

    def shard(self, index: int, total: int | None = None) -> str:
        return f"{index:05d}-of-{total or self.shards:05d}"

    def job(self, stage: str, items: int, *args: str) -> dict[str, Any]:
        """Run a job in a process of its own; return and keep what it took.

        Raises:
            RuntimeError: it failed.
        """
        known = set(self.files())
        number = len(self.jobs)
        log = f"{STUDY}/logs/{stage}-{number}.log"
        name = "machine" if stage == "machine" else stage
        command = ["varireal", stage, "--config", f"{STUDY}/config/{name}.json", *args, "--log", log]
        start = time.monotonic()
        with (self.folder / "printed.txt").open("wb") as printed:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=printed, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError((self.folder / "printed.txt").read_text())
        fresh = {path: size for path, size in self.files().items() if path not in known}
        row = {
            "stage": stage,
            "items": items,
            "seconds": round(used.ru_utime + used.ru_stime, 3),
            "wall": round(time.monotonic() - start, 3),
            "mib": round(used.ru_maxrss / 1024, 1),
            "files": len(fresh),
            "bytes": sum(fresh.values()),
        }
        self.jobs.append(row)
        print(f"  {stage:9} {items:>9,} items {row['seconds']:9.2f} s {row['mib']:7.1f} MiB", flush=True)
        return row

    def files(self) -> dict[str, int]:
        root = self.folder / STUDY
        return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}

    def images(self) -> None:
        root = STUDY
        args = ["--output", f"{root}/images.parquet", "--rejects", f"{root}/rejects.parquet"]
        self.job("images", self.photos, *args, "--photos", f"{root}/photos", "--store", f"{root}/store/images.sqlite")

    def masks(self, index: int, total: int | None = None) -> None:
        shard, root = self.shard(index, total), STUDY
        args = ["--images", f"{root}/images.parquet", "--shard", shard, "--output", f"{root}/masks/{shard}.parquet"]
        self.job("masks", round(self.photos / (total or self.shards)), *args, "--store", self.store("masks", shard))

    def store(self, *parts: str) -> str:
        return f"{STUDY}/store/{'-'.join(parts)}.sqlite"

    def edits(self, setting: tuple[str, str], round_: int, index: int, total: int | None = None) -> None:
        """An edit job and its verdict job; a later round has a share of the items that is known after it ran."""
        shard = self.shard(index, total)
        place = f"{setting[0]}/{setting[1]}/round{round_}/{shard}"
        earlier = [f"{setting[0]}/{setting[1]}/round{n}/{shard}.parquet" for n in range(round_)]
        prompts = [str(path) for path in sorted(Path(self.folder, STUDY, "prompts").glob("*.yaml"))]
        items = round(self.items / len(ATTRIBUTES) / len(ARMS) / (total or self.shards))
        masks, edits = f"{STUDY}/masks/{shard}.parquet", f"{STUDY}/edits/{place}.parquet"
        verdicts = f"{STUDY}/verdicts/{place}.parquet"
        name = (*setting, f"round{round_}", shard)
        args = ["--images", f"{STUDY}/images.parquet", "--masks", masks, "--prompts", *prompts]
        args += ["--attribute", setting[0], "--feasibility", setting[1], "--round", str(round_), "--shard", shard]
        args += ["--earlier-edits", *(f"{STUDY}/edits/{path}" for path in earlier)]
        args += ["--earlier-verdicts", *(f"{STUDY}/verdicts/{path}" for path in earlier)]
        made = self.job("edits", items, *args, "--output", edits, "--store", self.store("edits", *name))
        made["round"] = round_
        args = ["--edits", edits, "--masks", masks, "--store", self.store("verdicts", *name), "--output", verdicts]
        self.job("verdicts", items, *args)["round"] = round_

    def dataset(self) -> None:
        folder = f"{STUDY}/dataset"
        args = ["--images", f"{STUDY}/images.parquet", "--study", STUDY, "--manifest", f"{folder}/manifest.parquet"]
        args += ["--funnel", f"{folder}/funnel.parquet", "--card", f"{folder}/README.md", "--output", folder]
        self.job("dataset", self.items, *args)

    def report(self) -> None:
        args = ["--images", f"{STUDY}/images.parquet", "--study", STUDY, "--copy", f"{STUDY}/report.html"]
        args += ["--funnel", f"{STUDY}/dataset/funnel.parquet", "--output", f"{STUDY}/report"]
        made = self.job("report", self.items, *args)
        made["index_bytes"] = (self.folder / STUDY / "report/index.html").stat().st_size


def run_size(folder: Path, items: int, items_per_job: int) -> dict[str, Any]:
    """All stages of a study of a size."""
    study = Study(folder, items, items_per_job)
    print(
        f"{study.items:,} items, {study.photos:,} photos, {study.classes} classes, {study.shards} shards", flush=True
    )
    study.images()
    settings = [(attribute, arm) for attribute in ATTRIBUTES for arm in ARMS]
    sampled = [number * study.shards // SAMPLED for number in range(SAMPLED)]
    for index in sorted(set(sampled)):
        study.masks(index)
    for setting, index in zip(settings, sampled, strict=True):
        study.edits(setting, 0, index)
    for setting, index in zip(settings[:3], sampled, strict=False):
        study.edits(setting, 1, index)
    study.prepare("fill", study.shards)
    study.dataset()
    study.report()
    return summary(study)


def summary(study: Study) -> dict[str, Any]:
    """Figures of a study: a stage's seconds are those of all its jobs, from the mean of those that ran."""
    counts = {"images": 1, "dataset": 1, "report": 1, "masks": study.shards}
    by_stage: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in study.jobs:
        by_stage[row["stage"] + (f" round {row['round']}" if row.get("round") else "")].append(row)
    stages = {}
    for name, rows in by_stage.items():
        jobs = counts.get(name, study.shards * len(ATTRIBUTES) * len(ARMS))
        seconds, size = (sum(row[key] for row in rows) / len(rows) * jobs for key in ("seconds", "bytes"))
        stages[name] = {
            "jobs": jobs,
            "jobs_run": len(rows),
            "ms_per_item": round(1000 * seconds / study.items, 4),
            "bytes_per_item": round(size / study.items, 1),
            "peak_mib": max(row["mib"] for row in rows),
            "files_per_job": max(row["files"] for row in rows),
        }
    report = next(row for row in study.jobs if row["stage"] == "report")
    return {
        "items": study.items,
        "photos": study.photos,
        "classes": study.classes,
        "shards": study.shards,
        "items_per_job": round(study.items / study.shards / len(ATTRIBUTES) / len(ARMS)),
        "stages": stages,
        "ms_per_item": round(sum(stage["ms_per_item"] for stage in stages.values()), 3),
        "peak_mib": max(stage["peak_mib"] for stage in stages.values()),
        "report_index_bytes": report["index_bytes"],
    }


def run_job_sizes(folder: Path) -> list[dict[str, Any]]:
    """Memory of one job as its shard grows, within one study."""
    largest = max(JOB_SIZES)
    study = Study(folder, largest * len(ATTRIBUTES) * len(ARMS), largest)
    study.images()
    for size in JOB_SIZES:
        total = largest // size
        study.masks(0, total)
        study.edits(("color", "feasible"), 0, 0, total)
    return [row for row in study.jobs if row["stage"] != "images"]


def exponent(sizes: list[dict[str, Any]]) -> float | None:
    """Slope of log seconds over log items, by least squares; 1 is linear. The start of a job is in it."""
    points = [(math.log(size["items"]), math.log(size["ms_per_item"] * size["items"])) for size in sizes]
    if len(points) < 2:
        return None
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return round(sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points), 3)


def draw(sizes: list[dict[str, Any]], path: Path) -> None:
    """Draw the costs and the memory of every stage over the size of the study."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "scale", "svg.fonttype": "path"})
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    items = [size["items"] for size in sizes]
    for name in sizes[-1]["stages"]:
        for axes, key in ((left, "ms_per_item"), (right, "peak_mib")):
            axes.plot(items, [size["stages"].get(name, {}).get(key, math.nan) for size in sizes], "o-", label=name)
    left.plot(items, [size["ms_per_item"] for size in sizes], "ks-", label="all")
    left.axhline(5, color="grey", linestyle=":")
    right.axhline(500, color="grey", linestyle=":")
    left.set(title="time outside the models", ylabel="ms per item", xlabel="items", xscale="log", yscale="log")
    right.set(title="peak memory of a job", ylabel="MiB", xlabel="items", xscale="log", ylim=(0, None))
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("items", nargs="*", type=int, help="sizes of the studies, in items")
    parser.add_argument("--items-per-job", type=int, default=ITEMS_PER_JOB, help="of a job of edits, about")
    parser.add_argument("--job-sizes", action="store_true", help="memory of one job as its shard grows, too")
    parser.add_argument("--keep", type=Path, help="folder for the studies, which are kept then")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        sizes = [run_size(folder / str(items), items, args.items_per_job) for items in args.items or SIZES]
        figures: dict[str, object] = {"sizes": sizes, "exponent": exponent(sizes)}
        if args.job_sizes:
            figures["one_job"] = run_job_sizes(folder / "job")
    if args.items:
        draw(sizes, PICTURE)
        save("scale", figures)
    else:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
