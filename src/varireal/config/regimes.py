"""The regimes by name: what each classifier is trained on. Light: the workflow lists them while it is parsed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from varireal.names import ATTRIBUTES, FEASIBILITIES, PUBLISHED_ATTRIBUTES
from varireal.statistics.records import Comparison

ZERO_SHOT, REAL, IDENTITY = "zero-shot", "real", "identity-edits"
CLASSIC, DUPLICATED = "classic-augmentation", "duplicated-real"
SYNTHETIC, TOGETHER = "synthetic", "real+synthetic"
ALL, MIXED = "all", "mixed"
ARMS = (*FEASIBILITIES, MIXED)
# families of comparisons, as the report names them
MAIN_FAMILY = "feasible − infeasible"
BASELINE_FAMILY = "against real only"
TRAINING_FAMILY = "does training matter"


@dataclass(frozen=True, slots=True)
class RegimeKind:
    """A kind of regime.

    Attributes:
        label: name for people.
        trained: whether there is an adapter.
        uses_real: whether real photos are a part of every batch.
        control: whether the synthetic half of a batch is filled with photos instead of edits.
        edits: whether there is a regime for each attribute and arm, instead of a single one.
        by_name_only: a kind that came after studies were finished. Only a pattern that spells its name out before
            the first wildcard chooses it, so that ``*`` and ``real+*`` go on to mean what they meant. Its name must
            not be the beginning of a regime that there was before.
    """

    label: str
    trained: bool = True
    uses_real: bool = True
    control: bool = False
    edits: bool = False
    by_name_only: bool = False


# by name, in the order of display
KINDS: dict[str, RegimeKind] = {
    ZERO_SHOT: RegimeKind("zero-shot", trained=False, uses_real=False),
    REAL: RegimeKind("real"),
    CLASSIC: RegimeKind("classic augmentation", control=True),
    DUPLICATED: RegimeKind("duplicated real", control=True),
    IDENTITY: RegimeKind("identity edits", control=True),
    SYNTHETIC: RegimeKind("synthetic", uses_real=False, edits=True),
    TOGETHER: RegimeKind("real + synthetic", edits=True),
}
CONTROLS = tuple(name for name, kind in KINDS.items() if kind.control)


@dataclass(frozen=True, slots=True)
class Regime:
    """What a classifier is trained on.

    Attributes:
        slug: name in config, paths and tables.
        kind: a key of ``KINDS``.
        attribute: an attribute of the study or all; empty where the kind uses no edits.
        arm: feasible, infeasible or mixed; empty where the kind uses no edits.
    """

    slug: str
    kind: str
    attribute: str = ""
    arm: str = ""

    @property
    def label(self) -> str:
        """Name for people."""
        return " · ".join(filter(None, (KINDS[self.kind].label, self.attribute, self.arm)))

    @property
    def trained(self) -> bool:
        """Whether there is an adapter."""
        return KINDS[self.kind].trained

    @property
    def uses_real(self) -> bool:
        """Whether real photos are a part of every batch."""
        return KINDS[self.kind].uses_real


def meant_by_all(attributes: Sequence[str], all_of: Sequence[str] | None = None) -> tuple[str, ...]:
    """The attributes that ``all`` means in a study, in the order in which it edits them.

    Args:
        attributes: those that the study edits.
        all_of: what ``adapters.all_of`` says; None means the published three, as far as they are edited, so that an
            attribute that is added to a finished study leaves its regimes as they are.
    """
    chosen = PUBLISHED_ATTRIBUTES if all_of is None else all_of
    return tuple(attribute for attribute in attributes if attribute in chosen)


def every_regime(attributes: Sequence[str] = ATTRIBUTES, all_of: Sequence[str] | None = None) -> list[Regime]:
    """All regimes of a study that edits these attributes, in the order of display; the arguments as ``meant_by_all``.

    There is no regime of ``all`` where it means a single attribute or none.
    """
    parts = (*attributes, ALL) if len(meant_by_all(attributes, all_of)) > 1 else tuple(attributes)
    return [regime for name in KINDS for regime in _regimes_of(name, parts)]


def _regimes_of(kind: str, parts: Sequence[str]) -> Iterator[Regime]:
    if not KINDS[kind].edits:
        yield Regime(kind, kind)
        return
    for attribute in parts:
        for arm in ARMS:
            yield Regime(f"{kind}-{attribute}-{arm}", kind, attribute, arm)


def chosen_regimes(
    patterns: Sequence[str], attributes: Sequence[str], all_of: Sequence[str] | None = None
) -> list[Regime]:
    """The regimes that the config asks for; zero-shot always, none at all without a pattern."""
    if not patterns:
        return []
    return [
        regime
        for regime in every_regime(attributes, all_of)
        if not regime.trained or any(_fits(regime, pattern) for pattern in patterns)
    ]


def _fits(regime: Regime, pattern: str) -> bool:
    spelt_out = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    named = not KINDS[regime.kind].by_name_only or spelt_out.startswith(regime.kind)
    return named and fnmatchcase(regime.slug, pattern)


def unknown_pattern(patterns: Sequence[str], attributes: Sequence[str] = ()) -> str | None:
    """What is wrong with the first pattern that fits no regime; None when all fit one.

    Args:
        patterns: as the config has them.
        attributes: those that the study edits. A pattern may also name one that the study does not edit but could:
            it chooses nothing.
    """
    regimes = every_regime(tuple(dict.fromkeys((*ATTRIBUTES, *attributes))))
    for pattern in patterns:
        if not any(_fits(regime, pattern) for regime in regimes):
            slugs = [regime.slug for regime in regimes]
            near = get_close_matches(pattern, slugs, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            return f"no regime is called {pattern!r}; {hint}known: {', '.join(slugs)}"
    return None


def comparisons(regimes: Sequence[Regime]) -> list[Comparison]:
    """The comparisons that the report makes among these regimes."""
    by_slug = {regime.slug: regime for regime in regimes}
    pairs = []
    for regime in regimes:
        if regime.arm == FEASIBILITIES[0]:
            other = f"{regime.kind}-{regime.attribute}-{FEASIBILITIES[1]}"
            name = f"{KINDS[regime.kind].label} · {regime.attribute}: feasible − infeasible"
            pairs.append(Comparison(name, MAIN_FAMILY, regime.slug, other))
    base = by_slug.get(REAL)
    if base is not None:
        pairs += [
            Comparison(f"{regime.label} − real", BASELINE_FAMILY, regime.slug, REAL)
            for regime in regimes
            if regime.trained and regime is not base
        ]
        pairs.append(Comparison("real − zero-shot", TRAINING_FAMILY, REAL, ZERO_SHOT))
    return [item for item in pairs if item.a in by_slug and item.b in by_slug]
