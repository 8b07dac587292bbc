"""Choosing among a detector's boxes: the best one, and how many objects there are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array

_INSIDE = 0.9  # a box that lies in another one to this share is a part of the same object, or the object of a part
_MIN_SIDE = 1.0  # px; what is thinner after clipping to the photo is no box


@dataclass(frozen=True, slots=True)
class Boxes:
    """A detector's boxes in one photo.

    Attributes:
        corners: (N, 4) float64: left, top, right, bottom in pixels of the photo.
        scores: (N,) float64 in 0..1.
    """

    corners: Array
    scores: Array

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: Sequence[int] | Array) -> "Boxes":
        return Boxes(self.corners[chosen], self.scores[chosen])


def usable_boxes(boxes: Boxes, height: int, width: int) -> Boxes:
    """The boxes clipped to a photo of ``height`` x ``width`` px, best first; degenerate ones and NaN are left out."""
    corners = boxes.corners.astype(np.float64).reshape(-1, 4)
    corners = np.clip(corners, 0, [width, height, width, height])
    sides = corners[:, 2:] - corners[:, :2]
    good = (sides >= _MIN_SIDE).all(1) & np.isfinite(boxes.scores)
    kept = np.flatnonzero(good)
    return Boxes(corners, boxes.scores.astype(np.float64))[kept[np.argsort(-boxes.scores[kept], kind="stable")]]


def objects_among(boxes: Boxes, *, overlap: float, margin: float) -> Boxes:
    """The boxes of separate objects, best first: greedy non-maximum suppression, then those near the best score.

    A box is the same object as a better one if they overlap by more than ``overlap`` (intersection over union), or if
    the smaller of them lies in the larger one.

    Args:
        boxes: best first.
        overlap: 0..1.
        margin: how far below the best score a box still counts as an object.
    """
    kept: list[int] = []
    for number in range(len(boxes)):
        if boxes.scores[number] < boxes.scores[0] - margin:
            break
        if not any(_same(boxes.corners[number], boxes.corners[other], overlap) for other in kept):
            kept.append(number)
    return boxes[kept]


def _same(one: Array, other: Array, overlap: float) -> bool:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.clip(sides, 0, None)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return shared / (sum(areas) - shared) > overlap or shared / min(areas) > _INSIDE
