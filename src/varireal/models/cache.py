"""The hub's cache on this machine: which files of a repository a model needs, and which of them are there.

``HF_HOME`` or ``HF_HUB_CACHE`` say where the cache is; its layout is the library's. No network is asked.

A public repository often holds the same weights several times: pickled, for other frameworks, as one file for other
programs, in other precisions. A whole download is then several times what is loaded. So what is fetched are
safetensors of one variant, configs and tokenizers, and nothing that runs code.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from varireal.config.machine import ModelRef
from varireal.core.files import few
from varireal.errors import BackendError

INDEX = "model_index.json"  # of a diffusers pipeline: its parts

# Beside the weights these decide what a model gives: configs, vocabularies, templates.
TEXTS = (".json", ".txt", ".model", ".jinja")
_LEGAL = re.compile(r"(readme\.md|licen[cs]e[^/]*|notice[^/]*|copying[^/]*)", re.IGNORECASE)
# Weights as transformers, diffusers and open_clip name them; single files for other programs have names of their own.
_OPEN_CLIP = ("open_clip_model", "open_clip_pytorch_model")
_STEMS = ("model", "diffusion_pytorch_model", "pytorch_lora_weights", *_OPEN_CLIP)
_NAME = re.compile(
    rf"(?P<stem>{'|'.join(_STEMS)})(\.(?P<before>\w+))?(-\d{{5}}-of-\d{{5}})?(\.(?P<after>\w+))?\.safetensors"
)
# Weights that are not loaded: all but the last three run code when they are opened, or may.
_OTHER_WEIGHTS = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".msgpack", ".h5", ".onnx", ".gguf")


# What the place of a model in the config says about its files: folders that belong to it besides its own, and whether
# it is an ONNX file.
_MORE_FOLDERS = {"edits.sdxl.models.ip_adapter": ("models/image_encoder",)}
_ONNX = ("masks.matting.model",)
_COMMIT = re.compile(r"[0-9a-f]{40}")


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


def is_legal(name: str) -> bool:
    """Whether a file is a card or a licence: good to have, and not needed to load anything."""
    return _LEGAL.fullmatch(name) is not None


def pipeline_parts(index: Mapping[str, Any]) -> set[str]:
    """Names of the parts of a pipeline that are there, from its ``model_index.json``."""
    return {
        name
        for name, kind in index.items()
        if not name.startswith("_") and isinstance(kind, list) and len(kind) == 2 and kind[1] is not None
    }


def choose_files(names: Iterable[str], ref: ModelRef, key: str, parts: Collection[str] | None = None) -> list[str]:
    """The files of a repository or folder that a model needs, sorted.

    Args:
        names: all its files, with forward slashes.
        ref: the model.
        key: its place in the config.
        parts: parts of the pipeline, when it is one.

    Raises:
        BackendError: what is needed is not there, or only in a format that can run code.
    """
    chosen = _Chooser(sorted(names), ref, key)
    if ref.file is not None or key in _ONNX:
        return chosen.of_file()
    return chosen.of_pipeline(parts) if parts is not None else chosen.of_model()


class _Chooser:
    def __init__(self, names: list[str], ref: ModelRef, key: str) -> None:
        self._names, self._ref, self._key = names, ref, key
        self._root = ref.subfolder or ""
        self._by_folder: dict[str, list[str]] = {}
        for name in names:
            self._by_folder.setdefault(_folder(name), []).append(name)

    def of_file(self) -> list[str]:
        """One file, what lies beside it under the same name, and its configs."""
        wanted = "/".join(part for part in (self._root, self._ref.file or self._only_onnx()) if part)
        if not wanted.endswith((".safetensors", ".onnx")):
            raise BackendError(f"{self._key}.file: {wanted!r} is no .safetensors or .onnx file; others can run code")
        if wanted not in self._names:
            near = [name for name in self._names if name.endswith(PurePosixPath(wanted).suffix)]
            raise BackendError(f"{self._key}.file: {self._ref.id!r} has no {wanted!r}; it has {_few(near)}")
        data = re.compile(rf"{re.escape(wanted)}[._]data.*")
        beside = [name for name in self._names if data.fullmatch(name)]
        configs = {"config.json", "preprocessor_config.json"}
        near = [name for folder in {"", _folder(wanted)} for name in self._by_folder.get(folder, [])]
        chosen = {wanted, *beside, *(name for name in near if _base(name) in configs), *self._legal()}
        for folder in _MORE_FOLDERS.get(self._key, ()):
            chosen |= {*self._texts(folder), *self._weights(folder, None, needed=True)}
        return sorted(chosen)

    def of_pipeline(self, parts: Collection[str]) -> list[str]:
        """The folders of a pipeline's parts."""
        chosen = {*self._texts(self._root), *self._legal()}
        has_variant = False
        for part in sorted(parts):
            folder = f"{self._root}/{part}" if self._root else part
            weights = self._weights(folder, self._ref.variant, needed=False)
            has_variant |= bool(weights)
            if not weights:  # a part without weights of the variant is taken as it is
                weights = self._weights(
                    folder,
                    None,
                    needed=any(
                        name.endswith((".safetensors", *_OTHER_WEIGHTS)) for name in self._by_folder.get(folder, [])
                    ),
                )
            chosen |= {*self._texts(folder), *weights}
        if self._ref.variant is not None and not has_variant:
            raise self._no_variant([name for name in self._names if name.endswith(".safetensors")])
        return sorted(chosen)

    def of_model(self) -> list[str]:
        """One folder with its weights and texts."""
        weights = self._weights(self._root, self._ref.variant, needed=True)
        templates = self._texts(f"{self._root}/additional_chat_templates".lstrip("/"))
        return sorted({*weights, *self._texts(self._root), *templates, *self._legal()})

    def _legal(self) -> list[str]:
        return [name for name in self._names if is_legal(name)]

    def _texts(self, folder: str) -> list[str]:
        return [
            name
            for name in self._by_folder.get(folder, [])
            if name.endswith(TEXTS) and not name.endswith((".bin.index.json", ".msgpack.index.json"))
        ]

    def _weights(self, folder: str, variant: str | None, *, needed: bool) -> list[str]:
        present = [name for name in self._by_folder.get(folder, []) if name.endswith(".safetensors")]
        named = {name: match for name in present if (match := _NAME.fullmatch(_base(name)))}
        is_open_clip = any(_base(name) == "open_clip_config.json" for name in self._by_folder.get(folder, []))
        if is_open_clip and any(match["stem"] in _OPEN_CLIP for match in named.values()):
            named = {name: match for name, match in named.items() if match["stem"] in _OPEN_CLIP}
        elif not is_open_clip:
            named = {name: match for name, match in named.items() if match["stem"] not in _OPEN_CLIP}
        weights = [name for name, match in named.items() if (match["before"] or match["after"]) == variant]
        if not named and len(present) == 1 and variant is None:
            weights = present  # such as a LoRA under a name of its own
        if needed and not weights:
            raise self._missing(folder, present, list(named), variant)
        return weights

    def _only_onnx(self) -> str:
        files = [name for name in self._names if name.endswith(".onnx") and name.startswith(self._root)]
        if len(files) != 1:
            raise BackendError(
                f"{self._key}.file is missing: which ONNX file of {self._ref.id!r}? It has {_few(files)}"
            )
        return files[0].removeprefix(f"{self._root}/")

    def _missing(self, folder: str, present: list[str], named: list[str], variant: str | None) -> BackendError:
        where = f"{self._ref.id!r}" + (f" in {folder}" if folder else "")
        if named and variant is not None:
            return self._no_variant(named)
        if named:
            return BackendError(
                f"{self._key}.variant: {where} has no plain weights, only {_few(named)}; name the variant"
            )
        if present:
            return BackendError(f"{self._key}.file is missing: which of {_few(present)} of {where}?")
        others = sorted({suffix for name in self._names for suffix in _OTHER_WEIGHTS if name.endswith(suffix)})
        weights = f"only weights as {', '.join(others)}" if others else "no weights"
        return BackendError(
            f"{self._key}: {where} holds no .safetensors file, {weights}; other formats are not loaded, because they "
            "can run code: choose another repository, or convert it on a machine that you can lose"
        )

    def _no_variant(self, named: list[str]) -> BackendError:
        return BackendError(
            f"{self._key}.variant: {self._ref.id!r} has no weights of the variant {self._ref.variant!r}, only "
            f"{_few(named)}; set it to null or to one of these"
        )


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _few(names: Sequence[str]) -> str:
    return few(names, 4) or "none"


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
    revision = _commit_of(storage, ref.revision or "main")
    if revision is None:
        return None
    folder = storage / "snapshots" / revision
    if not folder.is_dir():
        return None
    names = _names(ref.id, revision, folder)
    there = {name: (folder / name).is_file() for name in choose_files(names, ref, key, local_parts(folder, ref))}
    wanted = tuple(name for name, is_there in there.items() if is_there or not is_legal(name))
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
