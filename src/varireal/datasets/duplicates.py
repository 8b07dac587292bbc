"""Finding photos that occur more than once, exactly or nearly.

Policy, in this order; a photo that one step refuses takes no part in the next:

1. The same bytes under two classes: one of the labels must be wrong and nothing says which, so all copies are refused
   (``duplicate``, the reason names the other class).
2. The same bytes again in one split and class: the first by key is kept, the others are refused (``duplicate``).
3. A val or test photo with the bytes of a train photo, or within ``distance`` bits of one, is refused (``in_train``).
4. A val photo that equals a test photo is refused (``duplicate``), one that nearly equals it too (``near_duplicate``):
   checkpoints are chosen on val and must not see test.

Near duplicates inside one split cost variety but leak nothing: ``near_duplicates`` reports them, nothing is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image

from varireal.datasets.base import is_test
from varireal.names import TRAIN, VAL, RejectCode
from varireal.records import Array

# Hashes compared at once: 256 rows against 20,000 are 40 MB.
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What duplicates are told by.

    Attributes:
        key: unique name of the photo.
        class_name: display name of its class.
        split: train, val, test, test_<name>, or None when none was drawn yet.
        sha256: hex digest of the file's bytes.
        phash: ``perceptual_hash`` of the photo.
    """

    key: str
    class_name: str
    split: str | None
    sha256: str
    phash: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Why a photo counts as a duplicate.

    Attributes:
        code: what kind it is.
        other: key of the photo that it duplicates.
        distance: bits in which the perceptual hashes differ, 0..64; 0 for the same bytes.
        reason: one sentence for a person.
    """

    code: RejectCode
    other: str
    distance: int
    reason: str


def perceptual_hash(image: Array) -> str:
    """Return the 64-bit DCT hash of a photo as 16 hex digits.

    Colour does not count, nor do size, compression and slight retouching; a mirrored or cropped photo has another
    hash. Measured on 78 photos: at most 2 bits change by JPEG quality 20, half the size or sharpening, at most 6 by
    20 % more brightness, 12 by cutting 2 % off each side; two different photos differ in at least 16.

    Args:
        image: (H, W, 3) uint8 sRGB.
    """
    return str(imagehash.phash(Image.fromarray(image), hash_size=8))


def find_duplicates(rows: Iterable[Fingerprint], *, distance: int | None) -> dict[str, Duplicate]:
    """Return the photos to refuse, by key; see the module's policy.

    Args:
        rows: photos with unique keys.
        distance: largest number of differing bits that counts as nearly equal, 0..64; None compares bytes only.
    """
    left = sorted(rows, key=lambda row: row.key)
    findings: dict[str, Duplicate] = {}

    def refuse(more: dict[str, Duplicate]) -> None:
        findings.update(more)
        left[:] = [row for row in left if row.key not in more]

    refuse(_label_conflicts(left))
    refuse(_repeats(left))
    train = [row for row in left if row.split == TRAIN]
    val = [row for row in left if row.split == VAL]
    test = [row for row in left if is_test(row.split)]
    refuse(_copies(val + test, train, distance, RejectCode.IN_TRAIN, RejectCode.IN_TRAIN))
    val = [row for row in val if row.key not in findings]
    test = [row for row in test if row.key not in findings]
    refuse(_copies(val, test, distance, RejectCode.DUPLICATE, RejectCode.NEAR_DUPLICATE))
    return findings


def near_duplicates(rows: Iterable[Fingerprint], *, distance: int) -> dict[str, Duplicate]:
    """Return notes on photos that nearly equal an earlier one of the same split, by key; none of them is refused.

    Of several earlier ones the nearest is named. Leave out photos that ``find_duplicates`` refused.

    Args:
        rows: photos with unique keys.
        distance: largest number of differing bits that counts as nearly equal, 0..64.
    """
    splits: dict[str | None, list[Fingerprint]] = {}
    for row in sorted(rows, key=lambda row: row.key):
        splits.setdefault(row.split, []).append(row)
    notes: dict[str, Duplicate] = {}
    for group in splits.values():
        for row, other, bits in _near(group, group, distance, earlier=True):
            notes[row.key] = _duplicate(RejectCode.NEAR_DUPLICATE, row, other, bits)
    return notes


def _label_conflicts(rows: Sequence[Fingerprint]) -> dict[str, Duplicate]:
    findings = {}
    for copies in _same_bytes(rows):
        for row in copies:
            other = next((copy for copy in copies if copy.class_name != row.class_name), None)
            if other is not None:
                reason = (
                    f"the same file is also in class {other.class_name!r} as {other.key!r}; "
                    "keep it in the right class only"
                )
                findings[row.key] = Duplicate(RejectCode.DUPLICATE, other.key, 0, reason)
    return findings


def _repeats(rows: Sequence[Fingerprint]) -> dict[str, Duplicate]:
    """Return all but the first of each file within a split; its copies are of one class by now."""
    findings = {}
    for copies in _same_bytes(rows):
        first: dict[str | None, Fingerprint] = {}
        for row in copies:
            earliest = first.setdefault(row.split, row)
            if earliest is not row:
                findings[row.key] = _duplicate(RejectCode.DUPLICATE, row, earliest, None)
    return findings


def _copies(
    rows: Sequence[Fingerprint], of: Sequence[Fingerprint], distance: int | None, exact: RejectCode, near: RejectCode
) -> dict[str, Duplicate]:
    """Return the ``rows`` that equal one of ``of`` in bytes (code ``exact``) or nearly in looks (code ``near``)."""
    by_bytes = {row.sha256: row for row in reversed(of)}
    findings = {row.key: _duplicate(exact, row, by_bytes[row.sha256], None) for row in rows if row.sha256 in by_bytes}
    if distance is None or not of:
        return findings
    rest = [row for row in rows if row.key not in findings]
    for row, other, bits in _near(rest, of, distance):
        findings[row.key] = _duplicate(near, row, other, bits)
    return findings


def _near(
    rows: Sequence[Fingerprint], of: Sequence[Fingerprint], distance: int, *, earlier: bool = False
) -> Iterator[tuple[Fingerprint, Fingerprint, int]]:
    """Yield each of ``rows`` that nearly equals one of ``of``, with the nearest one and the bits that differ.

    Args:
        rows: photos to compare.
        of: photos to compare them with.
        distance: largest number of differing bits that counts as nearly equal.
        earlier: ``of`` are the same photos, and each is compared with those before it only.
    """
    hashes, others = _hashes(rows), _hashes(of)
    for start in range(0, len(rows), _BLOCK):
        bits = np.bitwise_count(hashes[start : start + _BLOCK, None] ^ others[None])
        if earlier:
            bits[np.arange(len(of))[None] >= np.arange(start, start + len(bits))[:, None]] = 255
        block = rows[start : start + _BLOCK]
        for row, nearest, count in zip(block, bits.argmin(axis=1), bits.min(axis=1), strict=True):
            if count <= distance:
                yield row, of[nearest], int(count)


def _duplicate(code: RejectCode, row: Fingerprint, other: Fingerprint, bits: int | None) -> Duplicate:
    """A duplicate in words; ``bits`` is None for the same bytes."""
    likeness = "the same file as" if bits is None else f"nearly the same picture ({bits} of 64 bits differ) as"
    place = f" of split {other.split}" if other.split != row.split else ""
    return Duplicate(code, other.key, bits or 0, f"{likeness} {other.key!r}{place}")


def _same_bytes(rows: Sequence[Fingerprint]) -> list[list[Fingerprint]]:
    groups: dict[str, list[Fingerprint]] = {}
    for row in rows:
        groups.setdefault(row.sha256, []).append(row)
    return [copies for copies in groups.values() if len(copies) > 1]


def _hashes(rows: Sequence[Fingerprint]) -> Array:
    return np.array([int(row.phash, 16) for row in rows], np.uint64)
