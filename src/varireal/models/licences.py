"""Licences of a study's models and photos, folded into one line. A help for people, no legal advice.

The classes are coarse on purpose: what matters to someone who gets a data set is whether they may sell what they make
of it, and whether somebody wrote down what it may not be used for. A licence that is not recognised is said as
unknown, and never taken for a free one.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from varireal.config.model import Config
from varireal.models.catalog import Need, asked_models, chosen_backends, needed_models
from varireal.models.known import known
from varireal.models.lock import Lock
from varireal.registry import is_built_in

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
# From the strictest to the freest; the first that matches counts.
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
    """One line: the strictest class, and what brings it in.

    Args:
        licences: licence by what it belongs to, such as a model's id, or ``PHOTOS``.
    """
    by_class: dict[str, list[str]] = {}
    for name, licence in sorted(licences.items()):
        told = name if licence.strip().lower() in ("", UNKNOWN) else f"{name} ({licence})"
        by_class.setdefault(licence_class(licence), []).append(told)
    unknown = by_class.pop(UNKNOWN, [])
    if not by_class:
        return f"unknown: {_listed(unknown)}" if unknown else "nothing has a licence of its own"
    strictest = min(by_class, key=_RANK.__getitem__)
    why = f"{strictest}, because of {_listed(by_class[strictest])}"
    if strictest == PERMISSIVE:
        why = "permissive: " + _listed(by_class[strictest])
    if not unknown:
        return why
    if _RANK[strictest] <= _RANK[NON_COMMERCIAL]:
        return f"{why}; unknown for {_listed(unknown)}"
    return f"unknown, because of {_listed(unknown)}; the rest is {why}"


def study_licences(config: Config, lock: Lock) -> dict[str, str]:
    """Licence of every model that a data set depends on: those of masks, edits and verdicts, and hosted ones.

    Args:
        config: the study's.
        lock: what was fetched.
    """
    found = {name_of(need): licence_of(need, lock) for need in needed_models(config) if need.stages != ("adapters",)}
    found |= {f"{asked.model} ({asked.key})": SERVER_TERMS for asked in asked_models(config)}
    strange = [name for kind, name in chosen_backends(config) if not is_built_in(kind, name)]
    found |= {f"{name} (backend of another package)": UNKNOWN for name in strange}
    return dict(sorted(found.items()))


def name_of(need: Need) -> str:
    """A model as a card names it: its hub id, or the last part of a local path, which says nothing of the machine."""
    return Path(need.ref.id).expanduser().name if need.local else need.ref.id


def licence_of(need: Need, lock: Lock) -> str:
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


def _listed(names: list[str]) -> str:
    return ", ".join(names)
