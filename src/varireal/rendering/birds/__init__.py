"""Rendered birds: species as data, their surfaces, their plumage, and how they are drawn."""

from collections.abc import Mapping
from types import MappingProxyType

from varireal.rendering.birds import catalog
from varireal.rendering.birds.body import build_bird
from varireal.rendering.birds.draw import Cutout, draw_bird
from varireal.rendering.birds.species import Plumage, Shape, Species
from varireal.rendering.birds.stance import Stance

__all__ = ["SPECIES", "Cutout", "Plumage", "Shape", "Species", "Stance", "build_bird", "draw_bird"]

SPECIES: Mapping[str, Species] = MappingProxyType({**catalog.DEMO, **catalog.OTHERS})
