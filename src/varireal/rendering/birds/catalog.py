"""All species by class id: the eight of the demo, and the others."""

from varireal.rendering.birds import herons, perching, swimmers, waders, walkers, waterfowl
from varireal.rendering.birds.species import Species

DEMO: dict[str, Species] = {
    "mallard": waterfowl.MALLARD,
    "greylag-goose": waterfowl.GREYLAG,
    "grey-heron": herons.HERON,
    "white-stork": herons.STORK,
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
    "swan": swimmers.SWAN,
    "pelican": swimmers.PELICAN,
    "puffin": swimmers.PUFFIN,
    "penguin": swimmers.PENGUIN,
    "peafowl": walkers.PEAFOWL,
    "kiwi": walkers.KIWI,
    "quail": walkers.QUAIL,
    "hoopoe": walkers.HOOPOE,
}
