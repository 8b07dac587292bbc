"""Reading yes or no: from probabilities of the first word where there are some, else strictly from the words."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from varireal.judges.base import Answer

_WORDS = {"yes": True, "no": False}
# A tokenizer may have a word alone, with the space before it (SentencePiece, byte-level BPE), in any spelling.
_SPELLINGS = (str.title, str.lower, str.upper)
_SPACES = ("", " ", "\u2581", "\u0120")
_WORD = re.compile(r"[^\W\d_]+")
_SHOWN = 120


def answer_tokens(vocabulary: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Token ids of yes and of no, in every spelling that is one token."""
    found: dict[str, list[int]] = {word: [] for word in _WORDS}
    for word, ids in found.items():
        forms = {space + spell(word) for space in _SPACES for spell in _SPELLINGS}
        ids += sorted(vocabulary[form] for form in forms if form in vocabulary)
    return found["yes"], found["no"]


def from_masses(yes: float, no: float) -> Answer:
    """An answer from the probabilities of yes and of no as the first word."""
    mass = yes + no
    if not mass > 0:
        return Answer(None, 0.0, "neither yes nor no has any probability")
    return Answer(yes / mass, min(mass, 1.0))


def from_logprobs(tokens: Sequence[Iterable[tuple[str, float]]]) -> Answer | None:
    """An answer from the likeliest tokens in each place of what was said; None when there are none.

    Args:
        tokens: for each place, tokens with their log-probabilities, the one that was said among them.
    """
    for place in tokens:
        likely = [(text.strip().lower(), math.exp(value)) for text, value in place]
        best = max(likely, key=lambda entry: entry[1], default=("", 0.0))
        if best[0]:  # a line break or a space is no word yet
            return from_masses(
                math.fsum(value for text, value in likely if text == "yes"),
                math.fsum(value for text, value in likely if text == "no"),
            )
    return None


def from_text(text: str | None) -> Answer:
    """An answer from words: the first one must be yes or no, and the other must not follow."""
    words = [word.lower() for word in _WORD.findall(text or "")]
    first = words[0] if words else ""
    if first not in _WORDS or len(_WORDS.keys() & set(words)) > 1:
        shown = " ".join((text or "").split())[:_SHOWN]
        return Answer(None, None, f"neither yes nor no: {shown!r}" if shown else "an empty answer")
    return Answer(1.0 if _WORDS[first] else 0.0)
