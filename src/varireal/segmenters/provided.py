"""Masks that came with the data set."""

from collections.abc import Sequence

import numpy as np

from varireal.names import MaskStatus
from varireal.records import Array, MaskResult


class ProvidedSegmenter:
    """Takes the given masks as they are; whether one is usable is for ``quality.check_mask`` to say.

    Masks may be bool, 0/1 or 0/255 (and anything between, as anti-aliased masks have). A mask whose largest value
    is 1 counts as 0/1; otherwise the object is where the value is above half of the largest value of its type.
    """

    name = "provided"
    version = 1
    revision: str | None = None
    uses_given = True
    uses_names = False
    batch_size = 1

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        """Return the given masks as results; see ``Segmenter.segment``. There is no score."""
        return [self._one(image, mask) for image, mask, _ in zip(images, given, class_names, strict=True)]

    def _one(self, image: Array, given: Array | None) -> MaskResult:
        if given is None:
            return MaskResult(None, MaskStatus.MISSING, "The data set has no mask for this image.")
        if given.ndim != 2:
            reason = f"The mask has shape {given.shape}, expected one channel (height, width)."
            return MaskResult(None, MaskStatus.UNREADABLE, reason)
        if given.shape != image.shape[:2]:
            (height, width), (rows, columns) = image.shape[:2], given.shape
            reason = f"The mask is {columns} x {rows} px but the image is {width} x {height} px (width x height)."
            return MaskResult(None, MaskStatus.UNREADABLE, reason)
        if given.dtype.kind not in "bu":
            return MaskResult(None, MaskStatus.UNREADABLE, f"The mask has type {given.dtype}, expected bool or uint8.")
        return MaskResult(_to_bool(given), MaskStatus.OK)


def _to_bool(given: Array) -> Array:
    if given.dtype == bool:
        return given.copy()
    if given.size and int(given.max()) == 1:
        return np.asarray(given == 1)
    return np.asarray(given > np.iinfo(given.dtype).max // 2)
