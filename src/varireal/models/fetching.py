"""Fetching what a config needs into the hub's cache, and the lock that says what was fetched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants

from varireal.config.machine import ModelRef
from varireal.errors import BackendError, ConfigError, VariRealError
from varireal.models import hub
from varireal.models.cache import cache_folder, is_commit
from varireal.models.catalog import Need
from varireal.models.licences import card_licence
from varireal.models.lock import Lock, LockedModel, locked

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one hub model.

    Attributes:
        id: hub id.
        keys: its places in the config.
        entry: its entry in the lock; None when it could not be had.
        new_bytes: what was downloaded now.
        problem: why it could not be had.
    """

    id: str
    keys: tuple[str, ...]
    entry: LockedModel | None = None
    new_bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    needs: tuple[Need, ...]
    remote: hub.Remote
    names: tuple[str, ...]
    old: LockedModel | None


def fetch_models(needs: Sequence[Need], lock: Lock, *, update: bool, save: Callable[[Lock], None]) -> list[Fetched]:
    """Bring every hub model into the cache at the revision of the lock, or of the config, or main.

    All repositories are looked at before the first byte is downloaded, so that a gated one or a full disk shows at
    once. A model that cannot be had does not keep the others from being fetched.

    Args:
        needs: what the config needs; local models are passed over.
        lock: what was fetched before.
        update: move to what the config's revision, or main, is now.
        save: called with the new lock after each model.

    Raises:
        ConfigError: one model is asked for at two revisions, or the config pins another one than the lock.
        BackendError: the disk has too little space, or the network is switched off.
    """
    if constants.HF_HUB_OFFLINE:
        raise BackendError("nothing can be fetched while HF_HUB_OFFLINE is set; unset it for this command")
    plans: list[_Plan] = []
    results: list[Fetched] = []
    for group in _groups([need for need in needs if not need.local]):
        old = lock.models.get(group[0].ref.id) if update else locked(group[0].ref, group[0].key, lock)
        try:
            plans.append(_plan(group, old, update=update))
        except BackendError as error:
            results.append(Fetched(group[0].ref.id, _keys(group), problem=str(error)))
    check_space(sum(plan.remote.to_download(plan.names) for plan in plans))
    for plan in plans:
        missing = plan.remote.to_download(plan.names)
        first = plan.needs[0]
        try:
            entry = _fetch(plan)
        except VariRealError as error:
            results.append(Fetched(first.ref.id, _keys(plan.needs), problem=str(error)))
            continue
        lock = Lock(models={**lock.models, first.ref.id: entry})
        save(lock)
        results.append(Fetched(first.ref.id, _keys(plan.needs), entry, missing))
    return results


def bring(ref: ModelRef, key: str) -> Path:
    """Folder in the cache of one model, fetched now.

    Raises:
        BackendError: it cannot be had.
    """
    remote = hub.describe(ref.id, ref.revision, key)
    names = hub.wanted_files(remote, ref, key)
    check_space(remote.to_download(names))
    hub.download(remote, names, key)
    _remember(remote, ref.revision)
    return remote.folder


def check_space(needed: int) -> None:
    """Refuse a download that does not fit.

    Args:
        needed: bytes.

    Raises:
        BackendError: the disk of the cache has less.
    """
    free = hub.free_bytes()
    if needed > free:
        raise BackendError(
            f"{needed / _GB:.1f} GB are to be downloaded, but {cache_folder()} has {free / _GB:.1f} GB left; free "
            "space, or set HF_HOME to a folder on another disk"
        )


def _groups(needs: Sequence[Need]) -> list[list[Need]]:
    """Needs by hub id, each at one revision."""
    groups: dict[str, list[Need]] = {}
    for need in needs:
        group = groups.setdefault(need.ref.id, [])
        other = next((one for one in group if one.ref.revision != need.ref.revision), None)
        if other is not None:
            raise ConfigError(
                f"{need.ref.id} is asked for at two revisions, {other.ref.revision!r} by {other.key} and "
                f"{need.ref.revision!r} by {need.key}; the lock holds one: give both the same"
            )
        group.append(need)
    return list(groups.values())


def _keys(needs: Sequence[Need]) -> tuple[str, ...]:
    return tuple(need.key for need in needs)


def _plan(group: Sequence[Need], old: LockedModel | None, *, update: bool) -> _Plan:
    first = group[0]
    asked = first.ref.revision if old is None or update else old.revision
    remote = hub.describe(first.ref.id, asked, first.key)
    names = sorted({name for need in group for name in hub.wanted_files(remote, need.ref, need.key)})
    same = old if old is not None and old.revision == remote.revision else None
    if same is not None:
        _compare(first, remote, same)
    return _Plan(tuple(group), remote, tuple(names), same)


def _compare(need: Need, remote: hub.Remote, old: LockedModel) -> None:
    """Refuse a repository that is another one than when it was locked, though its commit has the same name."""
    for name, file in old.files.items():
        now = remote.files.get(name)
        if now is None or now.size != file.size or (now.sha256 or file.sha256) != file.sha256:
            raise BackendError(
                f"{need.key}: {name} of {remote.id!r} at {remote.revision} is not the file of the lock; the hub "
                "changed it, or somebody in between: do not use it before you know why"
            )


def _fetch(plan: _Plan) -> LockedModel:
    need, remote = plan.needs[0], plan.remote
    files = hub.download(remote, plan.names, need.key)
    for name, file in (plan.old.files if plan.old is not None else {}).items():
        if name in files and files[name] != file:
            hub.forget(remote.folder / name)
            raise BackendError(
                f"{need.key}: {name} of {remote.id!r} has SHA-256 {files[name].sha256}, the lock says {file.sha256}; "
                "it was removed from the cache: do not use it before you know why"
            )
    if plan.old is None:
        _remember(remote, need.ref.revision)
    asked = None if need.ref.revision is None or is_commit(need.ref.revision) else need.ref.revision
    kept = plan.old.files if plan.old is not None else {}
    return LockedModel(
        revision=remote.revision,
        asked=asked,
        licence=card_licence(remote.folder),
        gated=remote.gated,
        files=dict(sorted((kept | files).items())),
    )


def _remember(remote: hub.Remote, asked: str | None) -> None:
    """Note in the cache which commit a branch or tag is, as the library does when it is asked for one by name."""
    name = asked or "main"
    if is_commit(name):
        return
    path = remote.storage / "refs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(remote.revision, "utf-8")
