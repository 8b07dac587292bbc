"""The hub's cache on this machine: what is in it, without asking the network. The library's own layout.

``HF_HOME`` or ``HF_HUB_CACHE`` say where it is.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from varireal.config.machine import ModelRef
from varireal.errors import BackendError
from varireal.models.choosing import INDEX, choose_files, is_legal, pipeline_parts

_COMMIT = re.compile(r"[0-9a-f]{40}")
_MAIN = "main"


@dataclass(frozen=True, slots=True)
class Cached:
    """A model in the cache.

    Attributes:
        folder: of the revision.
        revision: the commit.
        wanted: names of the files that are needed, and of the card and licence when they are there.
        missing: those of them that are not there.
    """

    folder: Path
    revision: str
    wanted: tuple[str, ...]
    missing: tuple[str, ...]


def cache_folder() -> Path:
    """Where the hub's cache is."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a whole commit, which cannot move."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def find_cached(ref: ModelRef, key: str) -> Cached | None:
    """A hub model in the cache, whole or in part; None when nothing of that revision is there.

    Args:
        ref: the model; without a revision the branch main, as it was when it was last fetched.
        key: its place in the config.

    Raises:
        BackendError: the repository has not what is needed.
    """
    from huggingface_hub.file_download import repo_folder_name

    storage = cache_folder() / repo_folder_name(repo_id=ref.id, repo_type="model")
    revision = _commit_of(storage, ref.revision or _MAIN)
    if revision is None:
        return None
    folder = storage / "snapshots" / revision
    if not folder.is_dir():
        return None
    names = _names(ref.id, revision, folder)
    there = {name: (folder / name).is_file() for name in choose_files(names, ref, key, local_parts(folder, ref))}
    wanted = tuple(name for name, found in there.items() if found or not is_legal(name))
    return Cached(folder, revision, wanted, tuple(name for name in wanted if not there[name]))


def local_parts(folder: Path, ref: ModelRef) -> set[str] | None:
    """Parts of the pipeline in a folder; None when it is not one.

    Raises:
        BackendError: its index is damaged.
    """
    path = folder / (ref.subfolder or "") / INDEX
    if ref.file is not None or not path.is_file():
        return None
    try:
        return pipeline_parts(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, AttributeError) as error:
        raise BackendError(f"{path} cannot be read ({error}); fetch the model {ref.id!r} again") from error


def _commit_of(storage: Path, revision: str) -> str | None:
    """The commit of a revision, as the cache knows it."""
    if is_commit(revision):
        return revision
    try:
        return (storage / "refs" / revision).read_text("utf-8").strip() or None
    except OSError:
        return None


def _names(model_id: str, revision: str, folder: Path) -> list[str]:
    """All files of the repository where the cache has kept the list, else those that are there."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        return [file.path for file in get_cached_repo_tree(model_id, revision=revision)]
    except CachedRepoTreeNotFoundError:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
