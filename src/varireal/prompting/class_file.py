"""The prompts of one class in a study, as a file that people edit: its content, and how a regeneration merges into it.

Besides the entries a file records, per entry that was generated, a digest of what was generated. So a later
regeneration can tell an entry that a person edited (the digest differs), added (no digest) or deleted (a digest
without an entry) from one that nobody touched.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from varireal import names
from varireal.prompting.bank import new_prompt_id
from varireal.prompting.reading import Document, Node, read_document
from varireal.records import ClassInfo, Prompt, is_rgb

ENTRY_KEYS = ("id", "name", "description", "source", "rgb", "model", "judge", "status")
TOP_KEYS = ("class_id", "class_name", "origin", *names.ATTRIBUTES, "removed", "generated")
EDITED, REVIEW, APPROVED = "edited", "review", "approved"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class ClassFile:
    """Content of one file.

    Attributes:
        class_id: the class.
        class_name: its display name.
        origin: where generated entries come from, for a reader.
        prompts: entries in file order, by setting.
        generated: prompt id -> digest of what was generated under that id.
        removed: ids that a person deleted; they are not generated again.
        unnamed: ids that were made while reading, for entries that had none.
    """

    class_id: str
    class_name: str
    origin: str
    prompts: tuple[Prompt, ...]
    generated: Mapping[str, str]
    removed: tuple[str, ...] = ()
    unnamed: frozenset[str] = frozenset()

    def untouched(self, prompt: Prompt) -> bool:
        """Whether an entry is as it was generated."""
        return self.generated.get(prompt.prompt_id) == entry_digest(prompt)


def entry_digest(prompt: Prompt) -> str:
    """Digest of place, name, description and colour; source, votes and status are no part of what a prompt says."""
    colour = [prompt.rgb] if prompt.rgb else []
    return _digest([prompt.attribute, prompt.feasibility, prompt.name, prompt.description, *colour])


def setting_digests(prompts: Iterable[Prompt]) -> dict[tuple[str, str], str]:
    """(attribute, feasibility) -> digest over (id, name, description, colour), independent of order.

    Every setting is a key, also one without prompts.
    """
    texts: dict[tuple[str, str], list[list[str]]] = {(a, f): [] for a in names.ATTRIBUTES for f in names.FEASIBILITIES}
    for prompt in prompts:
        colour = [prompt.rgb] if prompt.rgb else []
        texts[prompt.attribute, prompt.feasibility].append(
            [prompt.prompt_id, prompt.name, prompt.description, *colour]
        )
    return {setting: _digest(sorted(rows)) for setting, rows in texts.items()}


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode("ascii"), digest_size=8).hexdigest()


def parse(path: Path) -> tuple[ClassFile, Document]:
    """Read a file.

    Raises:
        ConfigError: not such a file; the message has file and line.
    """
    document = read_document(path)
    top = document.mapping(document.root, "the file", TOP_KEYS)
    texts = {
        key: document.string(top[key][1], key) if key in top else "" for key in ("class_id", "class_name", "origin")
    }
    if texts["class_id"] != path.stem:
        line = top["class_id"][0] if "class_id" in top else document.root
        document.fail(line, f"class_id is {texts['class_id']!r}, expected {path.stem!r} as the file is called")
    prompts, unnamed = _entries(document, top, texts["class_id"])
    generated = document.mapping(top["generated"][1], "generated") if "generated" in top else {}
    removed = document.sequence(top["removed"][1], "removed") if "removed" in top else []
    content = ClassFile(
        class_id=texts["class_id"],
        class_name=texts["class_name"],
        origin=texts["origin"],
        prompts=prompts,
        generated={key: document.string(node, f"generated.{key}") for key, (_, node) in generated.items()},
        removed=tuple(document.string(node, "an entry of removed") for node in removed),
        unnamed=unnamed,
    )
    touched = (p if content.untouched(p) else replace(p, source=EDITED) for p in content.prompts)
    return replace(content, prompts=tuple(touched)), document


def entry_nodes(document: Document, top: Mapping[str, tuple[Node, Node]]) -> list[tuple[str, str, Node]]:
    """(attribute, feasibility, node) of every entry, by setting and then in file order."""
    found = []
    for attribute in names.ATTRIBUTES:
        if attribute in top:
            arms = document.mapping(top[attribute][1], attribute, names.FEASIBILITIES)
            for feasibility in names.FEASIBILITIES:
                if feasibility in arms:
                    items = document.sequence(arms[feasibility][1], f"{attribute}.{feasibility}")
                    found += [(attribute, feasibility, item) for item in items]
    return found


def _entries(
    document: Document, top: Mapping[str, tuple[Node, Node]], class_id: str
) -> tuple[tuple[Prompt, ...], frozenset[str]]:
    """Prompts of the file, and the ids that had to be made."""
    rows = []
    lines: dict[str, int] = {}
    for attribute, feasibility, item in entry_nodes(document, top):
        where = f"an entry of {attribute}.{feasibility}"
        fields = dict.fromkeys(ENTRY_KEYS, "")
        if item.kind == "text":
            fields["name"] = item.text
        else:
            pairs = document.mapping(item, where, ENTRY_KEYS)
            fields |= {key: document.string(node, f"{key} of {where}") for key, (_, node) in pairs.items()}
        if fields["rgb"] and not is_rgb(fields["rgb"]):
            document.fail(item, f"rgb of {where} is {fields['rgb']!r}, expected a colour such as '#c81e1e'")
        if not fields["name"].strip():
            document.fail(item, f"{where} has no name; delete the whole entry to be rid of it")
        prompt_id = fields["id"]
        if prompt_id in lines:
            message = (
                f"id {prompt_id!r} is there twice, first in line {lines[prompt_id]}; delete the line 'id' of a copy"
            )
            document.fail(item, message)
        if prompt_id:
            if not _ID.fullmatch(prompt_id) or not prompt_id.startswith(f"{class_id}."):
                message = f"id {prompt_id!r} is not of the form '{class_id}.…' with letters, digits, '.', '_' and '-'"
                document.fail(item, f"{message}; delete the line 'id' and the entry gets one")
            lines[prompt_id] = item.line
        rows.append((attribute, feasibility, fields))
    # Ids are made last, so that an entry without one never takes an id that is written further down.
    taken = set(lines)
    prompts = []
    for attribute, feasibility, fields in rows:
        prompt_id = fields["id"] or new_prompt_id(class_id, attribute, feasibility, fields["name"], taken)
        prompts.append(
            Prompt(
                prompt_id,
                class_id,
                attribute,
                feasibility,
                fields["name"],
                fields["description"],
                fields["source"] or EDITED,
                **{key: fields[key] for key in ENTRY_KEYS[4:]},
            )
        )
    return tuple(prompts), frozenset(taken - set(lines))


def merge(
    old: ClassFile | None, class_info: ClassInfo, prompts: Sequence[Prompt], origin: str
) -> tuple[ClassFile, list[str]]:
    """What the file holds after a regeneration, and what was kept of a person's work, one line each.

    Entries that nobody touched become what was generated now, or go when it is no longer generated. Entries that a
    person edited or added stay as they are. Entries that a person deleted stay deleted, listed under ``removed``.
    """
    new = {prompt.prompt_id: prompt for prompt in prompts}
    if old is None:
        digests = {prompt_id: entry_digest(prompt) for prompt_id, prompt in new.items()}
        return ClassFile(class_info.class_id, class_info.name, origin, tuple(prompts), digests), []
    present = {prompt.prompt_id for prompt in old.prompts}
    deleted = [prompt_id for prompt_id in (*old.removed, *old.generated) if prompt_id not in present]
    removed = tuple(dict.fromkeys(deleted))
    kept, notes = [], []
    for prompt in old.prompts:
        fresh = new.get(prompt.prompt_id)
        if fresh is not None and (old.untouched(prompt) or entry_digest(fresh) == entry_digest(prompt)):
            kept.append(replace(fresh, status=APPROVED) if prompt.status == APPROVED else fresh)
        elif not old.untouched(prompt):
            how = "edited" if prompt.prompt_id in old.generated else "added"
            notes.append(f"kept {prompt.prompt_id}: {how} by hand")
            kept.append(replace(prompt, source=EDITED))
    notes += [f"left out {prompt_id}: removed by hand" for prompt_id in removed if prompt_id in new]
    merged = _insert(kept, [p for p in prompts if p.prompt_id not in present and p.prompt_id not in removed], prompts)
    ids = {prompt.prompt_id for prompt in merged}
    content = ClassFile(
        class_id=class_info.class_id,
        class_name=class_info.name,
        origin=origin,
        prompts=tuple(merged),
        generated={prompt_id: entry_digest(prompt) for prompt_id, prompt in new.items() if prompt_id in ids},
        removed=removed,
    )
    return content, notes


def _insert(kept: list[Prompt], added: Sequence[Prompt], order: Sequence[Prompt]) -> list[Prompt]:
    """Put each new prompt after the one that precedes it in its setting, so that a diff shows it where it belongs."""
    merged = list(kept)
    for prompt in added:
        before = [p.prompt_id for p in order[: order.index(prompt)] if _setting(p) == _setting(prompt)]
        places = {p.prompt_id: index for index, p in enumerate(merged)}
        after = next((places[prompt_id] for prompt_id in reversed(before) if prompt_id in places), None)
        if after is None:
            after = next((index for index, p in enumerate(merged) if _setting(p) == _setting(prompt)), len(merged)) - 1
        merged.insert(after + 1, prompt)
    return sorted(merged, key=_rank)


def _setting(prompt: Prompt) -> tuple[str, str]:
    return prompt.attribute, prompt.feasibility


def _rank(prompt: Prompt) -> tuple[int, int]:
    return names.ATTRIBUTES.index(prompt.attribute), names.FEASIBILITIES.index(prompt.feasibility)
