"""Drawing train, val and test for photos whose source has no such splits.

Light module: standard library only.
"""

import hashlib
from collections.abc import Iterable
from typing import Protocol

from varireal.errors import ConfigError, DataError
from varireal.names import TEST, TRAIN, VAL


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
    draw_test = not any(split == TEST or split.startswith(f"{TEST}_") for split in present)
    draw_val = VAL not in present
    for keys in pools.values():
        ranked = sorted(keys, key=lambda key: _rank(seed, key))
        spare = len(ranked) - 1
        n_test = min(_rounded(test_fraction * len(ranked)), spare) if draw_test else 0
        n_val = min(_rounded(val_fraction * len(ranked)), spare - n_test) if draw_val else 0
        splits.update(dict.fromkeys(ranked[:n_test], TEST))
        splits.update(dict.fromkeys(ranked[len(ranked) - n_val :], VAL))
    return splits


def _rank(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed}\0{key}".encode("utf-8", "backslashreplace")).hexdigest()


def _rounded(value: float) -> int:
    return int(value + 0.5)  # round() would send halves to the even neighbour: 0.5 to 0, 1.5 to 2
