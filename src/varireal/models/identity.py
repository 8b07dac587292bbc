"""What tells a model's weights apart, for cache keys and for what a row says it was made with."""

import glob
import hashlib
from functools import cache
from pathlib import Path

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.places import is_local
from varireal.seeds import digest

# Beside the weights, what else of a folder decides an output: configs, vocabularies, templates.
_TEXTS = (".json", ".txt", ".model", ".jinja")
_WEIGHTS = (".safetensors", ".onnx")
# Of larger files samples are read, from the first byte to the last: every job asks, and training moves every weight.
_WHOLE, _SAMPLE, _SAMPLES = 64 << 20, 64 << 10, 256


def model_identity(ref: ModelRef, key: str) -> str:
    """Name and revision of a model; no model is loaded, and no network asked.

    A hub model is told by the revision that the config pins (``main`` when it pins none), a local one by the contents
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
    place = Path(ref.id).expanduser()
    folder = place / (ref.subfolder or "")
    path = folder / ref.file if ref.file else folder
    try:
        files = _file_and_data(path) if path.is_file() else _files(path)
        return f"{place.name}@{digest(*map(_contents, files), size=6)}{chosen}"
    except OSError as error:
        told = ref.id if path == place else str(path)
        raise BackendError(
            f"{key}.id: {told!r} cannot be read ({error.strerror}); expected a folder, a file, or a hub id"
        ) from error


def _files(folder: Path) -> list[Path]:
    """Files that decide an output; a pipeline of diffusers has them in folders of its parts."""
    found = folder.rglob("*") if (folder / "model_index.json").exists() else folder.iterdir()
    return sorted(path for path in found if path.suffix in (*_TEXTS, *_WEIGHTS) and path.is_file())


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
