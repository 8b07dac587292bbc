"""Segmenting an edit again: is the object still the one of the photo, or has it grown, been cut, or been doubled?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varireal.names import OK, MaskStatus
from varireal.records import Array, MaskResult
from varireal.segmenters.base import Segmenter, segment_all

# The segmenter looked and there is no object: a measurement, not a failure.
_NOTHING = frozenset({MaskStatus.NOT_FOUND, MaskStatus.EMPTY})


@dataclass(frozen=True, slots=True)
class Resegmented:
    """The object found in an edit, against the mask that it should have: the edit's own, else that of its photo.

    Attributes:
        iou: overlap of both outlines, intersection over union in 0..1; 0 when nothing was found, None when the
            segmenter failed or the mask is empty. Grown and cut objects both lower it.
        area_ratio: area found as a multiple of the mask's: above 1 grown, below 1 cut; None as ``iou``.
        objects: objects of the class that the segmenter saw; None when it does not count.
        status: ``ok`` or a value of ``names.MaskStatus``: the segmenter's own word on the edit.
        reason: one sentence; empty when ok.
    """

    iou: float | None
    area_ratio: float | None
    objects: int | None
    status: str
    reason: str


def segment_again(
    segmenter: Segmenter, edited: Sequence[Array], masks: Sequence[Array], class_names: Sequence[str]
) -> list[Resegmented]:
    """Segment edits and compare with the masks that they should have. One result per edit, in order.

    The segmenter sees the edit alone: it gets no mask, so that what it finds owes nothing to one. Limits
    on masks (``masks.limits``) are not applied.

    Args:
        segmenter: any but ``provided``, which has no mask of an edit.
        edited: (H, W, 3) uint8 candidates.
        masks: (H, W) bool, the object in each edit: the edit's own mask, else its photo's.
        class_names: display name of each one's class.

    Raises:
        BackendError: the segmenter cannot run here at all.
    """
    results = segment_all(segmenter, edited, [None] * len(edited), class_names)
    return [_compared(result, mask) for result, mask in zip(results, masks, strict=True)]


def _compared(result: MaskResult, mask: Array) -> Resegmented:
    area = int(mask.sum())
    if area == 0 or (result.mask is None and result.status not in _NOTHING):
        return Resegmented(None, None, result.objects, result.status, result.reason)
    again = np.zeros(mask.shape, bool) if result.mask is None else result.mask
    iou = float((again & mask).sum() / (again | mask).sum())
    reason = "" if result.status == OK else result.reason
    return Resegmented(iou, float(again.sum() / area), result.objects, str(result.status), reason)
