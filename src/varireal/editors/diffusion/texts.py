"""Prompts of the recipes: templates filled with data, and the weight of each part.

Texts are not written in a weighting syntax and parsed again: a class called ``C++`` or a description with brackets
keeps its meaning. Only the published recipes, which are to be reproduced, are read by compel's parser.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from varireal.config.recipes import MaskedRecipe, PriorRecipe
from varireal.records import Prompt

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Weighted:
    """A text whose parts have weights.

    Attributes:
        parts: (text, weight) in order; a weight of 1 is an ordinary part.
        pooled: what the pooled embedding reads; the published one reads the weighting syntax as text.
        parsed: ``pooled`` is in compel's syntax, and its parser says which parts there are.
    """

    parts: tuple[tuple[str, float], ...]
    pooled: str
    parsed: bool = False

    @property
    def plain(self) -> str:
        """The text alone."""
        return " ".join(text for text, _ in self.parts)


def plain_text(text: str) -> Weighted:
    """A text without weights."""
    return Weighted(((text, 1.0),), text)


def edit_text(recipe: MaskedRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool) -> Weighted:
    """The prompt of an edit.

    Args:
        recipe: its template and weight.
        prompt: what to put in.
        class_name: display name of the photo's class.
        noun: what all classes are; it stands before the class, as published.
        weights: whether the name of the prompt is weighted.
    """
    return _filled(recipe.template, recipe, prompt, class_name=class_name, noun=noun, weights=weights)


def prior_text(
    recipe: MaskedRecipe, prior: PriorRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool
) -> Weighted:
    """The prompt of a prior picture; its name is weighted where the prior's recipe says so as well."""
    weights = weights and prior.weighted
    return _filled(prior.template, recipe, prompt, class_name=class_name, noun=noun, weights=weights)


def _filled(
    template: str, recipe: MaskedRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool
) -> Weighted:
    weight = recipe.weight if weights else 1.0
    name = (prompt.name, weight)
    after = [(f": {prompt.description}", 1.0)] if prompt.description else []
    values: Mapping[str, list[tuple[str, float]]] = {
        "class": [(f"{noun} {class_name}".strip(), 1.0)],
        "bare_class": [(class_name, 1.0)],
        "name": [(prompt.name, 1.0)],
        "marked_name": [name],
        "prompt": [name, *after],
    }
    parts: list[tuple[str, float]] = []
    for number, piece in enumerate(_FIELD.split(template)):
        parts += values[piece] if number % 2 else [(piece, 1.0)]
    merged = _merged(parts)
    parsed = recipe.compel_syntax and weights
    pooled = "".join(_marked(*part) if part[1] != 1.0 and parsed else part[0] for part in merged)
    return Weighted(tuple((text.strip(), value) for text, value in merged if text.strip()), pooled, parsed)


def _marked(text: str, weight: float) -> str:
    return f"({text}){weight:g}"


def _merged(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of the same weight as one part: the text encoder sees the same tokens, and fewer joints."""
    merged: list[tuple[str, float]] = []
    for text, weight in parts:
        if merged and merged[-1][1] == weight == 1.0:
            merged[-1] = (merged[-1][0] + text, weight)
        elif text:
            merged.append((text, weight))
    return merged
