"""The lists that published data sets come with, and how each is read.

``oxford_pets``
    Parkhi et al. 2012. With CoOp's ``split_zhou_OxfordPets.json`` beside ``images/`` 2,944 train, 736 val, 3,669 test.
    Without it the published trainval (3,680) is train, and val is drawn from it by ``images.val_fraction``.
``fgvc_aircraft``
    Maji et al. 2013, the 100 variants. ``val: from_train``: 6,667 train (the published trainval) and 3,333 test;
    ``val: official``: 3,334 train, 3,333 val, 3,333 test.
``stanford_cars``
    Krause et al. 2013, from CoOp's ``split_zhou_StanfordCars.json``: 6,509 train, 1,635 val, 8,041 test;
    ``val: from_train``: 8,144 train and 8,041 test. Without that file ``varireal data get`` makes one with the latter
    splits from the data set's own ``.mat`` lists.
``waterbirds``
    Sagawa et al. 2020: 4,795 train, 1,199 val, 5,794 test pictures. Of the latter those in the class's usual place are
    ``test``, and those of a landbird on water or a waterbird on land are ``test_background``, as in the demo.

Light module: standard library only.
"""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from varireal.datasets.base import did_you_mean, quoted
from varireal.datasets.published import Entry, PublishedSet
from varireal.errors import ConfigError
from varireal.names import TEST, TRAIN, VAL

PETS_SPLIT = "split_zhou_OxfordPets.json"
CARS_SPLIT = "split_zhou_StanfordCars.json"
CARS_OFFICIAL = "split_official_StanfordCars.json"  # made by ``varireal data get`` from the .mat lists
TEST_BACKGROUND = f"{TEST}_background"

_PET = re.compile(r"(?P<breed>.+)_\d+")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4}) (?P<model>.+)")
_BIRD_SPLITS = {"0": TRAIN, "1": VAL, "2": TEST}
_BIRDS = {"0": "landbird", "1": "waterbird"}
_BIRD_COLUMNS = ("img_filename", "y", "split", "place")


def _read_pets(top: Path) -> list[Entry]:
    """CoOp's split if it is there, else the published trainval and test."""
    split_file = top / PETS_SPLIT
    if split_file.exists():
        return [
            Entry(f"images/{picture}", _readable(breed), split, where)
            for picture, breed, split, where in _read_split(split_file)
        ]
    entries = []
    breeds: dict[str, str] = {}
    for split, name in ((TRAIN, "trainval.txt"), (TEST, "test.txt")):
        for where, line in _lines(top / "annotations" / name):
            fields = line.split()
            found = _PET.fullmatch(fields[0])
            if found is None or len(fields) != 4:
                raise ConfigError(f"{where}: found {line[:60]!r}, expected such as 'Abyssinian_100 1 1 1'")
            breed = _readable(found["breed"])
            known = breeds.setdefault(fields[1], breed)
            if known != breed:
                raise ConfigError(
                    f"{where}: class {fields[1]} is {known!r} before but {breed!r} by the name {fields[0]!r}; "
                    "expected one class per number"
                )
            entries.append(Entry(f"images/{fields[0]}.jpg", breed, split, where))
    return entries


def _readable(breed: str) -> str:
    """``american_pit_bull_terrier`` as ``American Pit Bull Terrier``."""
    return " ".join(part.capitalize() for part in breed.replace(" ", "_").split("_"))


def _read_aircraft(top: Path) -> list[Entry]:
    """The official train, val and test of the variants; train and val together are the published trainval."""
    variants = {line for _, line in _lines(top / "variants.txt")}
    entries = []
    for split in (TRAIN, VAL, TEST):
        for where, line in _lines(top / f"images_variant_{split}.txt"):
            picture, _, variant = line.partition(" ")
            variant = variant.strip()
            if variant not in variants:
                raise ConfigError(
                    f"{where}: class {variant!r} is not in {quoted(top / 'variants.txt')}"
                    f"{did_you_mean(variant, variants)} Expected such as '1025794 707-320'"
                )
            entries.append(Entry(f"images/{picture}.jpg", variant, split, where))
    return entries


def _read_cars(top: Path) -> list[Entry]:
    """CoOp's split, else the official one; CoOp's class names begin with the year, which the data set puts last."""
    split_file = next((top / name for name in (CARS_SPLIT, CARS_OFFICIAL) if (top / name).exists()), None)
    if split_file is None:
        raise ConfigError(
            f"no file {quoted(top / CARS_SPLIT)}: put CoOp's there, or let 'varireal data get --source stanford_cars "
            f"--output {top}' write {CARS_OFFICIAL} from the .mat lists"
        )
    entries = []
    for picture, name, split, where in _read_split(split_file):
        year_first = _YEAR_FIRST.fullmatch(name)
        shown = f"{year_first['model']} {year_first['year']}" if year_first else name
        entries.append(Entry(picture, shown, split, where))
    return entries


def _read_waterbirds(top: Path) -> list[Entry]:
    """``metadata.csv``: y and place are 0 for land and 1 for water, split is 0, 1, 2 for train, val, test."""
    path = top / "metadata.csv"
    rows = ((where, line, _cells(where, line)) for where, line in _lines(path))
    _, _, header = next(rows, ("", "", []))
    missing = [name for name in _BIRD_COLUMNS if name not in header]
    if missing:
        raise ConfigError(
            f"{quoted(path)}: no column {missing[0]!r}; expected {', '.join(_BIRD_COLUMNS)}, found {', '.join(header)}"
        )
    entries = []
    for where, line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        y, place, split = row.get("y", ""), row.get("place", ""), row.get("split", "")
        if len(cells) != len(header) or y not in _BIRDS or place not in _BIRDS or split not in _BIRD_SPLITS:
            raise ConfigError(
                f"{where}: found {line[:80]!r}; expected y and place 0 (land) or 1 (water), "
                "split 0 (train), 1 (val) or 2 (test)"
            )
        shown = _BIRD_SPLITS[split]
        if shown == TEST and y != place:
            shown = TEST_BACKGROUND
        entries.append(Entry(row["img_filename"], _BIRDS[y], shown, where))
    return entries


def _cells(where: str, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line]))]
    except csv.Error as error:
        raise ConfigError(f"{where}: not a line of a CSV ({error})") from error


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file and line number for messages, text) of every line that is not blank and no comment."""
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield f"{quoted(path)}, line {number}", line.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"no file {quoted(path)}: expected the list that comes with the data set") from error
    except OSError as error:
        raise ConfigError(f"{quoted(path)} cannot be read ({error.strerror}): expected a list of pictures") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{quoted(path)} is not UTF-8 text at byte {error.start}: fetch it again") from error


def _read_split(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """(picture, class name, split, where) of every entry of a split file in CoOp's form."""
    try:
        splits = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{quoted(path)} is not JSON ({error}): fetch it again") from error
    form = "{'train': [['PICTURE', NUMBER, 'CLASS'], ...], 'val': [...], 'test': [...]}"
    if not isinstance(splits, dict) or not {TRAIN, TEST} <= splits.keys() <= {TRAIN, VAL, TEST}:
        raise ConfigError(f"{quoted(path)}: expected {form}")
    for split, listed in splits.items():
        if not isinstance(listed, list):
            raise ConfigError(f"{quoted(path)}: {split!r} is no list; expected {form}")
        for number, entry in enumerate(listed):
            where = f"{quoted(path)}, {split}[{number}]"
            if not _is_triple(entry):
                raise ConfigError(f"{where}: found {str(entry)[:60]!r}, expected ['PICTURE', NUMBER, 'CLASS']")
            yield entry[0], entry[2].strip(), split, where


def _is_triple(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) != 3:
        return False
    return all(isinstance(entry[place], str) and entry[place].strip() for place in (0, 2))


PUBLISHED: dict[str, PublishedSet] = {
    known.name: known
    for known in (
        PublishedSet(
            "oxford_pets",
            f"images/*.jpg, annotations/trainval.txt, annotations/test.txt and, for CoOp's splits, {PETS_SPLIT}",
            ("oxford-iiit-pet",),
            "images",
            _read_pets,
            downloadable=True,
        ),
        PublishedSet(
            "fgvc_aircraft",
            "data/images/*.jpg, data/variants.txt and data/images_variant_{train,val,test}.txt",
            ("data", "fgvc-aircraft-2013b/data", "fgvc-aircraft-2013b"),
            "variants.txt",
            _read_aircraft,
            downloadable=True,
        ),
        PublishedSet(
            "stanford_cars",
            f"cars_train/*.jpg, cars_test/*.jpg and CoOp's {CARS_SPLIT}",
            ("stanford_cars",),
            "cars_train",
            _read_cars,
        ),
        PublishedSet(
            "waterbirds",
            "metadata.csv (img_filename, y, split, place) and the folders of pictures that it names",
            ("waterbird_complete95_forest2water2", "waterbirds_v1.0"),
            "metadata.csv",
            _read_waterbirds,
        ),
    )
}
