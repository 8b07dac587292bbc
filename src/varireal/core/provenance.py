"""What every artefact says about its origin, and the versions that make a stage run again.

A stage's integer goes into its rule's params and into the item keys of its store: raise it when the stage's output
changes for the same inputs, and only then: "images" also for how photos are decoded, "edits" also for receipts. Where
the tables change but what the store keeps does not, ``ITEM_VERSIONS`` holds the older number, and nothing is computed
again.
"""

from functools import cache
from importlib import metadata

from varireal import __version__

STAGE_VERSIONS = {
    "config": 1,
    "images": 1,
    "prompts": 1,
    "masks": 2,
    "priors": 1,
    "edits": 3,
    "verdicts": 4,
    "dataset": 4,
    "adapters": 2,
    "predictions": 2,
    "report": 1,
}

ITEM_VERSIONS = {**STAGE_VERSIONS, "edits": 2}

_RECORDED = (
    "numpy",
    "opencv-python-headless",
    "pillow",
    "scikit-image",
    "scipy",
    "pyarrow",
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "compel",
    "onnxruntime",
    "open-clip-torch",
    "peft",
)


@cache
def package_versions() -> dict[str, str]:
    """Versions of this package and of the libraries that can change pixels; a missing one is left out."""
    versions = {"varireal": __version__}
    for name in _RECORDED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
