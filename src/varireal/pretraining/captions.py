"""Captions of the rendered pictures: what is in them, in a handful of ways to say it, never more than is there."""

from collections.abc import Sequence

import numpy as np

from varireal.datasets import demo_world
from varireal.pretraining.corpus import PairSpec, any_of
from varireal.rendering.birds import SPECIES
from varireal.rendering.materials import MATERIALS
from varireal.rendering.scenes import SCENES

_FRAMES = (
    *("a photo of {}", "a picture of {}", "an image of {}", "{}", "a photograph showing {}", "a good photo of {}"),
    "a bird photo of {}",
)
_PLACES = ("in a {}", "with a {} background", "in the {}", "on a {}", "at a {}")
_EMPTY = ("a photo of a {} background", "{}", "a photo of a {}", "a {} scene with no bird")
_SURFACES = ("a photo of {} texture", "{}", "a {} surface", "close-up of {}")

NAMED = 0.3
"""How often a bird is called by its species. The rest says "bird": knowing the species is left to fine-tuning."""


def caption(spec: PairSpec, rng: np.random.Generator, named: float = NAMED) -> str:
    """One caption of a picture; another draw says it in other words or leaves something out."""
    if not spec.species:
        words, frames = (_scene(spec, rng), _EMPTY) if spec.scene else (_material(spec, rng), _SURFACES)
        return any_of(rng, frames).format(words)
    text = _with_article(f"{_look(spec, rng)}{_name(spec, rng, named)}")
    if spec.material and rng.random() < 0.85:
        material = _material(spec, rng)
        text = f"{text} with {material} texture" if rng.random() < 0.7 else text.replace(" ", f" {material} ", 1)
    if rng.random() < 0.6:
        text = f"{text} {any_of(rng, _PLACES).format(_scene(spec, rng))}"
    return any_of(rng, _FRAMES).format(text) + ("." if rng.random() < 0.5 else "")


def _name(spec: PairSpec, rng: np.random.Generator, named: float) -> str:
    draw = rng.random()
    if draw >= named or spec.plumage_of != spec.species:
        return "bird"
    name = SPECIES[spec.species].name
    return name if draw < 0.6 * named else f"{name} bird"


def _look(spec: PairSpec, rng: np.random.Generator) -> str:
    """The colour that can be seen: the paint's, or that of an unusual look."""
    look = spec.color or (spec.plumage if spec.plumage in demo_world.UNUSUAL and not spec.material else "")
    return f"{look} " if look and rng.random() < 0.85 else ""


def _scene(spec: PairSpec, rng: np.random.Generator) -> str:
    return _worded(spec.scene.replace("_", " "), SCENES[spec.scene].synonyms, rng)


def _material(spec: PairSpec, rng: np.random.Generator) -> str:
    return _worded(spec.material, MATERIALS[spec.material].synonyms, rng)


def _worded(name: str, synonyms: Sequence[str], rng: np.random.Generator) -> str:
    """The name, or at times one of its short synonyms."""
    short = [word for word in synonyms if len(word.split()) <= 3]
    return name if rng.random() < 0.6 or not short else any_of(rng, short)


def _with_article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
