"""Receipts: how what the table of measures lists is measured on a candidate, without a model.

Most defects of an edit can be measured: nothing changed, something changed outside, the border shows, the object is
lost in its new scene, the colour is another one, the drawing of the object is gone. A measure is None where it has no
meaning.
"""

from functools import lru_cache

import cv2
import numpy as np
import skimage

from varireal.records import Array, MeasuredEdit

# What ``flat_reason`` looks for: black, one colour, or a block that the model never filled. A diffusion model in 16
# bits can overflow to NaN, which becomes black when cast to bytes; a safety checker that refuses a picture gives a
# black one; a broken VAE or adapter gives one grey. None of them may be taken for an edit: a black "deep space" or a
# grey "fog" would pass a judge. The thresholds are far from what real edits have. Over 1,194 edits of the demo (three
# attributes, both arms) at most 0.52 of the region was dark (a black glossy coat) and 0.60 within the tolerance of one
# colour (the moon's sky); no filled block of exact zeros had more than 0.007 of it. An overflow or a refused picture
# is above 0.99 of all three.
_DARK = 2  # levels of 255: what a lossless or resized black still has
_BLACK_SHARE = 0.99  # a night sky has more stars than that
_SAME = 3  # levels of 255 around the median: decoding a constant latent leaves ripples of this size
_FLAT_SHARE = 0.98
_BLOCK_SHARE = 0.04  # a tile or a group of patches; smaller black spots are pupils, shadows and holes
_BLOCK_FILLED = 0.99  # of the region inside the block's box: what is drawn is never black up to straight edges
_BLEND = 2  # pixels along the region's border that editors blend with the photo


def flat_reason(image: Array, region: Array) -> str | None:
    """Why an edit is black or flat in the region that it was to change; None when it is neither.

    Args:
        image: (H, W, 3) uint8 picture, as it would be kept.
        region: (H, W) bool, where the edit was to change pixels; an empty one is never flat.
    """
    inner = _inner(region)
    pixels = image[inner]
    if not len(pixels):
        return None
    brightest = pixels.max(-1)
    dark = float((brightest <= _DARK).mean())
    if dark >= _BLACK_SHARE:
        return f"black: {dark:.0%} of the edited region has no light"
    median = np.median(pixels, axis=0)
    same = float((np.abs(pixels.astype(np.float32) - median).max(-1) <= _SAME).mean())
    if same >= _FLAT_SHARE:
        red, green, blue = (round(float(level)) for level in median)
        return f"flat: {same:.0%} of the edited region is one colour, #{red:02x}{green:02x}{blue:02x}"
    block = _largest_block(image, inner)
    return f"black block: {block:.0%} of the edited region is empty up to straight edges" if block else None


def _inner(region: Array) -> Array:
    """The region without its blended border, unless little would be left."""
    kernel = np.ones((2 * _BLEND + 1, 2 * _BLEND + 1), np.uint8)
    inner: Array = cv2.erode(region.astype(np.uint8), kernel, borderValue=1).astype(bool)
    return inner if inner.sum() >= 0.25 * region.sum() else region


def _largest_block(image: Array, region: Array) -> float:
    """Share of the region under the largest block of exact zeros with straight edges; 0 when there is none."""
    empty = (~image.any(-1) & region).astype(np.uint8)
    least = _BLOCK_SHARE * float(region.sum())
    if empty.sum() < least:
        return 0.0
    _, _, boxes, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    largest = 0.0
    for left, top, width, height, area in boxes[1:]:
        inside = region[top : top + height, left : left + width].sum()
        if area >= least and area >= _BLOCK_FILLED * inside:
            largest = max(largest, float(area / region.sum()))
    return largest


_SIDE = 128  # longest side in pixels at which the object is looked for
_ITERATIONS = 2


def silhouette_iou(edited: Array, mask: Array) -> float | None:
    """Overlap (intersection over union, 0..1) of the object segmented in the edit with its mask.

    GrabCut (Rother et al. 2004) starts from the sure core of the mask and the sure surroundings and decides on the
    band between them by colour. An object that has the colours of its new scene, or a mask that cuts through an
    object, comes out with another outline. None when the mask is too small to have a core.

    Args:
        edited: (H, W, 3) uint8 candidate.
        mask: (H, W) bool, the object.
    """
    height, width = mask.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(edited, size, interpolation=cv2.INTER_AREA)
    object_ = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
    labels = _seeds(object_)
    if labels is None:
        return None
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    picture = np.ascontiguousarray(small)
    cv2.grabCut(picture, labels, (0, 0, 0, 0), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    again = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return float((again & object_).sum() / (again | object_).sum())


def _seeds(object_: Array) -> Array | None:
    """GrabCut labels: the core, the surroundings, and the undecided band; None when a side is missing."""
    depth = cv2.distanceTransform(object_.astype(np.uint8), cv2.DIST_L2, 3)
    away = cv2.distanceTransform((~object_).astype(np.uint8), cv2.DIST_L2, 3)
    reach = max(2.0, 0.6 * float(depth.max()))
    labels = np.where(object_, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[depth >= reach] = cv2.GC_FGD
    labels[away >= max(4.0, 1.5 * reach)] = cv2.GC_BGD
    if not (labels == cv2.GC_FGD).any() or not (labels == cv2.GC_BGD).any():
        return None
    return labels


_VISIBLE = 8  # levels of 255; smaller changes are within what JPEG or noise does
_NEW_EDGE = 26  # levels of 255 over 3 pixels: an edge that the eye sees without looking for it
_EDGE_GAIN = 1.6  # a new edge also exceeds what the photo had nearby by this factor
_HAS_HUE = 12.0  # CIELAB chroma below which a colour counts as grey
_SMALLEST_SSIM = 7  # side in pixels of the SSIM window


# Of the edit that is measured now: several measures look at it. One is kept, because pictures are large.
@lru_cache(maxsize=1)
def _change(edit: MeasuredEdit) -> Array:
    """Largest change of a channel: (H, W) uint8."""
    return np.asarray(cv2.absdiff(edit.original, edit.edited).max(-1))


@lru_cache(maxsize=1)
def _distances(edit: MeasuredEdit) -> tuple[float | None, float | None]:
    if edit.target_rgb is None or not edit.mask.any():
        return None, None
    return color_distances(edit.edited, edit.mask, edit.target_rgb)


def changed_fraction(edit: MeasuredEdit) -> float | None:
    """Share of the edited region, 0..1, that changed visibly; None without a region."""
    inside = _change(edit)[edit.region]
    return float((inside > _VISIBLE).mean()) if inside.size else None


def leak_max(edit: MeasuredEdit) -> float:
    """Largest change outside the region, in levels of 255."""
    outside = _change(edit)[~edit.region]
    return float(outside.max()) if outside.size else 0.0


def leak_mean(edit: MeasuredEdit) -> float:
    """Mean change outside the region, in levels of 255."""
    outside = _change(edit)[~edit.region]
    return float(outside.mean()) if outside.size else 0.0


def seam_of(edit: MeasuredEdit) -> float | None:
    """``seam_score`` of an edit."""
    return seam_score(edit.original, edit.edited, edit.region)


def silhouette_of(edit: MeasuredEdit) -> float | None:
    """``silhouette_iou`` of an edit."""
    return silhouette_iou(edit.edited, edit.mask)


def color_distance(edit: MeasuredEdit) -> float | None:
    """CIEDE2000 distance of ``color_distances``; None where no colour was asked for."""
    return _distances(edit)[0]


def hue_distance(edit: MeasuredEdit) -> float | None:
    """Hue distance of ``color_distances`` in degrees; None where no hue was asked for."""
    return _distances(edit)[1]


def edge_ssim_of(edit: MeasuredEdit) -> float | None:
    """``edge_ssim`` of an edit."""
    return edge_ssim(edit.original, edit.edited, edit.mask)


def _edges(image: Array) -> Array:
    """Morphological gradient over 3 x 3 pixels, largest channel: (H, W) uint8."""
    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).max(-1))


def seam_score(original: Array, edited: Array, region: Array) -> float | None:
    """Share of the region's border, 0..1, where the edit has an edge and the photo had none within 2 pixels.

    The border of a good mask lies on the object's contour, where the photo has an edge of its own; a border that cuts
    through a surface, or a pasted part, makes edges where there were none. None when the region has no border.
    """
    inner = region.astype(np.uint8)
    border = cv2.morphologyEx(inner, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(bool)
    if not border.any():
        return None
    nearby = cv2.dilate(_edges(original), np.ones((5, 5), np.uint8))[border].astype(np.float32)
    now = _edges(edited)[border].astype(np.float32)
    return float(((now > _NEW_EDGE) & (now > _EDGE_GAIN * nearby)).mean())


def color_distances(edited: Array, mask: Array, target_rgb: tuple[float, float, float]) -> tuple[float, float | None]:
    """CIEDE2000 and hue distance between the asked colour and the object's.

    The object's colour is the median of its middle half by lightness: highlights and shadows have other colours by
    right. Lightness counts half (kL = 2), because shading moves it.
    """
    pixels = skimage.color.rgb2lab(edited[mask][None] / 255.0)[0]
    low, high = np.percentile(pixels[:, 0], [25, 75])
    middle = pixels[(pixels[:, 0] >= low) & (pixels[:, 0] <= high)]
    seen = np.median(middle, 0)
    asked = skimage.color.rgb2lab(np.array(target_rgb)[None, None])[0, 0]
    distance = float(skimage.color.deltaE_ciede2000(asked, seen, kL=2))
    if np.hypot(*asked[1:]) < _HAS_HUE:
        return distance, None
    turn = np.degrees(np.arctan2(asked[2], asked[1]) - np.arctan2(seen[2], seen[1]))
    return distance, float(abs((turn + 180) % 360 - 180))


def edge_ssim(original: Array, edited: Array, mask: Array) -> float | None:
    """Mean SSIM (Wang et al. 2004) inside the object between the edge maps of photo and edit, each scaled to 1.

    None when the object's box is smaller than the window of the measure.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if min(mask[box].shape) < _SMALLEST_SSIM:
        return None
    maps = [_drawing(image[box]) for image in (original, edited)]
    similarity: Array = skimage.metrics.structural_similarity(
        *maps, win_size=_SMALLEST_SSIM, data_range=1.0, full=True
    )[1]
    return float(similarity[mask[box]].mean())


def _drawing(image: Array) -> Array:
    """Edge strength of the lightness, scaled so that its 98th percentile is 1: contrast alone does not count."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return np.clip(strength / max(float(np.percentile(strength, 98)), 1.0), 0, 1)
