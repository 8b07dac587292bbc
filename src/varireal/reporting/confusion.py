"""What classifiers confuse: counts, the hardest classes, and pictures that most seeds got wrong."""

from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.reporting.results_records import StudyResults
from varireal.statistics.records import TestSetResult

FULL_CLASSES = 25
"""Up to so many classes a whole matrix can be read."""
HARDEST_CLASSES = 20
"""Above that, the matrix holds the hardest so many classes."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A picture that more than half of the seeds got wrong.

    Attributes:
        image_id: the picture.
        predicted: the wrong class that most seeds named.
        wrong: seeds that were wrong.
        seeds: all seeds.
    """

    image_id: str
    predicted: int
    wrong: int
    seeds: int


def counts(result: TestSetResult, classes: int) -> Array:
    """Return (C, C) int64: how often each true class (row) was given each class (column), over all seeds."""
    table = np.zeros((classes, classes), np.int64)
    labels = np.broadcast_to(result.labels, result.top1.shape)
    np.add.at(table, (labels.ravel(), result.top1.ravel()), 1)
    return table


def accuracies(table: Array) -> Array:
    """Return (C,) float64: the accuracy of each true class of a table of counts; nan for a class without pictures."""
    pictures = table.sum(axis=1)
    shares: Array = np.full(len(table), np.nan)
    np.divide(np.diag(table), pictures, out=shares, where=pictures > 0)
    return shares


def hardest(table: Array, limit: int) -> list[int]:
    """Return the classes with the lowest accuracy, lowest first; those without an error or a picture are left out."""
    shares = accuracies(table)
    order = sorted((share, number) for number, share in enumerate(shares.tolist()) if share < 1)
    return [number for _, number in order[:limit]]


def confused_pairs(table: Array, limit: int) -> list[tuple[int, int, int]]:
    """Return (true, predicted, count) of the most frequent confusions, most frequent first."""
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    found = [(-int(wrong[pair]), int(pair[0]), int(pair[1])) for pair in zip(*np.nonzero(wrong), strict=True)]
    return [(true, predicted, -count) for count, true, predicted in sorted(found)[:limit]]


def shown_classes(table: Array) -> tuple[list[int], bool]:
    """Return the classes that a matrix shows in order, and whether they are all that have pictures."""
    present = [int(number) for number in np.flatnonzero(table.sum(axis=1) + table.sum(axis=0))]
    if len(present) <= FULL_CLASSES:
        return present, True
    return hardest(table, HARDEST_CLASSES) or present[:HARDEST_CLASSES], False


def matrix_of(table: Array) -> tuple[list[int], Array, bool]:
    """Return what a matrix shows: its classes, (K, K + 1) shares of each true class, and whether it is whole.

    The last column is the share that went to classes that are not shown; rows sum to 1.
    """
    shown, whole = shown_classes(table)
    pictures = np.maximum(table.sum(axis=1)[shown], 1)
    inside = table[np.ix_(shown, shown)]
    rest = table.sum(axis=1)[shown] - inside.sum(axis=1)
    return shown, np.column_stack((inside, rest)) / pictures[:, None], whole


def misses(result: TestSetResult, label: int) -> list[Miss]:
    """Return the pictures of a class that more than half of the seeds got wrong, those of most seeds first."""
    seeds = len(result.seeds)
    found = []
    for place in np.flatnonzero(result.labels == label).tolist():
        said = result.top1[:, place]
        wrong = said[said != label]
        if 2 * len(wrong) > seeds:
            found.append(Miss(result.image_ids[place], int(np.bincount(wrong).argmax()), len(wrong), seeds))
    return sorted(found, key=lambda miss: (-miss.wrong, miss.image_id))


def telling_regime(results: StudyResults, test_set: str) -> str | None:
    """Return the regime whose errors say most about the question on a test set; None without predictions.

    It is the one with the lowest accuracy among those that the main comparisons are made of, else among all that were
    trained, else among all.
    """
    accuracy = {
        regime: float(result.correct.mean())
        for (regime, name), result in results.predictions.items()
        if name == test_set and result.top1.size
    }
    main = {
        slug
        for row in results.answers.differences
        if row.family == results.main_family and row.test_set == test_set
        for slug in (row.a, row.b)
    }
    trained = {slug for slug, regime in results.regimes.items() if regime.real + regime.synthetic}
    for wanted in (main, trained, set(accuracy)):
        found = sorted((accuracy[slug], slug) for slug in wanted & set(accuracy))
        if found:
            return found[0][1]
    return None


def test_sets(results: StudyResults) -> list[str]:
    """Return the names of the test sets, the plain one first, in the order of their first appearance."""
    names = dict.fromkeys(row.test_set for row in results.answers.accuracies)
    names.update(dict.fromkeys(name for _, name in results.predictions))
    names.update(dict.fromkeys(row.test_set for row in results.answers.differences))
    return sorted(names, key=lambda name: name != "test")


test_sets.__test__ = False  # type: ignore[attr-defined]  # no test for pytest


def regime_label(results: StudyResults, slug: str) -> str:
    """Return the name of a regime for people; its slug when nothing is known of it."""
    return results.regimes[slug].label if slug in results.regimes else slug


def class_label(results: StudyResults, number: int) -> str:
    """Return the display name of a class; its number when it has none."""
    return results.class_names[number] if 0 <= number < len(results.class_names) else f"class {number}"
