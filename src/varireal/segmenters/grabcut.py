"""Masks of photos without any learnt weight: OpenCV GrabCut, seeded by saliency.

Steps for one photo, at reduced size: drop a uniform frame; compute saliency; run small GrabCuts from several first
guesses and keep the mask that the others agree with; run GrabCut once more at ``max_side`` in a band around its
outline; clean; bring the outline to full size along the edges of the photo with a guided filter.

Saliency says where the object probably is, by classical cues on superpixels (SLIC). A region is background when much
of what looks like it touches the image border (boundary connectivity, Zhu et al., "Saliency Optimization from Robust
Background Detection", CVPR 2014) or when its colour is common on the nearby border. It is object when it differs from
such background, when every path from it to the border crosses a strong change (minimum barrier distance, Zhang et al.,
"Minimum Barrier Salient Object Detection at 80 FPS", ICCV 2015), when it is in focus, and, weakly, when its spectrum
is unusual (spectral residual, Hou and Zhang, CVPR 2007) and when it is near the centre.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from skimage.segmentation import slic

from varireal.names import MaskStatus
from varireal.records import Array, MaskResult


def guided_upsample(guide: Array, values: Array, radius: int, epsilon: float = 1e-3) -> Array:
    """Enlarge ``values`` to the size of ``guide`` so that their edges fall on the guide's edges.

    He and Sun, "Fast Guided Filter", 2015, with a colour guide: the local linear models (equation 19 of He, Sun and
    Tang, "Guided Image Filtering", TPAMI 2013) are fitted at the small size and applied at the large one.

    Args:
        guide: (H, W, 3) float32 in 0..1.
        values: (h, w) float32, the small field; h <= H and w <= W.
        radius: half side of the window, in pixels of ``values``.
        epsilon: variance of the guide that still counts as flat.

    Returns:
        (H, W) float32.
    """
    shape = values.shape
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(field: Array) -> Array:
        return np.asarray(cv2.blur(field, window))

    small = np.asarray(cv2.resize(guide, shape[::-1], interpolation=cv2.INTER_AREA))
    mean_guide, mean_values = mean(small), mean(values)
    rows = [mean(small * small[..., i : i + 1]) - mean_guide * mean_guide[..., i : i + 1] for i in range(3)]
    variance = np.stack(rows, axis=-2) + epsilon * np.eye(3, dtype=np.float32)
    covariance = mean(small * values[..., None]) - mean_guide * mean_values[..., None]
    slope = np.linalg.solve(variance, covariance[..., None])[..., 0]
    offset = mean_values - (slope * mean_guide).sum(-1)
    size = (guide.shape[1], guide.shape[0])
    slope = np.asarray(cv2.resize(mean(slope.astype(np.float32)), size, interpolation=cv2.INTER_LINEAR))
    offset = np.asarray(cv2.resize(mean(offset.astype(np.float32)), size, interpolation=cv2.INTER_LINEAR))
    return np.asarray((slope * guide).sum(-1) + offset)


# The constants of the saliency below maximise the overlap with 48 roughly outlined photos and 60 rendered birds, by a
# coarse search.
_REGIONS = 420  # superpixels; fewer merge thin parts with the background, more cost time squared
_COMPACTNESS = 12.0  # Lab units that weigh as much as one superpixel spacing
_SIGMA_COLOR = 15.0  # feature distance that still counts as the same material
_SIGMA_LIKE = 8.0  # feature distance within which a border region explains an inner one
_SIGMA_CONTRAST = 0.35  # reach of the contrast cue, in image sides
_SIGMA_BORDER = 0.5  # reach of a border region's colour, in image sides
_BORDER_SHARE = 0.05  # share of the nearby border that must look alike to count as background
_SIGMA_CENTRE = 0.24  # width of the prior that the object is near the centre, in image sides
_FOCUS_WEIGHT = 18.0  # one natural-log unit of local detail counts as this many Lab units
_EDGE_SCALE = 3.0  # gradient, in Lab units per pixel, that halts smoothing between neighbours


@dataclass(frozen=True, slots=True)
class Regions:
    """Superpixels of one image.

    Attributes:
        labels: (H, W) int32, region of each pixel, 0..n-1.
        features: (n, 4) float32, mean Lab and weighted log detail.
        centre: (n, 2) float32, x and y in 0..1.
        area: (n,) float32, pixels.
        edges: (m, 2) int32, neighbouring pairs, each once.
        steps: (m,) float32, mean colour gradient along each pair's common outline, Lab units per pixel.
        border: (n,) bool, True for regions in the border band.
        rim: (n,) float32, pixels of the image's outermost ring.
    """

    labels: Array
    features: Array
    centre: Array
    area: Array
    edges: Array
    steps: Array
    border: Array
    rim: Array


def find_regions(image: Array, margin: float, regions: int = _REGIONS) -> Regions:
    """Cut an (H, W, 3) uint8 RGB image into superpixels; ``margin`` is the border band as a share of the sides."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    # slic rescales its input to 0..1, so the compactness that is meant in Lab units must shrink with it.
    compactness = _COMPACTNESS / max(1.0, float(lab.max() - lab.min()))
    labels = slic(lab, n_segments=regions, compactness=compactness, max_num_iter=6, convert2lab=False, start_label=0)
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)
    count = int(labels.max()) + 1
    area = np.bincount(labels.ravel(), minlength=count).astype(np.float32)

    def mean(values: Array) -> Array:
        return np.bincount(labels.ravel(), values.ravel(), minlength=count) / area

    height, width = labels.shape
    y, x = np.mgrid[0:height, 0:width]
    channels = [lab[..., i] for i in range(3)] + [_FOCUS_WEIGHT * _detail(lab[..., 0])]
    edges, steps = _neighbours(labels, gradient(lab))
    border = np.zeros(count, bool)
    band = max(1, round(margin * min(height, width) / 2))
    for strip in (labels[:band], labels[-band:], labels[:, :band], labels[:, -band:]):
        border[strip] = True
    rim = np.zeros(count, np.float32)
    for line in (labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]):
        rim += np.bincount(line, minlength=count)
    return Regions(
        labels=labels,
        features=np.stack([mean(channel) for channel in channels], 1).astype(np.float32),
        centre=np.stack([mean((x + 0.5) / width), mean((y + 0.5) / height)], 1).astype(np.float32),
        area=area,
        edges=edges,
        steps=steps,
        border=border,
        rim=rim,
    )


def gradient(lab: Array) -> Array:
    """Return the colour gradient (H, W) float32 of an (H, W, 3) float32 Lab image, in Lab units per pixel."""
    across, down = (np.asarray(cv2.Sobel(lab, cv2.CV_32F, dx, dy)) for dx, dy in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt((across**2 + down**2).sum(2)) / 8)  # 8 is the weight of one side of the Sobel kernel


def _neighbours(labels: Array, slope: Array) -> tuple[Array, Array]:
    """Return the pairs of touching regions (m, 2), and the mean of ``slope`` where each pair touches (m,)."""
    count = int(labels.max()) + 1
    codes, slopes = [], []
    for first, second in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        (slice(-1), slice(1, None)),
    ):
        a, b = labels[first], labels[second]
        apart = a != b
        codes.append((np.minimum(a, b).astype(np.int64) * count + np.maximum(a, b))[apart])
        slopes.append(np.maximum(slope[first], slope[second])[apart])
    pairs, index, contacts = np.unique(np.concatenate(codes), return_inverse=True, return_counts=True)
    steps = np.bincount(index, np.concatenate(slopes), minlength=len(pairs)) / np.maximum(contacts, 1)
    return np.stack([pairs // count, pairs % count], 1).astype(np.int32), steps.astype(np.float32)


def _detail(lightness: Array) -> Array:
    """Return log local detail (H, W): the energy of what a small blur removes, spread over a neighbourhood."""
    scale = max(lightness.shape) / 320
    fine = np.abs(lightness - cv2.GaussianBlur(lightness, (0, 0), 1.5))
    return np.asarray(np.log(cv2.GaussianBlur(fine, (0, 0), max(1.0, 5 * scale)) + 0.5))


def background_probability(regions: Regions, distance: Array) -> Array:
    """Return (n,) probabilities of being background from boundary connectivity.

    Args:
        regions: the superpixels.
        distance: (n, n) feature distance between all pairs.
    """
    count = len(regions.area)
    step = distance[regions.edges[:, 0], regions.edges[:, 1]]
    # Neighbours that differ less than is usual inside one material are the same material.
    step = np.maximum(0, step - np.percentile(step, 20)) if len(step) else step
    graph = csr_matrix((step + 1e-4, (regions.edges[:, 0], regions.edges[:, 1])), shape=(count, count))
    geodesic = dijkstra(graph, directed=False)
    reach = np.exp(-(geodesic**2) / (2 * _SIGMA_COLOR**2))
    share = regions.area / regions.area.mean()
    span = (reach * share).sum(1)
    length = (reach * share)[:, regions.border].sum(1)
    connectivity = length / np.sqrt(span)
    return np.asarray(1 - np.exp(-(connectivity**2) / 2))


def barrier_distance(regions: Regions) -> Array:
    """Return (n,) smallest range of each Lab channel, summed, that a path to the border must cross."""
    count = len(regions.area)
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for a, b in regions.edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    lab = regions.features[:, :3]
    best = np.full(count, np.inf)
    low, high = lab.copy(), lab.copy()
    queue = [(0.0, int(i)) for i in np.flatnonzero(regions.border)]
    best[regions.border] = 0
    while queue:
        cost, node = heapq.heappop(queue)
        if cost > best[node]:
            continue
        for other in neighbours[node]:
            lowest, highest = np.minimum(low[node], lab[other]), np.maximum(high[node], lab[other])
            cost_other = float((highest - lowest).sum())
            if cost_other < best[other]:
                best[other], low[other], high[other] = cost_other, lowest, highest
                heapq.heappush(queue, (cost_other, other))
    return np.where(np.isfinite(best), best, 0)


def spectral_residual(image: Array) -> Array:
    """Return the spectral residual map (H, W) float32 of an (H, W, 3) uint8 image."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    spectrum = np.fft.fft2(cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32))
    amplitude = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = amplitude - cv2.blur(amplitude, (3, 3))
    energy = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(energy.astype(np.float32), (0, 0), 3)
    return np.asarray(cv2.resize(smooth, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR))


def _unit(values: Array) -> Array:
    low, high = np.percentile(values, [5, 97])
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)


def border_likeness(regions: Regions, distance: Array, gap: Array) -> Array:
    """Return (n,) in 0..1: how common a region's colour is on the image border near it.

    Args:
        regions: the superpixels.
        distance: (n, n) feature distance between all pairs.
        gap: (n, n) squared distance in image sides between all pairs.
    """
    reach = np.exp(-gap / (2 * _SIGMA_BORDER**2))
    alike = np.exp(-(distance**2) / (2 * _SIGMA_LIKE**2)) * reach
    # A region's own pixels on the border do not vouch for it, or every object that is cut off would vanish.
    share = (alike @ regions.rim - regions.rim) / np.maximum(reach @ regions.rim - regions.rim, 1e-6)
    return np.asarray(1 - np.exp(-np.maximum(share, 0) / _BORDER_SHARE))


def region_saliency(image: Array, regions: Regions) -> Array:
    """Return (n,) saliency in 0..1 of the regions of an (H, W, 3) uint8 RGB image."""
    count = len(regions.area)
    distance = np.sqrt(((regions.features[:, None] - regions.features[None]) ** 2).sum(2))
    gap = ((regions.centre[:, None] - regions.centre[None]) ** 2).sum(2)
    connected = background_probability(regions, distance)
    near = np.exp(-gap / (2 * _SIGMA_CONTRAST**2)) * regions.area
    contrast = _unit((distance * near * connected).sum(1) / near.sum(1))
    barrier = _unit(barrier_distance(regions))
    likeness = border_likeness(regions, distance, gap)
    spectral = _unit(
        np.bincount(regions.labels.ravel(), spectral_residual(image).ravel(), minlength=count) / regions.area
    )
    offset = (regions.centre - [0.5, 0.52]) / _SIGMA_CENTRE
    centre = np.exp(-0.5 * (offset**2).sum(1))
    front = (0.3 * contrast + 0.9 * barrier + 0.15 * spectral + 1.2 * (1 - likeness)) * (0.3 + 0.7 * centre)
    back = 0.75 * np.maximum(connected, 0.02) + 0.5 * likeness + 0.3 * (1 - centre)
    # Least squares: near 1 where the foreground cues are strong, near 0 where the background cues are, and smooth
    # between neighbours that look alike with no edge between them (equation 9 of Zhu et al.).
    a, b = regions.edges[:, 0], regions.edges[:, 1]
    alike = np.exp(-(distance[a, b] ** 2) / (2 * _SIGMA_COLOR**2) - regions.steps / _EDGE_SCALE) + 0.1
    weight = np.zeros((count, count))
    weight[a, b] = weight[b, a] = 0.55 * alike
    system = np.diag(weight.sum(1) + back + front) - weight
    return np.clip(np.linalg.solve(system, front), 0, 1)


def saliency(image: Array, margin: float = 0.04) -> Array:
    """Return the saliency (H, W) float32 in 0..1 of an (H, W, 3) uint8 RGB image; all zero where nothing differs."""
    regions = find_regions(image, margin)
    if len(regions.area) < 2:
        return np.zeros(image.shape[:2], np.float32)
    return _unit(region_saliency(image, regions))[regions.labels].astype(np.float32)


_ITERATIONS = 3
_BOXES = (0.04, 0.1)  # border bands, as shares of the sides, outside of which all is background
_DULL = (0.12, 0.25)  # saliency below which a pixel is background, inside of the first box
_LEVELS = (0.7, 1.0)  # saliency thresholds of the object, as multiples of Otsu's
_HOLE_SHARE = 0.003  # holes below this share of the object are closed: noise, not the hole of a mug's handle
_PART_SHARE = 0.06  # parts below this share of the largest part are specks
_MIN_PIXELS = 20  # fewer object or background pixels give no colour model


@dataclass(frozen=True, slots=True)
class CutTrial:
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


def best_trial(image: Array, salient: Array) -> CutTrial | None:
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
    return CutTrial(masks[best], float((agreement[best] * centring[best] * contrast) ** (1 / 3)))


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
    large = (areas >= _PART_SHARE * areas.max())[labels]
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~large).astype(np.uint8), connectivity=4)
    pinholes = stats[:, cv2.CC_STAT_AREA] < _HOLE_SHARE * large.sum()
    pinholes[0] = False  # label 0 is the object itself
    return np.asarray(large | pinholes[labels])


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

    def _find(self, image: Array) -> CutTrial | None:
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
        return CutTrial(mask, best.score)


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
