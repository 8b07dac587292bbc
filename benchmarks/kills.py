"""kill -9 of running stages at random moments, then a normal run: the same bytes, and no finished item computed twice.

python benchmarks/kills.py [kills] [seed]
"""

import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import yaml
from common import environment, save, snakemake, workflow_copy

CONFIG = {
    "study": {"name": "kills", "seed": 3, "shards": 2},
    "images": {
        "demo": {"species": ["mallard", "flamingo", "grey-heron"], "size": 96, "train": 8, "val": 1, "test": 1}
    },
}
LONGEST_WAIT = 20.0  # seconds; an undisturbed run takes longer
ARGS = ("--cores", "2", "--configfile", "kills.yaml", "--rerun-incomplete")


def stages(workflow: int) -> list[psutil.Process]:
    """The stages that this workflow runs at the moment; another workflow's are never touched."""
    found = []
    try:
        children = psutil.Process(workflow).children(recursive=True)
    except psutil.NoSuchProcess:
        return found
    for child in children:
        try:
            command = child.cmdline()
        except psutil.Error:
            continue
        if any(part.endswith("/varireal") for part in command[:3]) and "config" not in command:
            found.append(child)
    return found


class Trace:
    """What was computed, over all attempts."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "results" / "kills"
        self.items: Counter[str] = Counter()
        self.seen: dict[Path, str] = {}
        self.pictures: dict[Path, int] = {}
        self.drawn_again = 0

    def update(self) -> None:
        """Read the logs that an attempt wrote; a log is written afresh by each attempt of its job."""
        for log in (self.root / "logs").rglob("*.log"):
            text = log.read_text(errors="replace")
            if self.seen.get(log) != text:
                old = self.seen.get(log, "")
                fresh = text[len(old) :] if text.startswith(old) else text
                self.items.update(re.findall(r"DEBUG computed (?:mask of )?(\S+)", fresh))
                self.seen[log] = text
        for picture in (self.root / "photos").rglob("*.png"):
            changed = picture.stat().st_mtime_ns
            if self.pictures.setdefault(picture, changed) != changed:
                self.drawn_again += 1
                self.pictures[picture] = changed


def attempt(folder: Path, chance: random.Random) -> str | None:
    """Run until a stage was killed; return its command, or None when the workflow ended first."""
    process = subprocess.Popen(
        ["snakemake", *ARGS], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    victim, moment = None, time.monotonic() + chance.uniform(1.0, LONGEST_WAIT)
    while process.poll() is None:
        running = stages(process.pid) if victim is None and time.monotonic() > moment else []
        if running:
            stage = chance.choice(running)
            try:
                victim = stage.cmdline()[2]
                stage.send_signal(signal.SIGKILL)
            except (psutil.Error, IndexError):
                victim = None
        time.sleep(0.02)
    return victim


def outputs(folder: Path) -> dict[str, bytes]:
    root = folder / "results" / "kills"
    skipped = {"logs", "store", "benchmarks"}
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.relative_to(root).parts[0] not in skipped
    }


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    killed: Counter[str] = Counter()
    twice: dict[str, int] = {}
    drawn_again = different = rounds = 0
    with tempfile.TemporaryDirectory() as temporary:
        calm = workflow_copy(Path(temporary) / "calm")
        (calm / "kills.yaml").write_text(yaml.safe_dump(CONFIG))
        snakemake(calm, *ARGS)
        expected = outputs(calm)
        while sum(killed.values()) < wanted:
            rounds += 1
            rough = Path(temporary) / "rough"
            shutil.rmtree(rough, ignore_errors=True)
            workflow_copy(rough)
            (rough / "kills.yaml").write_text(yaml.safe_dump(CONFIG))
            trace = Trace(rough)
            while sum(killed.values()) < wanted:
                victim = attempt(rough, chance)
                trace.update()
                if victim is None:
                    break
                killed[victim] += 1
            snakemake(rough, *ARGS)
            trace.update()
            twice |= {item: count for item, count in trace.items.items() if count > 1}
            drawn_again += trace.drawn_again
            found = outputs(rough)
            different += sum(found.get(key) != expected.get(key) for key in {*found, *expected})
    save(
        "kills",
        {
            "kills": sum(killed.values()),
            "killed_by_stage": dict(sorted(killed.items())),
            "studies_run": rounds,
            "outputs_compared": len(expected),
            "outputs_that_differ": different,
            "finished_items_computed_twice": len(twice),
            "of_them": sorted(twice)[:10],
            "finished_pictures_drawn_twice": drawn_again,
        },
    )
    if different or twice or drawn_again:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
