"""Comparing texts of prompts: one normal form for names, and plurals of class names."""

import unicodedata

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


def normalize(text: str) -> str:
    """Case, accents' encoding, punctuation and spacing removed; British and American grey are one word.

    A text of symbols alone (an emoji) keeps them, so that two different ones stay different.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # A mark belongs to the letter before it (Devanagari vowels, combining accents), so it does not end a word.
    kept = (c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in folded)
    words = "".join(kept).split()
    return " ".join("gray" if word == "grey" else word for word in words) or " ".join(folded.split())


def plurals(normal: str) -> tuple[str, ...]:
    """Plural forms of a normalised name; only the last word changes ("wading birds")."""
    head, _, last = normal.rpartition(" ")
    forms = [f"{last}s", f"{last}es"]
    if last in _IRREGULAR:
        forms.append(_IRREGULAR[last])
    elif last.endswith("man"):
        forms.append(f"{last[:-3]}men")
    if len(last) > 2 and last.endswith("y"):
        forms.append(f"{last[:-1]}ies")
    return tuple(f"{head} {form}".strip() for form in forms)


def mentions(text: str, name: str) -> bool:
    """Whether the text holds the name, or its plural, as whole words."""
    normal = normalize(name)
    padded = f" {normalize(text)} "
    return bool(normal) and any(f" {form} " in padded for form in (normal, *plurals(normal)))
