"""Where the object of a photo probably is: classical saliency cues on superpixels, without any learnt weight.

The photo is cut into superpixels (SLIC). A region is background when much of what looks like it touches the image
border (boundary connectivity, Zhu et al., "Saliency Optimization from Robust Background Detection", CVPR 2014) or
when its colour is common on the nearby border. It is object when it differs from such background, when every path
from it to the border crosses a strong change (minimum barrier distance, Zhang et al., "Minimum Barrier Salient
Object Detection at 80 FPS", ICCV 2015), when it is in focus, and, weakly, when its spectrum is unusual (spectral
residual, Hou and Zhang, CVPR 2007) and when it is near the centre.
"""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from skimage.segmentation import slic

from varireal.arrays import Array

# The constants below maximise the overlap with 48 roughly outlined photos and 60 rendered birds, by a coarse search.
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
