"""Published data sets, read from the lists that they come with.

A data set is one ``PublishedSet``: how its folder is laid out, and how its lists are read (``published_lists``). What
all of them share is here: the picture of every line must be there, and be listed once. A picture that no list names is
not part of the data set. Image ids start from the data set's own top folder, so that the folder in the config may be
that one or, as torchvision leaves it, the one around it.

Light module: it is imported while Snakemake parses. It lists folders and reads lists; no picture is opened.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from varireal.datasets.base import check_trainable, digest_entries, display_names, file_facts, quoted
from varireal.errors import ConfigError
from varireal.names import TRAIN, VAL
from varireal.records import SourceImage

FROM_TRAIN = "from_train"


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
        shown = display_names((entry.class_name for entry in self._entries), self.names, self.top)
        classes: dict[str, set[str]] = {}
        for entry in self._entries:
            classes.setdefault(entry.split, set()).add(shown[entry.class_name])
        check_trainable(classes, self.top)
        return shown

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
        with os.scandir(folder) as found:
            return {entry.name for entry in found}
    except OSError:  # missing or unreadable: its pictures count as absent, and the message names one
        return set()
