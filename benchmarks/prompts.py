"""Asking a language model for many classes: time against the ideal, memory, and what kills cost.

python benchmarks/prompts.py [--classes 1000] [--concurrency 16] [--kills 10]

The server is a real HTTP server in a process of its own, with 200 ms per answer and 5 % each of 429 with Retry-After,
500, no answer at all, truncated JSON and JSON of another form. The ideal time is what the server's own log says that
the requests of the run took (one without an answer counts until the client's timeout), divided by the concurrency.
With kills, the same is asked anew, killed at random moments with SIGKILL and run again, until it ends.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from common import ROOT, save

from varireal.config.hosted import OpenAIPrompts, Server, Traffic
from varireal.config.slices import PromptsSlice, ServerSlice, slice_text
from varireal.config.study import PromptsConfig

TIMEOUT, ANSWERED = 1.0, ("ok", "truncated", "schema")


class Study:
    """A folder with what the stage needs, and its server."""

    def __init__(self, folder: Path, classes: int, concurrency: int) -> None:
        self.folder, self.log = folder, folder / "calls.jsonl"
        folder.mkdir()
        command = [sys.executable, str(ROOT / "tests/llm_server.py"), "--latency", "0.2", "--faults", "0.05"]
        self.server = subprocess.Popen(
            [*command, "--stall", "3", "--log", str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        url = self.server.stdout.readline().strip()
        names = {f"class-{n:04d}": f"Spotted creature {n:04d}" for n in range(classes)}
        prompts = PromptsConfig(source="openai", openai=OpenAIPrompts(model="m"))
        attributes = ("background", "color", "texture")
        config = PromptsSlice(classes=names, prompts=prompts, noun="animal", attributes=attributes)
        traffic = Traffic(concurrency=concurrency, timeout_seconds=TIMEOUT)
        (folder / "config.json").write_text(slice_text(config))
        (folder / "server.json").write_text(slice_text(ServerSlice(server=Server(base_url=url, traffic=traffic))))

    def start(self) -> subprocess.Popen[bytes]:
        """Ask, or go on asking."""
        options = {"config": "config.json", "server": "server.json", "store": "prompts.sqlite", "output": "prompts"}
        words = [word for name, file in options.items() for word in (f"--{name}", str(self.folder / file))]
        return subprocess.Popen([sys.executable, "-m", "varireal", "prompts", "ask", *words])

    def calls(self) -> list[dict]:
        """The server's log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def short(self) -> int:
        """Prompts that are missing in all classes."""
        records = (self.folder / "prompts" / ".record").glob("class-*.json")
        found = [json.loads(path.read_text())["settings"].values() for path in records]
        return sum(setting["short"] for settings in found for setting in settings)

    def end(self) -> None:
        """Stop the server."""
        self.server.kill()


def peak_mib(process: subprocess.Popen[bytes]) -> float:
    """Highest resident memory of a process, looked at until it ends."""
    peak = 0.0
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max(peak, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
        except OSError:
            break
        time.sleep(0.5)
    return peak


def undisturbed(study: Study, concurrency: int) -> dict[str, object]:
    start = time.time()
    process = study.start()
    peak = peak_mib(process)
    seconds = time.time() - start
    calls = study.calls()
    ideal = sum(min(call["seconds"], TIMEOUT) for call in calls) / concurrency
    sent = Counter(call["request"] for call in calls if call["what"] in ANSWERED)
    return {
        "exit": process.returncode,
        "seconds": round(seconds, 1),
        "ideal_seconds": round(ideal, 1),
        "times_the_ideal": round(seconds / ideal, 2),
        "peak_mib": round(peak),
        "calls": dict(Counter(call["what"] for call in calls)),
        "answered_requests_sent_again": sum(count - 1 for count in sent.values()),
        "prompts_short": study.short(),
    }


def killed(study: Study, kills: int, seconds: float) -> dict[str, object]:
    rng = random.Random(0)
    for _ in range(kills):
        process = study.start()
        time.sleep(4 + rng.random() * seconds / kills)
        process.kill()
        process.wait()
    last = study.start()
    last.wait()
    sent = Counter(call["request"] for call in study.calls() if call["what"] in ANSWERED)
    return {
        "exit": last.returncode,
        "kills": kills,
        "requests_answered": len(sent),
        "answered_requests_sent_again": sum(count - 1 for count in sent.values()),
        "prompts_short": study.short(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--kills", type=int, default=10)
    args = parser.parse_args()
    figures: dict[str, object] = {
        **vars(args),
        "settings": 6,
        "prompts_each": 10,
        "latency_s": 0.2,
        "each_fault": 0.05,
    }
    with tempfile.TemporaryDirectory() as temporary:
        whole = Study(Path(temporary) / "whole", args.classes, args.concurrency)
        figures["undisturbed"] = undisturbed(whole, args.concurrency)
        whole.end()
        disturbed = Study(Path(temporary) / "killed", args.classes, args.concurrency)
        figures["killed"] = killed(disturbed, args.kills, figures["undisturbed"]["seconds"])
        disturbed.end()
    save("prompts", figures)


if __name__ == "__main__":
    main()
