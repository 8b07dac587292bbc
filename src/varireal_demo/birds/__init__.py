"""Rendered birds: species as data, their surfaces, their plumage, and how they are drawn."""

from collections.abc import Mapping
from types import MappingProxyType

from varireal_demo.birds import perching, waders, waterfowl
from varireal_demo.birds.body import Stance, build_bird
from varireal_demo.birds.draw import BirdCutout, draw_bird
from varireal_demo.birds.species import BirdShape, Plumage, Species

# All species by class id: the eight of the demo, and the others.

DEMO: dict[str, Species] = {
    "mallard": waterfowl.MALLARD,
    "greylag-goose": waterfowl.GREYLAG,
    "grey-heron": waders.HERON,
    "white-stork": waders.STORK,
    "flamingo": waders.FLAMINGO,
    "scarlet-ibis": waders.IBIS,
    "herring-gull": waterfowl.GULL,
    "common-crane": waders.CRANE,
}

# Shapes beyond the demo, for corpora that need more of them.
OTHERS: dict[str, Species] = {
    "toucan": perching.TOUCAN,
    "macaw": perching.MACAW,
    "owl": perching.OWL,
    "sparrow": perching.SPARROW,
    "eagle": perching.EAGLE,
    "swan": waterfowl.SWAN,
    "pelican": waterfowl.PELICAN,
    "puffin": waterfowl.PUFFIN,
    "penguin": waterfowl.PENGUIN,
    "peafowl": perching.PEAFOWL,
    "kiwi": perching.KIWI,
    "quail": perching.QUAIL,
    "hoopoe": perching.HOOPOE,
}


__all__ = ["SPECIES", "BirdCutout", "BirdShape", "Plumage", "Species", "Stance", "build_bird", "draw_bird"]

SPECIES: Mapping[str, Species] = MappingProxyType({**DEMO, **OTHERS})
