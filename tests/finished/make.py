"""Make finished studies or the golden file anew: ``python tests/finished/make.py golden demo_small tiny_sdxl ...``.

Finished studies are archives of what a user has: the config, the photos, ``results/`` and Snakemake's records. They
are made once, and made again only when a change makes one of their stages run again on purpose; the golden file then
changes too. Either needs an entry "Outputs change" in CHANGELOG.md that names stage, studies and reason, see
CONTRIBUTING.md.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import yaml  # noqa: E402

from finished import studies  # noqa: E402
from finished.keys import as_text, item_keys, slice_digests  # noqa: E402
from kit import Project, environment  # noqa: E402

GOLDEN = HERE / "golden.json"
ARCHIVED = ("study.yaml", "photos", "results", ".snakemake")
# Nothing reads these again.
_LEFT_OUT = ("/benchmarks/", "/logs/", "/report/data/", "/report/figures/", ".snakemake/log/")
# Large files of which only that they are there, and their date, counts: so much of each is packed.
_CUT = {"report.html": 1000}


def jobs_of(places: list[tuple[Path, str]], *flags: str) -> list[dict]:
    """What ``jobs.py`` says of studies."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "jobs.json"
        told = json.dumps([[str(folder), study] for folder, study in places])
        command = [sys.executable, str(HERE / "jobs.py"), told, str(output), *flags]
        done = subprocess.run(command, capture_output=True, text=True, env=environment())
        if done.returncode != 0:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-3000:])
        return json.loads(output.read_text())


def golden(scratch: Path) -> dict:
    """What is on record of every config: slice digests, what rules say, item keys."""
    from varireal.config.model import parse_config
    from varireal.core.seeds import digest
    from varireal.study.layout import Layout

    configs = studies.recorded_configs()
    project = Project(scratch, {})
    studies.make_data(scratch)
    # what the demo chooses reaches no study that has a file of its own: read, this would be an error
    (scratch / "config.yaml").write_text("read_by_nobody: true\n")
    places, found = [], {}
    for number, (name, config) in enumerate(configs.items()):
        if name not in studies.VARIANTS:
            # two shards say of rules what 32 do, in a tenth of the time
            few = studies.merged(config, {"study": {"shards": min(2, config.get("study", {}).get("shards", 1))}})
            (project.folder / f"study{number}.yaml").write_text(yaml.safe_dump(few))
            places.append((name, (project.folder, f"study{number}.yaml")))
        os.chdir(project.folder)
        layout = Layout(parse_config(config))
        keys = scratch / f"keys{number}"
        keys.mkdir()
        found[name] = {"slices": slice_digests(layout), "items": item_keys(layout, keys)}
    answers = jobs_of([place for _, place in places])
    for (name, _), answer in zip(places, answers, strict=True):
        rules: dict[str, list[dict]] = {}
        for job in answer["jobs"]:
            rules.setdefault(job["rule"], []).append(job)
        found[name]["rules"] = {
            rule: {
                "jobs": len(members),
                "first": sorted(members, key=lambda job: job["output"])[0]["params"],
                "params": digest(*sorted(json.dumps([job["output"], job["params"]]) for job in members), size=8),
                "inputs": digest(*sorted(json.dumps([job["output"], job["input"]]) for job in members), size=8),
                "code": digest(members[0]["code"], size=8),
            }
            for rule, members in rules.items()
        }
    return found


def archive(name: str, folder: Path) -> None:
    """Pack a finished study; dates are part of it."""
    with tarfile.open(HERE / f"{name}.tar.xz", "w:xz", format=tarfile.PAX_FORMAT) as packed:
        for place in ARCHIVED:
            for path in sorted((folder / place).rglob("*") if (folder / place).is_dir() else [folder / place]):
                if path.is_file() and not any(part in path.as_posix() for part in _LEFT_OUT):
                    _pack(packed, path, path.relative_to(folder).as_posix())
        facts = json.dumps(machine_facts() | {"models": model_digests(folder)}).encode()
        entry = tarfile.TarInfo("made.json")
        entry.size = len(facts)
        packed.addfile(entry, io.BytesIO(facts))


def _pack(packed: tarfile.TarFile, path: Path, name: str) -> None:
    entry = packed.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.size = min(entry.size, _CUT.get(path.name, entry.size))
    with path.open("rb") as file:
        packed.addfile(entry, file)


def model_digests(folder: Path) -> dict[str, str]:
    """Digests of the files of tiny models, which are made again instead of being packed."""
    models = folder / studies.TINY_MODELS
    files = sorted(path for path in models.rglob("*") if path.is_file())
    return {path.relative_to(models).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


def machine_facts() -> dict[str, str]:
    """What the last bit of a model's picture depends on besides the study."""
    import torch

    return {"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability()}


def finish(name: str, folder: Path) -> None:
    """Run a study to its end."""
    from llm_server import Server
    from tiny.models import build

    if name == "photographs":
        with Server(script=_answer) as server:
            project = Project(folder, studies.photographs(server.url))
            studies.make_photographs(folder / "photos")
            done = project.snakemake()
    else:
        project = Project(folder, {"demo_small": lambda: studies.DEMO, "tiny_sdxl": studies.tiny_sdxl}[name]())
        if name == "tiny_sdxl":
            for model in studies.SDXL_MODELS:
                build(model, folder / studies.TINY_MODELS / model)
        done = project.snakemake()
    if done.code != 0:
        raise SystemExit(done.text)
    archive(name, folder)


def _answer(_path: str, body: dict, _number: int) -> tuple:
    """Writes good prompts, and sees in every picture what was put in."""
    from llm_server import completion, leaning, shows_picture, written

    return 200, leaning(body) if shows_picture(body) else completion(body, written(body)), None


def main(wanted: list[str]) -> None:
    """Make what is named."""
    for name in wanted:
        with tempfile.TemporaryDirectory() as scratch:
            if name == "golden":
                GOLDEN.write_text(as_text(golden(Path(scratch))))
            else:
                finish(name, Path(scratch))


if __name__ == "__main__":
    main(sys.argv[1:])
