"""Loading diffusers' pipelines and parts from folders, with errors that a user can act on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.loading import one_line
from varireal.models.places import find_model

INDEX = "model_index.json"


def load_part(kind: Any, ref: ModelRef, key: str, **arguments: Any) -> Any:
    """A pipeline or model by ``from_pretrained``: safetensors only, no code of the repository.

    Args:
        kind: class with ``from_pretrained``.
        ref: the model.
        key: place in the config, for messages.
        arguments: for ``from_pretrained``.

    Raises:
        BackendError: it is missing, damaged, of another kind, or has no safetensors of the wanted variant.
    """
    folder = model_folder(ref, key)
    if ref.subfolder and "subfolder" not in arguments:
        arguments["subfolder"] = ref.subfolder
    try:
        return kind.from_pretrained(folder, variant=ref.variant, use_safetensors=True, **arguments)
    except Exception as error:
        raise BackendError(_told(error, ref, key, folder)) from error


def model_folder(ref: ModelRef, key: str) -> Path:
    """Folder of a model.

    Raises:
        BackendError: there is none, or it is a file.
    """
    place = find_model(ref, key)
    if place.is_file():
        raise BackendError(f"{key}.id: {ref.id!r} is a file; expected a folder in the format of diffusers")
    return place


def pipeline_class(ref: ModelRef, key: str, allowed: Sequence[str] = ()) -> str:
    """Name of the class that a pipeline's folder was saved from.

    Raises:
        BackendError: the folder is no pipeline, or of a class that does not begin with one of ``allowed``.
    """
    folder = model_folder(ref, key)
    try:
        name = str(json.loads((folder / INDEX).read_text(encoding="utf-8"))["_class_name"])
    except FileNotFoundError as error:
        raise BackendError(f"{key}: {folder} is no pipeline of diffusers: it has no {INDEX}") from error
    except (ValueError, KeyError, OSError) as error:
        raise BackendError(f"{key}: {folder / INDEX} cannot be read ({error}); fetch the model again") from error
    if allowed and not name.startswith(tuple(allowed)):
        raise BackendError(f"{key}: {ref.id!r} is a {name}; expected one of {', '.join(allowed)}")
    return name


def _told(error: Exception, ref: ModelRef, key: str, folder: Path) -> str:
    text = one_line(error)
    if ref.variant and ref.variant in str(error):
        return f"{key}.variant: {ref.id!r} has no weights of variant {ref.variant!r}; set it to null, or fetch them"
    if "safetensors" in str(error).lower() and not list(folder.rglob("*.safetensors")):
        return f"{key}: {folder} holds no .safetensors file; other formats are not loaded, because they run code"
    return f"{key}: the model {ref.id!r} cannot be loaded: {text}"
