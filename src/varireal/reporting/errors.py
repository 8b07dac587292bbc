"""What the tab of errors shows: confusions, the hardest classes, and pictures that most seeds got wrong."""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from varireal.records import Array
from varireal.reporting.answer import counted, percent, test_set_text
from varireal.reporting.records import (
    GalleryPhoto,
    Miss,
    StudyResults,
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
    kept, points = [], 0
    for part in by_area:
        points += len(part)
        if points > OUTLINE_POINTS:
            break
        kept.append(part)
    return kept


def _path(points: Array) -> str:
    """Write one closed polygon; pixel centres lie at half coordinates."""
    text = " ".join(f"{x + 0.5:g} {y + 0.5:g}" for x, y in points.tolist())
    return f"M{text}Z"


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
