"""``models.lock``: which revision of each hub model a study uses, and what its files are. People commit it.

``varireal fetch`` writes it. Where the config pins no revision, the lock's is put into the stages' slices, so that
rows and keys say it and a newer model makes edits again instead of mixing with the older one's.
"""

import hashlib
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from varireal.config.base import StrictModel, explain
from varireal.config.machine import ModelRef
from varireal.config.model import Config
from varireal.errors import BackendError, ConfigError
from varireal.files import write_whole
from varireal.models.catalog import ADAPTERS, needed_models
from varireal.models.places import is_local

_HEAD = """\
# The models of a study: revision and files of each, as 'varireal fetch' found them. Commit this file with the config.
# 'varireal fetch --update' moves to newer revisions; 'varireal doctor --verify' compares the files with these hashes.
"""
_SAMPLE = 256  # bytes of each tensor that tell a local model apart
_LONGEST_HEADER = 1 << 27

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


def _inside(name: str) -> str:
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise ValueError(f"expected the path of a file inside its repository, found {name!r}")
    return name


FileName = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_inside)]


class LockedFile(StrictModel):
    """A file: its size in bytes and its SHA-256."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LockedModel(StrictModel):
    """A hub model.

    Attributes:
        revision: the commit.
        asked: the branch or tag that the config names, when it names one.
        licence: as the repository's card says; "unknown" when it does not.
        gated: whether its terms must be accepted.
        files: the files that were fetched.
    """

    revision: Commit
    asked: str | None = None
    licence: str = "unknown"
    gated: bool = False
    files: dict[FileName, LockedFile] = {}  # noqa: RUF012

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files.values())


class Lock(StrictModel):
    """All models, by hub id."""

    version: Literal[1] = 1
    models: dict[str, LockedModel] = {}  # noqa: RUF012


def read_lock(path: Path) -> Lock:
    """The lock in a file; an empty one when there is no file.

    Raises:
        ConfigError: the file is not a lock.
    """
    try:
        raw = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
    except FileNotFoundError:
        return Lock()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be read ({told}); restore it, or delete it and run 'varireal fetch'"
        ) from error
    try:
        return Lock.model_validate_json(json.dumps(raw if raw is not None else {}), strict=True)
    except (ValidationError, TypeError) as error:
        told = explain(error, Lock) if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"{path}: {told}; restore it, or delete it and run 'varireal fetch'") from None


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock, whole or not at all; the same lock gives the same bytes."""
    told = lock.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(told, sort_keys=True, default_flow_style=None, width=1000, allow_unicode=True)
    write_whole(path, _HEAD + text)


def locked(ref: ModelRef, key: str, lock: Lock) -> LockedModel | None:
    """The entry of a model, None when there is none.

    Args:
        ref: the model.
        key: its place in the config, for messages.
        lock: all entries.

    Raises:
        ConfigError: the config pins another revision than the lock.
    """
    entry = None if is_local(ref) else lock.models.get(ref.id)
    if entry is None or ref.revision in (None, entry.revision, entry.asked):
        return entry
    told = entry.revision if entry.asked is None else f"{entry.asked}, {entry.revision}"
    raise ConfigError(
        f"{key}.revision is {ref.revision!r}, but the lock has {ref.id} at {told}; run 'varireal fetch --update' to "
        "move the lock, or take the revision out of the config"
    )


def pinned(config: Config, lock: Lock) -> Config:
    """The config with the lock's revision at every model that it uses and that is in the lock.

    Raises:
        ConfigError: the config pins another revision than the lock.
    """
    for need in needed_models(config) if lock.models else ():
        entry = locked(need.ref, need.key, lock)
        if entry is not None:
            place = need.key.removesuffix(".model") if need.key == ADAPTERS else need.key
            config = _with_revision(config, place.split("."), entry.revision)
    return config


def _with_revision(block: Any, place: Sequence[str], revision: str) -> Any:
    if not place:
        return block.model_copy(update={"revision": revision})
    name, *rest = place
    return block.model_copy(update={name: _with_revision(getattr(block, name), rest, revision)})


def revision_of(ref: ModelRef, lock: Lock = Lock()) -> str | None:  # noqa: B008 - frozen
    """What tells a model's weights apart, for rows and keys; None when nobody knows.

    The config's revision, else the lock's; for a local folder or file a digest of its configs in full and of a piece
    of every tensor, which a fine-tuned copy changes. Only the pieces are read, so it takes a moment where hashing
    40 GB takes minutes.

    Args:
        ref: the model.
        lock: all entries.

    Raises:
        BackendError: a local model cannot be read.
    """
    if is_local(ref):
        return f"local-{_local_digest(ref)}"
    entry = lock.models.get(ref.id)
    return ref.revision or (entry.revision if entry is not None else None)


def _local_digest(ref: ModelRef) -> str:
    place = Path(ref.id).expanduser()
    folder = place / (ref.subfolder or "")
    hasher = hashlib.blake2b(digest_size=8)
    try:
        files = [place] if place.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
        for path in files:
            name = path.name if path == place else path.relative_to(folder).as_posix()
            if path.suffix == ".safetensors":
                _add_weights(hasher, name, path)
            elif path.suffix == ".onnx" or path.suffix in (".json", ".txt", ".model", ".jinja"):
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                hasher.update(f"{name} {content}\n".encode())
    except OSError as error:
        raise BackendError(f"the model {ref.id!r} cannot be read: {error.strerror or error}") from error
    return hasher.hexdigest()


def _add_weights(hasher: Any, name: str, path: Path) -> None:
    """Name, size and header of a safetensors file, and the middle of each tensor."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == len(b"8 bytes.") else 0
        if not 0 < length <= min(size, _LONGEST_HEADER):
            raise OSError(0, f"{path} is not a safetensors file")
        header = file.read(length)
        hasher.update(f"{name} {size}\n".encode() + header)
        try:
            spans = sorted(tuple(told["data_offsets"]) for key, told in json.loads(header).items() if key[:2] != "__")
        except (ValueError, TypeError, KeyError) as error:
            raise OSError(0, f"{path} is not a safetensors file") from error
        for start, end in spans:
            file.seek(8 + length + max(start, (start + end - _SAMPLE) // 2))
            hasher.update(file.read(min(_SAMPLE, end - start)))
