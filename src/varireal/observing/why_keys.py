"""Which keys of the config changed between two slices of a stage, by the names that they have in the config."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from varireal.layout import Layout
from varireal.seeds import digest

# Where a slice's top level comes from; what is not named here is called in the config as in the slice.
_PLACES = {
    "seed": "study.seed",
    "max_failed_fraction": "study.max_failed_fraction",
    "study": "study.name",
    "shards": "study.shards",
    "noun": "images.noun",
    "reading": "images.reading",
    "classes": "classes of the photos",
    "attributes": "edits.attributes",
    "rounds": "edits.rounds",
    "per_image": "edits.per_image",
    "model": "adapters",
    "segmenting": "masks",
    "asked": "a model judges",
    "reviewed": "verdicts.reviewed",
    "licences": "licence of a model",
    "server": "prompts.openai.server",
    "grace_seconds": "machine.grace_seconds",
    "editing": "edits.openai_images.server",
    "judging": "verdicts.openai.server",
}
_OTHERWISE = {"report": {"asked": "a language model writes the prompts"}}


def read_slice_on_disk(layout: Layout, stage: str, wanted: str | None = None) -> dict[str, Any] | None:
    """A slice as an earlier run wrote it: that of a digest, or the one that is there; None when it is not kept."""
    places = [Path(layout.paths.config(stage))]
    if wanted is not None:
        places.append(Path(layout.paths.earlier_slice(wanted)))
    for place in places:
        try:
            text = place.read_text(encoding="utf-8").rstrip("\n")
            found = json.loads(text)
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and wanted in (None, digest("slice", text, size=8)):
            return found
    return None


def changed_keys(stage: str, old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Key, old and new value of everything that differs, values as JSON; a missing key is an empty text."""
    names = _PLACES | _OTHERWISE.get(stage, {})
    return [
        (".".join((names.get(path[0], path[0]), *path[1:])), then, now)
        for path, then, now in _differences((), old, new)
    ]


def _differences(path: tuple[str, ...], old: Any, new: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key not in old:
                yield (*path, key), "", _text(new[key])
            elif key not in new:
                yield (*path, key), _text(old[key]), ""
            else:
                yield from _differences((*path, key), old[key], new[key])
    elif old != new:
        yield path, _text(old), _text(new)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
