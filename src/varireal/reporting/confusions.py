"""What classifiers confuse: counts, the hardest classes, pictures that most seeds got wrong; and their tab."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from varireal.records import Array
from varireal.reporting.answer import counted, percent, test_set_text
from varireal.reporting.records import Photos
from varireal.reporting.study_results import StudyResults
from varireal.statistics.records import TestSetResult

# Pictures and mask outlines small enough to travel inside a page.
#
# Pictures are JPEG with full chroma and fixed tables. Its 8 x 8 blocks are coded independently of one another, so
# blocks that an edit left alone also look exactly alike in the two compressed pictures: flipping between original and
# edit does not shimmer, and a difference map shows the edit instead of the codec.

THUMBNAIL_QUALITY = 82
DETAIL_QUALITY = 90
OUTLINE_SIDE = 512
OUTLINE_POINTS = 2400


def fitted(image: Array, limit: int) -> Array:
    """Shrink a picture so that its longer side is at most ``limit`` pixels; a smaller one is returned as it is.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        limit: longest side in pixels, at least 1.
    """
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= limit:
        return image
    size = (max(1, round(width * limit / longest)), max(1, round(height * limit / longest)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def jpeg_url(image: Array, quality: int) -> str:
    """Encode an (H, W, 3) uint8 sRGB picture as a JPEG ``data:`` address.

    Raises:
        ValueError: the array is not an (H, W, 3) uint8 picture.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"a picture of shape {image.shape} and type {image.dtype}; expected (H, W, 3) uint8")
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def outline(mask: Array) -> tuple[int, int, str]:
    """Trace a mask as an SVG path that fills by the even-odd rule.

    The path is a drawing for the eye: it is simplified until it has at most ``OUTLINE_POINTS`` points, and the
    smallest parts go first. The exact mask stays in the table of masks.

    Args:
        mask: (H, W) bool, True on the object.

    Returns:
        Width and height of the path's coordinates, and the path; an empty path for an empty mask.
    """
    height, width = mask.shape
    scale = min(1.0, OUTLINE_SIDE / max(height, width))
    small = mask.astype(np.uint8)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = (cv2.resize(small * 255, size, interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)
    contours, _ = cv2.findContours(small, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts = _bounded(contours)
    return small.shape[1], small.shape[0], "".join(_path(part) for part in parts)


def _bounded(contours: Sequence[Array]) -> list[Array]:
    """Simplify contours, then drop the smallest, until the points are few enough."""
    for tolerance in (0.6, 1.2, 2.4):
        parts = [cv2.approxPolyDP(contour, tolerance, closed=True)[:, 0] for contour in contours]
        if sum(map(len, parts)) <= OUTLINE_POINTS:
            return parts
    by_area = sorted(parts, key=lambda part: -float(np.prod(np.ptp(part, axis=0) + 1)))
    fitting, points = [], 0
    for part in by_area:
        points += len(part)
        if points > OUTLINE_POINTS:
            break
        fitting.append(part)
    return fitting


def _path(points: Array) -> str:
    """Write one closed polygon; pixel centres lie at half coordinates."""
    text = " ".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points.tolist())
    return f"M{text}Z"


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
    pairs = [(-int(wrong[pair]), int(pair[0]), int(pair[1])) for pair in zip(*np.nonzero(wrong), strict=True)]
    return [(true, predicted, -count) for count, true, predicted in sorted(pairs)[:limit]]


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
    missed = []
    for place in np.flatnonzero(result.labels == label).tolist():
        predicted = result.top1[:, place]
        wrong = predicted[predicted != label]
        if 2 * len(wrong) > seeds:
            missed.append(Miss(result.image_ids[place], int(np.bincount(wrong).argmax()), len(wrong), seeds))
    return sorted(missed, key=lambda miss: (-miss.wrong, miss.image_id))


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
        if wanted & set(accuracy):
            return min((accuracy[slug], slug) for slug in wanted & set(accuracy))[1]
    return None


View = dict[str, Any]

EXAMPLE_BYTES = 400_000
"""All example pictures together, as text in the page."""
_CLASSES, _EXAMPLES, _PAIRS = 4, 6, 12
_SIDE, _QUALITY = 112, 78


def errors_view(results: StudyResults, photos: Photos) -> list[View]:
    """Return one entry per test set with predictions."""
    views, wanted = [], []
    for name in results.test_sets:
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
                "regime": results.label(regime),
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
    missed = misses(result, number)
    return {
        "name": results.class_label(number),
        "accuracy": percent(float(accuracies(table)[number])),
        "pictures": counted(int((result.labels == number).sum()), "picture"),
        "missed": len(missed),
        "confused": [
            (results.class_label(other), percent(count / table[number].sum(), 0))
            for other, count in _named(table, number)
        ],
        "misses": missed[:_EXAMPLES],
        "examples": [],
    }


def _named(table: Array, number: int) -> list[tuple[int, int]]:
    """Return the three classes that a class is taken for most often."""
    row = [(-int(count), other) for other, count in enumerate(table[number].tolist()) if count and other != number]
    return [(other, -count) for count, other in sorted(row)[:3]]


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
        "predicted": results.class_label(miss.predicted),
        "wrong": f"{miss.wrong} of {counted(miss.seeds, 'seed')}",
    }


def _matrix(results: StudyResults, table: Array) -> View:
    shown, shares, whole = matrix_of(table)
    names = [results.class_label(number) for number in shown]
    rows = []
    for place, name in enumerate(names):
        values = shares[place].tolist()
        rows.append((name, [_heat(share, hit=other == place) for other, share in enumerate(values[: len(shown)])]))
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
        (results.class_label(true), results.class_label(predicted), percent(count / table[true].sum()))
        for true, predicted, count in confused_pairs(table, _PAIRS)
    ]
