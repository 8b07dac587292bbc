"""The demo as a user runs it: time, memory, a second run, dry runs, one prompt changed, a 5,000-job configuration.

python benchmarks/demo.py
"""

import re
import tempfile
import time
from pathlib import Path

import yaml
from common import peak_child_mib, save, snakemake, workflow_copy

LARGE = {  # 64 shards x 6 settings x 6 rounds x 2 stages + masks and the rest: about 4,700 jobs
    "study": {"name": "large", "shards": 64},
    "edits": {"rounds": 6},
}


def jobs(text: str) -> int:
    found = re.search(r"^total +(\d+)", text, re.M)
    return int(found.group(1)) if found else 0


def parse_seconds(folder: Path, *args: str) -> float:
    """Time that the Snakefile's own code takes, from Snakemake's listing of rules: start-up and parse, no DAG."""
    return min(snakemake(folder, "--list-rules", *args)[0] for _ in range(3))


def start_seconds(folder: Path) -> float:
    """The same for an empty Snakefile: what Snakemake itself takes to start."""
    empty = folder / "empty.smk"
    empty.write_text("rule all:\n    input: []\n")
    return min(snakemake(folder, "--list-rules", "--snakefile", str(empty))[0] for _ in range(3))


def edit_prompt(folder: Path) -> str:
    path = folder / "results/demo/prompts/mallard.yaml"
    text = path.read_text()
    start = text.index("infeasible:", text.index("color:"))
    name = re.compile(r"name: (.+)$", re.M).search(text, start)
    if name is None:
        raise RuntimeError("no prompt found")
    path.write_text(text[: name.start(1)] + "turquoise" + text[name.end(1) :])
    return name.group(1)


def main() -> None:
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = workflow_copy(Path(temporary) / "demo")
        seconds, text = snakemake(folder, "--cores", "2")
        figures["demo_seconds_2_cores"] = round(seconds, 1)
        figures["demo_jobs"] = jobs(text)
        figures["peak_mib_of_any_process"] = round(peak_child_mib())
        seconds, text = snakemake(folder, "--cores", "2")
        figures["second_run_jobs"] = jobs(text)
        figures["second_run_seconds"] = round(seconds, 1)
        figures["dry_run_seconds"] = round(snakemake(folder, "-n")[0], 2)
        empty, full = start_seconds(folder), parse_seconds(folder)
        figures["snakemake_start_seconds"] = round(empty, 2)
        figures["parse_seconds"] = round(full - empty, 2)
        edit_prompt(folder)
        _, text = snakemake(folder, "-n")
        figures["one_prompt_changed_jobs"] = {
            "total": jobs(text),
            "attributes": sorted(set(re.findall(r"attribute=(\w+)", text))),
            "arms": sorted(set(re.findall(r"feasibility=(\w+)", text))),
        }
        start = time.perf_counter()
        snakemake(folder, "--cores", "2")
        figures["one_prompt_changed_seconds"] = round(time.perf_counter() - start, 1)
        large = folder / "large.yaml"
        large.write_text(yaml.safe_dump(LARGE))
        seconds, text = snakemake(folder, "-n", "--quiet", "rules", "--configfile", str(large))
        figures["large_jobs"] = jobs(text)
        figures["large_dry_run_seconds"] = round(seconds, 1)
        figures["large_parse_seconds"] = round(parse_seconds(folder, "--configfile", str(large)) - empty, 2)
    save("demo", figures)


if __name__ == "__main__":
    main()
