"""What a model's folder holds, read without loading it: its class, its weights' sizes, and what is wrong with it."""

import importlib.util
import json
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.cache import INDEX, choose_files, local_parts

_LONGEST_HEADER = 1 << 27
_CONFIGS = (INDEX, "config.json", "open_clip_config.json")
# Classes that a library has but does not export at its top.
_HIDDEN = ("StableDiffusionSafetyChecker",)


@dataclass(frozen=True, slots=True)
class Weights:
    """Sizes of a model.

    Attributes:
        size: bytes of its weights' files.
        parameters: numbers in them; None for other files than safetensors.
        largest: numbers in the largest part, a folder; None likewise.
    """

    size: int
    parameters: int | None
    largest: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Attributes:
        kind: class of the model, or what its files are.
        weights: sizes.
        problem: what keeps it from being loaded; empty when nothing was seen.
    """

    kind: str = ""
    weights: Weights | None = None
    problem: str = ""


def look_into(place: Path, ref: ModelRef, key: str) -> Looked:
    """Look at a model's folder or file.

    Args:
        place: where it is.
        ref: the model.
        key: its place in the config, for messages.
    """
    if place.is_file() and place.suffix not in (".safetensors", ".onnx"):
        return Looked(problem=f"{key}.id: {place} is no .safetensors or .onnx file; others can run code")
    root = place.parent if place.is_file() else place
    try:
        if place.is_file():
            names = [place.name]
        else:
            every = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
            names = choose_files(every, ref, key, local_parts(root, ref))
        kind = _kind(root / (ref.subfolder or ""), names, key)
        return Looked(kind, _weights(root, names, key))
    except BackendError as error:
        return Looked(problem=str(error))


def _kind(folder: Path, names: Iterable[str], key: str) -> str:
    path = next((folder / name for name in _CONFIGS if (folder / name).is_file()), None)
    files = [name for name in names if name.endswith((".safetensors", ".onnx"))]
    if path is None:
        return "ONNX" if files[0].endswith(".onnx") else "safetensors"
    try:
        config = json.loads(path.read_text("utf-8"))
        named = config.get("_class_name") or next(iter(config.get("architectures") or ()), None)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BackendError(f"{key}: {path} cannot be read ({' '.join(str(error).split())}); fetch it again") from error
    if path.name == "open_clip_config.json":
        return "open_clip"
    if named is None:
        return str(config.get("model_type") or "safetensors")
    library = "diffusers" if "_class_name" in config else "transformers"
    names = _class_names(library)  # None: it is not installed, which is said elsewhere
    if names is not None and str(named) not in (*names, *_HIDDEN):
        why = "; its repository has code for it, which is never run" if "auto_map" in config else ""
        raise BackendError(f"{key}: {path} names the class {named!r}, which this {library} does not have{why}")
    return str(named)


@cache
def _class_names(library: str) -> Any:
    """Names that a library exports, or the text of the module that lists them; nothing heavy is imported."""
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        return None
    if library == "transformers":
        return set(dir(importlib.import_module(library)))  # its names are known before its modules are loaded
    quoted = Path(spec.origin).read_text("utf-8").split('"')
    return set(quoted[1::2])


def _weights(root: Path, names: Iterable[str], key: str) -> Weights:
    size, counts, whole = 0, dict[str, int](), True
    for name in names:
        path = root / name
        if path.suffix == ".safetensors":
            folder = name.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + _parameters(path, key)
        elif path.suffix == ".onnx" or ".onnx" in name:
            whole = False
        else:
            continue
        size += path.stat().st_size
    known = whole and bool(counts)
    return Weights(size, sum(counts.values()) if known else None, max(counts.values()) if known else None)


def _parameters(path: Path, key: str) -> int:
    """Numbers in a safetensors file, from its header.

    The format: eight bytes with the header's length, the header as JSON, the tensors.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
        if path.stat().st_size != 8 + length + end:
            raise ValueError("it is cut off")  # noqa: TRY301
        return sum(math.prod(tensor["shape"]) for tensor in tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        text = " ".join(str(error).split())[:100]
        raise BackendError(f"{key}: {path} is not a whole safetensors file ({text}); fetch it again") from error
