"""What tells a pipeline's folder apart without reading tens of gigabytes."""

import hashlib
from pathlib import Path

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.identity import model_identity
from varireal.models.places import is_local

_WEIGHTS = ".safetensors"
_TEXTS = (".json", ".txt", ".model", ".jinja")
# Of each file of weights: its size, its head with names and shapes, and so many pieces spread over it.
_PIECES, _PIECE = 16, 1 << 14


def pipeline_identity(ref: ModelRef, key: str) -> str:
    """Name and revision of a pipeline with parts in folders; no model is loaded, and no network asked.

    A hub model is told by the revision that the config pins, a local one by all its texts and by samples of its
    weights: a copy in any folder of that name gives the same text, another training or number format does not.

    Args:
        ref: the model.
        key: place in the config, for messages.

    Raises:
        BackendError: a local model is not there.
    """
    if not is_local(ref):
        return model_identity(ref, key)
    top = Path(ref.id).expanduser()
    folder = top / (ref.subfolder or "")
    try:
        files = sorted(p for p in folder.rglob("*") if p.suffix in (_WEIGHTS, *_TEXTS) and p.is_file())
        if not files:
            raise FileNotFoundError(2, "No such file or directory")
        told = hashlib.sha256()
        for path in files:
            told.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size} ".encode())
            told.update(_samples(path) if path.suffix == _WEIGHTS else path.read_bytes())
    except OSError as error:
        raise BackendError(
            f"{key}.id: {ref.id!r} cannot be read ({error.strerror}); expected a folder, or a hub id such as org/name"
        ) from error
    chosen = "".join(f":{part}" for part in (ref.subfolder, ref.variant) if part)
    return f"{top.name}@{told.hexdigest()[:12]}{chosen}"


def _samples(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = 8 + int.from_bytes(file.read(8), "little")
        file.seek(0)
        parts = [file.read(min(head, size))]
        for number in range(_PIECES):
            file.seek(max(0, (size - _PIECE) * number // (_PIECES - 1)))
            parts.append(file.read(_PIECE))
    return b"".join(parts)
