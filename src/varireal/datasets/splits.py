"""Ids and splits of photos: names that are safe in paths, made from names that may hold anything, and drawn splits.

Light module: it is imported while Snakemake parses.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from slugify import slugify

from varireal.datasets.base import is_test
from varireal.errors import ConfigError, DataError
from varireal.names import TEST, TRAIN, VAL

MAX_CLASS_LENGTH = 60
MAX_STEM_LENGTH = 40
_FIRST_DIGITS = 6
_MOST_DIGITS = 30

# Snakemake takes a wildcard that repeats itself for an endless rule.
_REPETITIVE = re.compile(r"(.+?)\1{9,}")
# File names that Windows keeps for devices, with any extension.
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def class_slugs(names: Sequence[str]) -> dict[str, str]:
    """Give each class name an id that is safe in paths and unique among ``names``.

    An id is lowercase ``[a-z0-9-]``, 1 to 60 characters, and no reserved file name. Names whose slugs collide all
    get a hash of the name, so an id does not depend on the order of the names. Names that are the same text after
    Unicode normalisation (NFC) are one class and share an id.

    Returns:
        name -> class id, for every name given.
    """
    canonical = {name: unicodedata.normalize("NFC", name) for name in names}
    digits = dict.fromkeys(canonical.values(), 0)
    while True:
        slugs = {name: _class_slug(name, count) for name, count in digits.items()}
        uses = Counter(slugs.values())
        clashing = [name for name, slug in slugs.items() if uses[slug] > 1 and digits[name] < _MOST_DIGITS]
        if not clashing:
            return {name: slugs[text] for name, text in canonical.items()}
        for name in clashing:
            digits[name] = max(_FIRST_DIGITS, digits[name] + 2)


def image_slug(class_id: str, key: str) -> str:
    """Return an image id for the file ``key`` of a class: class id, readable stem, 8 hex digits of the key's hash."""
    stem = _slug(PurePosixPath(key).stem, MAX_STEM_LENGTH) or "image"
    return f"{class_id}-{stem}-{_digest(key)[:8]}"


def _class_slug(name: str, digits: int) -> str:
    """Return the slug of one class name with ``digits`` hex digits of its hash (0: none, if it can do without)."""
    digest = _digest(name)
    slug = _slug(name, MAX_CLASS_LENGTH)
    if not slug:
        return f"class-{digest[: max(digits, _FIRST_DIGITS)]}"
    if slug in _RESERVED:
        slug = f"class-{slug}"
    if not digits and not _REPETITIVE.search(slug):
        return slug
    digits = digits or _FIRST_DIGITS
    slug = _REPETITIVE.sub(r"\1", slug)
    suffix = digest[:digits]
    return f"{slug[: MAX_CLASS_LENGTH - digits - 1].rstrip('-')}-{suffix}"


def _slug(text: str, length: int) -> str:
    # The transliteration is named: "auto" would give other ids where another such package happens to be installed.
    # Entities are left alone because a name is plain text, not HTML.
    return slugify(
        text,
        entities=False,
        decimal=False,
        hexadecimal=False,
        max_length=length,
        backend="text-unidecode",
    ).strip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


class Splittable(Protocol):
    """What of a photo decides its split; ``SourceImage`` is one."""

    @property
    def key(self) -> str:
        """Name that is unique in the source."""
        ...

    @property
    def class_name(self) -> str:
        """Class that the draw is stratified by."""
        ...

    @property
    def split(self) -> str | None:
        """The split that the source gives, or None."""
        ...


def draw_splits(
    items: Iterable[Splittable], *, val_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """Return the split of every item.

    An item without a split starts in train. Then test is drawn from train if no item of the source is in a test set,
    and val if no item is in val; nothing is drawn that is present. The draw is stratified by class and ranks the
    items of a class by a hash of (seed, key): test takes one end of the ranking and val the other, so that a new file
    moves itself and at most one other item per boundary. A class always keeps at least one train item; val gives way
    first.

    Args:
        items: photos with unique keys.
        val_fraction: part of a class's train items that becomes val, rounded to whole items.
        test_fraction: the same for test.
        seed: another seed gives another draw.

    Returns:
        key -> split, for every item.

    Raises:
        ConfigError: a fraction is negative, or both together leave nothing for train.
        DataError: two items have the same key.
    """
    if val_fraction < 0 or test_fraction < 0 or val_fraction + test_fraction >= 1:
        raise ConfigError(
            f"val_fraction {val_fraction} and test_fraction {test_fraction}: expected 0 or more, below 1 together."
        )
    splits: dict[str, str] = {}
    pools: dict[str, list[str]] = {}
    for item in items:
        if item.key in splits:
            raise DataError(f"two photos have the key {item.key!r}: expected unique keys.")
        splits[item.key] = item.split or TRAIN
        if splits[item.key] == TRAIN:
            pools.setdefault(item.class_name, []).append(item.key)
    present = set(splits.values())
    draw_test = not any(map(is_test, present))
    draw_val = VAL not in present
    for keys in pools.values():
        ranked = sorted(keys, key=lambda key: _digest(f"{seed}\0{key}"))
        spare = len(ranked) - 1
        n_test = min(_rounded(test_fraction * len(ranked)), spare) if draw_test else 0
        n_val = min(_rounded(val_fraction * len(ranked)), spare - n_test) if draw_val else 0
        splits.update(dict.fromkeys(ranked[:n_test], TEST))
        splits.update(dict.fromkeys(ranked[len(ranked) - n_val :], VAL))
    return splits


def _rounded(value: float) -> int:
    return int(value + 0.5)  # round() would send halves to the even neighbour: 0.5 to 0, 1.5 to 2
