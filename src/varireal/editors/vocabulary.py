"""Understanding a prompt: which colour, material or scene it names. Pure functions; nothing is drawn or guessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from varireal.editors.colors import MODIFIERS, NamedColor, color_at, color_lexicon
from varireal.editors.words import Lexicon, Match, nearest, tokens
from varireal.errors import UnknownPromptError
from varireal.names import ATTRIBUTES
from varireal.records import Prompt, rgb_values
from varireal.rendering.materials import MATERIALS


@dataclass(frozen=True, slots=True)
class Plan:
    """What an edit has to do.

    Attributes:
        attribute: background, color or texture.
        colors: colours named by the prompt, in its order; one for a colour edit.
        material: key of ``MATERIALS``, for a texture edit.
        scene: key of ``SCENES``, for a background edit.
    """

    attribute: str
    colors: tuple[NamedColor, ...] = ()
    material: str | None = None
    scene: str | None = None


# Words of a name that add nothing an edit could show, or that name the object itself.
_HARMLESS = frozenset(
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


def understand(prompt: Prompt) -> Plan:
    """Turn a prompt into a plan.

    The name alone counts: it is what the data set says of the picture, so a name that means nothing here is refused
    even when the description could be drawn. In the name of a colour or texture prompt every word must be known, so
    that "drak blue" is not taken for blue; the name of a background may have further words ("quiet beach at dusk").

    Raises:
        UnknownPromptError: the message names the unknown word and the nearest known ones.
    """
    parse = {"background": _background, "color": _color, "texture": _texture}.get(prompt.attribute)
    if parse is None:
        word = prompt.attribute
        raise UnknownPromptError(
            f"attribute {word!r} of prompt {prompt.prompt_id!r} is unknown: use one of {', '.join(ATTRIBUTES)}",
            word=word,
            nearest=nearest(word, ATTRIBUTES),
        )
    return parse(prompt)


def _color(prompt: Prompt) -> Plan:
    try:
        return _named_color(prompt)
    except UnknownPromptError:
        if not prompt.rgb:
            raise
        return Plan("color", (NamedColor(prompt.name, rgb_values(prompt.rgb)),))


def _named_color(prompt: Prompt) -> Plan:
    words = tokens(prompt.name)
    found = _colors(words)
    if found:
        _refuse_leftovers(prompt, words, found, color_lexicon())
        if len(found) > 1:
            raise UnknownPromptError(
                f"color prompt {prompt.name!r} names {len(found)} colours ({', '.join(m.phrase for m in found)}): "
                "name one, or use a texture such as 'black and white patches'",
                word=found[1].phrase,
            )
        return Plan("color", (found[0].value,))
    raise _unknown(prompt, words, color_lexicon())


def _texture(prompt: Prompt) -> Plan:
    words = tokens(prompt.name)
    plan, used = _surface(words)
    if plan:
        _refuse_leftovers(prompt, words, used, _texture_words())
        return plan
    raise _unknown(prompt, words, _texture_words())


def _background(prompt: Prompt) -> Plan:
    lexicon = scene_lexicon()
    words = tokens(prompt.name)
    found = lexicon.find(words)
    if found:
        # The place is named first, what lies in it later ("beach with palm trees").
        best = max(found, key=lambda match: (match.length, -match.start))
        return Plan("background", scene=best.value)
    raise _unknown(prompt, words, lexicon)


def _colors(words: Sequence[str], taken: frozenset[int] = frozenset()) -> list[Match[NamedColor]]:
    """Colour phrases that use none of the taken tokens."""
    found, start = [], 0
    free = [word if number not in taken else "" for number, word in enumerate(words)]
    while start < len(free):
        match = color_at(free, start) if free[start] else None
        if match:
            found.append(match)
        start += match.length if match else 1
    return found


def _surface(words: Sequence[str]) -> tuple[Plan | None, list[Match[Any]]]:
    """Material and colours of a text, and the phrases they were read from.

    Of two materials the longer phrase counts, then the later one, as in English the noun comes last
    ("gold scales"); the other one is read as a colour if it is one.
    """
    materials = [m for m in material_lexicon().find(words) if not _inside_longer_color(words, m)]
    if not materials:
        return None, []
    chosen = max(materials, key=lambda match: (match.length, match.start))
    taken = frozenset(range(chosen.start, chosen.start + chosen.length))
    colors = _colors(words, taken)
    if "with" in words and chosen.start > (split := words.index("with")):
        # "white with black spots" is "black spots on white": the pattern's own colour comes first.
        colors.sort(key=lambda match: match.start < split)
    plan = Plan("texture", tuple(match.value for match in colors), chosen.value)
    return plan, [*materials, *colors]


def _inside_longer_color(words: Sequence[str], match: Match[str]) -> bool:
    """Whether the phrase is part of a longer colour name: "brick" in "brick red", "moss" in "moss green"."""
    for start in range(max(match.start - 2, 0), match.start + match.length):
        color = color_lexicon().at(words, start)
        covers = color is not None and start + color.length >= match.start + match.length
        if color is not None and covers and color.length > match.length:
            return True
    return False


@cache
def material_lexicon() -> Lexicon[str]:
    """Words for materials."""
    return Lexicon([(word, m.name) for m in MATERIALS.values() for word in (m.name, *m.synonyms)])


@cache
def scene_lexicon() -> Lexicon[str]:
    """Words for scenes."""
    # Imported here: the scenes' modules load OpenCV, which colour and texture prompts do not need.
    from varireal.rendering.scenes import SCENES

    return Lexicon([(word, s.name) for s in SCENES.values() for word in (s.name.replace("_", " "), *s.synonyms)])


@cache
def _texture_words() -> Lexicon[Any]:
    return Lexicon([*((word, word) for word in material_lexicon()), *((word, word) for word in color_lexicon())])


def _refuse_leftovers(prompt: Prompt, words: Sequence[str], used: Iterable[Match[Any]], lexicon: Lexicon[Any]) -> None:
    """Raise for the first word of a name that nothing uses and that is not harmless."""
    taken = {number for match in used for number in range(match.start, match.start + match.length)}
    for number, word in enumerate(words):
        if number not in taken and word not in _HARMLESS and word not in MODIFIERS:
            raise _unknown(prompt, [word], lexicon)


def _unknown(prompt: Prompt, words: Sequence[str], lexicon: Lexicon[Any]) -> UnknownPromptError:
    """The error for words of which nothing is known; it points at the first one that matters."""
    matter = [word for word in words if word not in _HARMLESS] or list(words)
    known = [*lexicon, *MODIFIERS] if prompt.attribute != "background" else list(lexicon)
    near = nearest(" ".join(matter), known) or next((n for word in matter if (n := nearest(word, known))), ())
    word = " ".join(matter) or prompt.name
    hint = f"the nearest known are {', '.join(map(repr, near))}" if near else "nothing like it is known"
    return UnknownPromptError(
        f"{prompt.attribute} prompt {prompt.name!r} of class {prompt.class_id!r}: the procedural editor does not know "
        f"{word!r}; {hint}",
        word=word,
        nearest=near,
    )
