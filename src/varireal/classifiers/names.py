"""Names of the classifiers' choices, for configs and messages. Light: imports nothing."""

TINY = "tiny"
AUGMENTATIONS = ("published", "color_safe", "none")
