"""Which models a config needs, and which servers it asks. Light: nothing is loaded, no network is asked."""

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from varireal.attributes import BACKGROUND, PRIOR, attribute_row
from varireal.config.edits import EditsConfig, SdxlEdits
from varireal.config.hosted import Server
from varireal.config.machine import ModelRef, is_local
from varireal.config.model import Config
from varireal.core.registry import CAPABILITIES
from varireal.core.seeds import digest
from varireal.core.stages import STAGES, slice_of
from varireal.errors import BackendError
from varireal.models.cache import INDEX, TEXTS

ADAPTERS = "adapters.model"

_WEIGHTS = (".safetensors", ".onnx")
# Of larger files samples are read, from the first byte to the last: every job asks, and training moves every weight.
_WHOLE, _SAMPLE, _SAMPLES = 64 << 20, 64 << 10, 256


def model_identity(ref: ModelRef, key: str) -> str:
    """Name and revision of a model, for item keys and for rows; no model is loaded, and no network asked.

    A hub model is known by the revision that the config pins (``main`` when it pins none), a local one by the contents
    of its files: the same files give the same text in any folder of that name.

    Args:
        ref: the model.
        key: place in the config, for messages.

    Raises:
        BackendError: a local model is not there.
    """
    parts = [ref.subfolder, ref.file if not is_local(ref) else None, ref.variant]
    chosen = "".join(f":{part}" for part in parts if part)
    if not is_local(ref):
        return f"{ref.id}@{ref.revision or 'main'}{chosen}"
    return f"{Path(ref.id).expanduser().name}@{local_digest(ref, key, size=6)}{chosen}"


def local_digest(ref: ModelRef, key: str, *, size: int = 8) -> str:
    """Hex digest (2 x ``size`` characters) of the files of a local model, which a fine-tuned copy changes.

    Raises:
        BackendError: a file cannot be read.
    """
    place = Path(ref.id).expanduser()
    folder = place / (ref.subfolder or "")
    path = folder / ref.file if ref.file else folder
    try:
        files = _file_and_data(path) if path.is_file() else _files(path)
        return digest(*map(_contents, files), size=size)
    except OSError as error:
        shown = ref.id if path == place else str(path)
        raise BackendError(
            f"{key}.id: {shown!r} cannot be read ({error.strerror}); expected a folder, a file, or a hub id"
        ) from error


def _files(folder: Path) -> list[Path]:
    """Files that decide an output; a pipeline of diffusers has them in folders of its parts."""
    paths = folder.rglob("*") if (folder / INDEX).exists() else folder.iterdir()
    return sorted(path for path in paths if path.suffix in (*TEXTS, *_WEIGHTS) and path.is_file())


def _file_and_data(path: Path) -> list[Path]:
    """An ONNX file above 2 GB has its weights beside it, in ``model.onnx_data`` or ``model.onnx.data``."""
    return [path, *sorted(path.parent.glob(f"{glob.escape(path.name)}?data*"))]


def _contents(path: Path) -> str:
    state = path.stat()
    return f"{path.name} {_sha256(path, state.st_size, state.st_mtime_ns)}"


@cache
def _sha256(path: Path, size: int, changed: int) -> str:  # noqa: ARG001 - a changed file is read again
    with path.open("rb") as file:
        if size <= _WHOLE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        hasher = hashlib.sha256()
        for number in range(_SAMPLES):
            file.seek(number * (size - _SAMPLE) // (_SAMPLES - 1))
            hasher.update(file.read(_SAMPLE))
        return hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class ModelNeed:
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
class HostedModel:
    """A hosted model that a study asks.

    Attributes:
        key: place of its block in the config.
        model: its name at the server.
        server: where it is.
    """

    key: str
    model: str
    server: Server


def needed_models(config: Config) -> list[ModelNeed]:
    """Every model with weights that the chosen backends load, by its place in the config.

    A new backend's models are found by themselves: all ``ModelRef`` of its block.
    """
    needs: dict[str, ModelNeed] = {}
    for stage, capability, backend in _chosen(config):
        top = CAPABILITIES[capability].block
        block = getattr(getattr(config, top), backend, None)
        idle = _idle_sdxl(config.edits) if isinstance(block, SdxlEdits) else set()
        for path, ref in _refs(block, ""):
            key = f"{top}.{backend}{path}"
            if path not in idle:
                stages = needs[key].stages if key in needs else ()
                needs[key] = ModelNeed(key, ref, (*stages, stage), backend)
    weights = config.adapters.weights
    if config.adapters.regimes and weights is not None:
        needs[ADAPTERS] = ModelNeed(ADAPTERS, weights, ("adapters",), "adapters")
    return list(needs.values())


def hosted_models(config: Config) -> list[HostedModel]:
    """Every hosted model that the study asks."""
    return [HostedModel(key, block.model, block.server) for key, block in config.hosted()]


def chosen_backends(config: Config) -> list[tuple[str, str]]:
    """(capability, name) of every backend of the study that may be a model."""
    return list(dict.fromkeys((capability, name) for _, capability, name in _chosen(config)))


def _chosen(config: Config) -> Iterator[tuple[str, str, str]]:
    """(stage, capability, backend) of those that may be models; stages that share a slice use the same ones."""
    for stage in dict.fromkeys(map(slice_of, STAGES)):
        yield from ((stage, kind, name) for kind, name in config.backends(stage) if CAPABILITIES[kind].models)


def _refs(value: object, path: str) -> Iterator[tuple[str, ModelRef]]:
    """Every reference to a model inside a config block, with its place."""
    if isinstance(value, ModelRef):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _refs(getattr(value, name), f"{path}.{name}")


def _idle_sdxl(edits: EditsConfig) -> set[str]:
    """Models of ``edits.sdxl`` that its mode and the study's attributes leave idle."""
    recipes = {".models.inpaint", ".models.base", ".models.controlnet", ".models.ip_adapter", ".models.prior"}
    if edits.sdxl.mode != "masked":
        return recipes
    idle = {".models.plain"}
    rows = [attribute_row(name) for name in edits.attributes]
    if not any(PRIOR in row.needs for row in rows):
        idle.add(".models.prior")
    if all(row.region == BACKGROUND for row in rows):
        idle |= {".models.base", ".models.controlnet", ".models.ip_adapter"}
    return idle
