"""Comparing texts of prompts: one normal form for names, and plurals of class names."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

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
    found = {
        number
        for start, word in enumerate(words)
        for phrase, number in index.get(word, ())
        if words[start : start + len(phrase)] == phrase
    }
    return [names[number] for number in sorted(found)]


@lru_cache(maxsize=8)
def _index(names: tuple[str, ...]) -> Mapping[str, list[tuple[list[str], int]]]:
    """First word -> the phrases that begin with it, as words, each with the number of its name."""
    index: dict[str, list[tuple[list[str], int]]] = {}
    for number, name in enumerate(names):
        normal = normalize(name)
        for form in (normal, *_plurals(normal)) if normal else ():
            words = form.split()
            index.setdefault(words[0], []).append((words, number))
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
