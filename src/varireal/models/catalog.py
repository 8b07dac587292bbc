"""Which models a config needs, and which servers it asks. Light: nothing is loaded, no network is asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from varireal.classifiers.names import TINY
from varireal.config.asking import Server
from varireal.config.diffusion import WITH_PRIOR
from varireal.config.edits import EditsConfig
from varireal.config.machine import ModelRef
from varireal.config.model import Config
from varireal.models.places import is_local

ADAPTERS = "adapters.model"


@dataclass(frozen=True, slots=True)
class Need:
    """A model that a study needs.

    Attributes:
        key: its place in the config.
        ref: what the config says of it.
        stages: stages that load it: masks, edits, verdicts, adapters.
        backend: name of the backend that does.
    """

    key: str
    ref: ModelRef
    stages: tuple[str, ...]
    backend: str

    @property
    def local(self) -> bool:
        """Whether it is a folder or file, and no hub id."""
        return is_local(self.ref)


@dataclass(frozen=True, slots=True)
class Asked:
    """A hosted model that a study asks.

    Attributes:
        key: place of its block in the config.
        model: its name at the server.
        server: where it is.
    """

    key: str
    model: str
    server: Server


def needed_models(config: Config) -> list[Need]:
    """Every model with weights that the chosen backends load, by its place in the config.

    A new backend's models are found by themselves: all ``ModelRef`` of its block. ``_UNUSED`` is for blocks of which
    a part can lie idle.
    """
    found: dict[str, Need] = {}
    for stage, top, backend in _chosen(config):
        block = getattr(getattr(config, top), backend, None)
        idle = _UNUSED.get((top, backend), _nothing)(config)
        for path, ref in _refs(block, ""):
            key = f"{top}.{backend}{path}"
            if path not in idle:
                stages = found[key].stages if key in found else ()
                found[key] = Need(key, ref, (*stages, stage), backend)
    if config.adapters.regimes and config.adapters.model != TINY:
        ref = ModelRef(id=config.adapters.model, revision=config.adapters.revision)
        found[ADAPTERS] = Need(ADAPTERS, ref, ("adapters",), "adapters")
    return list(found.values())


def asked_models(config: Config) -> list[Asked]:
    """Every hosted model that the study asks."""
    hosted = [("edits.openai_images", config.edits.openai_images)] if config.edits.backend == "openai_images" else []
    found = [Asked(key, block.model, block.server) for key, block in hosted]
    if config.prompts.source == "openai":
        found.append(Asked("prompts.openai", config.prompts.openai.model, config.prompts.openai.server))
    if config.verdicts.judge == "openai":
        found.append(Asked("verdicts.openai", config.verdicts.openai.model, config.verdicts.openai.server))
    return found


def chosen_backends(config: Config) -> list[tuple[str, str]]:
    """(capability, name) of every backend that the study uses."""
    capabilities = {"masks": "segmenters", "edits": "editors", "verdicts": "judges"}
    return list(dict.fromkeys((capabilities[top], name) for _, top, name in _chosen(config)))


def _chosen(config: Config) -> Iterator[tuple[str, str, str]]:
    """(stage, top-level key, backend)."""
    for name in config.masks.chain:
        yield "masks", "masks", name
    yield "edits", "edits", config.edits.backend
    yield "verdicts", "verdicts", config.verdicts.judge
    if config.verdicts.silhouette.segmenter is not None:
        yield "verdicts", "masks", config.verdicts.silhouette.segmenter


def _refs(value: object, path: str) -> Iterator[tuple[str, ModelRef]]:
    """Every reference to a model inside a config block, with its place."""
    if isinstance(value, ModelRef):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _refs(getattr(value, name), f"{path}.{name}")


def _nothing(config: Config) -> set[str]:  # noqa: ARG001 - one of several of this form
    return set()


def _sdxl_unused(config: Config) -> set[str]:
    """Models of ``edits.sdxl`` that its mode and the study's attributes leave idle."""
    edits: EditsConfig = config.edits
    recipes = {".models.inpaint", ".models.base", ".models.controlnet", ".models.ip_adapter", ".models.prior"}
    if edits.sdxl.mode != "masked":
        return recipes
    idle = {".models.plain"}
    if not set(edits.attributes) & set(WITH_PRIOR):
        idle.add(".models.prior")
    if set(edits.attributes) == {"background"}:
        idle |= {".models.base", ".models.controlnet", ".models.ip_adapter"}
    return idle


_UNUSED: dict[tuple[str, str], Callable[[Config], set[str]]] = {("edits", "sdxl"): _sdxl_unused}
