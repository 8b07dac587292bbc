"""Finding the longest known phrases in a short text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rapidfuzz import process
from rapidfuzz.distance import OSA

T = TypeVar("T")

_WORD = re.compile(r"[^\W\d_]+")
_APOSTROPHE = re.compile(r"['’]")
_IRREGULAR = {
    "leaves": "leaf",
    "shelves": "shelf",
    "wolves": "wolf",
    "calves": "calf",
    "grey": "gray",
    "grays": "gray",
}
_NO_PLURAL = ("ss", "us", "is")
_NEAR = 0.6


def tokens(text: str) -> tuple[str, ...]:
    """Words of a text in their basic form: lower case, no accents, singular, American "gray"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(singular(word) for word in _WORD.findall(_APOSTROPHE.sub("", plain)))


def singular(word: str) -> str:
    """Singular of an English noun by rule; words that only look like plurals ("glass", "cactus") stay."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(_NO_PLURAL):
        return word[:-1]
    return word


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """A known phrase in a text.

    Attributes:
        start: number of its first token.
        length: how many tokens it has.
        phrase: the tokens, joined by blanks.
        value: what the phrase stands for.
    """

    start: int
    length: int
    phrase: str
    value: T


class Lexicon(Generic[T]):
    """Phrases with values, looked up in any number and with or without blanks between their words.

    Args:
        phrases: phrase to value; of phrases with the same basic form the first one counts.
    """

    def __init__(self, phrases: Iterable[tuple[str, T]]) -> None:
        self._values: dict[str, T] = {}
        for phrase, value in phrases:
            self._values.setdefault(" ".join(tokens(phrase)), value)
        self._joined = {phrase.replace(" ", ""): value for phrase, value in self._values.items()}
        self._longest = max((phrase.count(" ") + 1 for phrase in self._values), default=0)

    def get(self, words: Sequence[str]) -> T | None:
        """Value of exactly these tokens, None when unknown."""
        value = self._values.get(" ".join(words))
        return self._joined.get("".join(words)) if value is None else value

    def at(self, words: Sequence[str], start: int) -> Match[T] | None:
        """The longest known phrase that begins at token ``start``."""
        for length in range(min(self._longest, len(words) - start), 0, -1):
            part = words[start : start + length]
            value = self.get(part)
            if value is not None:
                return Match(start, length, " ".join(part), value)
        return None

    def find(self, words: Sequence[str]) -> list[Match[T]]:
        """Known phrases from left to right, the longest first at each place, without overlap."""
        found, start = [], 0
        while start < len(words):
            match = self.at(words, start)
            if match:
                found.append(match)
            start += match.length if match else 1
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


def nearest(word: str, known: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """The known words most like ``word`` (similarity by optimal string alignment of at least 0.6), best first."""
    scored = process.extract(
        word, sorted(set(known)), scorer=OSA.normalized_similarity, score_cutoff=_NEAR, limit=count
    )
    return tuple(choice for choice, _, _ in scored)
