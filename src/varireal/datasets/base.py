"""What every image source offers, and the few rules that all sources share.

Light module: it is imported while Snakemake parses.
"""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from varireal.core.files import few
from varireal.errors import ConfigError
from varireal.names import TEST, TRAIN, VAL

if TYPE_CHECKING:
    from varireal.records import SourceImage

SPLITS_ALLOWED = "train, val, test or test_<name> (letters a-z, digits, _ and -)"

_SPLIT_SYNONYMS = {TRAIN: TRAIN, VAL: VAL, "valid": VAL, "validation": VAL, TEST: TEST}
_SHIFTED_TEST = re.compile(r"test_[a-z0-9][a-z0-9_-]*")


class ImageSource(Protocol):
    """Where the photos of a study come from.

    A source of another package is made with ``images.options`` as keyword arguments. It gives its own names of the
    classes; those of ``images.class_names`` are put in their place. ``class_names``, ``items`` and ``listing_digest``
    are called while Snakemake parses: they list and read, decode nothing, and import nothing heavy.

    A source that makes its pictures also has ``render(folder, *, seed, workers)``, which makes those that are not in
    the folder yet and returns its items; ``items`` then lists what will be made, whose keys become the ids of photos.
    With ``fewer() -> dict``, keys of ``images`` for a few pictures, ``varireal plan`` can try it.

    Attributes:
        name: the source's name in the config.
        version: raised when the same files would give other items; of another package its own version counts.
    """

    name: str
    version: int

    def class_names(self) -> list[str]:
        """Return the display names of the classes, sorted.

        Raises:
            ConfigError: the source is not there or not laid out as expected.
        """
        ...

    def items(self) -> "Iterator[SourceImage]":
        """Yield every file that claims to be a photo, sorted by key, each key once.

        Raises:
            ConfigError: the source is not there or not laid out as expected.
        """
        ...

    def listing_digest(self) -> str:
        """Return a short digest that changes when a file is added, removed or edited."""
        ...


def safe_text(text: str) -> str:
    r"""Return ``text`` as valid Unicode: bytes of a file name that are not UTF-8 become ``\udc..`` escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def quoted(value: str | Path) -> str:
    """Return a file name for a message: in quotes, on one line, control characters and broken bytes escaped."""
    return repr(str(value))


def normal_split(text: str) -> str | None:
    """Return the split that ``text`` names (``Valid`` -> ``val``), or None when it names none."""
    lowered = text.strip().lower()
    if _SHIFTED_TEST.fullmatch(lowered):
        return lowered
    return _SPLIT_SYNONYMS.get(lowered)


def is_test(split: str | None) -> bool:
    """Return whether a split is the test set, or a shifted one."""
    return split is not None and (split == TEST or split.startswith(f"{TEST}_"))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: ``; did you mean 'x'?`` for the closest known word, or a full stop."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "."


def shown_names(listed: Iterable[tuple[str, str | None]], wanted: Mapping[str, str], where: Path) -> dict[str, str]:
    """Map the names that a source uses for its classes to display names; check that there is something to train on.

    Names are compared after Unicode normalisation, because a disk may store "é" in two ways (NFC and NFD).

    Args:
        listed: (folder name or value of the class column, split) of what the source lists; no split counts as train.
        wanted: display names by name of the class; names left out are shown as they are.
        where: the folder or file, for the message.

    Raises:
        ConfigError: ``wanted`` has a name that no class has, or a class occurs in val or test only.
    """
    pairs = list(listed)
    wanted = {_canonical(name): _canonical(shown) for name, shown in wanted.items()}
    canonical = {name: _canonical(name) for name, _ in pairs}
    known = set(canonical.values())
    for name in sorted(wanted.keys() - known):
        present = few([repr(text) for text in sorted(known)]) or "none"
        raise ConfigError(
            f"class_names: {name!r} is not a class of {quoted(where)}{did_you_mean(name, known)} "
            f"It has {present}: use one of these names or remove the entry."
        )
    shown = {name: wanted.get(text, text) for name, text in canonical.items()}
    classes: dict[str, set[str]] = {TRAIN: set()}
    for name, split in pairs:
        classes.setdefault(split or TRAIN, set()).add(shown[name])
    trained = classes.pop(TRAIN)
    for split, names in sorted(classes.items()):
        for name in sorted(names - trained):
            raise ConfigError(
                f"{quoted(where)}: class {name!r} is in {split} but not in train{did_you_mean(name, trained)} "
                "Give it the same name in every split, add train photos, or remove it."
            )
    return shown


def digest_entries(entries: Iterable[tuple[str, int, int]]) -> str:
    """Return 16 hex digits over (key, size in bytes, mtime in ns) of files, in the order given."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(repr(entry).encode())
    return digest.hexdigest()[:16]


def file_facts(path: Path) -> tuple[int, int]:
    """Return (size in bytes, mtime in ns) of what ``path`` points to; (-1, -1) when it cannot be looked at."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a name with a NUL, possible in a CSV
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _canonical(name: str) -> str:
    return unicodedata.normalize("NFC", safe_text(name))
