"""Published data sets, read from the lists that they come with.

A data set is one ``PublishedSet``: how its folder is laid out, and how its lists are read. What all of them share is
here: the picture of every line must be there, and be listed once. A picture that no list names is not part of the data
set. Image ids start from the data set's own top folder, so that the folder in the config may be
that one or, as torchvision leaves it, the one around it.

The data sets and their lists:

``oxford_pets``
    Parkhi et al. 2012. With CoOp's ``split_zhou_OxfordPets.json`` beside ``images/``: 2,944 train, 736 val, 3,669
    test. Without it the published trainval (3,680) is train, and val is drawn from it by ``images.val_fraction``.
``fgvc_aircraft``
    Maji et al. 2013, the 100 variants. ``val: from_train``: 6,667 train (the published trainval) and 3,333 test;
    ``val: official``: 3,334 train, 3,333 val, 3,333 test.
``stanford_cars``
    Krause et al. 2013, from CoOp's ``split_zhou_StanfordCars.json``: 6,509 train, 1,635 val, 8,041 test;
    ``val: from_train``: 8,144 train and 8,041 test. Without that file ``varireal data get`` makes one with the
    latter splits from the data set's own ``.mat`` lists.
``waterbirds``
    Sagawa et al. 2020: 4,795 train, 1,199 val, 5,794 test pictures. Of the latter those in the class's usual place
    are ``test``, and those of a landbird on water or a waterbird on land are ``test_background``, as in the demo.

Light module: it is imported while Snakemake parses. It lists folders and reads lists; no picture is opened.
"""

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from varireal.config.images import ImagesConfig
from varireal.datasets.base import did_you_mean, digest_entries, file_facts, quoted, shown_names
from varireal.errors import ConfigError
from varireal.names import TEST, TRAIN, VAL
from varireal.records import SourceImage

FROM_TRAIN = "from_train"
PETS_SPLIT = "split_zhou_OxfordPets.json"
CARS_SPLIT = "split_zhou_StanfordCars.json"
CARS_OFFICIAL = "split_official_StanfordCars.json"  # made by ``varireal data get`` from the .mat lists
TEST_BACKGROUND = f"{TEST}_background"

_PET = re.compile(r"(?P<breed>.+)_\d+")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4}) (?P<model>.+)")
_BIRD_SPLITS = {"0": TRAIN, "1": VAL, "2": TEST}
_BIRDS = {"0": "landbird", "1": "waterbird"}
_BIRD_COLUMNS = ("img_filename", "y", "split", "place")


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as a list names it.

    Attributes:
        picture: path below the data set's top folder, with forward slashes.
        class_name: display name.
        split: train, val, test or test_<name>.
        where: list and line, for messages.
    """

    picture: str
    class_name: str
    split: str
    where: str


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """What is particular about one published data set.

    Attributes:
        name: name of the source in the config.
        layout: what its folder holds, as the middle of a sentence.
        tops: names that the top folder has when it lies inside the folder of the config.
        probe: a file or folder below the top folder by which it is known.
        read: reads the lists below the top folder.
        downloadable: whether ``varireal data get`` can fetch it.
    """

    name: str
    layout: str
    tops: tuple[str, ...]
    probe: str
    read: Callable[[Path], list[Entry]]
    downloadable: bool = False

    def how_to_get(self, path: Path) -> str:
        """The end of a message about a folder that is not as expected."""
        command = f"'varireal data get --source {self.name} --output {path}'"
        what = "downloads it" if self.downloadable else "tells what to do, as there is no download"
        return f"expected {self.layout}; {command} {what}"


class PublishedSource:
    """The pictures of a published data set, with the published splits.

    Attributes:
        published: the data set.
        path: its folder, or the folder around it.
        names: display name as read -> display name wanted.
        val: ``official`` keeps the listed val; ``from_train`` joins train and val, and another val is drawn.
    """

    version = 1

    def __init__(
        self, published: PublishedSet, path: Path, class_names: Mapping[str, str], *, val: str = "official"
    ) -> None:
        self.published = published
        self.name = published.name
        self.path = path
        self.names = dict(class_names)
        self.val = val

    @classmethod
    def from_config(cls, images: ImagesConfig) -> "PublishedSource":
        """The data set that the config names, in the folder that it names."""
        chosen = getattr(images, images.source)
        val = getattr(chosen, "val", "official")
        return cls(PUBLISHED[images.source], Path(chosen.path), class_names=images.class_names, val=val)

    def class_names(self) -> list[str]:
        """Return the display names of the classes, sorted.

        Raises:
            ConfigError: the folder is missing or is not the data set.
        """
        return sorted(set(self._shown.values()))

    def items(self) -> Iterator[SourceImage]:
        """Yield every listed picture, sorted by key (path below the data set's top folder).

        Raises:
            ConfigError: the folder is missing or is not the data set.
        """
        shown = self._shown
        for entry in self._entries:
            yield SourceImage(entry.picture, self.top / entry.picture, shown[entry.class_name], entry.split)

    def listing_digest(self) -> str:
        """Return 16 hex digits over what the lists say and the size and modification time of every picture.

        Raises:
            ConfigError: the folder is missing or is not the data set.
        """
        return digest_entries(
            (repr((item.key, item.class_name, item.split)), *file_facts(item.path)) for item in self.items()
        )

    @cached_property
    def top(self) -> Path:
        """The data set's own top folder: the configured one, or a folder in it with one of the usual names.

        Raises:
            ConfigError: the folder is missing, is a file, or does not hold the data set.
        """
        try:
            if self.path.exists() and not self.path.is_dir():
                raise ConfigError(f"{quoted(self.path)} is a file: expected a folder with {self.published.layout}")
            if not self.path.is_dir():
                raise ConfigError(f"no folder {quoted(self.path)}: {self.published.how_to_get(self.path)}")
            for folder in (self.path, *(self.path / name for name in self.published.tops)):
                if (folder / self.published.probe).exists():
                    return folder
        except OSError as error:
            raise ConfigError(f"{quoted(self.path)} cannot be read ({error.strerror}): {self._expected}") from error
        missing = quoted(self.path / self.published.probe)
        raise ConfigError(f"no {missing}: {self.published.how_to_get(self.path)}")

    @cached_property
    def _entries(self) -> list[Entry]:
        entries = self.published.read(self.top)
        if not entries:
            raise ConfigError(f"the lists in {quoted(self.top)} name no pictures: {self._expected}")
        if self.val == FROM_TRAIN:
            entries = [replace(entry, split=TRAIN) if entry.split == VAL else entry for entry in entries]
        entries.sort(key=lambda entry: entry.picture)
        self._check_pictures(entries)
        return entries

    @cached_property
    def _shown(self) -> dict[str, str]:
        return shown_names(((entry.class_name, entry.split) for entry in self._entries), self.names, self.top)

    @property
    def _expected(self) -> str:
        return f"expected {self.published.layout}"

    def _check_pictures(self, entries: Sequence[Entry]) -> None:
        """Check that each picture lies below the top folder, is there, and is listed once; one look per folder."""
        present: dict[str, set[str]] = {}
        absent: list[Entry] = []
        seen: dict[str, Entry] = {}
        for entry in entries:
            folder, _, name = entry.picture.rpartition("/")  # pathlib would take most of the time of a listing
            if entry.picture.startswith("/") or ".." in folder.split("/"):
                raise ConfigError(f"{entry.where}: picture {entry.picture!r} lies outside {quoted(self.top)}")
            if entry.picture in seen:
                raise ConfigError(
                    f"{entry.where}: picture {entry.picture!r} is listed before, in {seen[entry.picture].where}; "
                    "expected each picture once"
                )
            seen[entry.picture] = entry
            if folder not in present:
                present[folder] = _names_in(self.top / folder)
            if name not in present[folder]:
                absent.append(entry)
        if absent:
            first = absent[0]
            raise ConfigError(
                f"{first.where}: no picture {quoted(self.top / first.picture)} ({len(absent)} of {len(entries)} are "
                f"missing): {self._expected}; unpack the archive again, or correct the list"
            )


def _names_in(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except OSError:  # missing or unreadable: its pictures count as absent, and the message names one
        return set()


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
    for split, file in ((TRAIN, "trainval.txt"), (TEST, "test.txt")):
        for where, line in _lines(top / "annotations" / file):
            fields = line.split()
            name = _PET.fullmatch(fields[0])
            if name is None or len(fields) != 4:
                raise ConfigError(f"{where}: found {line[:60]!r}, expected such as 'Abyssinian_100 1 1 1'")
            breed = _readable(name["breed"])
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
