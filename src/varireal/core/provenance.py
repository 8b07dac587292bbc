"""What every artefact says about its origin, and the versions that make a stage run again: see ``core.stages``."""

from functools import cache
from importlib import metadata

from varireal import __version__
from varireal.core.stages import STAGES

STAGE_VERSIONS = {"config": 1, **{name: stage.version for name, stage in STAGES.items()}}
ITEM_VERSIONS = {name: stage.item_version or stage.version for name, stage in STAGES.items()}

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
