"""All accuracies and all comparisons of a study."""

from collections.abc import Mapping, Sequence

from varireal.statistics.accuracy import accuracy_row
from varireal.statistics.family import settle
from varireal.statistics.paired import difference
from varireal.statistics.records import Answers, Comparison, StatisticsSettings, TestSetResult


def answer(
    results: Mapping[tuple[str, str], TestSetResult], comparisons: Sequence[Comparison], settings: StatisticsSettings
) -> Answers:
    """Return the accuracy of every result and every comparison on every test set, corrected over the families.

    Args:
        results: by regime and test set, in the order in which they are to be shown.
        comparisons: what is wanted; one whose regimes did not run on a test set is left out there.
        settings: level, margin, resamples and seed; with the same settings the answers are the same.

    Raises:
        DataError: a result does not fit itself, or two that are compared are not of the same pictures and seeds.
    """
    test_sets = dict.fromkeys(test_set for _, test_set in results)
    rows = [
        difference(results[wanted.a, test_set], results[wanted.b, test_set], wanted, settings)
        for test_set in test_sets
        for wanted in comparisons
        if (wanted.a, test_set) in results and (wanted.b, test_set) in results
    ]
    accuracies = tuple(accuracy_row(result, settings) for result in results.values())
    return Answers(accuracies=accuracies, differences=settle(rows, settings), settings=settings)
