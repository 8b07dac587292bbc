"""Colours by name: the published CSS and XKCD tables, coat and paint words, and words that modify a colour.

Light to import: matplotlib, which holds the tables, is loaded with the first look-up; OpenCV never.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from varireal.attributes import BACKGROUND, attribute_row
from varireal.editors import oklab
from varireal.errors import UnknownPromptError
from varireal.records import Array, Prompt, rgb_values

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
        return _along(words, self.at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)


def _along(words: Sequence[str], at: Callable[[Sequence[str], int], Match[T] | None]) -> list[Match[T]]:
    """What ``at`` gives from left to right, each match after the end of the one before."""
    matches, start = [], 0
    while start < len(words):
        match = at(words, start)
        if match:
            matches.append(match)
        start += match.length if match else 1
    return matches


def nearest(word: str, known: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """The known words most like ``word`` (similarity by optimal string alignment of at least 0.6), best first."""
    scored = process.extract(
        word, sorted(set(known)), scorer=OSA.normalized_similarity, score_cutoff=_NEAR, limit=count
    )
    return tuple(choice for choice, _, _ in scored)


PLAIN, METALLIC, NEON, MATTE = "plain", "metallic", "neon", "matte"


@dataclass(frozen=True, slots=True)
class NamedColor:
    """A colour that a prompt asks for.

    Attributes:
        name: the words that named it.
        rgb: sRGB in 0..1.
        finish: plain, metallic, neon or matte: how the painted surface takes light.
    """

    name: str
    rgb: tuple[float, float, float]
    finish: str = PLAIN


@dataclass(frozen=True, slots=True)
class Modifier:
    """What a word such as "dark" does to a colour in OKLab.

    Attributes:
        lightness: added share of the way to black (negative) or to white (positive).
        chroma: factor on the chroma.
        finish: finish that it asks for, None for no change.
    """

    lightness: float = 0.0
    chroma: float = 1.0
    finish: str | None = None


MODIFIERS = {
    "dark": Modifier(-0.38, 0.9),
    "very": Modifier(),
    "deep": Modifier(-0.26, 1.1),
    "rich": Modifier(-0.12, 1.2),
    "medium": Modifier(),
    "mid": Modifier(),
    "light": Modifier(0.45, 0.75),
    "pale": Modifier(0.6, 0.5),
    "pastel": Modifier(0.55, 0.6),
    "soft": Modifier(0.25, 0.7),
    "bright": Modifier(0.15, 1.35),
    "brilliant": Modifier(0.12, 1.35),
    "vivid": Modifier(0.0, 1.5),
    "vibrant": Modifier(0.0, 1.45),
    "intense": Modifier(-0.05, 1.45),
    "saturated": Modifier(0.0, 1.5),
    "neon": Modifier(0.2, 1.9, NEON),
    "fluorescent": Modifier(0.22, 1.8, NEON),
    "electric": Modifier(0.05, 1.7, NEON),
    "glowing": Modifier(0.15, 1.5, NEON),
    "hot": Modifier(0.0, 1.5),
    "muted": Modifier(0.0, 0.55),
    "dull": Modifier(-0.08, 0.5),
    "dusty": Modifier(0.05, 0.55),
    "faded": Modifier(0.2, 0.5),
    "washed": Modifier(0.25, 0.45),
    "smoky": Modifier(-0.1, 0.5),
    "burnt": Modifier(-0.18, 0.95),
    "warm": Modifier(),
    "cool": Modifier(),
    "metallic": Modifier(0.0, 0.9, METALLIC),
    "pearlescent": Modifier(0.1, 0.8, METALLIC),
    "shiny": Modifier(0.0, 1.0, METALLIC),
    "polished": Modifier(0.0, 1.0, METALLIC),
    "glossy": Modifier(0.0, 1.05),
    "matte": Modifier(0.0, 0.9, MATTE),
    "matt": Modifier(0.0, 0.9, MATTE),
    "satin": Modifier(),
}

# Words for coats, plumages and paints that the two tables lack.
COATS = {
    "anthracite": "#3b3f45", "ash": "#b5b5ad", "badger": "#70573c", "bay": "#7a3f22", "biscuit": "#e3c39c",
    "blond": "#dcc08a", "blonde": "#dcc08a", "blue merle": "#7d8a98", "bone": "#e6dcc4", "brindle": "#7d6449",
    "british racing green": "#0b4230", "candy red": "#c8102e", "champagne": "#f0dfbd", "coal": "#1a1a1c",
    "ebony": "#201b18", "espresso": "#3f2a20", "flame": "#e25822", "fox red": "#a8512a", "garnet": "#7a1f2b",
    "ginger": "#b9652c", "graphite": "#474a4e", "grizzle": "#8c8478", "honey": "#dca54c", "ink": "#14182c",
    "jet": "#0f0f10", "jet black": "#0f0f10", "liver": "#5e3326", "milk": "#f6f3ea", "nude": "#dcb79a",
    "obsidian": "#131416", "onyx": "#151617", "palomino": "#d8a865", "pearl": "#ece6da", "pewter": "#8a8f94",
    "platinum": "#d6d6d3", "porcelain": "#f0eeea", "racing green": "#0b4230", "raven": "#141519",
    "red merle": "#a5735a", "roan": "#8b6a5a", "rosso corsa": "#d40000", "ruddy": "#a8492f", "rufous": "#a0461e",
    "sable": "#5c4632", "seal": "#3a2c24", "sesame": "#c28a58", "smoke": "#848884", "snow white": "#f6f8fa",
    "soot": "#1f1f20", "sorrel": "#9a5230", "sulphur": "#e8d84a", "sunset": "#f0845a", "tar": "#161616",
    "tawny": "#b5752e", "titanium": "#87868a", "toffee": "#a5662c", "vermilion": "#e34234", "wheaten": "#dcc090",
}  # fmt: skip

# Metals: the word asks for the finish as well as for the colour.
METALS = {
    "brass": "#b89a44", "bronze": "#a0703a", "chrome": "#c4c9ce", "copper": "#b8703a", "gold": "#d4a531",
    "golden": "#dca838", "gunmetal": "#53595f", "nickel": "#a7a8a2", "rose gold": "#cf9a88", "silver": "#aeb2b7",
    "silvery": "#aeb2b7", "steel": "#8c949b",
}  # fmt: skip


@cache
def color_lexicon() -> Lexicon[NamedColor]:
    """All named colours.

    Of a name that several tables hold, metals and coat words win, then the XKCD survey (what people call a colour),
    then CSS. matplotlib is the source of both tables.
    """
    from matplotlib.colors import CSS4_COLORS, XKCD_COLORS

    named = [(name, NamedColor(name, _decode(code), METALLIC)) for name, code in METALS.items()]
    named += [(name, NamedColor(name, _decode(code))) for name, code in COATS.items()]
    published = [
        (name.removeprefix("xkcd:"), str(code)) for name, code in (*XKCD_COLORS.items(), *CSS4_COLORS.items())
    ]
    for name, code in published:
        finish = NEON if {"neon", "electric", "fluorescent"} & set(tokens(name)) else PLAIN
        named.append((name, NamedColor(name, _decode(code), finish)))
    return Lexicon(named)


def published_rgbs(name: str) -> list[tuple[float, float, float]]:
    """What the tables of CSS and of the XKCD survey have under exactly this name; of 103 names 100 differ."""
    from matplotlib.colors import CSS4_COLORS, XKCD_COLORS

    plain = " ".join(name.lower().split())
    codes = (XKCD_COLORS.get(f"xkcd:{plain}"), CSS4_COLORS.get(plain.replace(" ", "")))
    return [_decode(str(code)) for code in codes if code]


def _decode(code: str) -> tuple[float, float, float]:
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def color_at(words: Sequence[str], start: int) -> Match[NamedColor] | None:
    """The longest colour phrase that begins at token ``start``, modifiers included ("very dark neon sky blue").

    A table's own phrase ("dark blue", "hot pink") beats the same words taken as modifiers. Two colour words in a row
    ("champagne gold") are one colour, half of each; so is a first word in -ish ("greenish gray").
    """
    direct = _chain(words, start)
    count = 0
    while start + count < len(words) and words[start + count] in MODIFIERS:
        count += 1
    for skipped in range(count, 0, -1):
        match = _chain(words, start + skipped)
        if match and (direct is None or skipped + match.length > direct.length):
            used = words[start : start + skipped]
            color = _modified(match.value, [MODIFIERS[word] for word in used])
            phrase = " ".join((*used, match.phrase))
            named = NamedColor(phrase, color.rgb, color.finish)
            return Match(start, skipped + match.length, phrase, named)
    return direct


def _chain(words: Sequence[str], start: int) -> Match[NamedColor] | None:
    """One colour phrase, blended with the one that follows it directly."""
    first = _single(words, start)
    if first is None:
        return None
    second = _single(words, start + first.length)
    if second is None:
        return first
    phrase = f"{first.phrase} {second.phrase}"
    weight = 0.3 if first.phrase.endswith("ish") else 0.5
    lab = oklab.from_srgb(first.value.rgb) * weight + oklab.from_srgb(second.value.rgb) * (1 - weight)
    finish = METALLIC if METALLIC in (first.value.finish, second.value.finish) else second.value.finish
    return Match(start, first.length + second.length, phrase, NamedColor(phrase, _triple(lab), finish))


def _single(words: Sequence[str], start: int) -> Match[NamedColor] | None:
    if start >= len(words):
        return None
    match = color_lexicon().at(words, start)
    word = words[start]
    if match is None and word.endswith("ish") and start + 1 < len(words):
        base = word.removesuffix("ish")
        for stem in (base, f"{base}e", base[:-1]):
            value = color_lexicon().get([stem])
            if value:
                return Match(start, 1, word, value)
    return match


def _modified(color: NamedColor, modifiers: Sequence[Modifier]) -> NamedColor:
    lab = oklab.from_srgb(color.rgb)
    finish = color.finish
    for modifier in modifiers:
        room = 1 - lab[0] if modifier.lightness > 0 else lab[0]
        lab = np.array([lab[0] + modifier.lightness * room, *(lab[1:] * modifier.chroma)], np.float32)
        finish = modifier.finish or finish
    return NamedColor(color.name, _triple(lab), finish)


def _triple(lab: Array) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 5) for value in oklab.to_srgb(lab))
    return red, green, blue


# Words of a name that add nothing an edit could show, or that name the object itself.
HARMLESS = frozenset(
    tokens(
        """a an the of and with in on over all its it is are at to by from like as one two three
        color colored colour coloured coloring shade tone toned tint tinted hue texture textured pattern patterned
        material surface finish look style effect made print printed type body bodied skin skinned coat coated covering
        covered plumage feather feathered fur furred hair haired paint painted paintwork livery bodywork metalwork
        solid plain uniform entire whole full entirely fully completely overall natural naturally normal standard usual
        classic typical bird animal dog cat pet car vehicle aircraft airplane plane boat ship small large big fine
        coarse thick thin wide narrow long short old new rough smooth weathered worn polished glossy shiny matte carved
        tiny dense bold subtle delicate simple real realistic rugged hard overlapping interlocking interlocked handmade
        irregular regular even alternating contrasting detailed decorative traditional rustic knotty veined aged"""
    )
)


def prompt_color(prompt: Prompt) -> NamedColor:
    """The colour that the name of a colour prompt asks for, else the one of its RGB.

    Raises:
        UnknownPromptError: neither is there; the message names the unknown word and the nearest known ones.
    """
    try:
        return _named_color(prompt)
    except UnknownPromptError:
        if not prompt.rgb:
            raise
        return NamedColor(prompt.name, rgb_values(prompt.rgb))


def _named_color(prompt: Prompt) -> NamedColor:
    words = tokens(prompt.name)
    matches = colors_in(words)
    if matches:
        refuse_leftovers(prompt, words, matches, color_lexicon())
        if len(matches) > 1:
            raise UnknownPromptError(
                f"color prompt {prompt.name!r} names {len(matches)} colours ({', '.join(m.phrase for m in matches)}): "
                "name one, or use a texture such as 'black and white patches'",
                word=matches[1].phrase,
            )
        return matches[0].value
    raise unknown_words(prompt, words, color_lexicon())


def colors_in(words: Sequence[str], taken: frozenset[int] = frozenset()) -> list[Match[NamedColor]]:
    """Colour phrases that use none of the taken tokens."""
    free = [word if number not in taken else "" for number, word in enumerate(words)]
    return _along(free, lambda words, start: color_at(words, start) if words[start] else None)


def refuse_leftovers(prompt: Prompt, words: Sequence[str], used: Iterable[Match[Any]], lexicon: Lexicon[Any]) -> None:
    """Raise for the first word of a name that nothing uses and that is not harmless."""
    taken = {number for match in used for number in range(match.start, match.start + match.length)}
    for number, word in enumerate(words):
        if number not in taken and word not in HARMLESS and word not in MODIFIERS:
            raise unknown_words(prompt, [word], lexicon)


def unknown_words(prompt: Prompt, words: Sequence[str], lexicon: Lexicon[Any]) -> UnknownPromptError:
    """The error for words of which nothing is known; it points at the first one that matters."""
    matter = [word for word in words if word not in HARMLESS] or list(words)
    known = [*lexicon, *MODIFIERS] if attribute_row(prompt.attribute).region != BACKGROUND else list(lexicon)
    near = nearest(" ".join(matter), known) or next((n for word in matter if (n := nearest(word, known))), ())
    word = " ".join(matter) or prompt.name
    hint = f"the nearest known are {', '.join(map(repr, near))}" if near else "nothing like it is known"
    return UnknownPromptError(
        f"{prompt.attribute} prompt {prompt.name!r} of class {prompt.class_id!r}: the procedural editor does not know "
        f"{word!r}; {hint}",
        word=word,
        nearest=near,
    )
