"""Names of the demo's classes, apart from all drawing code: the config and the Snakefile read them without numpy."""

# (class id, display name)
DEMO_CLASSES: tuple[tuple[str, str], ...] = (
    ("mallard", "mallard"),
    ("greylag-goose", "greylag goose"),
    ("grey-heron", "grey heron"),
    ("white-stork", "white stork"),
    ("flamingo", "flamingo"),
    ("scarlet-ibis", "scarlet ibis"),
    ("herring-gull", "herring gull"),
    ("common-crane", "common crane"),
)

# Raise it when the same seed gives other pictures, also when a scene changed.
DEMO_VERSION = 1
