"""Loading models, processors and pipelines of transformers and diffusers from folders.

Errors say what to do. Only safetensors are loaded, and no code of a repository is run.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from varireal.config.machine import ModelRef
from varireal.core.files import error_text
from varireal.errors import BackendError
from varireal.models.cache import INDEX
from varireal.models.fetching import find_model

if TYPE_CHECKING:
    from varireal.models.device import Device


def load_transformers(
    kind: Any, ref: ModelRef, key: str, *, device: "Device", types: Sequence[str] = (), **arguments: Any
) -> Any:
    """A model by ``from_pretrained``, in eval mode and on its device: safetensors only, no code of the repository.

    Args:
        kind: class with ``from_pretrained``, such as ``AutoModelForMaskGeneration``.
        ref: the model.
        key: place in the config, for messages.
        device: where it goes, and its number format.
        types: values of ``model_type`` in the model's config.json that are allowed; empty allows all of ``kind``.
        arguments: for ``from_pretrained``; ``dtype`` overrides the device's.

    Raises:
        BackendError: it is missing, damaged, incomplete, of another kind, or has no safetensors of the wanted variant.
    """
    folder = model_folder(ref, key, types)
    _silence()
    options = {"dtype": device.dtype} | arguments
    try:
        model, info = kind.from_pretrained(
            folder,
            subfolder=ref.subfolder or "",
            variant=ref.variant,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:
        raise BackendError(_load_failure(error, ref, key, folder)) from error
    _check_complete(model, info, ref, key)
    placed = "quantization_config" in arguments  # such weights are where they belong already, and refuse to move
    return model.eval() if placed else model.eval().to(device.name)


def load_processor(kind: Any, ref: ModelRef, key: str, **arguments: Any) -> Any:
    """A processor or tokenizer by ``from_pretrained``, from the model's own folder.

    Args:
        kind: class with ``from_pretrained``, such as ``AutoProcessor``.
        ref: the model.
        key: place in the config, for messages.
        arguments: for ``from_pretrained``.

    Raises:
        BackendError: it is missing or damaged.
    """
    folder = model_folder(ref, key)
    _silence()
    try:
        return kind.from_pretrained(
            folder / (ref.subfolder or ""), trust_remote_code=False, local_files_only=True, **arguments
        )
    except Exception as error:
        raise BackendError(
            f"{key}: the processor of {ref.id!r} cannot be loaded: {error_text(error, 300)}; its files (such as "
            "preprocessor_config.json and tokenizer.json) lie beside config.json"
        ) from error


def model_folder(ref: ModelRef, key: str, types: Sequence[str] = ()) -> Path:
    """Folder of a model in the format of transformers.

    Args:
        ref: the model; its ``subfolder`` is not part of what is returned.
        key: place in the config, for messages.
        types: values of ``model_type`` that are allowed; empty allows all.

    Raises:
        BackendError: there is none, it is a file, or its config.json is missing, damaged or of another type.
    """
    folder = pipeline_folder(ref, key, "transformers")
    path = folder / (ref.subfolder or "") / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except FileNotFoundError as error:
        raise BackendError(f"{key}: {ref.id!r} is no model of transformers: there is no {path}") from error
    except (ValueError, OSError, AttributeError) as error:
        raise BackendError(
            f"{key}: {path} cannot be read ({error_text(error, 300)}); fetch the model again"
        ) from error
    if types and kind not in types:
        raise BackendError(f"{key}: {ref.id!r} is a model of type {kind!r}; expected {' or '.join(types)}")
    return folder


def _check_complete(model: Any, info: dict[str, Any], ref: ModelRef, key: str) -> None:
    """Weights that a checkpoint lacks would be drawn at random, with no more than a warning."""
    parameters = {name for name, _ in model.named_parameters()}
    lacking = sorted(parameters & set(info["missing_keys"]))
    unfit = sorted(str(entry[0]) for entry in info["mismatched_keys"])
    if lacking or unfit:
        names = [*lacking, *unfit]
        raise BackendError(
            f"{key}: the weights of {ref.id!r} do not fit its config.json: {len(names)} missing or of another shape, "
            f"such as {names[0]}; fetch the model again"
        )


def _load_failure(error: Exception, ref: ModelRef, key: str, folder: Path) -> str:
    files = sorted(path.name for path in (folder / (ref.subfolder or "")).glob("*.safetensors"))
    present = ", ".join(files[:4])
    if not files:
        return f"{key}: {folder} holds no .safetensors file; other formats are not loaded, because they run code"
    if ref.variant and not any(f".{ref.variant}." in name or f".{ref.variant}-" in name for name in files):
        return (
            f"{key}.variant: {ref.id!r} has no weights of the variant {ref.variant!r} (found {present}); "
            "set variant: null, or fetch them"
        )
    if not ref.variant and not any(name.startswith("model") and name.count(".") == 1 for name in files):
        return (
            f"{key}.variant: {ref.id!r} has no plain weights, only {present}; "
            "name the variant, the word before .safetensors"
        )
    return f"{key}: the model {ref.id!r} cannot be loaded: {error_text(error, 300)}"


def _silence() -> None:
    """Keep the library's progress bars and advice out of the logs."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


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
    folder = pipeline_folder(ref, key)
    if ref.subfolder and "subfolder" not in arguments:
        arguments["subfolder"] = ref.subfolder
    try:
        return kind.from_pretrained(folder, variant=ref.variant, use_safetensors=True, **arguments)
    except Exception as error:
        raise BackendError(_pipeline_failure(error, ref, key, folder)) from error


def pipeline_folder(ref: ModelRef, key: str, library: str = "diffusers") -> Path:
    """Folder of a model in the format of a library.

    Raises:
        BackendError: there is none, or it is a file.
    """
    place = find_model(ref, key)
    if place.is_file():
        raise BackendError(f"{key}.id: {ref.id!r} is a file; expected a folder in the format of {library}")
    return place


def pipeline_class(ref: ModelRef, key: str, allowed: Sequence[str] = ()) -> str:
    """Name of the class that a pipeline's folder was saved from.

    Raises:
        BackendError: the folder is no pipeline, or of a class that does not begin with one of ``allowed``.
    """
    folder = pipeline_folder(ref, key)
    try:
        name = str(json.loads((folder / INDEX).read_text(encoding="utf-8"))["_class_name"])
    except FileNotFoundError as error:
        raise BackendError(f"{key}: {folder} is no pipeline of diffusers: it has no {INDEX}") from error
    except (ValueError, KeyError, OSError) as error:
        raise BackendError(f"{key}: {folder / INDEX} cannot be read ({error}); fetch the model again") from error
    if allowed and not name.startswith(tuple(allowed)):
        raise BackendError(f"{key}: {ref.id!r} is a {name}; expected one of {', '.join(allowed)}")
    return name


def _pipeline_failure(error: Exception, ref: ModelRef, key: str, folder: Path) -> str:
    if ref.variant and ref.variant in str(error):
        return f"{key}.variant: {ref.id!r} has no weights of variant {ref.variant!r}; set it to null, or fetch them"
    if "safetensors" in str(error).lower() and not list(folder.rglob("*.safetensors")):
        return f"{key}: {folder} holds no .safetensors file; other formats are not loaded, because they run code"
    return f"{key}: the model {ref.id!r} cannot be loaded: {error_text(error, 300)}"
