"""Moves the object: to the side, where it still stands on the ground, or up into the air."""

from collections.abc import Sequence

import cv2
import numpy as np

from varireal.errors import UnknownPromptError
from varireal.names import EditStatus
from varireal.records import Array, EditRequest, EditResult, Prompt

# Direction (across, down) of each prompt.
DIRECTIONS = {"to the left": (-1, 0), "to the right": (1, 0), "up in the air": (0, -1), "into the ground": (0, 1)}


class MoveEditor:
    """``edits.options``: ``share``, how far the object moves, as a share of the picture's shorter side."""

    name = "move"
    version = 1
    revision = None
    attributes = ("position",)

    def __init__(self, share: float = 0.1) -> None:
        self.share = share

    def check(self, prompt: Prompt) -> None:
        if prompt.name not in DIRECTIONS:
            raise UnknownPromptError(f"{prompt.name!r} is no direction; known: {', '.join(DIRECTIONS)}")

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        return [self._one(request) for request in requests]

    def _one(self, request: EditRequest) -> EditResult:
        across, down = (round(sign * self.share * min(request.mask.shape)) for sign in DIRECTIONS[request.prompt.name])
        moved = shifted(request.mask, across, down)
        if moved.sum() < request.mask.sum():
            return EditResult(EditStatus.FAILED, "the object would leave the picture")
        hole = cv2.dilate(request.mask.astype(np.uint8), np.ones((5, 5), np.uint8))
        picture = cv2.inpaint(request.image, hole, 3, cv2.INPAINT_TELEA)
        picture[moved] = shifted(request.image, across, down)[moved]
        # The object has another outline than in the photo, so the edit carries its own mask.
        return EditResult(EditStatus.OK, image=picture, region=hole.astype(bool) | moved, mask=moved)


def shifted(values: Array, across: int, down: int) -> Array:
    """An array (H, W, ...) moved by some pixels; what comes in from outside is 0."""
    result = np.zeros_like(values)
    height, width = values.shape[:2]
    result[max(0, down) : height + min(0, down), max(0, across) : width + min(0, across)] = values[
        max(0, -down) : height - max(0, down), max(0, -across) : width - max(0, across)
    ]
    return result
