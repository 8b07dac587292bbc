"""``models.lock``: which revision of each hub model a study uses, and what its files are. People commit it.

``varireal fetch`` writes it. Where the config pins no revision, the lock's is put into the stages' slices, so that
rows and keys say it and a newer model makes edits again instead of mixing with the older one's.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from varireal.config.base import StrictModel, explain
from varireal.config.machine import ModelRef, is_local
from varireal.config.model import Config
from varireal.core.files import write_whole
from varireal.core.registry import is_built_in
from varireal.errors import ConfigError
from varireal.models.catalog import ADAPTERS, ModelNeed, chosen_backends, hosted_models, needed_models


class Known(StrictModel):
    """What is known of a hub id before anything is fetched; ``assets/models/known.yaml`` explains the fields."""

    licence: str | None = None
    gated: bool | None = None
    gb: float | None = None
    gb_16: float | None = None
    part_16: float | None = None


def known(model_id: str) -> Known:
    """Facts on a hub id; all None when there are none."""
    return _all().get(model_id, Known())


@cache
def _all() -> dict[str, Known]:
    text = files("varireal").joinpath("assets", "models", "known.yaml").read_text("utf-8")
    return {name: Known.model_validate(facts) for name, facts in yaml.safe_load(text).items()}


_HEAD = """\
# The models of a study: revision and files of each, as 'varireal fetch' found them. Commit this file with the config.
# 'varireal fetch --update' moves to newer revisions; 'varireal doctor --verify' compares the files with these hashes.
"""

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
        text = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{path} cannot be read ({text}); restore it, or delete it and run 'varireal fetch'"
        ) from error
    try:
        return Lock.model_validate_json(json.dumps(raw if raw is not None else {}), strict=True)
    except (ValidationError, TypeError) as error:
        problem = explain(error, Lock) if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"{path}: {problem}; restore it, or delete it and run 'varireal fetch'") from None


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock, whole or not at all; the same lock gives the same bytes."""
    content = lock.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=True, default_flow_style=None, width=1000, allow_unicode=True)
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
    place = entry.revision if entry.asked is None else f"{entry.asked}, {entry.revision}"
    raise ConfigError(
        f"{key}.revision is {ref.revision!r}, but the lock has {ref.id} at {place}; run 'varireal fetch --update' to "
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


UNKNOWN = "unknown"
PHOTOS = "the photos"
SERVER_TERMS = "terms of its server"

NO_DERIVATIVES, NON_COMMERCIAL, RESTRICTED, SHARE_ALIKE, PERMISSIVE = (
    "no derivatives",
    "non-commercial",
    "use-restricted",
    "share-alike",
    "permissive",
)
# From the strictest to the freest; the first that matches counts. Coarse on purpose: what matters to someone who gets
# a data set is whether they may sell what they make of it, and whether somebody wrote down what it may not be used
# for.
_CLASSES = (
    (NO_DERIVATIVES, r"\bnd\b|no[ -]?deriv"),
    (
        NON_COMMERCIAL,
        r"\bnc\b|non[ -]?commercial|research[ -]?(only|use|purposes)|academic|flux-1-dev|\bbria\b|rmbg",
    ),
    (RESTRICTED, r"rail|llama|gemma|community|use[ -]?restricted|responsible"),
    (SHARE_ALIKE, r"\bsa\b|share[ -]?alike|gpl|\bodbl\b|\bmpl\b|copyleft"),
    (
        PERMISSIVE,
        r"^(mit|apache([ -]?(version )?2(\.0)?)?|bsd\b.*|isc|zlib|unlicense|wtfpl|0bsd|cc0\b.*|"
        r"cc[ -]by([ -]\d(\.\d)?)?|cc[ -]zero|pddl|public domain|odc-by)$",
    ),
)
_RANK = {name: rank for rank, (name, _) in enumerate(_CLASSES)}


def licence_class(licence: str) -> str:
    """``no derivatives``, ``non-commercial``, ``use-restricted``, ``share-alike``, ``permissive`` or ``unknown``.

    Args:
        licence: a name or identifier, as cards write it.
    """
    classes = {_class_of_one(part) for part in licence.split(", ")}
    return UNKNOWN if UNKNOWN in classes else min(classes, key=_RANK.__getitem__)


def _class_of_one(licence: str) -> str:
    text = re.sub(r"\s*\blicen[cs]e\b", "", licence.strip().lower().replace("_", "-")).strip()
    return next((name for name, pattern in _CLASSES if re.search(pattern, text)), UNKNOWN)


def effective_licence(licences: Mapping[str, str]) -> str:
    """One line: the strictest class, and what brings it in. A help for people, no legal advice.

    A licence that is not recognised is unknown, and never taken for a free one.

    Args:
        licences: licence by what it belongs to, such as a model's id, or ``PHOTOS``.
    """
    by_class: dict[str, list[str]] = {}
    for name, licence in sorted(licences.items()):
        entry = name if licence.strip().lower() in ("", UNKNOWN) else f"{name} ({licence})"
        by_class.setdefault(licence_class(licence), []).append(entry)
    unknown = by_class.pop(UNKNOWN, [])
    if not by_class:
        return f"unknown: {', '.join(unknown)}" if unknown else "nothing has a licence of its own"
    strictest = min(by_class, key=_RANK.__getitem__)
    why = f"{strictest}, because of {', '.join(by_class[strictest])}"
    if strictest == PERMISSIVE:
        why = "permissive: " + ", ".join(by_class[strictest])
    if not unknown:
        return why
    if _RANK[strictest] <= _RANK[NON_COMMERCIAL]:
        return f"{why}; unknown for {', '.join(unknown)}"
    return f"unknown, because of {', '.join(unknown)}; the rest is {why}"


def study_licences(config: Config, lock: Lock) -> dict[str, str]:
    """Licence of every model that a data set depends on: those of masks, edits and verdicts, and hosted ones.

    Args:
        config: the study's.
        lock: what was fetched.
    """
    licences = {
        name_of(need): licence_of(need, lock) for need in needed_models(config) if need.stages != ("adapters",)
    }
    licences |= {f"{asked.model} ({asked.key})": SERVER_TERMS for asked in hosted_models(config)}
    strange = [name for kind, name in chosen_backends(config) if kind != "learners" and not is_built_in(kind, name)]
    licences |= {f"{name} (backend of another package)": UNKNOWN for name in strange}
    return dict(sorted(licences.items()))


def name_of(need: ModelNeed) -> str:
    """A model as a card names it: its hub id, or the last part of a local path, which says nothing of the machine."""
    return Path(need.ref.id).expanduser().name if need.local else need.ref.id


def licence_of(need: ModelNeed, lock: Lock) -> str:
    """The licence of a model, ``unknown`` when neither the lock, its own card nor this package says it."""
    if need.local:
        place = Path(need.ref.id).expanduser()
        return card_licence(place if place.is_dir() else place.parent)
    entry = lock.models.get(need.ref.id)
    if entry is not None and entry.licence != UNKNOWN:
        return entry.licence
    return known(need.ref.id).licence or UNKNOWN


def card_licence(folder: Path) -> str:
    """The licence that a repository's ``README.md`` states in its front matter; ``unknown`` without one.

    Its keys are ``license``, an identifier or a list of them, and ``license_name`` where the licence is "other".
    """
    try:
        text = (folder / "README.md").read_text("utf-8", errors="replace").replace("\r\n", "\n")
    except OSError:
        return UNKNOWN
    match = re.match(r"\A---\n(.*?)\n---\s*(\n|\Z)", text, re.DOTALL)
    try:
        front = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError:
        return UNKNOWN
    if not isinstance(front, dict):
        return UNKNOWN
    stated = front.get("license") or UNKNOWN
    names = [str(name) for name in stated] if isinstance(stated, list) else [str(stated)]
    if names == ["other"]:
        names = [str(front.get("license_name") or UNKNOWN)]
    return " ".join(", ".join(names).split())[:100]


def as_locked(config: Config) -> tuple[Config, dict[str, str]]:
    """The config at the lock's revisions, and the licence of every model that the data set depends on.

    From these the workflow makes the stages' slices.

    The lock is not read when no model of the hub is used.

    Raises:
        ConfigError: the lock is damaged, or the config pins another revision.
    """
    hub = any(not need.local for need in needed_models(config))
    lock = read_lock(Path(config.machine.lock)) if hub else Lock()
    return pinned(config, lock), study_licences(config, lock)
