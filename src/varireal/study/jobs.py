"""The one list of a study's jobs, for the workflow's rules and for the commands that look at a study.

It is made from the study's shape: its classes, attributes, shards and the like. The workflow knows the shape from the
config (``study.layout``); ``varireal status`` reads it from the slices in the study's folder, for which it needs
neither Snakemake nor pydantic. Light. What is not known is None, never a guess.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from varireal.attributes import PRIOR, with_need
from varireal.config.regimes import ZERO_SHOT, chosen_regimes
from varireal.core.paths import StudyPaths, parse_run, run_name, shard_name, store_name
from varireal.core.seeds import digest
from varireal.hosted.money import PriceList, spent_by_model
from varireal.names import DEFAULT_POOL, FEASIBILITIES

# stage: (slice, the server's place in it, the server's place in the config)
_SERVERS = {
    "prompts-ask": ("server", "server", "prompts.openai.server"),
    "edits": ("machine", "editing", "edits.openai_images.server"),
    "verdicts": ("machine", "judging", "verdicts.openai.server"),
}


def read_slice_json(root: Path, name: str) -> dict[str, Any]:
    """A slice of a study as it is on disk; empty when it cannot be read."""
    try:
        part = json.loads((root / "config" / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return part if isinstance(part, dict) else {}


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
CLASSIFIER_STAGES = ("adapters", "predictions")
_SLICES = (*(stage for stage in STAGES if stage != "priors"), "machine", "server")
_BELOW = StudyPaths("")


class Job(NamedTuple):
    """A job that the workflow has. Paths are below the study's folder. A tuple, for there are thousands of them.

    Attributes:
        stage: its stage.
        name: of its log and record, below ``logs/``.
        outputs: what the jobs behind it read; the last one says that the job is done.
        store: name of its item store, without the ending; empty when it has none.
        attribute: of priors, edits and verdicts.
        feasibility: of priors, edits and verdicts.
        round: of edits and verdicts.
        shard: of masks, edits and verdicts; of adapters and predictions, the part of the trainings.
        runs: trainings of adapters and predictions, such as ``real/seed0``.
    """

    stage: str
    name: str
    outputs: tuple[str, ...]
    store: str = ""
    attribute: str = ""
    feasibility: str = ""
    round: int = 0
    shard: str = ""
    runs: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The file that says that it is done."""
        return self.outputs[-1]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What decides which jobs a study has; None is not known.

    Attributes:
        classes: ids of the classes, in order.
        asks: whether a language model writes the prompts.
        attributes: what is edited.
        shards: number of shards.
        rounds: number of rounds.
        per_image: edits per photo and setting.
        pooled: attributes whose edits draw from a table of prior pictures.
        regimes: names and patterns of the regimes; empty when nothing is trained.
        seeds: trainings of each regime.
        training_jobs: jobs that the trainings are dealt to.
    """

    classes: Sequence[str] | None = None
    asks: bool | None = None
    attributes: Sequence[str] | None = None
    shards: int | None = None
    rounds: int | None = None
    per_image: int | None = None
    pooled: Collection[str] | None = None
    regimes: Sequence[str] | None = None
    seeds: int | None = None
    training_jobs: int | None = None

    @property
    def settings(self) -> list[tuple[str, str]] | None:
        """Every (attribute, feasibility)."""
        return None if self.attributes is None else [(a, f) for a in self.attributes for f in FEASIBILITIES]

    @property
    def shard_names(self) -> list[str] | None:
        """Names of all shards."""
        return None if self.shards is None else [shard_name(index, self.shards) for index in range(self.shards)]

    @property
    def runs(self) -> list[str] | None:
        """Trainings such as ``real/seed0``; empty when nothing is trained."""
        if self.regimes is None or self.seeds is None or self.attributes is None:
            return None
        chosen = chosen_regimes(self.regimes, self.attributes)
        return [run_name(regime.slug, seed) for regime in chosen if regime.trained for seed in range(self.seeds)]

    @property
    def scored(self) -> list[str] | None:
        """Trainings with predictions: all of them, and the model without one."""
        runs = self.runs
        return [run_name(ZERO_SHOT, 0), *runs] if runs is not None and self.regimes else runs

    def jobs(self, stage: str) -> list[Job] | None:
        """The jobs of a stage; None where the shape does not tell."""
        if stage in _SINGLE:
            return [_SINGLE[stage]]
        if stage == "prompts":
            return self._prompt_jobs()
        if stage in CLASSIFIER_STAGES:
            return self._classifier_jobs(stage)
        settings, shards = self.settings, self.shard_names
        if stage == "priors":
            if settings is None or self.pooled is None:
                return None
            places = [setting for setting in settings if setting[0] in self.pooled]
            return [_table_job(stage, _BELOW.priors(*place), *place) for place in places]
        if shards is None:
            return None
        if stage == "masks":
            return [_table_job(stage, _BELOW.masks(shard), shard=shard) for shard in shards]
        if settings is None or self.rounds is None:
            return None
        table = _BELOW.edits if stage == "edits" else _BELOW.verdicts
        every = product(settings, shards, range(self.rounds))
        return [_table_job(stage, table(*arm, number, shard), *arm, number, shard) for arm, shard, number in every]

    def _prompt_jobs(self) -> list[Job] | None:
        if self.asks:
            return [Job("prompts", "prompts", (_BELOW.prompts_usage[1:],), "prompts")]
        if self.asks is None or self.classes is None:
            return None
        return [Job("prompts", f"prompts/{c}", (_BELOW.prompts(c)[1:],)) for c in self.classes]

    def _classifier_jobs(self, stage: str) -> list[Job] | None:
        """Trainings are dealt in turns; the model without an adapter is scored with the first."""
        runs, total = self.runs, self.training_jobs
        if runs is None or total is None:
            return [] if self.scored == [] else None
        dealt = {shard_name(number, total): runs[number::total] for number in range(total)}
        if stage == "predictions" and self.regimes:
            dealt[shard_name(0, total)].insert(0, run_name(ZERO_SHOT, 0))
        files = adapter_files if stage == "adapters" else prediction_files
        return [
            Job(stage, f"{stage}/{shard}", tuple(files(members)), f"{stage}-{shard}", shard=shard, runs=tuple(members))
            for shard, members in dealt.items()
            if members
        ]


_SINGLE = {
    "images": Job("images", "images", (_BELOW.images[1:],), "images"),
    "dataset": Job("dataset", "dataset", (_BELOW.funnel[1:],)),
    "report": Job("report", "report", (_BELOW.report_copy[1:],)),
}


def adapter_files(runs: Sequence[str]) -> list[str]:
    """Files of trained adapters below the study's folder, the last one of each run last; zero-shot has none."""
    places = [parse_run(run) for run in runs]
    return [path[1:] for place in places if place[0] != ZERO_SHOT for path in _BELOW.adapter_files(*place)]


def prediction_files(runs: Sequence[str]) -> list[str]:
    """Tables of predictions below the study's folder."""
    return [_BELOW.predictions(*parse_run(run))[1:] for run in runs]


def _table_job(
    stage: str, path: str, attribute: str = "", feasibility: str = "", round_: int = 0, shard: str = ""
) -> Job:
    """A job that writes one table, after which its log and its store are called."""
    table = path[1:]
    name = table.removesuffix(".parquet")
    return Job(stage, name, (table,), store_name(table), attribute, feasibility, round_, shard)


@dataclass(frozen=True)
class Slices:
    """The config slices in a study's folder.

    Attributes:
        parts: those that are there and can be read.
        digests: digest of each, as tables and records carry it.
    """

    parts: Mapping[str, Mapping[str, Any]]
    digests: Mapping[str, str]

    @classmethod
    def of_study(cls, root: Path) -> "Slices":
        """From ``config/``; those that cannot be read are left out."""
        parts = {name: part for name in _SLICES if (part := read_slice_json(root, name))}
        return cls(parts, {name: _slice_digest(root / "config" / f"{name}.json") for name in parts})

    def find(self, *places: str) -> Any:
        """The first value that a slice has at one of the places such as ``dataset.shards``; None without one."""
        for place in places:
            value: Any = self.parts
            for part in place.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                return value
        return None

    def shape(self) -> Shape:
        """What the slices tell of the study; how trainings are dealt to jobs is in none of them."""
        classes = self.find("prompts.classes", "dataset.classes", "report.classes")
        return Shape(
            classes=sorted(classes) if isinstance(classes, Mapping) else None,
            asks=self.find("prompts.prompts.source") == "openai" if "prompts" in self.parts else None,
            attributes=self._texts("dataset.attributes", "edits.edits.attributes", "report.attributes"),
            shards=self._number("dataset.shards", "report.shards", "adapters.shards"),
            rounds=self._number("dataset.rounds", "edits.edits.rounds", "report.rounds"),
            per_image=self._number("dataset.per_image", "edits.edits.per_image"),
            pooled=self._pooled(),
            regimes=self._texts("report.adapters.regimes"),
            seeds=self._number("report.adapters.seeds"),
        )

    def _number(self, *places: str) -> int | None:
        value = self.find(*places)
        return value if isinstance(value, int) else None

    def _texts(self, *places: str) -> list[str] | None:
        value = self.find(*places)
        return [str(text) for text in value] if isinstance(value, list) else None

    def _pooled(self) -> Collection[str] | None:
        """As ``config.edits.uses_pool`` says of each attribute."""
        edits = self.find("edits.edits")
        if edits is None:
            return None
        sdxl = edits.get("sdxl", {})
        size = sdxl.get("pool_size")
        size = DEFAULT_POOL.get(str(sdxl.get("preset")), 0) if size is None else size
        return with_need(PRIOR) if edits.get("backend") == "sdxl" and sdxl.get("mode") == "masked" and size else ()


def _slice_digest(path: Path) -> str:
    """As ``config.slices.slice_digest`` of the same slice: the file has the same text."""
    try:
        return digest("slice", path.read_text("utf-8").removesuffix("\n"), size=8)
    except (OSError, UnicodeDecodeError):
        return ""
