"""Writing a class's prompt file, and finding the comments in one so that a rewrite keeps them.

A comment stays with what follows it (a line of its own) or with its line (at the end of a line). The lines that this
module writes itself start with ``#:`` and are written anew each time.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from varireal import names
from varireal.prompting.class_file import ENTRY_KEYS, TOP_KEYS, ClassFile, entry_nodes
from varireal.prompting.reading import Document, Node
from varireal.records import Prompt

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
    found = Comments()
    anchors = _anchors(document, old)
    living = {anchor for anchor, _, _ in _lines(new)}
    for match in _COMMENT.finditer(document.text):
        if match.group().startswith(_OWN) or _inside(match.start(), document.spans):
            continue
        line = document.text.count("\n", 0, match.start()) + 1
        alone = not document.text[document.text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        here = [anchor for start, anchor in anchors if start <= line]
        if not alone and here and here[-1] in living and here[-1] not in found.after:
            found.after[here[-1]] = match.group().rstrip()
            continue
        later = anchors[len(here) - (not alone and bool(here)) :]
        target: Anchor = next((anchor for _, anchor in later if anchor in living), ())
        found.before[target].append(match.group().rstrip())
    return found


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
        arms: list[tuple[Anchor, str, str]] = []
        for feasibility in names.FEASIBILITIES:
            own = [p for p in content.prompts if (p.attribute, p.feasibility) == (attribute, feasibility)]
            empty = "" if own else " []"
            arms.append(((attribute, feasibility), "  ", f"{feasibility}:{empty}"))
            for prompt in own:
                arms += _entry_lines(prompt)
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
    found: list[tuple[int, Anchor]] = [(key.line, (name,)) for name, (key, _) in top.items()]
    for attribute in names.ATTRIBUTES:
        if attribute in top:
            arms = document.mapping(top[attribute][1], attribute)
            found += [(key.line, (attribute, feasibility)) for feasibility, (key, _) in arms.items()]
    for prompt, (_, _, item) in zip(old.prompts, entry_nodes(document, top), strict=True):
        found += _entry_anchors(prompt.prompt_id, item)
    if "removed" in top:
        items = document.sequence(top["removed"][1], "removed")
        found += [(item.line, ("removed", item.text)) for item in items]
    if "generated" in top:
        digests = document.mapping(top["generated"][1], "generated")
        found += [(key.line, ("generated", name)) for name, (key, _) in digests.items()]
    return sorted(found, key=lambda pair: pair[0])


def _entry_anchors(prompt_id: str, item: Node) -> list[tuple[int, Anchor]]:
    """An entry's first line stands for its id, which is written first, whatever it holds now."""
    rest: Sequence[tuple[Node, Node]] = item.pairs
    first = (item.line, ("entry", prompt_id, ENTRY_KEYS[0]))
    return [first, *((key.line, ("entry", prompt_id, key.text)) for key, _ in rest if key.line != item.line)]


def _inside(position: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)
