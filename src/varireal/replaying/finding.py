"""Finding what is on record of one candidate: by its id, or by a picture that carries its recipe."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal import names, tables
from varireal.errors import ConfigError, DataError
from varireal.marks import read_recipe
from varireal.paths import StudyPaths, parse_shard
from varireal.schemas import EDITS
from varireal.seeds import shard_of

Row = dict[str, Any]

_ID = re.compile(
    r"(?P<image_id>[A-Za-z0-9][A-Za-z0-9._-]*)\.(?P<attribute>[a-z]+)\.(?P<arm>[a-z]+)\.k(\d+)\.r(?P<round>\d+)"
)
_DIGEST = re.compile(r"[0-9a-f]{16}")
_LARGEST_PICTURE = 200_000_000  # bytes; more is no picture of ours
# A recipe is text that anybody may have written: only these columns are taken from it, and only as texts.
_TEXTS = (
    "class_id",
    "class_name",
    "prompt_id",
    "prompt_name",
    "prompt_description",
    "prompt_rgb",
    "backend",
    "backend_version",
    "params_digest",
    "mask_sha256",
    "source_sha256",
    "device",
    "dtype",
)
_SEED_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is known of a candidate.

    Attributes:
        row: its row of edits, with its picture.
        made: what the table says of its making: version, config digest, models, packages.
        shard: the shard that its photo is in.
        picture: the picture to compare with, as bytes.
        notes: what a reader should know about the record itself.
    """

    row: Row
    made: Mapping[str, Any]
    shard: str
    picture: bytes
    notes: tuple[str, ...] = ()


def find(candidate: str, study: Path) -> OnRecord:
    """The record of a candidate.

    Args:
        candidate: its id, or the path of a picture with its recipe.
        study: folder of the study.

    Raises:
        ConfigError: it is no candidate, or no candidate of this study.
        DataError: it has no picture, or a table is damaged.
    """
    if not (study / "edits").is_dir():
        raise ConfigError(f"{study} has no folder 'edits'; give the folder of a study, such as results/demo")
    if "/" not in candidate and _ID.fullmatch(candidate):
        row, made, shard = _in_tables(candidate, study)
        if row["status"] != names.OK or not row["image"]:
            raise DataError(f"{candidate} was not made ({row['status']}: {row['reason']}), so it cannot be made again")
        return OnRecord(row, made, shard, row["image"])
    return _by_picture(Path(candidate), study)


def _by_picture(path: Path, study: Path) -> OnRecord:
    recipe, data = _recipe_of(path)
    candidate_id = recipe.get("candidate_id")
    if not isinstance(candidate_id, str) or not _ID.fullmatch(candidate_id):
        raise DataError(f"{path}: its recipe names no candidate")
    row, made, shard = _in_tables(candidate_id, study)
    if recipe.get("params_digest") == row["params_digest"]:
        return OnRecord(row, made, shard, data)
    told = {name: recipe[name] for name in _TEXTS if isinstance(recipe.get(name), str)}
    seed = recipe.get("seed")
    if isinstance(seed, int) and 0 <= seed < _SEED_LIMIT:
        told["seed"] = seed
    notes = (f"the study has made {candidate_id} anew since; the recipe in {path} is what is made again",)
    return OnRecord({**row, **told}, _made_by(recipe, row["attribute"]), shard, data, notes)


def _made_by(recipe: Mapping[str, Any], attribute: str) -> dict[str, Any]:
    """What a recipe says of its table; nothing on packages."""
    config, models = recipe.get("edits_config"), recipe.get("models")
    return {
        "version": recipe.get("edits_version"),
        "config": config if isinstance(config, str) and _DIGEST.fullmatch(config) else None,
        "models": {attribute: models if isinstance(models, dict) else {}},
    }


def _recipe_of(path: Path) -> tuple[dict[str, Any], bytes]:
    if not path.is_file():
        raise ConfigError(
            f"{str(path)!r} is neither a picture nor a candidate such as mallard-1.color.feasible.k0.r0; "
            "the column candidate_id of the manifest has them"
        )
    if path.stat().st_size > _LARGEST_PICTURE:
        raise DataError(f"{path} has {path.stat().st_size} bytes; a picture of a study is smaller")
    data = path.read_bytes()
    recipe = read_recipe(data)
    if recipe is None:
        raise DataError(f"{path} carries no recipe; give a candidate's id, or a picture of a data set or an export")
    return recipe, data


def _in_tables(candidate: str, study: Path) -> tuple[Row, dict[str, Any], str]:
    """Row of edits, the table's word on its making, and the shard."""
    parts = _ID.fullmatch(candidate)
    if parts is None or parts["attribute"] not in names.ATTRIBUTES or parts["arm"] not in names.FEASIBILITIES:
        raise ConfigError(f"{candidate!r} is no candidate; they are called such as mallard-1.color.feasible.k0.r0")
    place = Path(StudyPaths(str(study)).edits(parts["attribute"], parts["arm"], parts["round"], "x")).parent
    for path in sorted(place.glob("?????-of-?????.parquet")):
        index, total = parse_shard(path.stem)
        if shard_of(parts["image_id"], total) != index:
            continue
        found = list(tables.picked(path, EDITS, EDITS.names, key="candidate_id", wanted={candidate}))
        if found:
            return found[0], tables.origin(path, EDITS), path.stem
    raise ConfigError(f"no candidate {candidate!r} in {place}; the column candidate_id of the manifest has them all")
