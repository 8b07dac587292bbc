"""A study's slice and a way to ask, with the real client against a real HTTP server."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from varireal.config.hosted import OpenAIPrompts, Server, Traffic
from varireal.config.slices import PromptsSlice, ServerSlice, slice_text
from varireal.config.study import PromptsConfig
from varireal.stages import prompts

CLASSES = {"mallard": "mallard", "grey-heron": "grey heron"}
FAST = {"longest_wait_seconds": 0.01, "timeout_seconds": 10.0, "tries": 4}


def make_slice(classes=None, attributes=("background", "color", "texture"), **options) -> PromptsSlice:
    asking = OpenAIPrompts(**{"model": "m", "count": 3} | options)
    prompts = PromptsConfig(source="openai", openai=asking)
    return PromptsSlice(classes=classes or CLASSES, prompts=prompts, noun="bird", attributes=attributes)


def ask(folder: Path, url: str, config: PromptsSlice | None = None, *, traffic=None, embedding=None, **server):
    """Run the stage in a folder; return its summary."""
    settings = Server(base_url=url, traffic=Traffic(**FAST | (traffic or {})), **server)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.json").write_text(slice_text(ServerSlice(server=settings, embedding=embedding)))
    return run_stage(
        config or make_slice(),
        server=folder / "server.json",
        store=folder / "store" / "prompts.sqlite",
        output=folder / "prompts",
    )


def command(folder: Path, server: ServerSlice, config: PromptsSlice) -> list[str]:
    """What asks in a process of its own, as the workflow does."""
    (folder / "config.json").write_text(slice_text(config))
    (folder / "server.json").write_text(slice_text(server))
    files = {
        "config": "config.json",
        "server": "server.json",
        "store": "p.sqlite",
        "output": "prompts",
        "log": "job.log",
    }
    return ["prompts", "ask", *(word for name, file in files.items() for word in (f"--{name}", str(folder / file)))]


def run_stage(*args, **kwargs):
    """In a thread of its own: a browser test may have left an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(prompts.run_asked, *args, **kwargs).result()


def record(folder: Path, class_id: str) -> dict:
    return json.loads((folder / "prompts" / ".record" / f"{class_id}.json").read_text())


def usage(folder: Path) -> dict:
    return json.loads((folder / "prompts" / ".record" / "usage.json").read_text())
