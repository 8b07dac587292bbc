"""Fetching what a config needs into the hub's cache, and the lock that says what was fetched."""

import errno
import hashlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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
from huggingface_hub.utils.tqdm import disable_progress_bars

from varireal.config.machine import ModelRef, is_local
from varireal.errors import BackendError, ConfigError, VariRealError
from varireal.models.cache import INDEX, cache_folder, choose_files, is_commit, local_parts
from varireal.models.catalog import Need
from varireal.models.lock import Lock, LockedFile, LockedModel, card_licence, locked

# The hub: what a repository holds at a revision, and its files into the cache. Errors say what to do about them.

TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name

_TRIES = 4
_WAIT = 2.0  # seconds before the second try, doubled for each more
_CLIENT_ERRORS = range(400, 500)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the hub.

    Attributes:
        size: bytes.
        sha256: of a file in large-file storage.
        blob: git's id of a small one, the SHA-1 of its size and content.
    """

    size: int
    sha256: str | None
    blob: str | None

    def fits(self, path: Path, sha256: str) -> bool:
        """Whether a downloaded file, of that SHA-256, is this one."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256 is not None:
            return sha256 == self.sha256
        if self.blob is None:
            return True
        content = b"blob %d\0" % self.size + path.read_bytes()
        return hashlib.sha1(content, usedforsecurity=False).hexdigest() == self.blob


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository at a revision.

    Attributes:
        id: hub id.
        revision: the commit.
        gated: whether its terms must be accepted.
        files: all its files.
    """

    id: str
    revision: str
    gated: bool
    files: Mapping[str, RemoteFile]

    @property
    def storage(self) -> Path:
        """Its folder in the cache."""
        return cache_folder() / repo_folder_name(repo_id=self.id, repo_type="model")

    @property
    def folder(self) -> Path:
        """The revision's folder in the cache."""
        return self.storage / "snapshots" / self.revision

    def to_download(self, names: Sequence[str]) -> int:
        """Bytes of the files that the cache does not have yet."""
        return sum(self.files[name].size for name in names if not self._has(name))

    def _has(self, name: str) -> bool:
        told = self.files[name].sha256 or self.files[name].blob
        blob = told is not None and (self.storage / "blobs" / told).is_file()
        return blob or (self.folder / name).is_file()


def describe(model_id: str, revision: str | None, key: str) -> Remote:
    """What a repository holds.

    Args:
        model_id: hub id.
        revision: commit, branch or tag; None for main.
        key: place in the config, for messages.

    Raises:
        BackendError: there is none, it is not open to this account, or the hub cannot be reached.
    """
    try:
        info = HfApi(token=token() or False).model_info(model_id, revision=revision, files_metadata=True)
    except Exception as error:
        raise _hub_failure(error, model_id, revision, key) from error
    if info.sha is None:
        raise BackendError(f"{key}: the hub did not say which commit of {model_id!r} {revision or 'main'!r} is")
    files = {
        file.rfilename: RemoteFile(file.size or 0, file.lfs.sha256 if file.lfs else None, file.blob_id)
        for file in info.siblings or ()
    }
    return Remote(model_id, info.sha, bool(info.gated), files)


def wanted_files(remote: Remote, ref: ModelRef, key: str) -> list[str]:
    """The files that a model needs; a pipeline's index is fetched to know its parts.

    Raises:
        BackendError: they are not there, or the index cannot be had.
    """
    index = "/".join(part for part in (ref.subfolder, INDEX) if part)
    parts = None
    if index in remote.files and ref.file is None:
        try:
            hf_hub_download(remote.id, index, revision=remote.revision, token=token() or False)
        except Exception as error:
            raise _hub_failure(error, remote.id, remote.revision, key) from error
        parts = local_parts(remote.folder, ref)
    return choose_files(remote.files, ref, key, parts)


def download(remote: Remote, names: Sequence[str], key: str) -> dict[str, LockedFile]:
    """Bring files into the cache and compare each with what the hub says of it; return their sizes and hashes.

    A cut connection is taken up where it broke, and a failed download is tried again; whole files are kept, so that
    a second call goes on where the first one ended. A file that is damaged in the cache is fetched afresh, once; one
    that stays different is removed.

    Raises:
        BackendError: a file cannot be had, or is not what the hub said it is.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    _with_tries(remote, names, key)
    found = {}
    for name in names:
        told = remote.files[name]
        path = remote.folder / name
        sha256 = file_sha256(path)
        if not told.fits(path, sha256):
            _afresh(remote, name, key)
            sha256 = file_sha256(path)
            if not told.fits(path, sha256):
                forget(path)
                raise BackendError(
                    f"{key}: {name} of {remote.id!r} is not what the hub says: expected {told.size} bytes with "
                    f"{_expected(told)}, found SHA-256 {sha256}; it was removed from the cache"
                )
        found[name] = LockedFile(size=told.size, sha256=sha256)
    return found


def forget(path: Path) -> None:
    """Take one file out of the cache, with the content that it stands for."""
    content = path.resolve()
    path.unlink(missing_ok=True)
    content.unlink(missing_ok=True)


def token() -> str | None:
    """The hub's token, from the environment only."""
    return os.environ.get(TOKEN) or None


def free_bytes() -> int:
    """Space that is left where the cache is, or will be."""
    place = cache_folder().expanduser().absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _with_tries(remote: Remote, names: Sequence[str], key: str) -> None:
    for left in reversed(range(_TRIES)):
        try:
            # the names are exact, but the library takes patterns
            exact = [name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for name in names]
            snapshot_download(remote.id, revision=remote.revision, allow_patterns=exact, token=token() or False)
        except Exception as error:
            if not left or not _passing(error):
                raise _hub_failure(error, remote.id, remote.revision, key) from error
            time.sleep(_WAIT * 2 ** (_TRIES - 1 - left))
        else:
            return


def _afresh(remote: Remote, name: str, key: str) -> None:
    try:
        hf_hub_download(remote.id, name, revision=remote.revision, token=token() or False, force_download=True)
    except Exception as error:
        raise _hub_failure(error, remote.id, remote.revision, key) from error


def _passing(error: Exception) -> bool:
    """Whether another try may help."""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code if error.response is not None else 0
        return status not in _CLIENT_ERRORS
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return False
    return isinstance(error, (httpx2.TransportError, OSError)) and not isinstance(error, OfflineModeIsEnabled)


def _expected(told: RemoteFile) -> str:
    return f"SHA-256 {told.sha256}" if told.sha256 is not None else f"git's id {told.blob}"


def _hub_failure(error: Exception, model_id: str, revision: str | None, key: str) -> BackendError:
    cause: BaseException | None = error
    while isinstance(cause, LocalEntryNotFoundError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, GatedRepoError):
        return gated_error(model_id, key)
    if isinstance(cause, RevisionNotFoundError):
        return BackendError(f"{key}.revision: {model_id!r} has no commit, branch or tag {revision!r}")
    if isinstance(cause, RepositoryNotFoundError):
        hint = f"is it private? The account of {TOKEN} has no access" if token() else f"a private one needs {TOKEN}"
        return BackendError(f"{key}.id: the hub has no model {model_id!r}, or does not show it; {hint}")
    if isinstance(cause, OfflineModeIsEnabled):
        return BackendError(f"{key}: {model_id!r} cannot be fetched while HF_HUB_OFFLINE is set; unset it to fetch")
    text = " ".join(str(cause).split())[:200] or type(cause).__name__
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        return BackendError(f"{key}: the disk of {cache_folder()} is full; free space, or set HF_HOME to another disk")
    return BackendError(
        f"{key}: {model_id!r} cannot be fetched from the hub: {text}; run "
        "'varireal fetch' on a machine with a network, or give a local folder"
    )


def gated_error(model_id: str, key: str) -> BackendError:
    """What to do about a repository whose terms have to be accepted."""
    which = f"the account of {TOKEN} has not" if token() else f"{TOKEN} is not set and nobody has"
    return BackendError(
        f"{key}: {model_id!r} is gated, and {which} been let in: accept its terms on its page of the hub, make "
        f"a token that may read gated models, put it into the environment variable {TOKEN} (never into a file of the "
        "study), and run 'varireal fetch' again"
    )


# Where a model's files are: a local folder, or the hub's cache.

logger = logging.getLogger(__name__)


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
    from huggingface_hub import constants

    from varireal.models.cache import find_cached

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
    return bring(ref, key)


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
    remote: Remote
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
    remote = describe(ref.id, ref.revision, key)
    names = wanted_files(remote, ref, key)
    check_space(remote.to_download(names))
    download(remote, names, key)
    _remember(remote, ref.revision)
    return remote.folder


def check_space(needed: int) -> None:
    """Refuse a download that does not fit.

    Args:
        needed: bytes.

    Raises:
        BackendError: the disk of the cache has less.
    """
    free = free_bytes()
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
    remote = describe(first.ref.id, asked, first.key)
    names = sorted({name for need in group for name in wanted_files(remote, need.ref, need.key)})
    same = old if old is not None and old.revision == remote.revision else None
    if same is not None:
        _compare(first, remote, same)
    return _Plan(tuple(group), remote, tuple(names), same)


def _compare(need: Need, remote: Remote, old: LockedModel) -> None:
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
    files = download(remote, plan.names, need.key)
    for name, file in (plan.old.files if plan.old is not None else {}).items():
        if name in files and files[name] != file:
            forget(remote.folder / name)
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


def _remember(remote: Remote, asked: str | None) -> None:
    """Note in the cache which commit a branch or tag is, as the library does when it is asked for one by name."""
    name = asked or "main"
    if is_commit(name):
        return
    path = remote.storage / "refs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(remote.revision, "utf-8")
