"""Which jobs a study has, from the config slices in its folder: no scheduler, no Snakemake, no pydantic. Light.

What the slices do not tell is None, never a guess.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.core.paths import StudyPaths, parse_run, run_name, shard_name, store_name
from varireal.core.seeds import digest
from varireal.hosted.money import PriceList, spent_by_model
from varireal.names import DEFAULT_POOL, FEASIBILITIES, WITH_PRIOR

# What hosted models have cost, from counted calls and tokens and the prices in the study's slices. Light.

# stage: (slice, the server's place in it, the server's place in the config)
_SERVERS = {
    "prompts-ask": ("server", "server", "prompts.openai.server"),
    "edits": ("machine", "editing", "edits.openai_images.server"),
    "verdicts": ("machine", "judging", "verdicts.openai.server"),
}


def read_slice_json(root: Path, name: str) -> dict[str, Any]:
    """A slice of a study as it is on disk; empty when it cannot be read."""
    try:
        found = json.loads((root / "config" / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Prices:
    """Prices of a study's servers.

    Attributes:
        servers: by stage, the server's block as JSON.
    """

    servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_study(cls, root: Path) -> "Prices":
        """From the slices in ``config/``."""
        slices = {name: read_slice_json(root, name) for name in {name for name, _, _ in _SERVERS.values()}}
        return cls({stage: slices[name].get(block, {}) for stage, (name, block, _) in _SERVERS.items()})

    def usd(self, stage: str, amounts: Mapping[str, float]) -> float | None:
        """US dollars of what a stage has spent; None when a model without a price was used."""
        return PriceList.of(self.servers.get(stage, {})).total(spent_by_model(amounts).items())


def server_place(stage: str) -> str:
    """Where the config has the server of a stage."""
    return _SERVERS[stage][2]


STAGES = (
    *("images", "prompts", "masks", "priors", "edits", "verdicts"),
    *("dataset", "adapters", "predictions", "report"),
)
_SLICES = (*(stage for stage in STAGES if stage != "priors"), "machine", "server")


@dataclass(frozen=True, slots=True)
class Job:
    """A job that the workflow has.

    Attributes:
        stage: its stage.
        name: of its log and record, below ``logs/``.
        output: the file that says that it is done, below the study's folder.
        store: name of its item store, without the ending; empty when it has none.
        attribute: of edits and verdicts.
        feasibility: of edits and verdicts.
        round: of edits and verdicts.
        shard: of masks, edits and verdicts.
    """

    stage: str
    name: str
    output: str
    store: str = ""
    attribute: str = ""
    feasibility: str = ""
    round: int = 0
    shard: str = ""


@dataclass(frozen=True)
class Plan:
    """What a study is meant to be.

    Attributes:
        slices: the slices that are there.
        digests: digest of each, as tables and records carry it.
    """

    slices: Mapping[str, Mapping[str, Any]]
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_study(cls, root: Path) -> "Plan":
        """From the slices in ``config/``; those that cannot be read are left out."""
        slices = {name: found for name in _SLICES if (found := read_slice_json(root, name))}
        digests = {name: _slice_digest(root / "config" / f"{name}.json") for name in slices}
        return cls(slices, digests)

    def find(self, *places: str) -> Any:
        """The first value that a slice has at one of the places such as ``dataset.shards``; None without one."""
        for place in places:
            value: Any = self.slices
            for part in place.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                return value
        return None

    @property
    def shards(self) -> int | None:
        """Number of shards."""
        return _whole(self.find("dataset.shards", "report.shards", "adapters.shards"))

    @property
    def rounds(self) -> int | None:
        """Number of rounds."""
        return _whole(self.find("dataset.rounds", "edits.edits.rounds", "report.rounds"))

    @property
    def per_image(self) -> int | None:
        """Edits per photo and setting."""
        return _whole(self.find("dataset.per_image", "edits.edits.per_image"))

    @property
    def attributes(self) -> list[str] | None:
        """What is edited."""
        found = self.find("dataset.attributes", "edits.edits.attributes", "report.attributes")
        return [str(name) for name in found] if isinstance(found, list) else None

    @property
    def classes(self) -> list[str] | None:
        """Ids of the classes."""
        found = self.find("prompts.classes", "dataset.classes", "report.classes")
        return sorted(found) if isinstance(found, Mapping) else None

    @property
    def asks(self) -> bool:
        """Whether a language model writes the prompts."""
        return bool(self.find("prompts.prompts.source") == "openai")

    @property
    def runs(self) -> list[str] | None:
        """Trainings such as ``real/seed0``; empty when nothing is trained."""
        patterns, seeds = self.find("report.adapters.regimes"), _whole(self.find("report.adapters.seeds"))
        attributes = self.attributes
        if not isinstance(patterns, list) or seeds is None or attributes is None:
            return None
        from varireal.config.regimes import chosen_regimes

        regimes = chosen_regimes([str(pattern) for pattern in patterns], attributes)
        return [run_name(regime.slug, seed) for regime in regimes if regime.trained for seed in range(seeds)]

    @property
    def scored(self) -> list[str] | None:
        """Trainings with predictions: all of them, and the model without one."""
        runs = self.runs
        return (
            [run_name("zero-shot", 0), *runs]
            if runs or (runs == [] and self.find("report.adapters.regimes"))
            else runs
        )

    def settings(self) -> list[tuple[str, str]] | None:
        """Every (attribute, feasibility)."""
        attributes = self.attributes
        return None if attributes is None else [(a, f) for a in attributes for f in FEASIBILITIES]

    def with_pool(self) -> list[tuple[str, str]] | None:
        """Settings with a table of prior pictures."""
        settings, edits = self.settings(), self.find("edits.edits")
        if settings is None or edits is None:
            return None
        sdxl = edits.get("sdxl", {})
        if edits.get("backend") != "sdxl" or sdxl.get("mode") != "masked" or not self._pool_size(sdxl):
            return []
        return [(a, f) for a, f in settings if a in WITH_PRIOR]

    @staticmethod
    def _pool_size(sdxl: Mapping[str, Any]) -> int:
        size = sdxl.get("pool_size")
        return int(DEFAULT_POOL.get(str(sdxl.get("preset")), 0) if size is None else size)

    def jobs(self, stage: str) -> list[Job] | None:
        """The jobs of a stage; None where the slices do not tell."""
        paths = StudyPaths("")
        single = {"images": paths.images, "dataset": paths.funnel, "report": paths.report_copy}
        if stage in single:
            store = stage if stage == "images" else ""
            return [Job(stage, stage, single[stage][1:], store)]
        if stage == "prompts":
            return self._prompt_jobs(paths)
        if stage == "priors":
            pools = self.with_pool()
            return None if pools is None else [_prior_job(paths, *setting) for setting in pools]
        if stage in ("adapters", "predictions"):
            return [] if self.runs == [] and not self.scored else None  # how trainings are dealt is in no slice
        if self.shards is None:
            return None
        shards = [shard_name(index, self.shards) for index in range(self.shards)]
        if stage == "masks":
            tables = {s: paths.masks(s)[1:] for s in shards}
            return [Job(stage, f"masks/{s}", table, store_name(table), shard=s) for s, table in tables.items()]
        settings, rounds = self.settings(), self.rounds
        if settings is None or rounds is None:
            return None
        return list(_table_jobs(paths, stage, settings, shards, rounds))

    def _prompt_jobs(self, paths: StudyPaths) -> list[Job] | None:
        if self.asks:
            return [Job("prompts", "prompts", paths.prompts_usage[1:], "prompts")]
        classes = self.classes
        if classes is None or not self.slices.get("prompts"):
            return None
        return [Job("prompts", f"prompts/{c}", paths.prompts(c)[1:]) for c in classes]


def prediction_output(run: str) -> str:
    """Table of a training's predictions, below the study's folder."""
    return StudyPaths("").predictions(*parse_run(run))[1:]


def adapter_output(run: str) -> str:
    """Last file of a training, below the study's folder."""
    return StudyPaths("").adapter_files(*parse_run(run))[-1][1:]


def _prior_job(paths: StudyPaths, attribute: str, feasibility: str) -> Job:
    name = f"priors/{attribute}/{feasibility}"
    output = paths.priors(attribute, feasibility)[1:]
    return Job("priors", name, output, store_name(output), attribute, feasibility)


def _table_jobs(
    paths: StudyPaths, stage: str, settings: list[tuple[str, str]], shards: list[str], rounds: int
) -> Iterator[Job]:
    table = paths.edits if stage == "edits" else paths.verdicts
    for attribute, feasibility in settings:
        for number in range(rounds):
            for shard in shards:
                output = table(attribute, feasibility, number, shard)[1:]
                name = output.removesuffix(".parquet")
                yield Job(stage, name, output, store_name(output), attribute, feasibility, number, shard)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _slice_digest(path: Path) -> str:
    """As ``config.slices.slice_digest`` of the same slice: the file has the same text."""
    try:
        return digest("slice", path.read_text("utf-8").removesuffix("\n"), size=8)
    except (OSError, UnicodeDecodeError):
        return ""
