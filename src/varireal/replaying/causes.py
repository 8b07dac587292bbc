"""What is not as it was when a candidate was made: each thing with its old and its new value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal.errors import VariRealError
from varireal.paths import StudyPaths
from varireal.prompting.files import read_class_file
from varireal.provenance import STAGE_VERSIONS, package_versions
from varireal.replaying.finding import OnRecord
from varireal.replaying.remaking import Remade, Sources

# Measured columns that can explain another picture, by what they are for people.
_HOW = {
    "device": "device",
    "dtype": "number format",
    "batch_size": "items made together",
    "memory_step": "step for want of memory",
    "marks": "departures from the recipe",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        what: the thing.
        then: its value on record.
        now: its value now.
    """

    what: str
    then: str
    now: str

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.what}: {self.then or 'none'} -> {self.now or 'none'}"


def changes(record: OnRecord, sources: Sources, remade: Remade) -> list[Change]:
    """Everything that is not as on record and may explain another picture, inputs first."""
    row, made = record.row, record.made
    found = [
        Change(f"photo {sources.photo['path']}", _short(row["source_sha256"]), _short(sources.photo["sha256"])),
        Change("mask", _short(row["mask_sha256"]), _short(sources.mask_sha256)),
        Change("editor", _editor(row), _editor(remade.row)),
    ]
    if not sources.same_config:
        then = made.get("config") or "not on record"
        found.append(Change("config of edits", f"{then} (not kept)", "that of today"))
    found += [
        Change(f"model {name}", then, now)
        for name, then, now in _pairs(_models(made, row), _models(remade.facts, row))
    ]
    # a number that was not measured is unknown, not another value
    found += [
        Change(what, _text(row.get(name)), _text(remade.row.get(name)))
        for name, what in _HOW.items()
        if row.get(name) is not None
    ]
    if "written_with" in made:
        found += [
            Change(f"package {name}", then, now)
            for name, then, now in _pairs(made["written_with"], package_versions())
        ]
    if made.get("version") is not None:
        found.append(Change("stage edits", f"v{made['version']}", f"v{STAGE_VERSIONS['edits']}"))
    return [change for change in found if change.then != change.now]


def since(record: OnRecord, study: Path) -> list[str]:
    """What the study says otherwise today; the replay uses what is on record, the next run would not."""
    row = record.row
    try:
        prompts = read_class_file(Path(StudyPaths(str(study)).prompts(row["class_id"])))
    except VariRealError as error:
        return [f"the prompt file cannot be read ({error}); the texts on record were used"]
    today = next((prompt for prompt in prompts if prompt.prompt_id == row["prompt_id"]), None)
    if today is None:
        return [f"the prompt {row['prompt_id']} is no longer in the study; the texts on record were used"]
    then = (row["prompt_name"], row["prompt_description"], row["prompt_rgb"] or "")
    now = (today.name, today.description, today.rgb)
    return [
        f"the {what} of prompt {row['prompt_id']} is now {new!r}; {old!r} on record was used"
        for what, old, new in zip(("name", "description", "colour"), then, now, strict=True)
        if old != new
    ]


def _editor(row: Mapping[str, Any]) -> str:
    return f"{row['backend']} v{row['backend_version']}"


def _models(facts: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    models: Mapping[str, Any] = (facts.get("models") or {}).get(row["attribute"], {})
    return models


def _pairs(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*then, *now}):
        yield name, _text(then.get(name)), _text(now.get(name))


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _short(digest: object) -> str:
    return str(digest or "")[:12]
