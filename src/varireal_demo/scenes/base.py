"""What a scene is, for those who use scenes and for those who draw them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import cv2
import numpy as np

from varireal.editors.shading import linear
from varireal.records import Array
from varireal_demo.noise import SIZE, field, voronoi

# Noise fields with slopes and smaller copies, so that a surface can be lit and does not alias with distance.


def _half(x: Array) -> Array:
    """Halve a picture by averaging 2 x 2 blocks."""
    result: Array = (x[0::2, 0::2] + x[1::2, 0::2] + x[0::2, 1::2] + x[1::2, 1::2]) * np.float32(0.25)
    return np.ascontiguousarray(result)


def _source(kind: str) -> Any:
    """Return the scalar field ``kind``: a noise kind, or pebbles, cracks, ridged, peaks, leaves."""
    if kind == "pebbles":
        first, second, cell = voronoi(900, 21)
        dome = np.clip(second - first, 0, 0.7)
        return (dome + 0.12 * np.sin(cell * 12.9)).astype(np.float32)
    if kind == "cracks":
        first, second, _ = voronoi(160, 22)
        return np.minimum(second - first, 0.35).astype(np.float32)
    if kind == "ridged":
        return (-np.abs(field("fbm")) - 0.35 * np.abs(np.roll(field("mid"), 77, 0))).astype(np.float32)
    if kind == "peaks":
        return (-np.abs(field("smooth")) - 0.05 * np.abs(field("fbm2"))).astype(np.float32)
    if kind == "leaves":
        first, second, cell = voronoi(2200, 23)
        return (np.clip(0.9 - first, 0, 1) + 0.45 * np.sin(cell * 7.7) + 0.25 * np.clip(second - first, 0, 1)).astype(
            np.float32
        )
    return field(kind)


@cache
def levels(kind: str) -> tuple[Array, ...]:
    """Return (n, n, 3) copies for n = 512, 256, ... 8: value (zero mean, unit deviation) and its two slopes.

    Slopes are towards larger u and larger v, scaled to unit deviation at full size.
    """
    value = _source(kind)
    value = (value - value.mean()) / value.std()
    slope_u = np.roll(value, -1, 1) - np.roll(value, 1, 1)
    slope_v = np.roll(value, -1, 0) - np.roll(value, 1, 0)
    scale = max(float(np.hypot(slope_u, slope_v).std()), 1e-6)
    level = np.ascontiguousarray(np.stack([value, slope_u / scale, slope_v / scale], -1), np.float32)
    copies = [level]
    while level.shape[0] > 8:
        level = _half(level)
        copies.append(level)
    for copy in copies:
        copy.setflags(write=False)
    return tuple(copies)


def _look_up(texture: Array, u: Array, v: Array) -> Array:
    size = texture.shape[0]
    columns = np.ascontiguousarray((u * size - 0.5) % size, np.float32)
    rows = np.ascontiguousarray((v * size - 0.5) % size, np.float32)
    result: Array = cv2.remap(texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return result


def relief(kind: str, u: Array, v: Array, step: float) -> Array:
    """Sample a field at ``u``, ``v`` ((h, w), 1 is one tile) for pixels that cover ``step`` tiles: (h, w, 3)."""
    copies = levels(kind)
    level = float(np.clip(np.log2(max(step * SIZE, 1e-6)), 0, len(copies) - 1))
    low = min(int(level), len(copies) - 2)
    share = np.float32(level - low)
    result = _look_up(copies[low], u, v)
    if share > 0.02:
        result = result * (1 - share) + _look_up(copies[low + 1], u, v) * share
    return result


def relief_by_row(kind: str, u: Array, v: Array, step: Array) -> Array:
    """Sample like ``relief`` with a ``step`` (h,) for each row, monotone in the rows: (h, w, 3)."""
    copies = levels(kind)
    level = np.clip(np.log2(np.maximum(step * SIZE, 1e-6)), 0, len(copies) - 1)
    low = np.minimum(level.astype(int), len(copies) - 2)
    result = np.empty((*u.shape, 3), np.float32)
    for index in np.unique(low):
        rows = np.flatnonzero(low == index)
        band = slice(int(rows[0]), int(rows[-1]) + 1)
        share = (level[band] - index).astype(np.float32)[:, None, None]
        result[band] = _look_up(copies[index], u[band], v[band]) * (1 - share)
        if share.max() > 0:
            result[band] += _look_up(copies[index + 1], u[band], v[band]) * share
    return result


# The picture that a scene is painted on, with its camera, its light and its distances.
#
# World units: the camera stands ``eye`` above a level ground, looks straight ahead and has a focal length of one
# picture height, so a point (x, y, z) at distance z appears at column x / z (from the middle) and row horizon - (y -
# eye) / z, both in picture heights. The horizon row is set by shifting the lens, which keeps verticals vertical.

FAR = 1e5  # distance of the sky
T = TypeVar("T")


class Canvas:
    """A picture in progress.

    Attributes:
        height, width: size in pixels.
        horizon: row of the horizon as a fraction of the height.
        image: (H, W, 3) float32 linear RGB.
        depth: (H, W) float32 distance of what is painted.
        x: (1, W) column positions and y: (H, 1) row positions, in picture heights; x is 0 in the middle.
        eye: height of the camera above the ground, world units.
        sun_direction, sun, ambient, bounce: the light, see ``base.Light``; bounce None means: derive from the picture.
        lamps: (position, power) of lights in a room; with any, the sun lights no built surfaces.
        haze: (3,) colour that far things fade to; haze_distance: distance at which 63 % of a thing has faded.
        reach: distance beyond which risen land hides the level ground.
        focus: distance that is sharp.
    """

    def __init__(self, height: int, width: int, rng: np.random.Generator, horizon: float, focus_row: float) -> None:
        self.height, self.width, self.rng, self.horizon = height, width, rng, horizon
        self.y = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
        self.x = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / height)[None]
        self.image: Array = np.zeros((height, width, 3), np.float32)
        self.depth: Array = np.full((height, width), FAR, np.float32)
        self.eye = 1.0
        self.focus_row = focus_row
        self.bounce: Array | None = None
        self.lamps: list[tuple[Array, Array]] = []
        self._queue: list[tuple[float, Callable[[], None]]] = []
        self.haze: Array = linear("#c3d0da")
        self.haze_distance = 120.0
        self.reach = FAR
        side = float(rng.choice([-1.0, 1.0]))
        self.set_light(side * self.uniform(0.25, 0.8), self.uniform(0.5, 0.95), self.uniform(0.1, 0.6))
        self.sun: Array = np.array([0.98, 0.92, 0.82], np.float32)
        self.ambient: Array = np.array([0.33, 0.37, 0.42], np.float32)

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    @property
    def edge(self) -> float:
        """The largest ``x``: half the width in picture heights."""
        return self.aspect / 2

    @property
    def focus(self) -> float:
        """Distance of the ground at the focus row (of the nearest ground when that row shows no ground)."""
        return self.eye / max(self.focus_row - self.horizon, 0.1)

    @property
    def nearest(self) -> float:
        """Distance of the ground at the lower border."""
        return self.eye / max(1 - self.horizon, 0.1)

    @property
    def first_row(self) -> int:
        """The first row whose middle lies below the horizon."""
        return int(np.clip(np.ceil(self.horizon * self.height - 0.5), 0, self.height))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def pick(self, choices: Sequence[T]) -> T:
        """Draw one of ``choices``."""
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, probability: float) -> bool:
        """Draw whether something happens."""
        return bool(self.rng.random() < probability)

    def set_light(self, x: float, y: float, z: float) -> None:
        """Point the main light: x right, y up, z to the camera."""
        direction = np.array([x, y, z], np.float32)
        self.sun_direction: Array = (direction / np.linalg.norm(direction)).astype(np.float32)

    def row_of(self, z: float, lift: float = 0.0) -> float:
        """Row, as a fraction of the height, of a point ``lift`` above the ground at distance ``z``."""
        return self.horizon + (self.eye - lift) / z

    def air(self, color: Array, z: Any) -> Array:
        """Fade ``color`` (..., 3) into the haze by the distance ``z`` (a number, or an array of its leading shape)."""
        share = np.asarray(1 - np.exp(-np.asarray(z, np.float32) / self.haze_distance), np.float32)[..., None]
        result: Array = (color * (1 - share) + self.haze * share).astype(np.float32)
        return result

    def field(self, kind: str, scale: float, stretch: float = 1.0) -> Array:
        """Sample noise ``kind`` over the picture, ``scale`` tiles per picture height: (H, W, 3) value and slopes."""
        u0, v0 = self.rng.random(2)
        u = np.broadcast_to(self.x * scale + u0, self.depth.shape)
        v = np.broadcast_to(self.y * scale * stretch + v0, self.depth.shape)
        return relief(kind, u, v, scale * max(1.0, stretch) / self.height)

    def profile(self, kind: str, scale: float) -> Array:
        """Sample a line of noise ``kind`` along the width: (W,)."""
        u0, v0 = self.rng.random(2)
        u = (self.x * scale + u0).astype(np.float32)
        line: Array = relief(kind, u, np.full_like(u, v0), scale / self.height)[0, :, 0]
        return line

    def paint(self, color: Array, alpha: Array | float, z: Array | float, top: int = 0, left: int = 0) -> None:
        """Blend ``color`` over the picture with its corner at (top, left).

        Args:
            color: (h, w, 3) linear RGB, or (3,); the block must lie inside the picture.
            alpha: (h, w) coverage 0..1, or 1.0.
            z: distance, written where coverage exceeds one half.
            top: first row.
            left: first column.
        """
        if isinstance(alpha, float):
            rows, columns = color.shape[:2]
            self.image[top : top + rows, left : left + columns] = color
            self.depth[top : top + rows, left : left + columns] = z
            return
        rows, columns = alpha.shape
        block = self.image[top : top + rows, left : left + columns]
        block += (color - block) * alpha[..., None]
        distance = self.depth[top : top + rows, left : left + columns]
        np.copyto(distance, np.asarray(z, np.float32), where=alpha > 0.5)

    def later(self, z: float, draw: Callable[[], None]) -> None:
        """Queue a thing at distance ``z``; ``flush`` draws the queued things from far to near."""
        self._queue.append((z, draw))

    def flush(self) -> None:
        """Draw what is queued. Whatever paints over the whole picture calls this first."""
        waiting, self._queue = self._queue, []
        for _, draw in sorted(waiting, key=lambda item: -item[0]):
            draw()


# What the camera does to the picture: depth of field with a round aperture, falling light to the corners.

_LEVELS = (0.25, 0.5, 1.0)


def _disc(radius: float) -> Array:
    """Return a round kernel of sum 1 with a soft rim."""
    half = int(np.ceil(radius))
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1).astype(np.float32)
    result: Array = kernel / kernel.sum()
    return result


def disc_blur(picture: Array, radius: float) -> Array:
    """Blur ``picture`` (H, W, up to 4 channels) with a disc of ``radius`` pixels; a large one works on a copy."""
    if radius < 0.3 or not picture.size:
        return picture
    height, width = picture.shape[:2]
    factor = 1
    while radius / factor > 3.5 and min(height, width) // (2 * factor) >= 8:
        factor *= 2
    if factor == 1:
        blurred: Array = cv2.filter2D(picture, -1, _disc(radius), borderType=cv2.BORDER_REFLECT)
        return blurred
    small = cv2.resize(picture, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    small = cv2.filter2D(small, -1, _disc(radius / factor), borderType=cv2.BORDER_REFLECT)
    enlarged: Array = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return enlarged


def circle_of_confusion(canvas: Canvas, z: Array | float, aperture: float) -> Array:
    """Blur radius in pixels of a point at distance ``z``: thin lens, ``aperture`` is the radius at infinity.

    ``aperture`` is in picture heights.
    """
    radius: Array = np.asarray(np.abs(1 - canvas.focus / np.maximum(z, 1e-3)) * aperture * canvas.height, np.float32)
    return np.minimum(radius, np.float32(1.5 * aperture * canvas.height))


def defocus(canvas: Canvas, aperture: float) -> None:
    """Blur the picture by its distances. What is sharper than a level does not bleed into that level."""
    largest = aperture * canvas.height
    if largest < 0.3:
        return
    radius = np.minimum(circle_of_confusion(canvas, canvas.depth, aperture), largest)
    # Smooth the radius: a hard step between two blurs would show as a line.
    radius = cv2.GaussianBlur(radius, (0, 0), max(0.4, 0.15 * largest))
    sharp = canvas.image
    result = sharp
    below = 0.0
    for share in _LEVELS:
        at = share * largest
        weight = np.clip((radius - 0.35 * below) / max(at - 0.35 * below, 1e-3), 0.02, 1).astype(np.float32)
        packed = np.concatenate([sharp * weight[..., None], weight[..., None]], -1)
        packed = disc_blur(np.ascontiguousarray(packed), at)
        level = packed[..., :3] / np.maximum(packed[..., 3:], 1e-4)
        blend = np.clip((radius - below) / (at - below), 0, 1)[..., None]
        result = result * (1 - blend) + level * blend
        below = at
    canvas.image = result.astype(np.float32)


def vignette(canvas: Canvas, strength: float) -> None:
    """Darken towards the corners, the way a lens does (about cos^4 of the angle)."""
    middle = canvas.y - 0.5
    angle = 1 + strength * (canvas.x**2 + middle**2)
    canvas.image /= (angle * angle)[..., None].astype(np.float32)


@dataclass(frozen=True)
class Light:
    """The light that falls on a subject standing in a scene, in linear RGB; a white surface in full light is near 1.

    Attributes:
        direction: (3,) unit vector towards the main light: x right, y up, z to the camera.
        sun: (3,) what the main light adds to a surface that faces it.
        ambient: (3,) what the rest of the surroundings adds from above.
        ground: (3,) what the ground throws back from below.
    """

    direction: Array
    sun: Array
    ambient: Array
    ground: Array


@dataclass(frozen=True)
class Scene:
    """A rendered background.

    Attributes:
        image: (H, W, 3) float32 linear RGB.
        light: the light in it.
        horizon: where the ground meets the far background, as a fraction of the height (may exceed 1: no ground).
    """

    image: Array
    light: Light
    horizon: float


@dataclass(frozen=True)
class SceneSpec:
    """A kind of scene.

    Attributes:
        name: canonical name.
        synonyms: other words for it, lowercase; a word belongs to one scene only.
        draw: paints it on a canvas.
        indoor: whether it is under a roof.
        softness: how much of the drawn depth of field is applied (0: all sharp).
    """

    name: str
    synonyms: tuple[str, ...]
    draw: Callable[[Canvas], None]
    indoor: bool = False
    softness: float = 1.0


def words(text: str) -> tuple[str, ...]:
    """Split a list of words or phrases at the commas."""
    return tuple(part.strip() for part in text.split(","))
