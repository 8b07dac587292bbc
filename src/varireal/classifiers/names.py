"""Names of the classifiers' choices, for configs and messages. Light: imports nothing."""

AUGMENTATIONS = ("published", "color_safe", "none")
