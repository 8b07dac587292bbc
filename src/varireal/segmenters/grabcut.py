"""Masks of photos without any learnt weight: OpenCV GrabCut, seeded by saliency.

Steps for one photo, at reduced size: drop a uniform frame; compute saliency; run small GrabCuts from several first
guesses and keep the mask that the others agree with; run GrabCut once more at ``max_side`` in a band around its
outline; clean; bring the outline to full size along the edges of the photo with a guided filter.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.names import MaskStatus
from varireal.records import MaskResult
from varireal.segmenters.guided import guided_upsample
from varireal.segmenters.saliency import saliency
from varireal.segmenters.trials import Trial, best_trial, clean, grabcut

_TRIAL_SIDE = 144  # px; a trial costs about a thirtieth of a second at this size
_GUIDE_RADIUS = 3  # px at max_side; how far an outline may move to reach an edge of the full-size photo
_MIN_SIDE = 12  # px; below, there is nothing to model
_MIN_RANGE = 4  # grey levels; an image with less between its 1st and 99th percentile has nothing to find


class GrabCutSegmenter:
    """Finds the most salient object of a photo with GrabCut; made for photos that show one main object.

    The score says how sure the mask is: how far different first guesses lead to it, how its colours differ from what
    is around it, and how central it is (see ``best_trial``). The same photo gives the same mask, in any batch and on
    any number of threads.

    Args:
        max_side: longest side in pixels at which GrabCut runs.
        iterations: GrabCut iterations of the final run.
        margin: width of the border band that counts as background in the saliency, as a share of the sides.
    """

    name = "grabcut"
    version = 1
    revision: str | None = None
    uses_given = False
    uses_names = False
    batch_size = 1

    def __init__(self, *, max_side: int = 320, iterations: int = 4, margin: float = 0.04) -> None:
        self.max_side = max_side
        self.iterations = iterations
        self.margin = margin

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        """Return one mask per image; given masks and names are not looked at. See ``Segmenter.segment``."""
        return [self._one(image) for image, _, _ in zip(images, given, class_names, strict=True)]

    def _one(self, image: Array) -> MaskResult:
        try:
            trial = self._find(image)
        except Exception as error:  # noqa: BLE001 - one photo must not end the batch; its row says what happened
            return MaskResult(None, MaskStatus.FAILED, f"GrabCut failed: {type(error).__name__}: {error}.")
        if trial is None:
            height, width = image.shape[:2]
            return MaskResult(None, MaskStatus.EMPTY, f"Nothing stands out in this image of {width} x {height} px.")
        return MaskResult(trial.mask, MaskStatus.OK, score=trial.score)

    def _find(self, image: Array) -> Trial | None:
        top, bottom, left, right = find_frame(image)
        photo = image[top:bottom, left:right]
        work = shrink(photo, self.max_side)
        if min(work.shape[:2]) < _MIN_SIDE or np.ptp(np.percentile(work, [1, 99])) < _MIN_RANGE:
            return None
        salient = saliency(work, self.margin)
        small = shrink(work, _TRIAL_SIDE)
        size = (small.shape[1], small.shape[0])
        best = best_trial(small, np.asarray(cv2.resize(salient, size, interpolation=cv2.INTER_AREA)))
        if best is None:
            return None
        fine = clean(refine(work, best.mask, self.iterations))
        if not fine.any():
            return None
        mask = np.zeros(image.shape[:2], bool)
        mask[top:bottom, left:right] = enlarge(photo, fine)
        return Trial(mask, best.score)


def shrink(image: Array, side: int) -> Array:
    """Return the image with its longest side at most ``side`` pixels; no side gets below one pixel."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def find_frame(image: Array, most: float = 0.08) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of the photo inside a uniform frame, as slice bounds.

    A side has a frame when its outermost rows are of one colour and end in a step; a plain backdrop has no step.

    Args:
        image: (H, W, 3) uint8.
        most: largest width of a frame, as a share of the side.
    """
    bounds = []
    for turned in (image, image[::-1], image.transpose(1, 0, 2), image[:, ::-1].transpose(1, 0, 2)):
        limit = int(most * len(turned))
        rows = turned[: limit + 4].astype(np.float32)
        colour = np.median(rows[0], axis=0)
        alike = (np.abs(rows - colour).max(2) < 30).mean(1)
        width = int(np.argmax(alike < 0.5)) if (alike < 0.5).any() else 0
        bounds.append(width + 1 if 0 < width <= limit and alike[: max(1, width - 1)].min() > 0.9 else 0)
    top, bottom, left, right = bounds
    return top, image.shape[0] - bottom, left, image.shape[1] - right


def refine(work: Array, mask: Array, iterations: int) -> Array:
    """Return a (H, W) bool mask of ``work`` (H, W, 3) by GrabCut in a band around the outline of a smaller mask."""
    height, width = work.shape[:2]
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    coarse = (soft > 0.5).astype(np.uint8)
    size = 2 * max(2, round(max(height, width) / 50)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    seeds = np.where(coarse == 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[cv2.erode(coarse, disc, borderValue=1) == 1] = cv2.GC_FGD
    seeds[cv2.dilate(coarse, disc) == 0] = cv2.GC_BGD
    if not (seeds & 1).any() or (seeds & 1).all():
        return coarse.astype(bool)
    return grabcut(work, seeds, iterations)


def enlarge(photo: Array, mask: Array) -> Array:
    """Return a (H, W) bool mask of ``photo`` (H, W, 3) uint8 whose outline follows the photo's edges."""
    if mask.shape == photo.shape[:2]:
        return mask
    return np.asarray(guided_upsample(photo.astype(np.float32) / 255, mask.astype(np.float32), _GUIDE_RADIUS) > 0.5)
