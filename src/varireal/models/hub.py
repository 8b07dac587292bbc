"""The hub: what a repository holds at a revision, and its files into the cache. Errors say what to do about them."""

import errno
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
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

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.cache import cache_folder, local_parts
from varireal.models.choosing import INDEX, choose_files
from varireal.models.lock import LockedFile

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
        raise _told(error, model_id, revision, key) from error
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
            raise _told(error, remote.id, remote.revision, key) from error
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
                raise _told(error, remote.id, remote.revision, key) from error
            time.sleep(_WAIT * 2 ** (_TRIES - 1 - left))
        else:
            return


def _afresh(remote: Remote, name: str, key: str) -> None:
    try:
        hf_hub_download(remote.id, name, revision=remote.revision, token=token() or False, force_download=True)
    except Exception as error:
        raise _told(error, remote.id, remote.revision, key) from error


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


def _told(error: Exception, model_id: str, revision: str | None, key: str) -> BackendError:
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
