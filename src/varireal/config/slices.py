"""What each stage gets to see of the config. A key that a stage does not see cannot make it run again."""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from varireal import attributes
from varireal.config.adapters import CLIP, AdaptersConfig, StatisticsConfig, TrainingSettings
from varireal.config.base import Added, StrictModel, explain, from_keys
from varireal.config.edits import EditInstructions, EditsConfig, PictureServer
from varireal.config.hosted import EmbeddingServer, OpenAIPrompts, Server
from varireal.config.images import ImagesConfig, ReadingConfig
from varireal.config.machine import GRACE_SECONDS, MachineConfig
from varireal.config.masks import MasksConfig
from varireal.config.model import Config
from varireal.config.regimes import chosen_regimes
from varireal.config.study import BankPrompts, BudgetConfig, DatasetConfig, PromptsConfig, ReportConfig
from varireal.config.verdicts import ReviewConfig, VerdictsConfig
from varireal.core.registry import CAPABILITIES, is_built_in, known_backend
from varireal.core.seeds import digest
from varireal.errors import ConfigError
from varireal.metrics import measures

S = TypeVar("S", bound=StrictModel)

# Which trainings there are; the layout deals them to jobs. What ``all`` means is seen in a training's pictures.
_NOT_TRAINING: dict[str, Any] = {"regimes": (), "seeds": 1, "jobs": 1, "all_of": None}


class ImagesSlice(StrictModel):
    """For the stage images."""

    seed: int
    images: ImagesConfig


class PromptsSlice(StrictModel):
    """For the stage prompts; ``classes`` maps class id to display name. A bank needs neither noun nor attributes."""

    classes: dict[str, str]
    prompts: PromptsConfig
    noun: str = ""
    attributes: tuple[str, ...] = ()


class ServerSlice(StrictModel):
    """For the stage prompts as well, but nothing in it makes the stage run again."""

    server: Server
    budget: BudgetConfig = BudgetConfig()
    grace_seconds: Annotated[float, Added(before=GRACE_SECONDS)] = GRACE_SECONDS
    embedding: Annotated[EmbeddingServer | None, Added(before=None)] = None


class MachineSlice(StrictModel):
    """For the stages that use models, but nothing in it makes them run again."""

    machine: MachineConfig
    editing: PictureServer = PictureServer()
    judging: Server = Server()
    budget: BudgetConfig = BudgetConfig()


class MasksSlice(StrictModel):
    """For the stage masks; the noun only where a text finds the object."""

    noun: str = ""
    max_failed_fraction: float
    reading: ReadingConfig
    masks: MasksConfig


class EditsSlice(StrictModel):
    """For the stage edits; the noun only where a text is written."""

    seed: int
    noun: str = ""
    max_failed_fraction: float
    reading: ReadingConfig
    edits: EditsConfig
    # column and identity of each measure that came later, by the attribute that it is measured on
    measures: Annotated[dict[str, dict[str, str]], Added(before={})] = {}  # noqa: RUF012


class VerdictsSlice(StrictModel):
    """For the stage verdicts; the noun only where a question is asked."""

    noun: str = ""
    verdicts: VerdictsConfig
    segmenting: MasksConfig | None = None


class _StudySlice(StrictModel):
    """What stages see that work on all edits of a study; ``classes`` maps class id to display name."""

    seed: int
    noun: str
    classes: dict[str, str]
    attributes: tuple[str, ...]
    shards: int


class DatasetSlice(_StudySlice):
    """For the stage dataset; ``licences`` by the model that they belong to."""

    study: str
    rounds: int
    per_image: int
    dataset: DatasetConfig
    asked: bool = False
    reviewed: ReviewConfig = ReviewConfig()
    licences: dict[str, str] = {}  # noqa: RUF012


class AdaptersSlice(_StudySlice):
    """For the stage adapters. Which regimes and seeds a job trains is not in it: one more must not train the rest."""

    reading: ReadingConfig
    adapters: AdaptersConfig
    all_of: Annotated[tuple[str, ...] | None, Added(before=None)] = None


class PredictionsSlice(StrictModel):
    """For the stage predictions."""

    noun: str
    classes: dict[str, str]
    reading: ReadingConfig
    model: AdaptersConfig


class ReportSlice(_StudySlice):
    """For the stage report."""

    study: str
    rounds: int
    reading: ReadingConfig
    report: ReportConfig
    adapters: AdaptersConfig
    statistics: StatisticsConfig
    asked: bool = False


def stage_slices(
    config: Config, classes: dict[str, str], licences: dict[str, str] | None = None
) -> dict[str, StrictModel]:
    """The slice of every stage; options of sources and backends that are not chosen are left out."""
    study, images, grace = config.study, config.images.chosen(), config.machine.grace_seconds
    return {
        "images": ImagesSlice(seed=study.seed, images=images),
        "prompts": _prompts_slice(config, classes),
        "server": ServerSlice(
            server=config.prompts.openai.server,
            budget=config.budget,
            grace_seconds=grace,
            embedding=config.prompts.openai.embedding_server,
        ),
        "machine": MachineSlice(
            machine=config.machine,
            editing=_server(config, "editors"),
            judging=_server(config, "judges"),
            budget=config.budget,
        ),
        "masks": MasksSlice(
            noun=_noun(config, "masks"),
            max_failed_fraction=study.max_failed_fraction,
            reading=images.reading,
            masks=_only(config, "segmenters", config.masks),
        ),
        "edits": EditsSlice(
            seed=study.seed,
            noun=_noun(config, "edits"),
            max_failed_fraction=study.max_failed_fraction,
            reading=images.reading,
            edits=_only(config, "editors", config.edits),
            measures=study_measures(config),
        ),
        "verdicts": _verdicts_slice(config),
        **_slices_behind_edits(config, classes, licences or {}),
    }


def _slices_behind_edits(config: Config, classes: dict[str, str], licences: dict[str, str]) -> dict[str, StrictModel]:
    study, images, adapters = config.study, config.images, _adapters(config)
    shared: dict[str, Any] = {
        "seed": study.seed,
        "noun": images.noun,
        "classes": classes,
        "attributes": config.edits.attributes,
        "shards": study.shards,
    }
    return {
        "dataset": DatasetSlice(
            **shared,
            study=study.name,
            rounds=config.edits.rounds,
            per_image=config.edits.per_image,
            dataset=config.dataset,
            asked=config.verdicts.asks,
            reviewed=config.verdicts.reviewed if config.verdicts.asks else ReviewConfig().as_before(),
            licences=licences,
        ),
        "report": ReportSlice(
            **shared,
            study=study.name,
            rounds=config.edits.rounds,
            reading=images.reading,
            report=config.report,
            adapters=adapters.model_copy(update={"jobs": 1}),
            statistics=config.statistics,
            asked=config.prompts.source == "openai",
        ),
        "adapters": AdaptersSlice(
            **shared,
            reading=images.reading,
            adapters=adapters.model_copy(update=_NOT_TRAINING),
            all_of=config.adapters.all_of,
        ),
        "predictions": PredictionsSlice(
            noun=images.noun,
            classes=classes,
            reading=images.reading,
            model=config.adapters.model_copy(update=_NOT_TRAINING | {"training": TrainingSettings().as_before()}),
        ),
    }


def _adapters(config: Config) -> AdaptersConfig:
    """The block of the classifiers, less the choice of a step where nothing is trained that has such a choice."""
    block = config.adapters
    regimes = chosen_regimes(block.regimes, config.edits.attributes, block.all_of)
    if block.learner == CLIP and any(regime.trained for regime in regimes):
        return block
    return block.model_copy(update={"training": block.training.without(("checkpoint",))})


def study_measures(config: Config) -> dict[str, dict[str, str]]:
    """Measures that came later: where an attribute of the study lists one, or a gate on it is set."""
    used: dict[str, dict[str, str]] = {}
    for name in config.edits.attributes:
        listed, gates = attributes.attribute_row(name).measures, getattr(config.verdicts.gates, name)
        for column, row in measures.every().items():
            wanted = column in listed or (row.gate and getattr(gates, row.gate) is not None)
            if wanted and column not in measures.RECEIPT_FIELDS:
                used.setdefault(name, {})[column] = measures.identity(column)
    return used


def _prompts_slice(config: Config, classes: dict[str, str]) -> PromptsSlice:
    prompts = config.prompts
    if prompts.source == "bank":
        unasked = prompts.model_copy(update={"openai": OpenAIPrompts().as_before()})
        return PromptsSlice(classes=classes, prompts=unasked)
    asked = prompts.openai.model_copy(update={"server": Server().as_before(), "embedding_server": None})
    return PromptsSlice(
        classes=classes,
        prompts=prompts.model_copy(update={"openai": asked, "bank": BankPrompts().as_before()}),
        noun=config.images.noun,
        attributes=config.edits.attributes,
    )


def _verdicts_slice(config: Config) -> VerdictsSlice:
    verdicts, looks = config.verdicts, config.verdicts.silhouette.segmenter
    return VerdictsSlice(
        noun=_noun(config, "verdicts"),
        verdicts=_only(config, "judges", verdicts.for_judging(config.edits.attributes)),
        segmenting=config.masks.alone(looks) if looks else None,
    )


def _noun(config: Config, stage: str) -> str:
    return config.images.noun if any(known_backend(*backend).words for backend in config.backends(stage)) else ""


def _server(config: Config, capability: str) -> Any:
    """The server of the chosen backend, or of one that may have been chosen before: its prices are still wanted."""
    return getattr(getattr(config, CAPABILITIES[capability].block), _hosted(config, capability)).server


def _hosted(config: Config, capability: str) -> str:
    hosted = [name for name, backend in CAPABILITIES[capability].backends.items() if backend.hosted]
    chosen = [name for name in hosted if name in config.chosen(capability)]
    return (chosen or hosted)[0]


def server_places(config: Config) -> dict[str, str]:
    """Where in the config the servers of the machine's slice stand, by the name that they have in it."""
    asked = {"editing": "editors", "judging": "judges"}
    return {
        name: f"{CAPABILITIES[capability].block}.{_hosted(config, capability)}.server"
        for name, capability in asked.items()
    }


def _only(config: Config, capability: str, block: S) -> S:
    """The block without options of backends that are not chosen, and without servers, which are the machine's."""
    update: dict[str, Any] = {}
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        if isinstance(block, EditsConfig) and isinstance(value, EditInstructions):
            value = update[name] = value.without(attributes.uncounted(block.attributes))
        if is_built_in(capability, name) and name not in config.chosen(capability):
            update[name] = field.default.as_before()
        elif isinstance(getattr(value, "server", None), Server):
            update[name] = value.model_copy(update={"server": type(value.server)().as_before()})
    return block.model_copy(update=update)


def slice_text(slice_: StrictModel) -> str:
    """The slice as JSON, the same text for the same values."""
    return json.dumps(slice_.for_keys(), sort_keys=True, ensure_ascii=True)


def slice_digest(slice_: StrictModel) -> str:
    """Digest of a slice: what tables carry in their metadata and rules in their params."""
    return digest("slice", slice_text(slice_), size=8)


def read_slice(path: Path, model: type[S]) -> S:
    """Read a stage's slice from its file.

    Raises:
        ConfigError: missing, not JSON, or not this stage's slice.
    """
    try:
        return from_keys(model, path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); 'varireal config write' makes it") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {explain(error, model)}; 'varireal config write' makes it afresh") from None
