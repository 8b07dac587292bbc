"""Which pictures each regime is trained on: every arm from the same pairs, what is compared with the same budget."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from varireal.classifiers.base import Picture, TrainingPool
from varireal.config import regimes as r
from varireal.config.regimes import Regime
from varireal.core.files import few
from varireal.core.seeds import stable_int
from varireal.names import FEASIBILITIES

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TrainingPictures:
    """Everything that pools are made from.

    Attributes:
        real: photos of the train split by class number, in a fixed order.
        recomposed: the same photos after an identity edit, those with a mask only.
        edits: accepted edits by (class number, attribute, photo and k, arm).
        class_names: display names by class number.
        attributes: those that ``all`` means and the controls are compared with; never empty where there are edits.
    """

    real: Mapping[int, Sequence[Picture]]
    recomposed: Mapping[int, Sequence[Picture]]
    edits: Mapping[tuple[int, str, str, str], Picture]
    class_names: Sequence[str]
    attributes: Sequence[str] = field(default=())


class PoolMaker:
    """Makes the pools of a study."""

    def __init__(self, material: TrainingPictures, seed: int) -> None:
        self._material = material
        self._seed = seed
        self._pairs = self._matched_pairs()

    def _matched_pairs(self) -> dict[tuple[int, str], list[str]]:
        """Photo and k of the pairs that were accepted in both arms, by class and attribute, in a seeded order."""
        arms: dict[tuple[int, str, str], set[str]] = defaultdict(set)
        for label, attribute, item, arm in self._material.edits:
            arms[label, attribute, item].add(arm)
        pairs: dict[tuple[int, str], list[str]] = defaultdict(list)
        for (label, attribute, item), accepted in arms.items():
            if accepted == set(FEASIBILITIES):
                pairs[label, attribute].append(item)
        for key, items in pairs.items():
            items.sort(key=lambda item: stable_int("pair", self._seed, *key, item))
        return dict(pairs)

    def budget(self, label: int, attribute: str = r.ALL) -> int:
        """Synthetic pictures of a class in every regime of an attribute, equal for its arms.

        For the attributes that ``all`` means, for ``all`` itself and for controls: as many pairs as the scarcest of
        them has. Any other attribute has a budget of its own, so that adding one leaves the trainings of the rest as
        they are. An attribute without a single pair in the class does not count; its regimes lack the class and say
        so.
        """
        together = self._material.attributes
        alone = attribute not in ("", r.ALL, *together)
        counts = [len(self._pairs.get((label, one), ())) for one in ((attribute,) if alone else together)]
        return min((count for count in counts if count), default=0)

    def pool(self, regime: Regime) -> TrainingPool:
        """The pictures of a regime."""
        labels = range(len(self._material.class_names))
        real = tuple(p for label in labels for p in self._material.real.get(label, ())) if regime.uses_real else ()
        synthetic, lacking = [], []
        if regime.kind != r.REAL:
            for label in labels:
                extra = list(self._extra(regime, label))
                synthetic += extra
                if not extra:
                    lacking.append(self._material.class_names[label])
        missing = "accepted pair or no usable mask" if regime.kind == r.IDENTITY else "accepted pair"
        return TrainingPool(real, tuple(synthetic), _notes(lacking, len(labels), missing))

    def _extra(self, regime: Regime, label: int) -> Iterable[Picture]:
        budget = self.budget(label, regime.attribute)
        if regime.kind in r.CONTROLS:
            source = self._material.recomposed if regime.kind == r.IDENTITY else self._material.real
            photos = sorted(
                source.get(label, ()), key=lambda picture: stable_int("control", self._seed, label, picture.key)
            )
            preset = "published" if regime.kind == r.CLASSIC else ""
            for number in range(budget if photos else 0):
                photo = photos[number % len(photos)]
                yield Picture(photo.key, label, photo.load, preset)
            return
        for number, (attribute, item) in enumerate(self._items(regime.attribute, label, budget)):
            arm = FEASIBILITIES[number % 2] if regime.arm == r.MIXED else regime.arm
            yield self._material.edits[label, attribute, item, arm]

    def _items(self, attribute: str, label: int, budget: int) -> list[tuple[str, str]]:
        """(attribute, photo and k) of the pairs that a regime takes; the attributes of ``all`` take turns."""
        chosen = self._material.attributes if attribute == r.ALL else (attribute,)
        lists = [[(name, item) for item in self._pairs.get((label, name), ())] for name in chosen]
        longest = max((len(items) for items in lists), default=0)
        dealt = [items[turn] for turn in range(longest) for items in lists if turn < len(items)]
        return dealt[:budget]


def _notes(lacking: Sequence[str], classes: int, missing: str) -> tuple[str, ...]:
    if not lacking:
        return ()
    return (f"{len(lacking)} of {classes} classes have no {missing} here: {few(lacking)}.",)
