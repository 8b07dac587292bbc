"""Several GrabCuts of one small photo from different first guesses, and the one that the others agree with."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array

_ITERATIONS = 3
_BOXES = (0.04, 0.1)  # border bands, as shares of the sides, outside of which all is background
_DULL = (0.12, 0.25)  # saliency below which a pixel is background, inside of the first box
_LEVELS = (0.7, 1.0)  # saliency thresholds of the object, as multiples of Otsu's
_HOLE_SHARE = 0.003  # holes below this share of the object are closed: noise, not the hole of a mug's handle
_PART_SHARE = 0.06  # parts below this share of the largest part are specks
_MIN_PIXELS = 20  # fewer object or background pixels give no colour model


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate: (H, W) bool mask and its score in 0..1."""

    mask: Array
    score: float


def grabcut(image: Array, seeds: Array, iterations: int) -> Array:
    """Return the (H, W) bool object of an (H, W, 3) uint8 RGB image by OpenCV's GrabCut.

    Args:
        image: the photo.
        seeds: (H, W) uint8 of OpenCV's GC_* values; with neither class empty.
        iterations: rounds of colour models and graph cut.
    """
    # GrabCut's colour models start from k-means, which draws from OpenCV's generator.
    cv2.setRNGSeed(0)
    behind, front = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(image[..., ::-1])
    labels = np.ascontiguousarray(seeds)
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), behind, front, iterations, cv2.GC_INIT_WITH_MASK)
    return (labels & 1).astype(bool)


def best_trial(image: Array, salient: Array) -> Trial | None:
    """Return the mask that the other first guesses agree with most, None when no guess finds an object.

    A guess at the border alone fails where the background has several materials, one at saliency alone where the
    object has; a mask that several of them reach is rarely wrong. The score is the cube root of

    - agreement: the mean overlap (intersection over union) with the masks of the other guesses,
    - contrast: how much the colours just inside and just outside of the outline differ, see ``outline_contrast``,
    - centring: 1 for a mask whose centroid is the image's centre, falling to 0.14 half way to a side.

    Args:
        image: (H, W, 3) uint8.
        salient: (H, W) saliency in 0..1.
    """
    masks = [clean(grabcut(image, seeds, _ITERATIONS)) for seeds in first_guesses(salient)]
    masks = [mask for mask in masks if mask.any() and not mask.all()]
    if not masks:
        return None
    overlaps = np.array([[_overlap(a, b) for b in masks] for a in masks])
    agreement = (overlaps.sum(1) - 1) / max(1, len(masks) - 1)
    centring = np.array([_centring(mask) for mask in masks])
    best = int(np.argmax(agreement * centring))
    contrast = outline_contrast(image, masks[best])
    return Trial(masks[best], float((agreement[best] * centring[best] * contrast) ** (1 / 3)))


def first_guesses(salient: Array) -> list[Array]:
    """Return the usable GrabCut seeds, each (H, W) uint8 of GC_* values, for a saliency (H, W) in 0..1."""
    guesses = [_box(salient.shape, margin) for margin in _BOXES]
    for bound in _DULL:
        seeds = _box(salient.shape, _BOXES[0])
        seeds[salient < bound] = cv2.GC_BGD
        guesses.append(seeds)
    otsu = cv2.threshold((salient * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0] / 255
    guesses += [_by_level(salient, min(0.9, otsu * factor)) for factor in _LEVELS]
    return [seeds for seeds in guesses if _MIN_PIXELS <= int((seeds & 1).sum()) <= seeds.size - _MIN_PIXELS]


def _box(shape: tuple[int, ...], margin: float) -> Array:
    seeds = np.full(shape, cv2.GC_BGD, np.uint8)
    rows, columns = (max(1, round(margin * side)) for side in shape)
    seeds[rows:-rows, columns:-columns] = cv2.GC_PR_FGD
    return seeds


def _by_level(salient: Array, threshold: float) -> Array:
    seeds = np.full(salient.shape, cv2.GC_PR_BGD, np.uint8)
    seeds[salient < 0.3 * threshold] = cv2.GC_BGD
    seeds[salient > threshold] = cv2.GC_PR_FGD
    sure = salient > threshold + 0.7 * (1 - threshold)
    seeds[sure] = cv2.GC_FGD
    seeds[(_box(salient.shape, _BOXES[0] / 2) == cv2.GC_BGD) & ~sure] = cv2.GC_BGD
    return seeds


def _overlap(a: Array, b: Array) -> float:
    return float((a & b).sum() / (a | b).sum())


def _centring(mask: Array) -> float:
    y, x = (values.mean() / side for values, side in zip(np.nonzero(mask), mask.shape, strict=True))
    return float(np.exp(-0.5 * (((x - 0.5) / 0.25) ** 2 + ((y - 0.5) / 0.25) ** 2)))


def outline_contrast(image: Array, mask: Array) -> float:
    """Return in 0..1 how much the colours of two bands along the outline, inside and outside, differ.

    It is the Hellinger distance of their Lab histograms. 0 when one of the bands is empty.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.
    """
    source = mask.astype(np.uint8)
    size = 2 * max(2, max(mask.shape) // 20) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    inside = mask & (cv2.erode(source, disc, borderValue=1) == 0)
    outside = ~mask & (cv2.dilate(source, disc) == 1)
    if not inside.any() or not outside.any():
        return 0.0
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    bins = np.clip((lab - [0, -60, -60]) / [12.5, 12, 12], 0, [7, 9, 9]).astype(np.int32)
    index = (bins[..., 0] * 10 + bins[..., 1]) * 10 + bins[..., 2]
    a, b = (np.bincount(index[area], minlength=800) / area.sum() for area in (inside, outside))
    return float(np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())))


def clean(mask: Array) -> Array:
    """Return an (H, W) bool mask without specks and without pinholes; larger holes stay."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    kept = (areas >= _PART_SHARE * areas.max())[labels]
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8), connectivity=4)
    pinholes = stats[:, cv2.CC_STAT_AREA] < _HOLE_SHARE * kept.sum()
    pinholes[0] = False  # label 0 is the object itself
    return np.asarray(kept | pinholes[labels])
