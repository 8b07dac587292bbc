"""What it costs to start: the parse, a dry run of 4,700 jobs, a job of each stage; two versions side by side.

python benchmarks/start.py 7d9f250           # that commit against this checkout; ratios below 1: this one is quicker

The versions take turns, so what else the machine does meets both. Seconds are processor time, user and system, of the
process and all that it starts; of the pairs the median counts.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from common import ROOT, environment, save
from demo import LARGE

STAGES = ("images", "masks", "edits", "verdicts", "dataset", "report")
# What a command asks for is not there, so it ends once its modules are imported and it looks for its config.
START = """
import sys
from varireal.cli import main
from varireal.commands import COMMANDS
options = []
for option in COMMANDS[sys.argv[1]].options:
    if option.default is ...:
        value = option.choices[0] if option.choices else "1" if option.kind is int else "missing"
        options += [option.flag, value] if option.flag else [value]
raise SystemExit(main([sys.argv[1], *options]) != 2)
"""


def unpacked(commit: str, folder: Path) -> Path:
    """The files of a commit."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "--extract", "--directory", folder], input=archive, check=True)
    return folder


def cpu_seconds(command: list[str], tree: Path) -> float:
    """Processor time of a command that runs with the package of a tree.

    Raises:
        RuntimeError: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = {**environment(), "PYTHONPATH": str(tree / "src"), "PYTHONPYCACHEPREFIX": str(tree / "pycache")}
    done = subprocess.run([sys.executable, *command], cwd=tree, env=env, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(large: Path) -> dict[str, list[str]]:
    """What is measured, by its name in the results."""
    snakemake = ["-m", "snakemake", "--configfile", str(large), "--quiet", "all"]
    starts = {f"start of a job: {stage}": ["-c", START, stage] for stage in STAGES}
    return {"parse": [*snakemake, "--list-rules"], "dry run, 4,700 jobs": [*snakemake, "--dry-run"], **starts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", help="the version to compare with")
    parser.add_argument("--pairs", type=int, default=5)
    args = parser.parse_args()
    figures: dict[str, object] = {"against": args.commit, "pairs": args.pairs}
    with tempfile.TemporaryDirectory() as temporary:
        trees = [unpacked(args.commit, Path(temporary) / "before"), unpacked("HEAD", Path(temporary) / "now")]
        large = Path(temporary) / "large.yaml"
        large.write_text(yaml.safe_dump(LARGE))
        for name, command in commands(large).items():
            for tree in trees:
                cpu_seconds(command, tree)  # compiles the modules
            pairs = [[cpu_seconds(command, tree) for tree in trees] for _ in range(args.pairs)]
            before, now = (statistics.median(column) for column in zip(*pairs, strict=True))
            figures[name] = {"before": round(before, 2), "now": round(now, 2), "ratio": round(now / before, 3)}
    save("start", figures)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
