"""Strict reading of the two kinds of prompt files, with the line of everything; and words of prompts, compared.

Only plain data is accepted: no tags, no duplicate keys, no unknown keys. Scalars are always taken as the text that was
written, so a class called ``no``, ``737`` or ``2024-01-01`` needs no quotes. Light: no numpy.
"""

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import yaml

from varireal.core.files import few
from varireal.errors import ConfigError

# libyaml's Python binding; the pure parser accepts the same files, about ten times slower.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Both kinds of file are at most five levels deep. PyYAML's own composer recurses in C and crashes on deep nesting.
MAX_DEPTH = 16
_SHOWN = 20  # a message names at most so many legal words
_NULLS = ("", "~", "null", "Null", "NULL")
# Nouns of common classes whose plural is not made by -s, -es or -ies.
_IRREGULAR = {
    "calf": "calves",
    "child": "children",
    "fish": "fish",
    "foot": "feet",
    "goose": "geese",
    "knife": "knives",
    "leaf": "leaves",
    "louse": "lice",
    "man": "men",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "sheep": "sheep",
    "shelf": "shelves",
    "tooth": "teeth",
    "wolf": "wolves",
    "woman": "women",
}
_NOT_WORD = re.compile(r"[^a-z0-9]+")


def normalize(text: str) -> str:
    """Case, punctuation and spacing removed; British and American grey are one word.

    A text of symbols alone (an emoji) keeps them, so that two different ones stay different.
    """
    if text.isascii():
        folded = text.lower()
        plain = _NOT_WORD.sub(" ", folded)
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
        # A mark belongs to the letter before it (Devanagari vowels, combining accents), so it does not end a word.
        plain = "".join(c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in folded)
    words = plain.split()
    return " ".join("gray" if word == "grey" else word for word in words) or " ".join(folded.split())


def mentioned(text: str, names: tuple[str, ...]) -> list[str]:
    """Those of the names that the text holds as whole words, in singular or plural, in the order of ``names``."""
    index = _index(names)
    words = normalize(text).split()
    numbers = {
        number
        for start, word in enumerate(words)
        for phrase, number in index.get(word, ())
        if words[start : start + len(phrase)] == phrase
    }
    return [names[number] for number in sorted(numbers)]


@lru_cache(maxsize=8)
def _index(names: tuple[str, ...]) -> Mapping[str, list[tuple[list[str], int]]]:
    """First word -> the phrases that begin with it, as words, each with the number of its name."""
    index: dict[str, list[tuple[list[str], int]]] = defaultdict(list)
    for number, name in enumerate(names):
        normal = normalize(name)
        for form in (normal, *_plurals(normal)) if normal else ():
            words = form.split()
            index[words[0]].append((words, number))
    return index


def _plurals(normal: str) -> list[str]:
    """Plural forms of a normalised name; only the last word changes ("wading birds")."""
    head, _, last = normal.rpartition(" ")
    forms = [f"{last}s", f"{last}es"]
    if last in _IRREGULAR:
        forms.append(_IRREGULAR[last])
    elif last.endswith("man"):
        forms.append(f"{last[:-3]}men")
    if len(last) > 2 and last.endswith("y"):
        forms.append(f"{last[:-1]}ies")
    return [f"{head} {form}".strip() for form in forms]


@dataclass(slots=True, eq=False)
class YamlNode:
    """One value of a YAML file.

    Attributes:
        kind: mapping, list or text.
        line: 1-based line where it starts.
        text: the scalar as written; empty for YAML's null.
        items: the members of a list.
        pairs: the members of a mapping, as (key, value).
        span: first and last character of a scalar in the file's text, else None.
    """

    kind: str
    line: int
    text: str = ""
    items: "list[YamlNode]" = field(default_factory=list)
    pairs: "list[tuple[YamlNode, YamlNode]]" = field(default_factory=list)
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its path for messages, its text, its top mapping and every scalar's span in the text."""

    path: Path
    text: str
    root: YamlNode
    spans: tuple[tuple[int, int], ...]

    def fail(self, node: YamlNode, message: str) -> NoReturn:
        """Raise a ConfigError that starts with the file and line."""
        raise ConfigError(f"{self.path}:{node.line}: {message}")

    def mapping(
        self, node: YamlNode, where: str, allowed: Sequence[str] | None = None
    ) -> dict[str, tuple[YamlNode, YamlNode]]:
        """Members of a mapping as key -> (key node, value node); an empty value counts as an empty mapping.

        Raises:
            ConfigError: not a mapping, a key twice, or a key that is not in ``allowed``.
        """
        if node.kind == "text" and not node.text:
            return {}
        if node.kind != "mapping":
            self.fail(node, f"{where} must be a mapping (key: value), found {_described(node)}")
        members: dict[str, tuple[YamlNode, YamlNode]] = {}
        for key, value in node.pairs:
            if key.kind != "text" or not key.text.strip():
                self.fail(key, f"a key of {where} must be a text, found {_described(key)}")
            if key.text in members:
                self.fail(
                    key, f"key {key.text!r} is twice in {where}, first in line {members[key.text][0].line}; keep one"
                )
            if allowed is not None and key.text not in allowed:
                self.fail(key, f"unknown key {key.text!r} in {where}{nearest(key.text, allowed)}")
            members[key.text] = (key, value)
        return members

    def sequence(self, node: YamlNode, where: str) -> list[YamlNode]:
        """Members of a list; an empty value counts as an empty list."""
        if node.kind == "text" and not node.text:
            return []
        if node.kind != "list":
            self.fail(node, f"{where} must be a list (lines that start with '- '), found {_described(node)}")
        return node.items

    def string(self, node: YamlNode, where: str) -> str:
        """The text of a scalar."""
        if node.kind != "text":
            self.fail(node, f"{where} must be a text, found {_described(node)}")
        return node.text


def nearest(word: str, allowed: Sequence[str], label: str = "Allowed") -> str:
    """The end of a message about an unknown word: the nearest legal one, and the legal ones."""
    close = difflib.get_close_matches(word, allowed, n=1)
    return (f"; did you mean {close[0]!r}?" if close else ";") + f" {label}: {few(allowed, _SHOWN)}"


def read_document(path: Path) -> Document:
    """Parse a YAML file whose top is a mapping.

    Raises:
        ConfigError: missing, not UTF-8, not YAML, tagged values, more than one document, or a top that is no mapping.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a YAML file of prompts") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text at byte {error.start}; save it as UTF-8") from error
    try:
        root, spans = _compose(path, text)
    except yaml.YAMLError as error:
        raise ConfigError(_syntax_message(path, text, error)) from error
    document = Document(path, text, root, spans)
    if root.kind != "mapping":
        document.fail(root, f"the file must be a mapping (key: value), found {_described(root)}")
    return document


def _described(node: YamlNode) -> str:
    if node.kind == "text":
        return f"the text {node.text[:40]!r}" if node.text else "nothing"
    return f"a {node.kind}"


def _compose(path: Path, text: str) -> tuple[YamlNode, tuple[tuple[int, int], ...]]:
    """Build nodes from parser events, without recursion."""
    top = YamlNode("list", 1)
    stack = [top]
    anchors: dict[str, YamlNode] = {}
    spans: list[tuple[int, int]] = []
    for event in _content_events(path, text):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            if done.kind == "mapping":
                done.pairs = list(zip(done.items[::2], done.items[1::2], strict=True))
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise ConfigError(f"{path}:{line}: alias *{event.anchor} has no anchor &{event.anchor} before it")
            stack[-1].items.append(anchors[event.anchor])
            continue
        node = _node(event, line)
        stack[-1].items.append(node)
        if event.anchor:
            anchors[event.anchor] = node
        if node.span:
            spans.append(node.span)
        else:
            stack.append(node)
            if len(stack) > MAX_DEPTH:
                raise ConfigError(f"{path}:{line}: nested too deeply for a file of prompts")
    if len(top.items) > 1:
        raise ConfigError(f"{path}:{top.items[1].line}: a second YAML document ('---'); expected one")
    return (top.items or [YamlNode("text", 1)])[0], tuple(spans)


def _content_events(path: Path, text: str) -> Iterator[Any]:
    """Events that carry content; explicit tags are refused, whatever they name."""
    events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
    for event in events:
        if getattr(event, "tag", None) is not None:
            raise ConfigError(
                f"{path}:{event.start_mark.line + 1}: tag {event.tag!r}; only plain data is allowed, remove the tag"
            )
        if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            yield event


def _node(event: Any, line: int) -> YamlNode:
    if isinstance(event, yaml.MappingStartEvent):
        return YamlNode("mapping", line)
    if isinstance(event, yaml.SequenceStartEvent):
        return YamlNode("list", line)
    null = event.implicit[0] and event.value in _NULLS
    return YamlNode("text", line, "" if null else event.value, span=(event.start_mark.index, event.end_mark.index))


def _syntax_message(path: Path, text: str, error: yaml.YAMLError) -> str:
    """One line from a parser's error, with a hint for tabs and for unquoted ': '."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        reason = " ".join(str(getattr(error, "reason", error)).split())
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
        return f"{path}:{line}: not YAML: {reason}; remove that character"
    line = mark.line + 1
    lines = text.splitlines()
    source = lines[mark.line] if mark.line < len(lines) else ""
    problem = getattr(error, "problem", None) or "cannot be read"
    hint = ""
    if "\t" in source[: len(source) - len(source.lstrip())]:
        hint = "; the line is indented with a tab, use spaces"
    elif "mapping values" in problem:
        hint = "; put a text that contains ': ' in quotes"
    elif "cannot start" in problem:
        hint = "; put a text that starts with a special character in quotes"
    return f"{path}:{line}: not YAML: {problem}{hint}"
