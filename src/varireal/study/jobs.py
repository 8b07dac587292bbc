"""The one list of a study's jobs, for the workflow's rules and for the commands that look at a study.

It is made from the study's shape: its classes, attributes, shards and the like. The workflow knows the shape from the
config (``study.layout``); ``varireal status`` reads it from the slices in the study's folder, for which it needs
neither Snakemake nor pydantic. Light. What is not known is None, never a guess.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from varireal.attributes import PRIOR, with_need
from varireal.config.regimes import ZERO_SHOT, chosen_regimes
from varireal.core.paths import StudyPaths, parse_run, read_slice_json, run_name, shard_name, store_name
from varireal.core.registry import has_zero_shot
from varireal.core.seeds import digest
from varireal.core.stages import STAGES, slice_of
from varireal.names import DEFAULT_POOL, FEASIBILITIES

_SLICES = (*dict.fromkeys(map(slice_of, STAGES)), "machine", "server")
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
        all_of: what ``adapters.all_of`` says; None is also its default.
        zero_shot: whether the learner can name classes before any training.
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
    all_of: Sequence[str] | None = None
    zero_shot: bool = True
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
        chosen = chosen_regimes(self.regimes, self.attributes, self.all_of)
        return [run_name(regime.slug, seed) for regime in chosen if regime.trained for seed in range(self.seeds)]

    @property
    def scored(self) -> list[str] | None:
        """Trainings with predictions: all of them, and the model without one."""
        runs = self.runs
        return runs if runs is None else [*self._untrained, *runs]

    @property
    def _untrained(self) -> list[str]:
        """The model without a training; none where nothing is trained, or where the learner knows nothing then."""
        return [run_name(ZERO_SHOT, 0)] if self.regimes and self.zero_shot else []

    def jobs(self, stage: str) -> list[Job] | None:
        """The jobs of a stage; None where the shape does not tell."""
        per = STAGES[stage].per
        if per == "study":
            output = _below(getattr(_BELOW, STAGES[stage].output))
            return [Job(stage, stage, output, stage if STAGES[stage].keeps else "")]
        if per == "class":
            return self._prompt_jobs()
        if per == "training":
            return self._training_jobs(stage)
        places = self._places(per)
        table = getattr(_BELOW, STAGES[stage].output)
        return None if places is None else [_table_job(stage, table(*place.values()), **place) for place in places]

    def _places(self, per: str) -> list[dict[str, Any]] | None:
        """What the tables of a stage are named after, in the order of their paths; None where it is not known."""
        settings, shards = self.settings, self.shard_names
        if per == "shard":
            return None if shards is None else [{"shard": shard} for shard in shards]
        if settings is None or (self.pooled if per == "pool" else self.rounds) is None:
            return None
        arms = [{"attribute": attribute, "feasibility": arm} for attribute, arm in settings]
        if per == "pool":
            return [arm for arm in arms if arm["attribute"] in (self.pooled or ())]
        if shards is None:
            return None
        every = product(arms, shards, range(self.rounds or 0))
        return [{**arm, "round": number, "shard": shard} for arm, shard, number in every]

    def _prompt_jobs(self) -> list[Job] | None:
        if self.asks:
            return [Job("prompts", "prompts", _below(_BELOW.prompts_usage), "prompts")]
        if self.asks is None or self.classes is None:
            return None
        return [Job("prompts", f"prompts/{c}", _below(_BELOW.prompts(c))) for c in self.classes]

    def _training_jobs(self, stage: str) -> list[Job] | None:
        """Trainings are dealt in turns; the model without an adapter is scored with the first."""
        runs, total = self.runs, self.training_jobs
        if runs is None or total is None:
            return [] if self.scored == [] else None
        dealt = {shard_name(number, total): runs[number::total] for number in range(total)}
        if stage == "predictions":
            dealt[shard_name(0, total)][:0] = self._untrained
        files = adapter_files if stage == "adapters" else prediction_files
        return [
            Job(stage, f"{stage}/{shard}", tuple(files(members)), f"{stage}-{shard}", shard=shard, runs=tuple(members))
            for shard, members in dealt.items()
            if members
        ]


def _below(*paths: str) -> tuple[str, ...]:
    """Paths below the study's folder, of those of a study whose folder has no name."""
    return tuple(path.removeprefix("/") for path in paths)


def adapter_files(runs: Sequence[str]) -> list[str]:
    """Files of trained adapters below the study's folder, the last one of each run last; zero-shot has none."""
    places = [parse_run(run) for run in runs]
    return [path for place in places if place[0] != ZERO_SHOT for path in _below(*_BELOW.adapter_files(*place))]


def prediction_files(runs: Sequence[str]) -> list[str]:
    """Tables of predictions below the study's folder."""
    return list(_below(*(_BELOW.predictions(*parse_run(run)) for run in runs)))


def _table_job(stage: str, path: str, **place: Any) -> Job:
    """A job that writes one table, after which its log and its store are called."""
    (table,) = _below(path)
    return Job(stage, table.removesuffix(".parquet"), (table,), store_name(table), **place)


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
            all_of=self._texts("report.adapters.all_of"),
            zero_shot=has_zero_shot(self.find("report.adapters.learner") or "clip"),
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
