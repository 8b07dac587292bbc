"""The object is what differs from the colour of the photo's border."""

from collections.abc import Sequence

import numpy as np

from varireal.names import MaskStatus
from varireal.records import Array, MaskResult


class BorderSegmenter:
    """``masks.options``: ``distance``, in levels of 255, from which a pixel is of the object."""

    name = "border"
    version = 1
    revision = None
    uses_given = False
    uses_names = False
    batch_size = 8

    def __init__(self, distance: float = 60.0) -> None:
        self.distance = distance

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        return [self._one(image) for image in images]

    def _one(self, image: Array) -> MaskResult:
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        far = np.abs(image - np.median(border, axis=0)).max(-1) > self.distance
        if not far.any():
            return MaskResult(None, MaskStatus.NOT_FOUND, "nothing differs from the border")
        return MaskResult(far, "ok")
