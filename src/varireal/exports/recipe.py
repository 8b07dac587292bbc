"""The recipe that each picture of a data set carries: everything needed to find it and to make it again.

No path and no person's name is in it: pictures travel further than the machine that they were made on.
"""

from collections.abc import Mapping
from typing import Any

from varireal import __version__
from varireal.core.marks import mark_png, xmp_packet
from varireal.core.registry import digital_source_type

TOOL = f"VariReal {__version__}"

_COLUMNS = (
    "candidate_id",
    "image_id",
    "class_id",
    "class_name",
    "attribute",
    "feasibility",
    "k",
    "round",
    "pair_id",
    "prompt_id",
    "prompt_name",
    "prompt_description",
    "prompt_rgb",
    "seed",
    "backend",
    "backend_version",
    "params_digest",
    "mask_sha256",
    "source_sha256",
    "image_sha256",
    "device",
    "dtype",
)


def recipe(row: Mapping[str, Any], *, study: str, made: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a row of the manifest.

    Args:
        row: the row.
        study: name of the study.
        made: what the table of edits says of itself: stage version, config digest, models by attribute.
    """
    models = (made.get("models") or {}).get(row["attribute"], {})
    return {
        "format": 1,
        "synthetic": True,
        "study": study,
        **{name: row[name] for name in _COLUMNS if row.get(name) is not None},
        "models": models,
        "edits_version": made.get("version"),
        "edits_config": made.get("config"),
    }


def with_recipe(picture: bytes, row: Mapping[str, Any], *, study: str, made: Mapping[str, Any]) -> bytes:
    """A candidate's PNG with the "synthetic" mark and its recipe; its pixels are untouched.

    Raises:
        DataError: the picture is not a PNG.
    """
    kind = made.get("digital_source_type") or digital_source_type(row["backend"])
    return mark_png(picture, xmp_packet(kind, recipe(row, study=study, made=made), tool=TOOL))
