"""Masks of photos without any learnt weight: OpenCV GrabCut, seeded by saliency.

Steps for one photo, at reduced size: drop a uniform frame; compute saliency; run small GrabCuts from several seeds,
score each mask and keep the best; run GrabCut once more at ``max_side`` in a band around its outline; clean; bring
the outline to full size along the edges of the photo with a guided filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.names import MaskStatus
from varireal.records import MaskResult
from varireal.segmenters.guided import guided_filter
from varireal.segmenters.quality import border_fraction
from varireal.segmenters.saliency import saliency

_TRIAL_SIDE = 160  # px; a trial costs about a twentieth of a second at this size
_TRIAL_ITERATIONS = 3
_LEVELS = (0.7, 1.0, 1.35)  # saliency thresholds to try, as multiples of Otsu's
_MIN_SIDE = 12  # px; below, there is nothing to model
_HOLE_SHARE = 0.003  # holes below this share of the object are closed: noise, not the hole of a mug's handle
_PART_SHARE = 0.06  # parts below this share of the largest part are specks


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate: (H, W) bool mask and its score in 0..1."""

    mask: Array
    score: float


class GrabCutSegmenter:
    """Finds the most salient object of a photo with GrabCut; made for photos that show one main object.

    The score is the agreement of the mask with the photo, see ``score_mask``. The same photo gives the same mask, in any batch and on any number of threads.

    Args:
        max_side: longest side in pixels at which GrabCut runs.
        iterations: GrabCut iterations of the final run.
        margin: width of the border band that counts as background at first, as a share of the sides.
    """

    name = "grabcut"
    version = 1
    revision: str | None = None

    def __init__(
        self,
        *,
        max_side: int = 320,
        iterations: int = 4,
        margin: float = 0.04,
    ) -> None:
        self.max_side = max_side
        self.iterations = iterations
        self.margin = margin

    def segment(self, images: Sequence[Array], given: Sequence[Array | None]) -> list[MaskResult]:
        """Return one mask per image; given masks are not looked at. See ``Segmenter.segment``."""
        return [self._one(image) for image, _ in zip(images, given, strict=True)]

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
        if min(photo.shape[:2]) < _MIN_SIDE:
            return None
        work = shrink(photo, self.max_side)
        salient = saliency(work, self.margin)
        best = best_trial(shrink(work, _TRIAL_SIDE), salient, self.margin)
        if best is None:
            return None
        fine = clean(refine(work, best.mask, self.iterations))
        if not fine.any():
            return None
        score = score_mask(work, fine, salient)
        mask = np.zeros(image.shape[:2], bool)
        mask[top:bottom, left:right] = enlarge(photo, fine)
        return Trial(mask, score)


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
        uniform = (np.abs(rows - colour).max(2) < 30).mean(1) > 0.96
        width = int(np.argmin(uniform)) if not uniform.all() else 0
        after = rows[min(width + 1, len(rows) - 1)]
        step = (np.abs(after - colour).max(1) > 40).mean()
        bounds.append(width + 1 if 0 < width <= limit and step > 0.75 else 0)
    top, bottom, left, right = bounds
    return top, image.shape[0] - bottom, left, image.shape[1] - right


def _grabcut(image: Array, seeds: Array, iterations: int) -> Array:
    # GrabCut's colour models start from k-means, which draws from OpenCV's generator.
    cv2.setRNGSeed(0)
    behind, front = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(image[..., ::-1])
    cv2.grabCut(bgr, seeds, (0, 0, 1, 1), behind, front, iterations, cv2.GC_INIT_WITH_MASK)
    return (seeds & 1).astype(bool)


def best_trial(small: Array, salient: Array, margin: float) -> Trial | None:
    """Return the best-scored mask (size of ``small``) of GrabCuts from several saliency levels, None if none is any.

    Args:
        small: (h, w, 3) uint8.
        salient: saliency in 0..1 of any size.
        margin: border band that is background in the seeds, as a share of the sides.
    """
    height, width = small.shape[:2]
    level = np.asarray(cv2.resize(salient, (width, height), interpolation=cv2.INTER_AREA))
    otsu = cv2.threshold((level * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0] / 255
    best = None
    for factor in _LEVELS:
        seeds = _seeds(level, min(0.9, otsu * factor), margin)
        if seeds is None:
            continue
        mask = clean(_grabcut(small, seeds, _TRIAL_ITERATIONS))
        score = score_mask(small, mask, level)
        if mask.any() and (best is None or score > best.score):
            best = Trial(mask, score)
    return best


def _seeds(level: Array, threshold: float, margin: float) -> Array | None:
    seeds = np.full(level.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[level < 0.3 * threshold] = cv2.GC_BGD
    seeds[level > threshold] = cv2.GC_PR_FGD
    seeds[level > threshold + 0.7 * (1 - threshold)] = cv2.GC_FGD
    band = max(1, round(margin / 2 * min(level.shape)))
    for strip in (seeds[:band], seeds[-band:], seeds[:, :band], seeds[:, -band:]):
        strip[strip != cv2.GC_FGD] = cv2.GC_BGD
    objects = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).sum()
    return seeds if 20 <= objects <= seeds.size - 20 else None


def refine(work: Array, mask: Array, iterations: int) -> Array:
    """Return a (H, W) bool mask of ``work`` (H, W, 3) by GrabCut in a band around the outline of a smaller mask."""
    height, width = work.shape[:2]
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    coarse = (soft > 0.5).astype(np.uint8)
    size = 2 * max(2, round(max(height, width) / 64)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    seeds = np.where(coarse == 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[cv2.erode(coarse, disc, borderValue=1) == 1] = cv2.GC_FGD
    seeds[cv2.dilate(coarse, disc) == 0] = cv2.GC_BGD
    if not (seeds & 1).any() or (seeds & 1).all():
        return coarse.astype(bool)
    return _grabcut(work, seeds, iterations)


def clean(mask: Array) -> Array:
    """Return an (H, W) bool mask without specks and without pinholes; larger holes stay."""
    mask = _without_small(mask, _PART_SHARE)
    holes = ~mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < _HOLE_SHARE * mask.sum()
    small[0] = False
    return np.asarray(mask | small[labels]) if count > 1 else mask


def _without_small(mask: Array, share: float) -> Array:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    keep = stats[:, cv2.CC_STAT_AREA] >= share * stats[1:, cv2.CC_STAT_AREA].max()
    keep[0] = False
    return np.asarray(keep[labels])


def score_mask(image: Array, mask: Array, salient: Array) -> float:
    """Return how well a mask fits a photo, in 0..1.

    The geometric mean of three shares: outline pixels that lie on a strong colour edge; dissimilarity of the colours
    just inside and just outside of the outline (Bhattacharyya distance of histograms); overlap with the saliency.
    Masks along the image border lose in proportion to the border that they cover.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.
        salient: (H, W) saliency in 0..1.
    """
    if not mask.any() or mask.all():
        return 0.0
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    source = mask.astype(np.uint8)
    ring = np.ones((3, 3), np.uint8)
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0)
    across, down = (np.asarray(cv2.Sobel(smooth, cv2.CV_32F, dx, dy)) for dx, dy in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + down**2).sum(2)) / 8
    outline = cv2.dilate(source, ring) != cv2.erode(source, ring, borderValue=1)
    # An edge of 4 Lab units per pixel after the blur is one that a person sees as an outline.
    edges = float(np.minimum(cv2.dilate(gradient, ring)[outline] / 4, 1).mean())
    reach = 2 * max(2, max(mask.shape) // 20) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    inside = mask & (cv2.erode(source, disc, borderValue=1) == 0)
    outside = ~mask & (cv2.dilate(source, disc) == 1)
    contrast = _histogram_distance(lab, inside, outside)
    overlap = float(np.minimum(mask, salient).sum() / np.maximum(mask, salient).sum())
    return float((edges * contrast * overlap) ** (1 / 3) * (1 - border_fraction(mask)))


def _histogram_distance(lab: Array, inside: Array, outside: Array) -> float:
    if not inside.any() or not outside.any():
        return 0.0
    bins = np.clip((lab - [0, -60, -60]) / [12.5, 12, 12], 0, [7, 9, 9]).astype(np.int32)
    index = (bins[..., 0] * 10 + bins[..., 1]) * 10 + bins[..., 2]
    a, b = (np.bincount(index[area], minlength=800) / area.sum() for area in (inside, outside))
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))


def enlarge(photo: Array, mask: Array) -> Array:
    """Return a (H, W) bool mask of ``photo`` (H, W, 3) uint8 whose outline follows the photo's edges."""
    height, width = photo.shape[:2]
    if mask.shape == (height, width):
        return mask
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(max(height, width) / max(mask.shape) * 3))
    return np.asarray(guided_filter(photo.astype(np.float32) / 255, soft, radius) > 0.5)
