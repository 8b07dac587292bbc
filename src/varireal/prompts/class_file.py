"""The prompts of one class in a study, as a file that people edit: read, and written again without loss of work.

Besides the entries a file records, per entry that was generated, a digest of what was generated. So a later
regeneration can tell an entry that a person edited (the digest differs), added (no digest) or deleted (a digest
without an entry) from one that nobody touched.

Comments survive as well: a comment stays with what follows it (a line of its own) or with its line (at the end of a
line). The lines that this module writes itself start with ``#:`` and are written anew each time. Light, because
Snakemake reads digests of these files whenever it parses the workflow: PyYAML only.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from varireal import names
from varireal.core.files import write_whole
from varireal.errors import ConfigError
from varireal.prompts.bank import new_prompt_id
from varireal.prompts.reading import Document, YamlNode, read_document
from varireal.records import ClassInfo, Prompt, is_rgb

ENTRY_KEYS = ("id", "name", "description", "source", "rgb", "model", "judge", "status")
TOP_KEYS = ("class_id", "class_name", "origin", *names.ATTRIBUTES, "removed", "generated")
EDITED, REVIEW, APPROVED = "edited", "review", "approved"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER = """\
#: Prompts of one class. Edit this file as you like: change a name or description, add an entry ("- name: ..."), delete
#: one. Your changes survive when the file is written again, and so do your comments (but not these "#:" lines).
#: The next run makes the edits of the changed settings again, for this class alone.
#:   feasible: a real member of the class could look like this, or be there, without a person making it so.
#:   id: keep it while you change the text. An entry without one gets one, made from its name.
#:   removed: what you deleted; delete a line there and the prompt comes back with the next regeneration.
#:   generated: how your changes are recognised; leave it as it is.
"""
_OWN = "#:"
# A comment starts with '#' at the start of a line or after white space.
_COMMENT = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*")
# Texts that YAML reads as themselves without quotes, in both of its versions: no indicator, no number, no colon.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 .,;()'/_+-]*[A-Za-z0-9.)]|[A-Za-z]")
_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
# Besides what JSON escapes: characters that YAML counts as line breaks or forbids, and the byte order mark.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

Anchor = tuple[str, ...]


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
    return _digest([prompt.attribute, prompt.feasibility, *_texts(prompt)])


def setting_digests(prompts: Iterable[Prompt]) -> dict[tuple[str, str], str]:
    """(attribute, feasibility) -> digest over (id, name, description, colour), independent of order.

    Every setting is a key, also one without prompts.
    """
    texts: dict[tuple[str, str], list[list[str]]] = {(a, f): [] for a in names.ATTRIBUTES for f in names.FEASIBILITIES}
    for prompt in prompts:
        texts[_setting(prompt)].append([prompt.prompt_id, *_texts(prompt)])
    return {setting: _digest(sorted(rows)) for setting, rows in texts.items()}


def _texts(prompt: Prompt) -> list[str]:
    return [prompt.name, prompt.description, *([prompt.rgb] if prompt.rgb else [])]


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


def entry_nodes(document: Document, top: Mapping[str, tuple[YamlNode, YamlNode]]) -> list[tuple[str, str, YamlNode]]:
    """(attribute, feasibility, node) of every entry, by setting and then in file order."""
    nodes = []
    for attribute in names.ATTRIBUTES:
        if attribute in top:
            arms = document.mapping(top[attribute][1], attribute, names.FEASIBILITIES)
            for feasibility in names.FEASIBILITIES:
                if feasibility in arms:
                    items = document.sequence(arms[feasibility][1], f"{attribute}.{feasibility}")
                    nodes += [(attribute, feasibility, item) for item in items]
    return nodes


def _entries(
    document: Document, top: Mapping[str, tuple[YamlNode, YamlNode]], class_id: str
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
    entries, notes = [], []
    for prompt in old.prompts:
        fresh = new.get(prompt.prompt_id)
        if fresh is not None and (old.untouched(prompt) or entry_digest(fresh) == entry_digest(prompt)):
            entries.append(replace(fresh, status=APPROVED) if prompt.status == APPROVED else fresh)
        elif not old.untouched(prompt):
            how = "edited" if prompt.prompt_id in old.generated else "added"
            notes.append(f"kept {prompt.prompt_id}: {how} by hand")
            entries.append(replace(prompt, source=EDITED))
    notes += [f"left out {prompt_id}: removed by hand" for prompt_id in removed if prompt_id in new]
    merged = _insert(
        entries, [p for p in prompts if p.prompt_id not in present and p.prompt_id not in removed], prompts
    )
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


def _insert(entries: list[Prompt], added: Sequence[Prompt], order: Sequence[Prompt]) -> list[Prompt]:
    """Put each new prompt after the one that precedes it in its setting, so that a diff shows it where it belongs."""
    merged = list(entries)
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


@dataclass(slots=True)
class Comments:
    """Comments by the anchor that they belong to; the empty anchor is the end of the file."""

    before: dict[Anchor, list[str]] = field(default_factory=lambda: defaultdict(list))
    after: dict[Anchor, str] = field(default_factory=dict)


def render(content: ClassFile, comments: Comments) -> str:
    """The file's text."""
    lines = [_HEADER.rstrip("\n")]
    for anchor, indent, text in _lines(content):
        lines += [f"{indent}{comment}" for comment in comments.before.get(anchor, ())]
        tail = comments.after.get(anchor)
        lines.append(f"{indent}{text}  {tail}" if tail else f"{indent}{text}")
    lines += comments.before.get((), [])
    return "\n".join(lines) + "\n"


def find_comments(document: Document, old: ClassFile, new: ClassFile) -> Comments:
    """The comments of a file, placed on the anchors of its new content.

    A comment whose anchor is gone moves to the next thing that is still there.
    """
    comments = Comments()
    anchors = _anchors(document, old)
    living = {anchor for anchor, _, _ in _lines(new)}
    for match in _COMMENT.finditer(document.text):
        if match.group().startswith(_OWN) or _inside(match.start(), document.spans):
            continue
        line = document.text.count("\n", 0, match.start()) + 1
        alone = not document.text[document.text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        here = [anchor for start, anchor in anchors if start <= line]
        if not alone and here and here[-1] in living and here[-1] not in comments.after:
            comments.after[here[-1]] = match.group().rstrip()
            continue
        later = anchors[len(here) - (not alone and bool(here)) :]
        target: Anchor = next((anchor for _, anchor in later if anchor in living), ())
        comments.before[target].append(match.group().rstrip())
    return comments


def scalar(text: str) -> str:
    """A text as a YAML scalar on one line: plain when that is safe, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    # A JSON string is a YAML double-quoted scalar once the characters that only YAML minds are escaped.
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(text, ensure_ascii=False))


def _lines(content: ClassFile) -> list[tuple[Anchor, str, str]]:
    """(anchor, indent, text) of every line below the header."""
    facts = {"class_id": content.class_id, "class_name": content.class_name, "origin": content.origin}
    lines: list[tuple[Anchor, str, str]] = [((key,), "", f"{key}: {scalar(text)}") for key, text in facts.items()]
    for attribute in names.ATTRIBUTES:
        if attribute in names.uncounted({prompt.attribute for prompt in content.prompts}):
            continue  # files of studies without it stay as they are
        arms: list[tuple[Anchor, str, str]] = []
        for feasibility in names.FEASIBILITIES:
            prompts = [prompt for prompt in content.prompts if _setting(prompt) == (attribute, feasibility)]
            empty = "" if prompts else " []"
            arms.append(((attribute, feasibility), "  ", f"{feasibility}:{empty}"))
            arms += [line for prompt in prompts for line in _entry_lines(prompt)]
        lines += [((attribute,), "", f"{attribute}:"), *arms]
    if content.removed:
        lines.append((("removed",), "", "removed:"))
        lines += [(("removed", prompt_id), "  ", f"- {scalar(prompt_id)}") for prompt_id in content.removed]
    lines.append((("generated",), "", "generated:" if content.generated else "generated: {}"))
    lines += [
        (("generated", key), "  ", f'{scalar(key)}: "{digest}"') for key, digest in sorted(content.generated.items())
    ]
    return lines


def _entry_lines(prompt: Prompt) -> list[tuple[Anchor, str, str]]:
    values = (prompt.prompt_id, prompt.name, prompt.description, prompt.source)
    fields = dict(zip(ENTRY_KEYS, (*values, *(getattr(prompt, key) for key in ENTRY_KEYS[4:])), strict=True))
    shown = [(key, text) for key, text in fields.items() if text or key in ("id", "name", "source")]
    return [
        (
            ("entry", prompt.prompt_id, key),
            "    " if number == 0 else "      ",
            f"{'' if number else '- '}{key}: {scalar(text)}",
        )
        for number, (key, text) in enumerate(shown)
    ]


def _anchors(document: Document, old: ClassFile) -> list[tuple[int, Anchor]]:
    """(line, anchor) of everything that a comment can belong to, in the order of the file."""
    top = document.mapping(document.root, "the file", TOP_KEYS)
    anchors: list[tuple[int, Anchor]] = [(key.line, (name,)) for name, (key, _) in top.items()]
    for attribute in names.ATTRIBUTES:
        if attribute in top:
            arms = document.mapping(top[attribute][1], attribute)
            anchors += [(key.line, (attribute, feasibility)) for feasibility, (key, _) in arms.items()]
    for prompt, (_, _, item) in zip(old.prompts, entry_nodes(document, top), strict=True):
        anchors += _entry_anchors(prompt.prompt_id, item)
    if "removed" in top:
        items = document.sequence(top["removed"][1], "removed")
        anchors += [(item.line, ("removed", item.text)) for item in items]
    if "generated" in top:
        digests = document.mapping(top["generated"][1], "generated")
        anchors += [(key.line, ("generated", name)) for name, (key, _) in digests.items()]
    return sorted(anchors, key=lambda pair: pair[0])


def _entry_anchors(prompt_id: str, item: YamlNode) -> list[tuple[int, Anchor]]:
    """An entry's first line stands for its id, which is written first, whatever it holds now."""
    rest: Sequence[tuple[YamlNode, YamlNode]] = item.pairs
    first = (item.line, ("entry", prompt_id, ENTRY_KEYS[0]))
    return [first, *((key.line, ("entry", prompt_id, key.text)) for key, _ in rest if key.line != item.line)]


def _inside(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)


def write_class_file(
    path: Path, class_info: ClassInfo, prompts: Sequence[Prompt], *, origin: str
) -> tuple[list[Prompt], list[str]]:
    """Write a class's prompts, merged into the file that is there.

    What a person edited, added or deleted is kept, see ``merge``. When nothing changes, the file is not touched, so a
    person's layout stays; otherwise it is laid out anew, with its comments. The file appears whole or not at all.

    Args:
        path: ``…/{class_id}.yaml``; its folder is made.
        class_info: the class.
        prompts: what was generated now; ids are unique.
        origin: where it comes from, for a reader of the file; the same in each run.

    Returns:
        What the file holds now, and what was kept of a person's work, one sentence per prompt.

    Raises:
        ConfigError: the file that is there cannot be read, or a text holds a character that no file can hold.
    """
    if not path.exists():
        content, notes = merge(None, class_info, prompts, origin)
        _replace(path, render(content, Comments()))
        return list(content.prompts), notes
    old, document = parse(path)
    content, notes = merge(old, class_info, prompts, origin)
    if content != old:
        _replace(path, render(content, find_comments(document, old, content)))
    return list(content.prompts), notes


def planned_digests(
    path: Path, class_info: ClassInfo, prompts: Sequence[Prompt], *, origin: str
) -> dict[tuple[str, str], str]:
    """(attribute, feasibility) -> digest of what the file will say once ``write_class_file`` was called like this.

    Raises:
        ConfigError: the file that is there cannot be read; the message has file and line.
    """
    old = parse(path)[0] if path.exists() else None
    return setting_digests(merge(old, class_info, prompts, origin)[0].prompts)


def read_class_file(path: Path) -> list[Prompt]:
    """Prompts of a class's file, by setting and then in file order; what a person changed has the source ``edited``.

    Raises:
        ConfigError: the file is missing or is not a file of prompts; the message has file and line.
    """
    return list(parse(path)[0].prompts)


def _replace(path: Path, text: str) -> None:
    """Put a text in place of a file in one step."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        odd = text[error.start]
        raise ConfigError(f"{path}: a text holds U+{ord(odd):04X}, which is no character; remove it") from error
    write_whole(path, data)
