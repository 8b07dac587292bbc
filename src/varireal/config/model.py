"""The whole config, and how a mapping becomes one."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError

from varireal.config.adapters import AdaptersConfig, StatisticsConfig
from varireal.config.base import StrictModel, explain, find_secret
from varireal.config.edits import EditsConfig
from varireal.config.images import ImagesConfig
from varireal.config.machine import MachineConfig
from varireal.config.masks import MasksConfig
from varireal.config.study import BudgetConfig, DatasetConfig, PromptsConfig, ReportConfig, StudyConfig
from varireal.config.verdicts import VerdictsConfig
from varireal.core.files import merged
from varireal.core.registry import is_built_in
from varireal.errors import ConfigError


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
        raise ConfigError(f"{place}: {explain(error, Config)}") from None
    except TypeError as error:
        raise ConfigError(f"{place}: a key is not text ({error}); keys are words such as 'study'") from None
    options = (
        ("masks", "segmenters", config.masks.chain, config.masks.options),
        ("edits", "editors", (config.edits.backend,), config.edits.options),
    )
    for key, capability, backends, given in options:
        if given and all(is_built_in(capability, name) for name in backends):
            raise ConfigError(
                f"{place}: '{key}.options' are for backends of other packages; "
                f"{backends[0]!r} takes none (found {', '.join(given)})"
            )
    unpriced = _unpriced(config)
    if config.budget.usd is not None and unpriced is not None:
        raise ConfigError(f"{place}: 'budget.usd' needs the price of every hosted model; set {unpriced}")
    if config.images.source not in ("demo", "csv") and config.masks.chain == ("provided",):
        raise ConfigError(
            f"{place}: masks.backend is 'provided', but images.source {config.images.source!r} brings no masks; "
            "use masks.backend: grounded_sam2 or grabcut, or images.source: csv with a mask column"
        )
    return config


def _unpriced(config: Config) -> str | None:
    """Where the price of a hosted model that the study uses is missing."""
    asking, judging, editing = config.prompts.openai, config.verdicts.openai, config.edits.openai_images
    writers = (asking.model, asking.judge.enabled and asking.judge.model, asking.embedding_model)
    asked = config.prompts.source == "openai"
    hosted = [("prompts.openai", asking.server, model) for model in writers if asked and model]
    hosted += [("verdicts.openai", judging.server, judging.model)] if config.verdicts.judge == "openai" else []
    if config.edits.backend == "openai_images" and editing.server.usd_per_image is None:
        hosted.append(("edits.openai_images", editing.server, editing.model))
    missing = (f"{place}.server.prices for {model!r}" for place, server, model in hosted if model not in server.prices)
    return next(missing, None)
