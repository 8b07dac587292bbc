"""Making a candidate again by the code of the stage edits, with an empty store, so that nothing kept can be taken."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal import names, tables
from varireal.arrays import Array
from varireal.backends import NO_MACHINE, read_machine
from varireal.config.edits import uses_pool
from varireal.config.slices import EditsSlice, read_slice, slice_digest
from varireal.datasets.decoding import file_sha256
from varireal.datasets.photos import read_photo
from varireal.errors import BackendError, DataError
from varireal.paths import StudyPaths
from varireal.records import Prompt
from varireal.registry import backend_extra
from varireal.replaying.finding import OnRecord
from varireal.running.room import Room
from varireal.schemas import IMAGES, MASKS
from varireal.stages.candidates import Work
from varireal.stages.items import Item
from varireal.stages.pool import Pool
from varireal.store import open_store

Row = dict[str, Any]


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
    if not ask and backend_extra("editors", config.edits.backend) == "llm":
        raise BackendError(
            f"{row['candidate_id']} was made by a server ({config.edits.backend}), and asking again may cost money; "
            "add --ask to do it"
        )
    paths = StudyPaths(str(study))
    machine = Path(paths.config("machine"))
    masks = {row["image_id"]: sources.mask} if sources.mask else {}
    with tempfile.TemporaryDirectory(prefix="varireal-replay-") as empty, open_store(Path(empty) / "x.sqlite") as kept:
        work = Work(
            config,
            masks,
            kept,
            Room(Path(empty), 1),
            machine=read_machine(machine) if machine.exists() else NO_MACHINE,
            priors=_pool(config, row, paths),
        )
        items = [_item(row, sources.photo)]
        try:
            (made,) = work.rows(items, list(work.candidates(items)))
            facts = work.facts
        finally:
            work.close()
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


def _pool(config: EditsSlice, row: Row, paths: StudyPaths) -> Pool | None:
    if not uses_pool(config.edits, row["attribute"]):
        return None
    return Pool(Path(paths.priors(row["attribute"], row["feasibility"])))
