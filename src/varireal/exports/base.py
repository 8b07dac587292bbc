"""What every export shares: reading the data set, writing a folder whole, names and values that are safe to write."""

import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from varireal import __version__
from varireal.core.marks import mark_png, xmp_packet
from varireal.core.registry import digital_source_type
from varireal.errors import DataError
from varireal.store import tables
from varireal.store.schemas import DATASET, measures_in, with_measures

# The recipe that each picture of a data set carries: everything needed to find it and to make it again.
#
# No path and no person's name is in it: pictures travel further than the machine that they were made on.

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
    "edit_mask_sha256",
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


MARKER = ".varireal-export.json"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """A data set on disk.

    Attributes:
        files: its Parquet files, in order.
        classes: class id to display name, in the order of the labels.
        facts: what the files say of their origin: study, seed, noun, licences, config digest.
    """

    files: tuple[Path, ...]
    classes: dict[str, str]
    facts: dict[str, Any]

    def rows(self) -> Iterator[tables.Row]:
        """Yield all rows, a few pictures in memory at a time.

        Raises:
            DataError: a file is damaged, or an id in it is no safe file name.
        """
        for path in self.files:
            for row in tables.stream(path, with_measures(DATASET, measures_in([path], DATASET))):
                for column in ("candidate_id", "class_id", "attribute", "feasibility"):
                    if not _SAFE_NAME.fullmatch(row[column]):
                        raise DataError(
                            f"{path}: {column} {row[column]!r} is not a safe file name; run the stage dataset again"
                        )
                yield row


class ExportWriter(Protocol):
    """Writes one kind of export."""

    def __call__(self, dataset: DatasetFolder, folder: Path) -> int:
        """Write the data set into an empty folder and return the number of pictures."""
        ...


def open_dataset(folder: Path) -> DatasetFolder:
    """Find the files of a data set.

    Raises:
        DataError: the folder holds no data set, or a damaged one.
    """
    files = tuple(sorted((folder / "data").glob("train-*.parquet")))
    if not files:
        raise DataError(f"{folder} holds no data/train-*.parquet; give the folder that the stage dataset wrote")
    facts = tables.origin(files[0], DATASET)
    if not isinstance(facts.get("classes"), dict):
        raise DataError(f"{files[0]} does not list the classes in its metadata; run the stage dataset again")
    return DatasetFolder(files, dict(sorted(facts["classes"].items())), facts)


def plain(row: tables.Row) -> tables.Row:
    """A row without its pictures, with values that JSON can hold: a number that is not finite becomes null.

    What tells of the edit's own mask is left out where it has none.
    """
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
        if name not in ("image", "mask", "edit_mask") and (name != "edit_mask_sha256" or value is not None)
    }


def mask_in_edit(row: tables.Row) -> bytes:
    """PNG of the object's mask in the picture of a row: its own where it has one, else the photo's."""
    data: bytes = (row["edit_mask"] or row["mask"])["bytes"]
    return data


@contextmanager
def whole_folder(output: Path, kind: str) -> Iterator[Path]:
    """Give an empty folder to write into, and put it in the place of ``output`` when the block ends well.

    A marker file in it lists what was written. Only a folder whose every file is listed in its marker is replaced.

    Raises:
        DataError: ``output`` exists and holds something that no export wrote.
    """
    check_replaceable(output, kind)
    staging = output.with_name(f".{output.name}.varireal-new")
    retired = output.with_name(f".{output.name}.varireal-old")
    for leftover in (staging, retired):  # of an export that was killed
        if leftover.exists():
            if not (leftover / MARKER).is_file():
                raise DataError(f"{leftover} is in the way and was not left by an export; move it away")
            shutil.rmtree(leftover)
    staging.mkdir(parents=True)
    _mark(staging, kind, [])
    try:
        yield staging
        _mark(staging, kind, _files(staging))
        check_replaceable(output, kind)
    except BaseException:
        shutil.rmtree(staging)
        raise
    if output.exists():
        output.rename(retired)
    staging.rename(output)
    if retired.exists():
        shutil.rmtree(retired)


def _mark(folder: Path, kind: str, files: list[str]) -> None:
    (folder / MARKER).write_text(json.dumps({"export": kind, "files": files}, indent=0) + "\n", encoding="utf-8")


def _files(folder: Path) -> list[str]:
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths if path != folder / MARKER)


def check_replaceable(output: Path, kind: str) -> None:
    """Refuse a place that holds anything but an earlier export.

    Raises:
        DataError: the message names the first file that no export wrote.
    """
    if not output.exists() and not output.is_symlink():
        return
    remedy = "give another --output, or move it away"
    if output.is_symlink() or not output.is_dir():
        raise DataError(f"{output} exists and is not a folder that an export wrote; {remedy}")
    try:
        marker = json.loads((output / MARKER).read_text(encoding="utf-8"))
        listed, written = set(marker["files"]), marker["export"]
    except FileNotFoundError:
        listed, written = set(), kind
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{output / MARKER} is damaged; {remedy}") from error
    if written != kind:
        raise DataError(f"{output} holds an export of kind {written!r}; {remedy}")
    foreign = [name for name in _files(output) if name not in listed]
    if foreign:
        raise DataError(f"{output} holds {foreign[0]!r}, which no export wrote; {remedy}")
