"""Whether a study's models are there and whole, as far as it can be told without loading them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from varireal.errors import BackendError, ConfigError
from varireal.models.cache import Cached, find_cached
from varireal.models.catalog import Need
from varireal.models.folders import Looked, look_into
from varireal.models.known import known
from varireal.models.licences import UNKNOWN, licence_of
from varireal.models.lock import Lock, LockedModel, locked, revision_of

PRESENT, INCOMPLETE, MISSING, DAMAGED, BROKEN = "present", "incomplete", "missing", "damaged", "unusable"

_GB = 1e9
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model of a study.

    Attributes:
        key: its place in the config.
        id: hub id or path.
        local: whether it is a path.
        stages: stages that load it.
        state: present, incomplete, missing, damaged or unusable.
        problem: why it is not present, and what to do; empty when it is.
        revision: what tells its weights apart.
        locked: whether the lock has it.
        kind: class of the model.
        licence: as its card says, or unknown.
        gated: whether its terms must be accepted; None when nobody knows.
        size_gb: GB of its files, as they are or will be; None when nobody knows.
        gb_16: GB of all its weights in 16 bits.
        part_16: GB of its largest part in 16 bits.
        verified: whether its hashes were compared.
    """

    key: str
    id: str
    local: bool
    stages: tuple[str, ...]
    state: str
    problem: str
    revision: str | None
    locked: bool
    kind: str
    licence: str
    gated: bool | None
    size_gb: float | None
    gb_16: float | None
    part_16: float | None
    verified: bool


def model_states(needs: Sequence[Need], lock: Lock, *, verify: bool) -> list[ModelState]:
    """The state of every model.

    Args:
        needs: what the config needs.
        lock: what was fetched.
        verify: compare the files with the lock's hashes, or with those that the cache names them by.
    """
    return [_state(need, lock, verify=verify) for need in needs]


def _state(need: Need, lock: Lock, *, verify: bool) -> ModelState:
    if need.local:
        return _local_state(need, lock)
    try:
        entry = locked(need.ref, need.key, lock)
        ref = need.ref if entry is None else need.ref.model_copy(update={"revision": entry.revision})
        cached = find_cached(ref, need.key)
    except (BackendError, ConfigError) as error:
        return _told(need, lock, None, BROKEN, str(error))
    if cached is None:
        gated = known(need.ref.id).gated if entry is None else entry.gated
        hint = ", after its terms were accepted" if gated else ""
        at = f" at {ref.revision}" if ref.revision else ""
        problem = f"{need.key}: {need.ref.id}{at} is not in the cache; run 'varireal fetch'{hint}"
        return _told(need, lock, entry, MISSING, problem)
    if cached.missing:
        problem = (
            f"{need.key}: {len(cached.missing)} of {len(cached.wanted)} files of {need.ref.id} are missing, such as "
            f"{cached.missing[0]}; run 'varireal fetch'"
        )
        return _told(need, lock, entry, INCOMPLETE, problem, cached=cached)
    wrong = _wrong_file(cached, entry, verify=verify)
    if wrong:
        problem = f"{need.key}: {wrong} of {need.ref.id} is not the file that was fetched; run 'varireal fetch'"
        return _told(need, lock, entry, DAMAGED, problem, cached=cached)
    looked = look_into(cached.folder, ref, need.key)
    state = BROKEN if looked.problem else PRESENT
    return _told(need, lock, entry, state, looked.problem, cached=cached, looked=looked, verified=verify)


def _local_state(need: Need, lock: Lock) -> ModelState:
    place = Path(need.ref.id).expanduser()
    if not place.exists():
        problem = (
            f"{need.key}.id: there is no {need.ref.id!r}; expected a folder or file, or a hub id such as org/name"
        )
        return _told(need, lock, None, MISSING, problem)
    looked = look_into(place, need.ref, need.key)
    return _told(need, lock, None, BROKEN if looked.problem else PRESENT, looked.problem, looked=looked)


def _told(
    need: Need,
    lock: Lock,
    entry: LockedModel | None,
    state: str,
    problem: str,
    *,
    cached: Cached | None = None,
    looked: Looked | None = None,
    verified: bool = False,
) -> ModelState:
    facts, weights = known(need.ref.id), looked.weights if looked is not None else None
    numbers = None if weights is None else weights.parameters
    size = _size(cached) if state == PRESENT and cached is not None else None
    size = size or (entry.size / _GB if entry is not None else None) or (weights.size / _GB if weights else facts.gb)
    return ModelState(
        key=need.key,
        id=need.ref.id,
        local=need.local,
        stages=need.stages,
        state=state,
        problem=problem,
        revision=_revision(need, cached, entry, present=state == PRESENT),
        locked=entry is not None,
        kind="" if looked is None else looked.kind,
        licence=UNKNOWN if state == MISSING and need.local else licence_of(need, lock),
        gated=None if need.local else facts.gated if entry is None else entry.gated,
        size_gb=size,
        gb_16=facts.gb_16 if numbers is None else 2 * numbers / _GB,
        part_16=facts.part_16 if weights is None or weights.largest is None else 2 * weights.largest / _GB,
        verified=verified,
    )


def _revision(need: Need, cached: Cached | None, entry: LockedModel | None, *, present: bool) -> str | None:
    if need.local:
        return revision_of(need.ref) if present else None
    return cached.revision if cached is not None else entry.revision if entry is not None else need.ref.revision


def _size(cached: Cached) -> float:
    return sum((cached.folder / name).stat().st_size for name in cached.wanted) / _GB


def _wrong_file(cached: Cached, entry: LockedModel | None, *, verify: bool) -> str:
    """Name of a file that is not what it was; empty when all are."""
    from varireal.models.hub import file_sha256

    files = {} if entry is None else entry.files
    for name in cached.wanted:
        path = cached.folder / name
        told = files.get(name)
        if told is not None and path.stat().st_size != told.size:
            return name
        # the cache names the content of a large file by its hash
        expected = told.sha256 if told is not None else path.resolve().name
        if verify and _SHA256.fullmatch(expected) and file_sha256(path) != expected:
            return name
    return ""
