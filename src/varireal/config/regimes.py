"""The regimes by name: what each classifier is trained on. Light: the workflow lists them while it is parsed."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from varireal.names import ATTRIBUTES, FEASIBILITIES
from varireal.statistics.records import Comparison

ZERO_SHOT, REAL, IDENTITY = "zero-shot", "real", "identity-edits"
CLASSIC, DUPLICATED = "classic-augmentation", "duplicated-real"
SYNTHETIC, TOGETHER = "synthetic", "real+synthetic"
ALL, MIXED = "all", "mixed"
ARMS = (*FEASIBILITIES, MIXED)
CONTROLS = (CLASSIC, DUPLICATED, IDENTITY)
# families of comparisons, as the report names them
MAIN_FAMILY = "feasible − infeasible"
BASELINE_FAMILY = "against real only"
TRAINING_FAMILY = "does training matter"


@dataclass(frozen=True, slots=True)
class Regime:
    """What a classifier is trained on.

    Attributes:
        slug: name in config, paths and tables.
        kind: zero-shot, real, synthetic, real+synthetic, or one of ``CONTROLS``.
        attribute: background, color, texture or all; empty for the others.
        arm: feasible, infeasible or mixed; empty for the others.
    """

    slug: str
    kind: str
    attribute: str = ""
    arm: str = ""

    @property
    def label(self) -> str:
        """Name for people."""
        if self.attribute:
            return f"{self.kind.replace('+', ' + ')} · {self.attribute} · {self.arm}"
        return {DUPLICATED: "duplicated real", CLASSIC: "classic augmentation", IDENTITY: "identity edits"}.get(
            self.slug, self.slug
        )

    @property
    def trained(self) -> bool:
        """Whether there is an adapter; zero-shot has none."""
        return self.kind != ZERO_SHOT

    @property
    def uses_real(self) -> bool:
        """Whether real photos are a part of every batch."""
        return self.kind not in (ZERO_SHOT, SYNTHETIC)


def every_regime(attributes: Sequence[str] = ATTRIBUTES) -> list[Regime]:
    """All regimes of a study that edits these attributes, in the order of display."""
    parts = (*attributes, ALL) if len(attributes) > 1 else tuple(attributes)
    edited = [
        Regime(f"{kind}-{attribute}-{arm}", kind, attribute, arm)
        for kind in (SYNTHETIC, TOGETHER)
        for attribute in parts
        for arm in ARMS
    ]
    return [Regime(ZERO_SHOT, ZERO_SHOT), Regime(REAL, REAL), *(Regime(c, c) for c in CONTROLS), *edited]


def chosen_regimes(patterns: Sequence[str], attributes: Sequence[str]) -> list[Regime]:
    """The regimes that the config asks for; zero-shot always, none at all without a pattern."""
    if not patterns:
        return []
    return [
        regime
        for regime in every_regime(attributes)
        if not regime.trained or any(fnmatchcase(regime.slug, pattern) for pattern in patterns)
    ]


def unknown_pattern(patterns: Sequence[str]) -> str | None:
    """What is wrong with the first pattern that fits no regime; None when all fit one."""
    slugs = [regime.slug for regime in every_regime()]
    for pattern in patterns:
        if not any(fnmatchcase(slug, pattern) for slug in slugs):
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
            name = f"{regime.kind.replace('+', ' + ')} · {regime.attribute}: feasible − infeasible"
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
