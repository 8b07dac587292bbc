"""Photos in class folders, with or without split folders above them.

Light module: it is imported while Snakemake parses.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from varireal.config.images import ImagesConfig
from varireal.datasets.base import (
    SPLITS_ALLOWED,
    did_you_mean,
    digest_entries,
    file_facts,
    normal_split,
    quoted,
    safe_text,
    shown_names,
)
from varireal.errors import ConfigError
from varireal.names import TEST, TRAIN, VAL
from varireal.records import SourceImage

logger = logging.getLogger(__name__)

# What systems leave in folders on their own; hidden files are skipped as well.
_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})
# Only to tell a stray photo from a README beside class folders; inside a class folder every file is tried.
_PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"})


@dataclass(frozen=True, slots=True)
class _ClassFolder:
    split: str | None
    name: str
    path: Path


class FolderSource:
    """Photos in ``<path>/{train,val,test,test_*}/<class>/**`` or, with splits to be drawn, in ``<path>/<class>/**``.

    Every file in a class folder is an item, whatever its name ends in: only decoding can tell, and nothing may vanish
    silently. Hidden files and what systems leave behind (``Thumbs.db``) are skipped. A link to a file is an item that
    is read where it points; a link to a folder inside a class folder is an item too and is not entered, so links can
    neither loop nor pull in a foreign tree. A class or split folder may itself be a link.

    Attributes:
        path: the folder.
        names: folder name -> display name, for the classes that are shown under another name.
    """

    name = "folder"
    version = 1

    def __init__(self, path: Path, class_names: Mapping[str, str]) -> None:
        self.path = path
        self.names = dict(class_names)

    @classmethod
    def from_config(cls, images: ImagesConfig) -> "FolderSource":
        """The folder that the config names."""
        return cls(Path(images.folder.path or ""), class_names=images.class_names)

    def class_names(self) -> list[str]:
        """Return the display names of the classes, sorted.

        Raises:
            ConfigError: the folder is missing or not laid out as expected.
        """
        return sorted(set(self._shown(self._class_folders()).values()))

    def items(self) -> Iterator[SourceImage]:
        """Yield every file in the class folders, sorted by key (path below the folder, with forward slashes).

        Raises:
            ConfigError: the folder is missing or not laid out as expected.
        """
        folders = self._class_folders()
        shown = self._shown(folders)
        for stray in self._files_beside(folders):
            logger.warning("%s lies beside the class folders and is ignored", quoted(stray))
        items = [
            SourceImage(key=self._key(path), path=path, class_name=shown[folder.name], split=folder.split)
            for folder in folders
            for path in _files(folder.path)
        ]
        yield from sorted(items, key=lambda item: item.key)

    def listing_digest(self) -> str:
        """Return 16 hex digits over the name, size and modification time of every file.

        Raises:
            ConfigError: the folder is missing or not laid out as expected.
        """
        paths = sorted(path for folder in self._class_folders() for path in _files(folder.path))
        return digest_entries((self._key(path), *file_facts(path)) for path in paths)

    def _key(self, path: Path) -> str:
        return safe_text(path.relative_to(self.path).as_posix())

    def _shown(self, folders: list[_ClassFolder]) -> dict[str, str]:
        return shown_names(((folder.name, folder.split) for folder in folders), self.names, self.path)

    def _class_folders(self) -> list[_ClassFolder]:
        """Return the class folders of all splits, sorted by path, after checking the layout."""
        top = _subfolders(self.path)
        if not top:
            raise ConfigError(
                f"{quoted(self.path)} holds no class folders: expected <class>/ or train/<class>/, with photos inside."
            )
        splits = {folder: normal_split(folder.name) for folder in top}
        # A class may be called "train" (buses, cars, trains): split folders are those that hold folders themselves.
        if all(splits.values()) or any(split and _subfolders(folder) for folder, split in splits.items()):
            folders = [inner for folder, split in splits.items() for inner in self._in_split(folder, split)]
            if not any(folder.split == TRAIN for folder in folders):
                present = ", ".join(safe_text(folder.name) for folder in top)
                raise ConfigError(f"{quoted(self.path)} has {present} but no train folder: add train/<class>/.")
        else:
            folders = [_ClassFolder(None, folder.name, folder) for folder in top]
        for stray in self._files_beside(folders):
            if stray.suffix.lower() in _PHOTO_SUFFIXES:
                raise ConfigError(f"{quoted(stray)} lies beside the class folders: move it into one, or remove it.")
        for folder in folders:
            if folder.split in {None, TRAIN} and next(_files(folder.path), None) is None:
                raise ConfigError(f"class folder {quoted(folder.path)} is empty: add photos, or remove the folder.")
        return folders

    def _in_split(self, folder: Path, split: str | None) -> list[_ClassFolder]:
        if split is None:
            raise ConfigError(
                f"{quoted(folder)} lies beside split folders but names no split"
                f"{did_you_mean(folder.name.lower(), (TRAIN, VAL, TEST))} Expected {SPLITS_ALLOWED}."
            )
        classes = _subfolders(folder)
        if not classes:
            raise ConfigError(f"{quoted(folder)} holds no class folders: expected {folder.name}/<class>/ with photos.")
        return [_ClassFolder(split, path.name, path) for path in classes]

    def _files_beside(self, folders: list[_ClassFolder]) -> list[Path]:
        """Return the files that lie where only folders are expected: in the source and in its split folders."""
        parents = {self.path, *(folder.path.parent for folder in folders)}
        entries = [entry for parent in sorted(parents) for entry in _entries(parent)]
        return [Path(entry.path) for entry in entries if not _leads_to_folder(entry)]


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in ``folder``, links to folders included.

    Raises:
        ConfigError: ``folder`` is missing, is a file, cannot be read, or holds a link to a folder that it lies in.
    """
    try:
        paths = [Path(entry.path) for entry in _entries(folder) if _leads_to_folder(entry)]
    except FileNotFoundError as error:
        raise ConfigError(f"no folder {quoted(folder)}: expected a folder with photos in class folders.") from error
    except NotADirectoryError as error:
        raise ConfigError(f"{quoted(folder)} is a file: expected a folder with photos in class folders.") from error
    except OSError as error:
        raise ConfigError(f"{quoted(folder)} cannot be listed ({error.strerror}): check its permissions.") from error
    for path in paths:
        if path.is_symlink() and folder.resolve().is_relative_to(path.resolve()):
            raise ConfigError(f"{quoted(path)} is a link to a folder that it lies in: remove the link.")
    return paths


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as listing:
        entries = [entry for entry in listing if not entry.name.startswith(".") and entry.name.lower() not in _LITTER]
    return sorted(entries, key=lambda entry: entry.name)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _files(folder: Path) -> Iterator[Path]:
    """Yield all that is not a real folder below ``folder``; a folder that cannot be listed stands for itself."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = _entries(here)
        except OSError:
            yield here
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield Path(entry.path)
