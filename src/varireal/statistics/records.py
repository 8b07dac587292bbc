"""Values that the statistics give and the report shows. Accuracies and differences are fractions, never percent.

Light: the workflow lists comparisons without numpy.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from varireal.records import Array, PredictionMeasure


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison that is wanted: regime ``a`` less regime ``b``; one whose regimes did not run is skipped.

    Attributes:
        name: for people.
        family: comparisons that Holm's correction treats together.
        a: slug of a regime.
        b: slug of the regime that is subtracted.
    """

    name: str
    family: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class TestSetResult:
    """What every seed of one regime said of every picture of one test set.

    Attributes:
        regime: slug of the regime.
        test_set: ``test`` or ``test_<shift>``.
        image_ids: (N,) ids, sorted; the same in every regime.
        labels: (N,) int64 true class numbers.
        top1: (S, N) int64 predicted class numbers, one row per seed.
        in_top5: (S, N) bool, whether the true class is among the best five.
        seeds: (S,) the seeds, ascending; zero-shot has one.
        probabilities: (S, N, C) float32 of each class; None where no measure asks for them.
    """

    __test__ = False  # no test class for pytest

    regime: str
    test_set: str
    image_ids: tuple[str, ...]
    labels: Array
    top1: Array
    in_top5: Array
    seeds: tuple[int, ...]
    probabilities: Array | None = None

    @property
    def correct(self) -> Array:
        """(S, N) bool."""
        right: Array = self.top1 == self.labels[None, :]
        return right


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """One cell of the table regime x test set.

    Attributes:
        regime: slug.
        test_set: name.
        images: pictures.
        seeds: trained seeds.
        top1: exact top-1 over all pictures and seeds, with its interval over pictures and seeds.
        top5: exact top-5.
        macro: mean of the per-class accuracies.
        worst_class: number of the class with the lowest accuracy.
        worst_accuracy: its accuracy.
        per_class: accuracy by class number, over all seeds; classes without a picture in the set are absent.
        by_seed: top-1 of each seed, in the order of the seeds.
    """

    regime: str
    test_set: str
    images: int
    seeds: int
    top1: Interval
    top5: float
    macro: float
    worst_class: int
    worst_accuracy: float
    per_class: dict[int, float]
    by_seed: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One cell of the table regime x test set of a further measure.

    Attributes:
        regime: slug.
        test_set: name.
        images: pictures.
        seeds: trained seeds.
        mean: over all pictures and seeds, with its interval over both.
    """

    regime: str
    test_set: str
    images: int
    seeds: int
    mean: Interval


class Finding(StrEnum):
    """What a difference allows to say at the configured level, after Holm's correction."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Power:
    """What this run could have seen.

    Attributes:
        smallest: smallest true difference found with 80 % power at the two-sided level, as a fraction; None when not
            even a difference as long as the scale (of accuracy, 1) would be found.
        seeds_needed: seeds in all, with this test set, until the interval's half width reaches the margin; those there
            are when it does already; None when more seeds alone never suffice (not 10 million), or when there is one
            pair of seeds, which does not tell how much seeds vary.
        images_needed: test pictures in all, with these seeds, for the same; None when not even 10 million suffice.
    """

    smallest: float | None
    seeds_needed: int | None
    images_needed: int | None


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A paired comparison: regime ``a`` less regime ``b`` on one test set, paired by picture and seed.

    Of top-1 accuracy, or of a further measure (``MeasureAnswers``) in the measure's own unit.

    Attributes:
        name: what is compared, such as ``real+synthetic, background: feasible - infeasible``.
        family: comparisons that Holm's correction treats together.
        a: slug of the regime.
        b: slug of the regime that is subtracted.
        test_set: name.
        images: pictures.
        seeds: pairs of seeds.
        difference: with its interval.
        mcnemar_p: exact McNemar on pictures, by the majority of the seeds; None when no picture differs, and for a
            measure that is no accuracy.
        p: two-sided p value of "no difference", that belongs to the interval.
        p_holm: after Holm's correction over the family.
        margin: equivalence margin, a fraction.
        tost_p: p value of the equivalence test (the larger of both one-sided ones).
        tost_p_holm: after Holm's correction over the family's equivalence tests.
        finding: the conclusion from ``p_holm`` and ``tost_p_holm``.
        power: what could have been seen.
    """

    name: str
    family: str
    a: str
    b: str
    test_set: str
    images: int
    seeds: int
    difference: Interval
    mcnemar_p: float | None
    p: float
    p_holm: float
    margin: float
    tost_p: float
    tost_p_holm: float
    finding: Finding
    power: Power


@dataclass(frozen=True, slots=True)
class StatisticsSettings:
    """How the statistics are done.

    Attributes:
        level: confidence level of intervals, 0..1 (0.95).
        margin: equivalence margin as a fraction (0.003 is the published 0.3 points).
        resamples: bootstrap resamples.
        seed: seed of the resampling.
    """

    level: float = 0.95
    margin: float = 0.003
    resamples: int = 2000
    seed: int = 22


@dataclass(frozen=True, slots=True)
class MeasureAnswers:
    """What the statistics found for one further measure.

    Attributes:
        measure: its row of the table of measures.
        rows: means by regime and test set, in the order of the accuracies.
        differences: the comparisons of the accuracies, in their order; their families name the measure's family.
    """

    measure: PredictionMeasure
    rows: tuple[MeasureRow, ...]
    differences: tuple[DifferenceRow, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that the statistics found: of top-1 accuracy, and of the further measures of the config."""

    accuracies: tuple[AccuracyRow, ...]
    differences: tuple[DifferenceRow, ...]
    settings: StatisticsSettings = field(default_factory=StatisticsSettings)
    measures: tuple[MeasureAnswers, ...] = ()
