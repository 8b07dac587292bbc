"""Exact accuracies of one regime on one test set, with a hierarchical bootstrap interval; and a study's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import scipy

from varireal.core.seeds import stable_int
from varireal.records import Array, PredictionMeasure
from varireal.statistics.crossed import crossed, with_imagined
from varireal.statistics.paired import check_result, difference, settle
from varireal.statistics.prediction_measures import TOP1, values
from varireal.statistics.records import (
    AccuracyRow,
    Answers,
    Comparison,
    DifferenceRow,
    Interval,
    MeasureAnswers,
    MeasureRow,
    StatisticsSettings,
    TestSetResult,
)

CHUNK = 250  # resamples at once: 20 MB with 10,000 different rows of correctness


def accuracy_row(result: TestSetResult, settings: StatisticsSettings) -> AccuracyRow:
    """Return the accuracies of one regime on one test set.

    Args:
        result: predictions of every seed for every picture.
        settings: level of the interval, number of resamples and their seed.

    Raises:
        DataError: the result does not fit itself or is empty.
    """
    check_result(result)
    correct = result.correct
    per_class = class_accuracies(correct, result.labels)
    worst = min(per_class, key=lambda number: (per_class[number], number))
    rng = np.random.default_rng(stable_int("accuracy", settings.seed, result.regime, result.test_set))
    return AccuracyRow(
        regime=result.regime,
        test_set=result.test_set,
        images=len(result.image_ids),
        seeds=len(result.seeds),
        top1=mean_interval(correct, TOP1.scale, settings, rng),
        top5=float(result.in_top5.mean()),
        macro=float(np.mean(list(per_class.values()))),
        worst_class=worst,
        worst_accuracy=per_class[worst],
        per_class=per_class,
        by_seed=tuple(float(value) for value in correct.mean(axis=1)),
    )


def class_accuracies(correct: Array, labels: Array) -> dict[int, float]:
    """Return the accuracy over all seeds by class number, for the classes that have a picture.

    Args:
        correct: (S, N) bool.
        labels: (N,) int true class numbers.
    """
    numbers, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    right = np.bincount(place, weights=correct.mean(axis=0), minlength=len(numbers))
    return {int(number): float(share) for number, share in zip(numbers, right / counts, strict=True)}


def measure_row(result: TestSetResult, measure: PredictionMeasure, settings: StatisticsSettings) -> MeasureRow:
    """Return the mean of a measure for one regime on one test set, with its interval.

    Raises:
        BackendError: the measure cannot be taken.
        DataError: the result does not fit itself or is empty.
    """
    check_result(result)
    seed = stable_int("measure", measure.name, settings.seed, result.regime, result.test_set)
    return MeasureRow(
        regime=result.regime,
        test_set=result.test_set,
        images=len(result.image_ids),
        seeds=len(result.seeds),
        mean=mean_interval(values(measure, result), measure.scale, settings, np.random.default_rng(seed)),
    )


def mean_interval(
    table: Array, scale: tuple[float, float], settings: StatisticsSettings, rng: np.random.Generator
) -> Interval:
    """Return the mean of a table, such as the share of correct answers, with its interval over pictures and seeds.

    Pictures and seeds are resampled crossed (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics
    1:386), pictures over the whole set: its mix of classes is as much a sample as its pictures. The percentile
    interval is then corrected for what the plain one leaves out with few seeds; see ``_widening`` and
    ``resampled_means``. With one seed only pictures vary, and the interval is silent about training's chance.

    Args:
        table: (S, N) bool or float.
        scale: least and largest value that there can be.
        settings: level of the interval, number of resamples.
        rng: source of the resamples.
    """
    least, largest = scale
    estimate = crossed(table, least, largest)
    means = resampled_means(table, settings.resamples, rng, scale)
    ends = np.quantile(means, [(1 - settings.level) / 2, (1 + settings.level) / 2])
    wider = _widening(estimate.critical(1 - settings.level), settings.level)
    low, high = estimate.centre + (ends - estimate.centre) * wider
    value = float(table.mean())
    return Interval(value=value, low=max(least, min(value, float(low))), high=min(largest, max(value, float(high))))


def _widening(critical: float, level: float) -> float:
    """Return how much wider an interval from few seeds must be than the normal one the percentiles amount to."""
    return critical / float(scipy.stats.norm.ppf((1 + level) / 2))


def resampled_means(
    correct: Array, resamples: int, rng: np.random.Generator, scale: tuple[float, float] = TOP1.scale
) -> Array:
    """Return (resamples,) means of tables drawn with replacement from the pictures and from the seeds.

    Of S seeds S - 1 are drawn, as Rao & Wu (1988, JASA 83:231) do for few first-stage units: S draws would give only
    (S - 1) / S of the seeds' variance. Pictures with the same answers in all seeds cannot be told apart, so how often
    each *pattern* of answers is drawn is multinomial: the same distribution as drawing pictures, for much less work.
    The imagined pictures of ``crossed`` are among those drawn from, so a perfect score does not look certain.

    Args:
        correct: (S, N) bool, or float values of another measure.
        resamples: number of resamples.
        rng: source of the draws.
        scale: least and largest value that there can be.
    """
    seeds = correct.shape[0]
    table = with_imagined(correct, *scale)
    patterns, counts = np.unique(table, axis=1, return_counts=True)
    pictures = table.shape[1]
    means = np.empty(resamples)
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        picture_weights = rng.multinomial(pictures, counts / pictures, size=size) / pictures
        drawn = max(seeds - 1, 1)
        seed_weights = rng.multinomial(drawn, np.full(seeds, 1 / seeds), size=size) / drawn
        means[start : start + size] = np.einsum("bs,bs->b", seed_weights, picture_weights @ patterns.T)
    return means


def answer(
    results: Mapping[tuple[str, str], TestSetResult],
    comparisons: Sequence[Comparison],
    settings: StatisticsSettings,
    measures: Sequence[PredictionMeasure] = (),
) -> Answers:
    """Return the accuracy of every result and every comparison on every test set, corrected over the families.

    Args:
        results: by regime and test set, in the order in which they are to be shown; with probabilities where there are
            further measures.
        comparisons: what is wanted; one whose regimes did not run on a test set is left out there.
        settings: level, margin, resamples and seed; with the same settings the answers are the same.
        measures: further measures, which get all that accuracy gets.

    Raises:
        BackendError: a measure cannot be taken.
        DataError: a result does not fit itself, or two that are compared are not of the same pictures and seeds.
    """
    differences = _differences(results, comparisons, settings, TOP1)
    return Answers(
        accuracies=tuple(accuracy_row(result, settings) for result in results.values()),
        differences=settle(differences, settings),
        settings=settings,
        measures=_further(results, comparisons, settings, measures),
    )


def _differences(
    results: Mapping[tuple[str, str], TestSetResult],
    comparisons: Sequence[Comparison],
    settings: StatisticsSettings,
    measure: PredictionMeasure,
) -> list[DifferenceRow]:
    test_sets = dict.fromkeys(test_set for _, test_set in results)
    return [
        difference(results[wanted.a, test_set], results[wanted.b, test_set], wanted, settings, measure)
        for test_set in test_sets
        for wanted in comparisons
        if (wanted.a, test_set) in results and (wanted.b, test_set) in results
    ]


def _further(
    results: Mapping[tuple[str, str], TestSetResult],
    comparisons: Sequence[Comparison],
    settings: StatisticsSettings,
    measures: Sequence[PredictionMeasure],
) -> tuple[MeasureAnswers, ...]:
    """Each measure with its own margin; Holm's correction goes over all measures of a family."""
    rows: list[DifferenceRow] = []
    for measure in measures:
        named = [replace(wanted, family=f"{measure.family}: {wanted.family}") for wanted in comparisons]
        rows += _differences(results, named, replace(settings, margin=measure.margin), measure)
    settled = settle(rows, settings)
    each = len(settled) // max(len(measures), 1)  # every measure has the same comparisons
    return tuple(
        MeasureAnswers(
            measure=measure,
            rows=tuple(measure_row(result, measure, settings) for result in results.values()),
            differences=settled[number * each : (number + 1) * each],
        )
        for number, measure in enumerate(measures)
    )
