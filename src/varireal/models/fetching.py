"""Fetching what a config needs into the hub's cache, and the lock that says what was fetched.

``huggingface_hub`` downloads, takes up what broke off, and compares hashes. Here is what it leaves to its users: which
files of a repository are needed, another try when the hub answers with a server error, enough room on the disk, the
lock, and errors that say what to do.
"""

import errno
import glob
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils.tqdm import disable_progress_bars

from varireal.config.machine import ModelRef, is_local
from varireal.core.files import error_text, file_digest
from varireal.errors import BackendError, ConfigError, VariRealError
from varireal.models.cache import INDEX, cache_folder, choose_files, find_cached, is_commit, local_parts
from varireal.models.catalog import ModelNeed
from varireal.models.lock import Lock, LockedFile, LockedModel, card_licence, locked
from varireal.running.room import free_bytes

logger = logging.getLogger(__name__)

TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name

_GB = 1e9
_TRIES = 4
_WAIT = 2.0  # seconds before the second try, doubled for each more
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at a revision.

    Attributes:
        id: hub id.
        revision: the commit.
        gated: whether its terms must be accepted.
        files: what the hub says of each of its files.
    """

    id: str
    revision: str
    gated: bool
    files: Mapping[str, RepoSibling]

    @property
    def storage(self) -> Path:
        """Its folder in the cache."""
        return cache_folder() / repo_folder_name(repo_id=self.id, repo_type="model")

    @property
    def folder(self) -> Path:
        """The revision's folder in the cache."""
        return self.storage / "snapshots" / self.revision

    def sha256(self, name: str) -> str | None:
        """SHA-256 of a file in large-file storage; None of a small one, which the hub knows by git's id."""
        lfs = self.files[name].lfs
        return lfs.sha256 if lfs else None

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return self.files[name].size or 0

    def to_download(self, names: Sequence[str]) -> int:
        """Bytes of the files that the cache does not have yet."""
        return sum(self.size(name) for name in names if not self._has(name))

    def _has(self, name: str) -> bool:
        content = self.sha256(name) or self.files[name].blob_id
        blob = content is not None and (self.storage / "blobs" / content).is_file()
        return blob or (self.folder / name).is_file()


def find_model(ref: ModelRef, key: str) -> Path:
    """Folder (or file) of a model; a hub id is looked up in the hub's cache, and fetched when it is not whole there.

    The revision is the one in ``ref``, where the lock's has been put when the config was read; without one it is the
    branch main as it was last fetched, so that no network is asked when the files are there.

    Args:
        ref: the model.
        key: place of the model in the config, for messages.

    Raises:
        BackendError: there is none; the message says what to do.
    """
    if is_local(ref):
        place = Path(ref.id).expanduser()
        if not place.exists():
            raise BackendError(
                f"{key}.id: there is no {ref.id!r}; expected a folder or file, or a hub id such as org/name"
            )
        return place
    cached = find_cached(ref, key)
    if cached is not None and not cached.missing:
        return cached.folder
    at = f" at {ref.revision}" if ref.revision else ""
    lacking = (
        "" if cached is None else f" as a whole: {len(cached.missing)} files are missing, such as {cached.missing[0]}"
    )
    message = f"{key}: the model {ref.id!r}{at} is not in {constants.HF_HUB_CACHE}{lacking}"
    if constants.HF_HUB_OFFLINE:
        raise BackendError(
            f"{message}, and HF_HUB_OFFLINE is set; run 'varireal fetch' on a machine with a network, or give a "
            "local folder"
        )
    logger.warning("%s; it is fetched now, 'varireal fetch' does that before a run", message)
    remote = _described(ref.id, ref.revision, key)
    names = _wanted_files(remote, ref, key)
    check_space(remote.to_download(names))
    _download(remote, names, key)
    _note_branch(remote, ref.revision)
    return remote.folder


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
class _Download:
    needs: Sequence[ModelNeed]
    remote: Remote
    names: Sequence[str]
    old: LockedModel | None


def fetch_models(
    needs: Sequence[ModelNeed], lock: Lock, *, update: bool, save: Callable[[Lock], None]
) -> list[Fetched]:
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
    downloads: list[_Download] = []
    results: list[Fetched] = []
    for model_id, group in _by_id([need for need in needs if not need.local]).items():
        old = lock.models.get(model_id) if update else locked(group[0].ref, group[0].key, lock)
        try:
            downloads.append(_planned(group, old, update=update))
        except BackendError as error:
            results.append(Fetched(model_id, _keys(group), problem=str(error)))
    check_space(sum(plan.remote.to_download(plan.names) for plan in downloads))
    for plan in downloads:
        missing = plan.remote.to_download(plan.names)
        try:
            entry = _fetched(plan)
        except VariRealError as error:
            results.append(Fetched(plan.remote.id, _keys(plan.needs), problem=str(error)))
            continue
        lock = Lock(models={**lock.models, plan.remote.id: entry})
        save(lock)
        results.append(Fetched(plan.remote.id, _keys(plan.needs), entry, missing))
    return results


def check_space(needed: int) -> None:
    """Refuse a download that does not fit.

    Args:
        needed: bytes.

    Raises:
        BackendError: the disk of the cache has less.
    """
    free = free_bytes(cache_folder().expanduser())
    if needed > free:
        raise BackendError(
            f"{needed / _GB:.1f} GB are to be downloaded, but {cache_folder()} has {free / _GB:.1f} GB left; free "
            "space, or set HF_HOME to a folder on another disk"
        )


def _by_id(needs: Sequence[ModelNeed]) -> dict[str, list[ModelNeed]]:
    """Needs by hub id, each at one revision."""
    groups: dict[str, list[ModelNeed]] = {}
    for need in needs:
        group = groups.setdefault(need.ref.id, [])
        other = next((one for one in group if one.ref.revision != need.ref.revision), None)
        if other is not None:
            raise ConfigError(
                f"{need.ref.id} is asked for at two revisions, {other.ref.revision!r} by {other.key} and "
                f"{need.ref.revision!r} by {need.key}; the lock holds one: give both the same"
            )
        group.append(need)
    return groups


def _keys(needs: Sequence[ModelNeed]) -> tuple[str, ...]:
    return tuple(need.key for need in needs)


def _planned(group: Sequence[ModelNeed], old: LockedModel | None, *, update: bool) -> _Download:
    """What is to be downloaded for a repository.

    Raises:
        BackendError: it is another one than when it was locked, though its commit has the same name.
    """
    first = group[0]
    asked = first.ref.revision if old is None or update else old.revision
    remote = _described(first.ref.id, asked, first.key)
    names = sorted({name for need in group for name in _wanted_files(remote, need.ref, need.key)})
    same = old if old is not None and old.revision == remote.revision else None
    for name, file in (same.files if same is not None else {}).items():
        there = name in remote.files and remote.size(name) == file.size
        if not there or (remote.sha256(name) or file.sha256) != file.sha256:
            raise BackendError(
                f"{first.key}: {name} of {remote.id!r} at {remote.revision} is not the file of the lock; the hub "
                "changed it, or somebody in between: do not use it before you know why"
            )
    return _Download(group, remote, names, same)


def _fetched(plan: _Download) -> LockedModel:
    need, remote = plan.needs[0], plan.remote
    files = _download(remote, plan.names, need.key)
    earlier = plan.old.files if plan.old is not None else {}
    for name, file in earlier.items():
        if name in files and files[name] != file:
            _forget(remote.folder / name)
            raise BackendError(
                f"{need.key}: {name} of {remote.id!r} has SHA-256 {files[name].sha256}, the lock says {file.sha256}; "
                "it was removed from the cache: do not use it before you know why"
            )
    if plan.old is None:
        _note_branch(remote, need.ref.revision)
    return LockedModel(
        revision=remote.revision,
        asked=None if is_commit(need.ref.revision) else need.ref.revision,
        licence=card_licence(remote.folder),
        gated=remote.gated,
        files=dict(sorted((earlier | files).items())),
    )


def _note_branch(remote: Remote, asked: str | None) -> None:
    """Note in the cache which commit a branch or tag is, as the library does when it is asked for one by name."""
    if is_commit(asked):
        return
    path = remote.storage / "refs" / (asked or "main")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(remote.revision, "utf-8")


def _described(model_id: str, revision: str | None, key: str) -> Remote:
    """What a repository holds.

    Args:
        model_id: hub id.
        revision: commit, branch or tag; None for main.
        key: place in the config, for messages.

    Raises:
        BackendError: there is none, it is not open to this account, or the hub cannot be reached.
    """
    with _hub_errors(model_id, revision, key):
        info = _api().model_info(model_id, revision=revision, files_metadata=True)
    if info.sha is None:
        raise BackendError(f"{key}: the hub did not say which commit of {model_id!r} {revision or 'main'!r} is")
    return Remote(model_id, info.sha, bool(info.gated), {file.rfilename: file for file in info.siblings or ()})


def _wanted_files(remote: Remote, ref: ModelRef, key: str) -> list[str]:
    """The files that a model needs; a pipeline's index is fetched to know its parts.

    Raises:
        BackendError: they are not there, or the index cannot be had.
    """
    index = "/".join(part for part in (ref.subfolder, INDEX) if part)
    parts = None
    if index in remote.files and ref.file is None:
        with _hub_errors(remote.id, remote.revision, key):
            hf_hub_download(remote.id, index, revision=remote.revision, token=_token() or False)
        parts = local_parts(remote.folder, ref)
    return choose_files(remote.files, ref, key, parts)


def _download(remote: Remote, names: Sequence[str], key: str) -> dict[str, LockedFile]:
    """Bring files into the cache and compare each with what the hub says of it; return their sizes and hashes.

    A cut connection is taken up where it broke, and a failed download is tried again; whole files are kept, so that
    a second call goes on where the first one ended. A file that is damaged in the cache is fetched afresh, once; one
    that stays different is removed.

    Raises:
        BackendError: a file cannot be had, or is not what the hub said it is.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    _snapshot(remote, names, key)
    damaged = _damaged(remote, names, key)
    if damaged:
        with _hub_errors(remote.id, remote.revision, key):
            for name in damaged:
                hf_hub_download(
                    remote.id, name, revision=remote.revision, token=_token() or False, force_download=True
                )
        damaged = _damaged(remote, names, key)
    for name in damaged:
        sha256, expected = remote.sha256(name), f"git's id {remote.files[name].blob_id}"
        actual = file_digest(remote.folder / name)
        _forget(remote.folder / name)
        raise BackendError(
            f"{key}: {name} of {remote.id!r} is not what the hub says: expected {remote.size(name)} bytes with "
            f"{f'SHA-256 {sha256}' if sha256 else expected}, found SHA-256 {actual}; it was removed from the cache"
        )
    return {
        name: LockedFile(size=remote.size(name), sha256=remote.sha256(name) or file_digest(remote.folder / name))
        for name in names
    }


def _snapshot(remote: Remote, names: Sequence[str], key: str) -> None:
    """Download what is missing; the library takes up what broke off, but gives up at the first server error."""
    exact = [glob.escape(name) for name in names]  # the library takes patterns
    with _hub_errors(remote.id, remote.revision, key):
        for left in reversed(range(_TRIES)):
            try:
                snapshot_download(remote.id, revision=remote.revision, allow_patterns=exact, token=_token() or False)
                break
            except Exception as error:
                if not left or not _may_pass(error):
                    raise
                time.sleep(_WAIT * 2 ** (_TRIES - 1 - left))


def _may_pass(error: Exception) -> bool:
    """Whether another try may help."""
    if isinstance(error, HfHubHTTPError):
        return error.response is None or error.response.status_code not in _CLIENT_ERRORS
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return False
    return isinstance(error, (httpx2.TransportError, OSError)) and not isinstance(error, OfflineModeIsEnabled)


def _damaged(remote: Remote, names: Sequence[str], key: str) -> list[str]:
    """Those of the files in the cache whose hash is not the hub's."""
    with _hub_errors(remote.id, remote.revision, key):
        checked = _api().verify_repo_checksums(remote.id, revision=remote.revision)
    return [one["path"] for one in checked.mismatches if one["path"] in names]


def _forget(path: Path) -> None:
    """Take one file out of the cache, with the content that it stands for."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)


def _api() -> HfApi:
    return HfApi(token=_token() or False)


def _token() -> str | None:
    """The hub's token, from the environment only."""
    return os.environ.get(TOKEN) or None


@contextmanager
def _hub_errors(model_id: str, revision: str | None, key: str) -> Iterator[None]:
    """Say what to do about whatever goes wrong at the hub.

    Raises:
        BackendError: in place of every error.
    """
    try:
        yield
    except Exception as error:
        raise _hub_failure(error, model_id, revision, key) from error


def _hub_failure(error: Exception, model_id: str, revision: str | None, key: str) -> BackendError:
    cause: BaseException = error
    while isinstance(cause, LocalEntryNotFoundError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, GatedRepoError):
        which = f"the account of {TOKEN} has not" if _token() else f"{TOKEN} is not set and nobody has"
        return BackendError(
            f"{key}: {model_id!r} is gated, and {which} been let in: accept its terms on its page of the hub, make "
            f"a token that may read gated models, put it into the environment variable {TOKEN} (never into a file of "
            "the study), and run 'varireal fetch' again"
        )
    if isinstance(cause, RevisionNotFoundError):
        return BackendError(f"{key}.revision: {model_id!r} has no commit, branch or tag {revision!r}")
    if isinstance(cause, RepositoryNotFoundError):
        hint = f"is it private? The account of {TOKEN} has no access" if _token() else f"a private one needs {TOKEN}"
        return BackendError(f"{key}.id: the hub has no model {model_id!r}, or does not show it; {hint}")
    if isinstance(cause, OfflineModeIsEnabled):
        return BackendError(f"{key}: {model_id!r} cannot be fetched while HF_HUB_OFFLINE is set; unset it to fetch")
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        return BackendError(f"{key}: the disk of {cache_folder()} is full; free space, or set HF_HOME to another disk")
    return BackendError(
        f"{key}: {model_id!r} cannot be fetched from the hub: {error_text(cause, 200)}; run "
        "'varireal fetch' on a machine with a network, or give a local folder"
    )
