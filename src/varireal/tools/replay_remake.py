"""Finding one candidate and making it again.

It is found by its id, or by a picture that carries its recipe. It is made by the code of the stage edits, with an
empty store, so that nothing that was made before can be taken.
"""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal import attributes, names
from varireal.backends import NO_MACHINE, read_machine
from varireal.config.edits import uses_pool
from varireal.config.slices import EditsSlice, read_slice, slice_digest
from varireal.core.marks import read_recipe
from varireal.core.paths import StudyPaths, parse_shard
from varireal.core.registry import known_backend
from varireal.core.seeds import shard_of
from varireal.datasets.decoding import file_sha256, read_photo
from varireal.errors import BackendError, ConfigError, DataError
from varireal.records import Array, Prompt
from varireal.running.room import Room
from varireal.stages.candidates import CandidateMaker, PriorPool
from varireal.stages.common import Item
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import EDITS, IMAGES, MASKS

Row = dict[str, Any]

_ID = re.compile(
    r"(?P<image_id>[A-Za-z0-9][A-Za-z0-9._-]*)\.(?P<attribute>[a-z][a-z0-9_]*)\.(?P<arm>[a-z]+)\.k(\d+)\.r(?P<round>\d+)"
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
    "edit_mask_sha256",
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
    row["edit_mask_sha256"] = None  # of the edit that was made since; the recipe has that of its own, if any
    texts: dict[str, Any] = {name: recipe[name] for name in _TEXTS if isinstance(recipe.get(name), str)}
    seed = recipe.get("seed")
    if isinstance(seed, int) and 0 <= seed < _SEED_LIMIT:
        texts["seed"] = seed
    notes = (f"the study has made {candidate_id} anew since; the recipe in {path} is what is made again",)
    return OnRecord({**row, **texts}, _made_by(recipe, row["attribute"]), shard, data, notes)


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
    if parts is None or parts["arm"] not in names.FEASIBILITIES:
        raise ConfigError(f"{candidate!r} is no candidate; they are called such as mallard-1.color.feasible.k0.r0")
    if parts["attribute"] not in names.ATTRIBUTES:
        raise ConfigError(f"{candidate!r} cannot be made again: {attributes.unknown(parts['attribute'])}")
    place = Path(StudyPaths(str(study)).edits(parts["attribute"], parts["arm"], parts["round"], "x")).parent
    for path in sorted(place.glob("?????-of-?????.parquet")):
        index, total = parse_shard(path.stem)
        if shard_of(parts["image_id"], total) != index:
            continue
        rows = list(tables.picked(path, EDITS, EDITS.names, key="candidate_id", wanted={candidate}))
        if rows:
            return rows[0], tables.origin(path, EDITS), path.stem
    raise ConfigError(f"no candidate {candidate!r} in {place}; the column candidate_id of the manifest has them all")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a candidate is made from, as it is now.

    Attributes:
        config: the slice of edits that it was made with, or today's where that is lost.
        same_config: whether it is the slice on record.
        photo: row of images, with the hash of the file as it is now.
        mask: row of masks.
        mask_sha256: of the mask's PNG; None without a mask.
    """

    config: EditsSlice
    same_config: bool
    photo: Row
    mask: Row | None
    mask_sha256: str | None


@dataclass(frozen=True, slots=True)
class Remade:
    """A candidate that was made again.

    Attributes:
        row: its row of edits, with its picture.
        facts: what the editor says of itself.
        photo: the photo, (H, W, 3) uint8.
    """

    row: Row
    facts: Mapping[str, Any] = field(default_factory=dict)
    photo: Array | None = None


def gather(record: OnRecord, study: Path) -> Sources:
    """Find what the candidate is made from.

    Raises:
        DataError: the photo or the mask is gone, or a table is damaged.
        ConfigError: the config of the study cannot be read.
    """
    paths = StudyPaths(str(study))
    photo = _photo(record.row, Path(paths.images))
    mask = next((row for row in _masks(paths, record) if row["image_id"] == record.row["image_id"]), None)
    data = (mask["smoothed"] or mask["mask"]) if mask else None
    config, same = _config(paths, record.made.get("config"))
    return Sources(config, same, photo, mask, hashlib.sha256(data).hexdigest() if data else None)


def remake(record: OnRecord, sources: Sources, study: Path, *, ask: bool) -> Remade:
    """Make the candidate again.

    Args:
        record: what is known of it.
        sources: what it is made from.
        study: folder of the study.
        ask: whether an editor behind a server may be asked, which may cost money.

    Raises:
        DataError: it cannot be made: its photo cannot be read, its mask is gone, or the editor fails.
        BackendError: the editor cannot run here, or may not be asked.
    """
    config, row = sources.config, record.row
    if not ask and known_backend("editors", config.edits.backend).hosted:
        raise BackendError(
            f"{row['candidate_id']} was made by a server ({config.edits.backend}), and asking again may cost money; "
            "add --ask to do it"
        )
    paths = StudyPaths(str(study))
    machine = Path(paths.config("machine"))
    masks = {row["image_id"]: sources.mask} if sources.mask else {}
    with (
        tempfile.TemporaryDirectory(prefix="varireal-replay-") as empty,
        open_store(Path(empty) / "x.sqlite") as store,
    ):
        maker = CandidateMaker(
            config.model_copy(update={"measures": {}}),  # the packages that measured it need not be here
            masks,
            store,
            Room(Path(empty), 1),
            machine=read_machine(machine) if machine.exists() else NO_MACHINE,
            priors=_pool(config, row, paths),
        )
        items = [_item(row, sources.photo)]
        try:
            (made,) = maker.rows(items, list(maker.make(items)))
            facts = maker.facts
        finally:
            maker.close()
    if made["status"] != names.OK:
        raise DataError(f"{row['candidate_id']} cannot be made now: {made['status']}: {made['reason']}")
    return Remade(made, facts, read_photo(sources.photo, config.reading).image)


def _item(row: Row, photo: Row) -> Item:
    texts = (row["prompt_name"], row["prompt_description"])
    arm = (row["class_id"], row["attribute"], row["feasibility"])
    prompt = Prompt(row["prompt_id"], *arm, *texts, rgb=row["prompt_rgb"] or "")
    return Item(photo, row["attribute"], row["feasibility"], row["k"], row["round"], prompt, row["seed"])


def _photo(row: Row, images: Path) -> Row:
    """The photo: by its bytes where a file has them still, else by its name."""
    rows = tables.read(images, IMAGES)
    named = [photo for photo in rows if photo["image_id"] == row["image_id"]]
    same = [photo for photo in rows if photo["sha256"] == row["source_sha256"] and photo not in named]
    there = [photo for photo in (*named, *same) if Path(photo["path"]).is_file()]
    if not there:
        places = ", ".join(sorted({photo["path"] for photo in (*named, *same)})) or f"no row of {images}"
        raise DataError(
            f"the photo of {row['candidate_id']} is gone: {places}; run this in the folder that the study was run in"
        )
    hashed = [{**photo, "sha256": file_sha256(Path(photo["path"]))} for photo in there]
    chosen = next((photo for photo in hashed if photo["sha256"] == row["source_sha256"]), hashed[0])
    return {**chosen, **{name: row[name] for name in ("image_id", "class_id", "class_name")}}


def _masks(paths: StudyPaths, record: OnRecord) -> list[Row]:
    path = Path(paths.masks(record.shard))
    if not path.exists():
        raise DataError(f"{path} is gone, and with it the mask of {record.row['image_id']}; run the workflow")
    return tables.read(path, MASKS)


def _config(paths: StudyPaths, digest: str | None) -> tuple[EditsSlice, bool]:
    """The slice on record where it is still there, else that of today."""
    today = read_slice(Path(paths.config("edits")), EditsSlice)
    if digest in (None, slice_digest(today)):
        return today, digest is not None
    earlier = Path(paths.earlier_slice(str(digest)))
    if not earlier.exists():
        return today, False
    return read_slice(earlier, EditsSlice), True


def _pool(config: EditsSlice, row: Row, paths: StudyPaths) -> PriorPool | None:
    if not uses_pool(config.edits, row["attribute"]):
        return None
    return PriorPool(Path(paths.priors(row["attribute"], row["feasibility"])))
