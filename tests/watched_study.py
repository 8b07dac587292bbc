"""A small study that the real commands make without Snakemake: each as its rule calls it, with a log and a record."""

from pathlib import Path

import yaml

from kit import TINY
from varireal import cli
from varireal.config.generate import write_text
from varireal.config.model import parse_config
from varireal.study.layout import Layout

SMALL = {**TINY, "edits": {"attributes": ["color"], "rounds": 2}, "report": {}}


class Watched:
    """The study in a folder.

    Args:
        folder: becomes the working directory's place of results; paths are absolute.
        config: the study's config.
    """

    def __init__(self, folder: Path, config: dict) -> None:
        self.folder = folder
        self.configure(config)

    def configure(self, config: dict) -> None:
        """Write the slices of a config, as the rule stage_config does."""
        self.raw = {**config, "study": {**config["study"], "results": str(self.folder / "results")}}
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.raw), encoding="utf-8")
        self.layout = Layout(parse_config(self.raw))
        self.paths = self.layout.paths
        self.root = Path(self.paths.root)
        for stage in ("images", "prompts", "server", "machine", "masks", "edits", "verdicts", "dataset", "report"):
            write_text(text=self.layout.slice(stage), output=Path(self.paths.config(stage)))

    def run(self, stage: str, name: str, *args: object) -> int:
        """Run a command with the log and config of its rule; return its exit code."""
        config = self.paths.config("prompts" if stage == "prompts-ask" else "edits" if stage == "priors" else stage)
        log = self.paths.log(name)
        return cli.main([stage, "--config", config, *map(str, args), "--log", log])

    def images(self) -> int:
        paths = self.paths
        places = ("--output", paths.images, "--rejects", paths.rejects, "--photos", paths.photos)
        return self.run("images", "images", *places, "--store", paths.store("images"))

    def prompts(self) -> int:
        return max(
            self.run(
                *("prompts", f"prompts/{one}", "--class-id", one),
                *("--output", self.paths.prompts(one), "--record", self.paths.prompts_record(one)),
            )
            for one in self.layout.classes
        )

    def masks(self, shard: str) -> int:
        paths = self.paths
        return self.run(
            *("masks", f"masks/{shard}", "--images", paths.images, "--shard", shard, "--output", paths.masks(shard)),
            *("--store", paths.store(f"masks-{shard}"), "--machine", paths.config("machine")),
        )

    def edits(self, attribute: str, feasibility: str, round_: int, shard: str) -> int:
        paths, place = self.paths, (attribute, feasibility)
        name = f"edits/{attribute}/{feasibility}/round{round_}/{shard}"
        earlier = range(round_)
        return self.run(
            *("edits", name, "--images", paths.images, "--masks", paths.masks(shard)),
            *("--prompts", *(paths.prompts(one) for one in self.layout.classes)),
            *("--attribute", attribute, "--feasibility", feasibility, "--round", round_, "--shard", shard),
            *("--earlier-edits", *(paths.edits(*place, number, shard) for number in earlier)),
            *("--earlier-verdicts", *(paths.verdicts(*place, number, shard) for number in earlier)),
            *("--output", paths.edits(*place, round_, shard), "--store", paths.store(name.replace("/", "-"))),
            *("--machine", paths.config("machine")),
        )

    def verdicts(self, attribute: str, feasibility: str, round_: int, shard: str) -> int:
        paths, place = self.paths, (attribute, feasibility, round_, shard)
        name = f"verdicts/{attribute}/{feasibility}/round{round_}/{shard}"
        return self.run(
            *("verdicts", name, "--edits", paths.edits(*place), "--masks", paths.masks(shard)),
            *("--output", paths.verdicts(*place), "--store", paths.store(name.replace("/", "-"))),
            *("--machine", paths.config("machine")),
        )

    def dataset(self) -> int:
        paths = self.paths
        return self.run(
            *("dataset", "dataset", "--images", paths.images, "--study", paths.root, "--manifest", paths.manifest),
            *("--funnel", paths.funnel, "--card", paths.card, "--output", paths.dataset),
            *("--budget", paths.config("machine")),
        )

    def report(self) -> int:
        paths = self.paths
        return self.run(
            *("report", "report", "--images", paths.images, "--study", paths.root, "--funnel", paths.funnel),
            *("--copy", paths.report_copy, "--output", paths.report, "--budget", paths.config("machine")),
        )

    def chains(self) -> list[tuple[str, str, str]]:
        """(attribute, feasibility, shard)."""
        return [(a, f, shard) for a, f in self.layout.settings for shard in self.layout.shards]

    def make(self) -> "Watched":
        """Everything up to the last verdict."""
        codes = [self.images(), self.prompts(), *(self.masks(shard) for shard in self.layout.shards)]
        for attribute, feasibility, shard in self.chains():
            for round_ in range(self.layout.config.edits.rounds):
                codes.append(self.edits(attribute, feasibility, round_, shard))
                codes.append(self.verdicts(attribute, feasibility, round_, shard))
        assert set(codes) == {0}
        return self
