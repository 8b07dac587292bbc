"""Photos listed in a CSV file.

Light module: it is imported while Snakemake parses.
"""

import csv
import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from varireal.config.images import ImagesConfig
from varireal.datasets.base import SPLITS_ALLOWED, digest_entries, file_facts, normal_split, quoted, shown_names
from varireal.errors import ConfigError
from varireal.records import SourceImage

_REQUIRED = ("path", "class")
_OPTIONAL = ("split", "mask")
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    path: str
    class_name: str
    split: str | None
    mask: str


class CsvSource:
    """Photos in a CSV with the columns path, class and, if wanted, split and mask; other columns are ignored.

    The delimiter may be a comma, a semicolon or a tab; UTF-8 with or without a byte order mark. Relative paths start
    at ``image_root``, or else at the folder of the CSV. A photo without a split gets one drawn. A path that is listed
    again is an item of its own, so that it ends as a row and does not vanish.

    Attributes:
        path: the CSV file.
        root: where relative paths start.
        names: value of the class column -> display name, for the classes that are shown under another name.
    """

    name = "csv"
    version = 1

    def __init__(self, path: Path, image_root: Path | None, class_names: Mapping[str, str]) -> None:
        self.path = path
        self.root = path.parent if image_root is None else image_root
        self.names = dict(class_names)

    @classmethod
    def from_config(cls, images: ImagesConfig) -> "CsvSource":
        """The list that the config names."""
        root = Path(images.csv.image_root) if images.csv.image_root else None
        return cls(Path(images.csv.path or ""), image_root=root, class_names=images.class_names)

    def class_names(self) -> list[str]:
        """Return the display names of the classes, sorted.

        Raises:
            ConfigError: the file cannot be read as such a CSV.
        """
        return sorted(set(self._shown(self._lines()).values()))

    def items(self) -> Iterator[SourceImage]:
        """Yield one item per line, sorted by key: the path as listed, with ``#<line>`` when it was listed before.

        Raises:
            ConfigError: the file cannot be read as such a CSV.
        """
        lines = self._lines()
        shown = self._shown(lines)
        listed = {line.path for line in lines}
        items: dict[str, SourceImage] = {}
        for line in lines:
            key = line.path
            while key in items:
                key = f"{key}#{line.number}"
                if key in listed:  # another line's path already ends this way
                    key += "#"
            items[key] = SourceImage(
                key=key,
                path=self._resolve(line.path),
                class_name=shown[line.class_name],
                split=line.split,
                mask_path=self._resolve(line.mask) if line.mask else None,
            )
        yield from (items[key] for key in sorted(items))

    def listing_digest(self) -> str:
        """Return 16 hex digits over the CSV and the name, size and modification time of every file that it names.

        Raises:
            ConfigError: the file cannot be read as such a CSV.
        """
        entries: list[tuple[str, int, int]] = []
        for line in self._lines():
            entries.append((repr(line), *file_facts(self._resolve(line.path))))
            if line.mask:
                entries.append((line.mask, *file_facts(self._resolve(line.mask))))
        return digest_entries(entries)

    def _resolve(self, listed: str) -> Path:
        path = self.root / listed
        if "\\" in listed and os.sep != "\\" and file_facts(path) == (-1, -1):
            return self.root / listed.replace("\\", "/")  # a list that was written on Windows
        return path

    def _shown(self, lines: list[_Line]) -> dict[str, str]:
        return shown_names(((line.class_name, line.split) for line in lines), self.names, self.path)

    def _lines(self) -> list[_Line]:
        header, rows = self._read()
        column = self._columns(header)
        lines = [self._line(number, cells, len(header), column) for number, cells in rows]
        if not lines:
            raise ConfigError(f"{quoted(self.path)} lists no photos: expected at least one line below the header.")
        return lines

    def _line(self, number: int, cells: list[str], width: int, column: Mapping[str, int]) -> _Line:
        where = f"{quoted(self.path)}, line {number}"
        if len(cells) != width:
            raise ConfigError(
                f"{where}: {len(cells)} cells but {width} columns; put quotes around text that holds the delimiter."
            )
        value = {name: cells[index] for name, index in column.items()}
        if not value["path"]:
            raise ConfigError(f"{where}: no path; fill the cell or remove the line.")
        class_name = value["class"].strip()
        if not class_name:
            raise ConfigError(f"{where}: no class for {quoted(value['path'])}; fill the cell or remove the line.")
        wanted = value.get("split", "").strip()
        split = normal_split(wanted)
        if wanted and split is None:
            raise ConfigError(f"{where}: unknown split {wanted!r}; expected {SPLITS_ALLOWED}, or nothing.")
        return _Line(number, value["path"], class_name, split, value.get("mask", ""))

    def _columns(self, header: list[str]) -> dict[str, int]:
        """Return the place of each known column."""
        names = [name.strip().lower() for name in header]
        columns = ", ".join(repr(name) for name in header)
        for name in (*_REQUIRED, *_OPTIONAL):
            if names.count(name) > 1:
                raise ConfigError(f"{quoted(self.path)}: column {name!r} occurs twice; the columns are {columns}.")
        missing = [name for name in _REQUIRED if name not in names]
        if missing:
            raise ConfigError(
                f"{quoted(self.path)}: no column {missing[0]!r}; found {columns}; expected path, class and, "
                "if wanted, split and mask."
            )
        for name in names:
            # "splits" ignored in silence would put test photos into train.
            absent = [known for known in _OPTIONAL if known not in names]
            for meant in difflib.get_close_matches(name, absent, n=1, cutoff=0.8):
                raise ConfigError(f"{quoted(self.path)}: unknown column {name!r}; expected {meant!r}, or remove it.")
        return {name: names.index(name) for name in (*_REQUIRED, *_OPTIONAL) if name in names}

    def _read(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """Return the header and (line number, cells) of every line that is not blank."""
        try:
            # newline="" lets the csv module see line ends inside quotes; utf-8-sig drops a byte order mark.
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                first = file.readline()
                file.seek(0)
                reader = csv.reader(file, delimiter=_delimiter(first), skipinitialspace=True, strict=True)
                rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
        except FileNotFoundError as error:
            raise ConfigError(f"no file {quoted(self.path)}: expected a CSV with the columns path, class.") from error
        except OSError as error:
            raise ConfigError(f"{quoted(self.path)} cannot be read ({error.strerror}): expected a CSV.") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{quoted(self.path)} is not UTF-8 text: save it as CSV UTF-8.") from error
        except csv.Error as error:
            raise ConfigError(f"{quoted(self.path)} is not a readable CSV ({error}).") from error
        if not rows:
            raise ConfigError(f"{quoted(self.path)} is empty: expected a header with the columns path, class.")
        return rows[0][1], rows[1:]


def _delimiter(header: str) -> str:
    """Return the delimiter that cuts the header into the most columns; a comma when there is only one."""
    return max(_DELIMITERS, key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
