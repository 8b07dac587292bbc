"""The whole config, and how a mapping becomes one."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from varireal import attributes
from varireal.config.adapters import AdaptersConfig, StatisticsConfig
from varireal.config.base import StrictModel, explain, find_secret
from varireal.config.edits import EditsConfig
from varireal.config.images import ImagesConfig
from varireal.config.machine import MachineConfig
from varireal.config.masks import MasksConfig
from varireal.config.regimes import unknown_pattern
from varireal.config.study import BudgetConfig, DatasetConfig, PromptsConfig, ReportConfig, StudyConfig
from varireal.config.verdicts import VerdictsConfig
from varireal.core.files import merged
from varireal.core.registry import CAPABILITIES, is_built_in, known_backend
from varireal.core.stages import STAGES, slice_of
from varireal.errors import ConfigError
from varireal.metrics import measures


class Config(StrictModel):
    """One study. Every key has a default; the defaults are the demo."""

    study: Annotated[StudyConfig, Field(description="Name, place, seed, and how the work is split.")] = StudyConfig()
    images: Annotated[ImagesConfig, Field(description="Where the photos come from and how they are read.")] = (
        ImagesConfig()
    )
    prompts: Annotated[PromptsConfig, Field(description="Where the prompts come from.")] = PromptsConfig()
    masks: Annotated[MasksConfig, Field(description="How the object is found in a photo.")] = MasksConfig()
    edits: Annotated[EditsConfig, Field(description="What is changed in the train photos.")] = EditsConfig()
    verdicts: Annotated[VerdictsConfig, Field(description="Who judges the candidates, and the gates.")] = (
        VerdictsConfig()
    )
    dataset: Annotated[DatasetConfig, Field(description="The data set's card and exports.")] = DatasetConfig()
    adapters: Annotated[
        AdaptersConfig, Field(description="Classifiers: CLIP, fine-tuned with LoRA on each regime.")
    ] = AdaptersConfig()
    statistics: Annotated[StatisticsConfig, Field(description="What the report tests.")] = StatisticsConfig()
    machine: Annotated[MachineConfig, Field(description="What models run on; nothing here runs anything again.")] = (
        MachineConfig()
    )
    budget: Annotated[BudgetConfig, Field(description="What the study may take; jobs stop when it is reached.")] = (
        BudgetConfig()
    )
    report: Annotated[ReportConfig, Field(description="The page of results and pictures.")] = ReportConfig()

    def chosen(self, capability: str) -> tuple[str, ...]:
        """Names of the backends of a capability that are chosen, in the order in which they are tried."""
        block, _, key = CAPABILITIES[capability].key.partition(".")
        names = getattr(getattr(self, block), key, ())
        return (names,) if isinstance(names, str) else tuple(names)

    def backends(self, stage: str) -> list[tuple[str, str]]:
        """(capability, name) of the backends that a job of a stage uses."""
        capability = STAGES[stage].capability
        if capability == "learners" and not self.adapters.regimes:
            return []
        looks = self.verdicts.silhouette.segmenter if capability == "judges" else None
        used = [(capability, name) for name in self.chosen(capability)] if capability else []
        return used + ([("segmenters", looks)] if looks else [])

    def hosted(self) -> Iterator[tuple[str, Any]]:
        """Place and block of every hosted model that is asked."""
        for stage in STAGES:
            if stage == "prompts" and self.prompts.source == "openai":
                yield "prompts.openai", self.prompts.openai
            for capability, name in self.backends(stage):
                top = CAPABILITIES[capability].block
                if known_backend(capability, name).hosted and slice_of(stage) == stage:
                    yield f"{top}.{name}", getattr(getattr(self, top), name)

    @model_validator(mode="after")
    def _has_regimes(self) -> "Config":
        edited = self.edits.attributes
        strange = next((name for name in self.adapters.all_of or () if name not in edited), None)
        if strange is not None:
            raise ValueError(f"'adapters.all_of': {strange!r} is not edited; edits.attributes has {', '.join(edited)}")
        wrong = unknown_pattern(self.adapters.regimes, edited)
        if wrong is not None:
            raise ValueError(f"'adapters.regimes': {wrong}")
        return self


def parse_config(raw: Mapping[str, Any], *, place: str = "config") -> Config:
    """Check a mapping, as read from YAML, and return the config.

    The mapping lies on top of the defaults, block by block. So of a block that is given in part, such as a model of
    which only the id is given or two of an attribute's gates, the rest stays what the *study's* default says, which is
    not always what the block alone would have.

    Args:
        raw: the mapping.
        place: name of the file or files, for messages.

    Raises:
        ConfigError: one line that names the key, its place, what was found and what is allowed.
    """
    secret = find_secret(dict(raw))
    if secret is not None:
        variable = "VARIREAL_" + secret.rsplit(".", 1)[-1].upper()
        raise ConfigError(
            f"{place}: {secret!r} looks like a secret; remove it from the file, and revoke it if the file was shared: "
            f"secrets are read from environment variables only, such as {variable}"
        )
    try:
        whole = merged(Config().model_dump(mode="json"), raw)
        # JSON has the types that YAML means; in strict mode nothing is taken for something else ("3" for 3)
        config = Config.model_validate_json(json.dumps(whole, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{place}: {_explained(error)}") from None
    except TypeError as error:
        raise ConfigError(f"{place}: a key is not text ({error}); keys are words such as 'study'") from None
    for capability, row in CAPABILITIES.items():
        given, chosen = getattr(getattr(config, row.block), "options", {}), config.chosen(capability)
        if given and all(is_built_in(capability, name) for name in chosen):
            raise ConfigError(
                f"{place}: '{row.block}.options' are for backends of other packages; "
                f"{chosen[0]!r} takes none (found {', '.join(given)})"
            )
    unworded = [a for a in config.edits.attributes if attributes.attribute_row(a).wording is None]
    if config.prompts.source == "openai" and unworded:
        raise ConfigError(
            f"{place}: prompts.source is 'openai', but the attribute {attributes.named(unworded[0])} has no wording "
            "to ask for prompts with; use prompts.source: bank"
        )
    unpriced = _unpriced(config)
    if config.budget.usd is not None and unpriced is not None:
        raise ConfigError(f"{place}: 'budget.usd' needs the price of every hosted model; set {unpriced}")
    if known_backend("image_sources", config.images.source).masks == "no" and config.masks.chain == ("provided",):
        raise ConfigError(
            f"{place}: masks.backend is 'provided', but images.source {config.images.source!r} brings no masks; "
            "use masks.backend: grounded_sam2 or grabcut, or images.source: csv with a mask column"
        )
    return config


def _explained(error: ValidationError) -> str:
    """In one line, with what may have brought a key that nothing is like: a row of another package that is broken."""
    message = explain(error, Config)
    lost = {**attributes.broken(), **measures.broken()}.values()
    unknown = "unknown key" in message and "did you mean" not in message
    return "; ".join([message, *(f"or mend this: {reason}" for reason in lost if unknown)])


def _unpriced(config: Config) -> str | None:
    """Where the price of a hosted model that the study uses is missing."""
    for place, block in config.hosted():
        judge, server = getattr(block, "judge", None), block.server
        models = (block.model, judge and judge.enabled and judge.model, getattr(block, "embedding_model", None))
        missing = [model for model in models if model and model not in server.prices]
        if missing and getattr(server, "usd_per_image", None) is None:
            return f"{place}.server.prices for {missing[0]!r}"
    return None
