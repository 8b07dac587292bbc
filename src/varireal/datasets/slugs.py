"""Names that are safe in paths, made from names that may hold anything.

Light module: it is imported while Snakemake parses.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from slugify import slugify

MAX_CLASS_LENGTH = 60
MAX_STEM_LENGTH = 40
_FIRST_DIGITS = 6
_MOST_DIGITS = 30

# File names that Windows keeps for devices, with any extension.
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
# Snakemake takes a wildcard that repeats itself for an endless rule.
_REPETITIVE = re.compile(r"(.+?)\1{9,}")
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
