"""What the tab of errors shows: confusions, the hardest classes, and pictures that most seeds got wrong."""

from collections.abc import Callable, Sequence
from typing import Any

from varireal.arrays import Array
from varireal.reporting.confusion import (
    Miss,
    accuracies,
    class_label,
    confused_pairs,
    counts,
    hardest,
    matrix_of,
    misses,
    regime_label,
    telling_regime,
    test_sets,
)
from varireal.reporting.records import GalleryPhoto
from varireal.reporting.results_records import StudyResults
from varireal.reporting.thumbnails import fitted, jpeg_url
from varireal.reporting.wording import counted, percent, test_set_text
from varireal.statistics.records import TestSetResult

View = dict[str, Any]
Photos = Callable[[str], GalleryPhoto]

EXAMPLE_BYTES = 400_000
"""All example pictures together, as text in the page."""
_CLASSES, _EXAMPLES, _PAIRS = 4, 6, 12
_SIDE, _QUALITY = 112, 78


def errors_view(results: StudyResults, photos: Photos) -> list[View]:
    """Return one entry per test set with predictions."""
    views, wanted = [], []
    for name in test_sets(results):
        regime = telling_regime(results, name)
        if regime is None:
            continue
        result = results.predictions[regime, name]
        table = counts(result, len(results.class_names))
        classes = [_hard_class(results, result, table, number) for number in hardest(table, _CLASSES)]
        wanted += [(rank, place, view) for rank, view in enumerate(classes) for place in range(_EXAMPLES)]
        views.append(
            {
                "name": test_set_text(name),
                "regime": regime_label(results, regime),
                "accuracy": percent(float(result.correct.mean())),
                "pictures": counted(len(result.image_ids), "picture"),
                "seeds": counted(len(result.seeds), "seed"),
                "matrix": _matrix(results, table),
                "pairs": _pairs(results, table),
                "classes": classes,
            }
        )
    # every test set gets its hardest class before any gets a second one
    _fill(sorted(wanted, key=lambda one: one[:2]), results, photos)
    return views


def _hard_class(results: StudyResults, result: TestSetResult, table: Array, number: int) -> View:
    found = misses(result, number)
    return {
        "name": class_label(results, number),
        "accuracy": percent(float(accuracies(table)[number])),
        "pictures": counted(int((result.labels == number).sum()), "picture"),
        "missed": len(found),
        "confused": [
            (class_label(results, said), percent(count / table[number].sum(), 0))
            for said, count in _named(table, number)
        ],
        "misses": found[:_EXAMPLES],
        "examples": [],
    }


def _named(table: Array, number: int) -> list[tuple[int, int]]:
    """Return the three classes that a class is taken for most often."""
    row = [(-int(count), said) for said, count in enumerate(table[number].tolist()) if count and said != number]
    return [(said, -count) for count, said in sorted(row)[:3]]


def _fill(wanted: Sequence[tuple[int, int, View]], results: StudyResults, photos: Photos) -> None:
    """Add pictures to the hardest classes until the room for them is used up."""
    room = EXAMPLE_BYTES
    for _, place, view in wanted:
        if place >= len(view["misses"]):
            continue
        example = _example(view["misses"][place], results, photos)
        room -= len(example["url"])
        if room < 0:
            return
        view["examples"].append(example)


def _example(miss: Miss, results: StudyResults, photos: Photos) -> View:
    picture = fitted(photos(miss.image_id).image, _SIDE)
    return {
        "url": jpeg_url(picture, _QUALITY),
        "width": picture.shape[1],
        "height": picture.shape[0],
        "id": miss.image_id,
        "predicted": class_label(results, miss.predicted),
        "wrong": f"{miss.wrong} of {counted(miss.seeds, 'seed')}",
    }


def _matrix(results: StudyResults, table: Array) -> View:
    shown, shares, whole = matrix_of(table)
    names = [class_label(results, number) for number in shown]
    rows = []
    for place, name in enumerate(names):
        values = shares[place].tolist()
        rows.append((name, [_heat(share, hit=said == place) for said, share in enumerate(values[: len(shown)])]))
        if not whole:
            rows[-1][1].append(_heat(values[-1], hit=False))
    return {"names": names, "rows": rows, "whole": whole}


def _heat(share: float, *, hit: bool) -> tuple[str, str]:
    """Return class and text of a cell; a share that rounds to nothing is left empty."""
    text = f"{100 * share:.0f}"
    kind = "hit" if hit else "miss"
    return f"{kind} h{min(10, round(10 * share + 0.4))}" if share else kind, text if share else ""


def _pairs(results: StudyResults, table: Array) -> list[tuple[str, str, str]]:
    """Return the most frequent confusions with their share of the true class."""
    return [
        (class_label(results, true), class_label(results, said), percent(count / table[true].sum()))
        for true, said, count in confused_pairs(table, _PAIRS)
    ]
