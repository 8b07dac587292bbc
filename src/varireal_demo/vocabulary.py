"""Understanding a prompt: which colour, material or scene it names. Pure functions; nothing is drawn or guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from varireal.editors.colors import (
    Lexicon,
    Match,
    NamedColor,
    color_lexicon,
    colors_in,
    nearest,
    prompt_color,
    refuse_leftovers,
    tokens,
    unknown_words,
)
from varireal.errors import UnknownPromptError
from varireal.names import ATTRIBUTES
from varireal.records import Prompt
from varireal_demo.materials import MATERIALS


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
    return Plan("color", (prompt_color(prompt),))


def _texture(prompt: Prompt) -> Plan:
    words = tokens(prompt.name)
    plan, used = _surface(words)
    if plan:
        refuse_leftovers(prompt, words, used, _texture_words())
        return plan
    raise unknown_words(prompt, words, _texture_words())


def _background(prompt: Prompt) -> Plan:
    lexicon = scene_lexicon()
    words = tokens(prompt.name)
    matches = lexicon.find(words)
    if matches:
        # The place is named first, what lies in it later ("beach with palm trees").
        best = max(matches, key=lambda match: (match.length, -match.start))
        return Plan("background", scene=best.value)
    raise unknown_words(prompt, words, lexicon)


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
    colors = colors_in(words, taken)
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
    from varireal_demo.scenes import SCENES

    return Lexicon([(word, s.name) for s in SCENES.values() for word in (s.name.replace("_", " "), *s.synonyms)])


@cache
def _texture_words() -> Lexicon[Any]:
    return Lexicon([*((word, word) for word in material_lexicon()), *((word, word) for word in color_lexicon())])
