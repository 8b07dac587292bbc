"""The input of fine-tuning: random views of photos for training, the plain centre for testing.

The views have the distribution of the published recipe of this field (torchvision on PIL), made several times faster.
A view depends on its picture and its generator alone, so batches, workers and order never change it.

Crops and warps are torchvision's. The functions from ``brightness`` to ``blur`` are Pillow's operations within
rounding: each takes and returns (H, W, 3) uint8 and leaves its input alone. A factor of 1 changes nothing, 0 is the
degenerate picture (black, flat gray, colourless, smooth), as in ``torchvision.transforms.functional``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from varireal.errors import ConfigError
from varireal.names import AUGMENTATIONS
from varireal.records import Array

_ATTEMPTS = 10
_LONGEST = 64  # times the short side
Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, image: Array) -> Array:
        """Return the view of an (H, W, 3) picture."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


def whole(image: Array) -> Window:
    """Return the window that covers an (H, W, 3) picture."""
    return Window(0, 0, image.shape[0], image.shape[1])


def random_window(
    rng: np.random.Generator, height: int, width: int, *, scale: tuple[float, float], ratio: tuple[float, float]
) -> Window:
    """Draw a window as ``torchvision.transforms.RandomResizedCrop`` does.

    Args:
        rng: where the numbers come from.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        scale: least and largest share of the picture's area.
        ratio: least and largest width / height.

    Returns:
        A window inside the picture; a central one where ten draws do not fit, as in a very long picture.
    """
    for _ in range(_ATTEMPTS):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return Window(int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w)
    w, h = width, height
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    elif width / height > ratio[1]:
        w = round(height * ratio[1])
    return Window((height - h) // 2, (width - w) // 2, h, w)


def shear_x(magnitude: float) -> Matrix:
    """Return the map from result to source that moves a row sideways by ``magnitude`` x its height in the picture."""
    return (1.0, magnitude, 0.0, 0.0, 1.0, 0.0)


def shear_y(magnitude: float) -> Matrix:
    """Return the map from result to source that moves a column by ``magnitude`` x its distance to the left."""
    return (1.0, 0.0, 0.0, magnitude, 1.0, 0.0)


def translation(x: int, y: int) -> Matrix:
    """Return the map from result to source that moves the picture by ``x`` pixels right and ``y`` down."""
    return (1.0, 0.0, -float(x), 0.0, 1.0, -float(y))


def rotation(degrees: float, height: int, width: int) -> Matrix:
    """Return the map from result to source that turns counter-clockwise about the picture's centre."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = width / 2, height / 2
    return (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)


def warp(image: Array, matrix: Matrix, window: Window) -> Array:
    """Warp a picture by nearest neighbour and return the window of the result: (height, width, 3) uint8.

    Args:
        image: (H, W, 3) uint8.
        matrix: from a point of the result to a point of the source, in continuous coordinates; what falls outside
            the source is black.
        window: the part of the result that is made; the rest costs nothing.
    """
    a, b, c, d, e, f = matrix
    x, y = window.left + 0.5, window.top + 0.5  # pixel centres, where OpenCV counts from the centre of the first
    inverse = np.array([[a, b, a * x + b * y + c - 0.5], [d, e, d * x + e * y + f - 0.5]])
    return cv2.warpAffine(
        image,
        inverse,
        (window.width, window.height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )


def resize(image: Array, size: int) -> Array:
    """Resize to (size, size, 3) uint8 by antialiased bicubic interpolation, nearly always within a level of Pillow's.

    torch runs Pillow's algorithm vectorised. OpenCV's bicubic has no antialiasing and its area filter is a box, so
    both differ visibly from what CLIP was trained on.
    """
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(pixels, size=(size, size), mode="bicubic", antialias=True)
    return np.asarray(cv2.merge(list(resized[0].numpy())))


def centre(image: Array, size: int) -> Array:
    """Scale the short side to ``size`` by Pillow's bicubic and cut the centre out: (size, size, 3) uint8.

    This is open_clip's test transform to the bit. A picture more than 64 times longer than wide is cut to its middle
    first, because the pixels that are then dropped anyway could fill the memory.
    """
    short = min(image.shape[:2])
    top, left = (max(0, side - _LONGEST * short) // 2 for side in image.shape[:2])
    height, width = image.shape[0] - 2 * top, image.shape[1] - 2 * left
    new_height, new_width = int(size * height / short), int(size * width / short)
    middle = Image.fromarray(Window(top, left, height, width).cut(image))
    scaled = middle.resize((new_width, new_height), Image.Resampling.BICUBIC)
    top, left = round((new_height - size) / 2), round((new_width - size) / 2)
    return np.array(scaled.crop((left, top, left + size, top + size)))


# ITU-R 601 luma, as Pillow's "L" and OpenCV's gray.
_LUMA = np.array([0.299, 0.587, 0.114])
# Pillow cuts the fraction off where OpenCV rounds; a hair less than a half keeps whole results whole.
_CUT = 0.4999
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
_LEVELS = np.arange(256)


def brightness(image: Array, factor: float) -> Array:
    """Scale all levels by ``factor``, which is 0 or more."""
    return _linear(image, factor, 0.0)


def contrast(image: Array, factor: float, *, frame: Array | None = None) -> Array:
    """Scale the distance of all levels to the mean gray of ``frame`` (default: of the picture itself)."""
    mean = int(_LUMA @ np.array(cv2.mean(image if frame is None else frame)[:3]) + 0.5)
    return _linear(image, factor, (1 - factor) * mean)


def saturation(image: Array, factor: float) -> Array:
    """Scale the distance of each pixel to its own gray."""
    matrix = np.full((3, 4), -_CUT)
    matrix[:, :3] = factor * np.eye(3) + (1 - factor) * _LUMA
    return cv2.transform(image, matrix.astype(np.float32))


def hue(image: Array, shift: float) -> Array:
    """Turn the hue by ``shift`` turns, -0.5 to 0.5, at 8 bits as torchvision does on PIL pictures."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    # Pillow has 255 steps a turn and OpenCV 256; the overflow wraps around, as desired.
    hsv[..., 0] += np.uint8(round(int(shift * 255) * 256 / 255) % 256)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def grayscale(image: Array) -> Array:
    """Replace each pixel by its gray, in three equal channels."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def solarize(image: Array, threshold: float = 128) -> Array:
    """Invert the levels at or above ``threshold``."""
    if threshold == 128:  # then the smaller of a level and its inverse is the answer: no table needed
        return cv2.min(image, cv2.bitwise_not(image))
    return _look_up(image, np.where(np.less(_LEVELS, threshold), _LEVELS, 255 - _LEVELS))


def posterize(image: Array, bits: int) -> Array:
    """Keep the ``bits`` (1 to 8) highest bits of each level."""
    return _look_up(image, _LEVELS & ~(2 ** (8 - bits) - 1))


def autocontrast(image: Array, *, frame: Array | None = None) -> Array:
    """Stretch each channel so that the darkest and brightest levels of ``frame`` become 0 and 255."""
    tables = []
    for counts in _histograms(image if frame is None else frame):
        present = np.flatnonzero(counts)
        low, high = int(present[0]), int(present[-1])
        scale = 255 / (high - low) if high > low else 1.0
        offset = -low * scale if high > low else 0.0
        tables.append(np.clip(np.trunc(_LEVELS * scale + offset), 0, 255))
    return _look_up(image, np.stack(tables, -1))


def equalize(image: Array, *, frame: Array | None = None) -> Array:
    """Flatten each channel's histogram, as counted in ``frame`` (default: the picture itself)."""
    tables = []
    for counts in _histograms(image if frame is None else frame):
        present = np.flatnonzero(counts)
        step = int(counts.sum() - counts[present[-1]]) // 255
        below = np.cumsum(counts) - counts
        tables.append(np.minimum((step // 2 + below) // step, 255) if step else _LEVELS)
    return _look_up(image, np.stack(tables, -1))


def sharpness(image: Array, factor: float) -> Array:
    """Scale the distance to the smoothed picture; the outermost pixels stay as they are, as in Pillow."""
    if min(image.shape[:2]) < 3:
        return image.copy()
    kernel = (1 - factor) * _SMOOTH
    kernel[1, 1] += factor
    changed: Array = cv2.filter2D(image, -1, kernel, delta=-_CUT)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        changed[edge] = image[edge]
    return changed


def blur(image: Array, radius: float) -> Array:
    """Blur as Pillow's ``GaussianBlur`` of ``radius`` pixels, above 0, does: by three box filters."""
    kernel = _blur_kernel(radius)
    return cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)


def _blur_kernel(radius: float) -> Array:
    """Return the 1D kernel of three equal box filters, together of variance ``radius`` squared.

    A box has whole pixels and a fraction at either end, so that it can have any variance (Gwosdek et al., 2011).
    """
    variance = radius**2 / 3
    half = int((np.sqrt(12 * variance + 1) - 1) / 2)
    end = (2 * half + 1) * (half * (half + 1) - 3 * variance) / (6 * (variance - (half + 1) ** 2))
    box = np.array([end, *[1.0] * (2 * half + 1), end]) / (2 * (half + end) + 1)
    return np.convolve(np.convolve(box, box), box)


def _linear(image: Array, scale: float, offset: float) -> Array:
    return cv2.addWeighted(image, scale, image, 0, offset - _CUT)


def _look_up(image: Array, table: Array) -> Array:
    """Map levels by one (256,) table or by one per channel (256, 3)."""
    shaped = table.astype(np.uint8).reshape((256, 1, -1) if table.ndim > 1 else 256)
    return cv2.LUT(image, shaped)


def _histograms(image: Array) -> list[Array]:
    """Count the levels of each channel: three (256,) int64."""
    counts = (cv2.calcHist([image], [channel], None, [256], [0, 256]) for channel in range(3))
    return [each.ravel().astype(np.int64) for each in counts]


# RandAugment's operations: identity, then where pixels are, then what they are.
GEOMETRIC = ("identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate")
ALL = (
    *GEOMETRIC,
    *("brightness", "color", "contrast", "sharpness", "posterize", "solarize", "autocontrast", "equalize"),
)
# These look at pixels outside the window: to move them in, or to count them.
_NEEDS_FRAME = frozenset({*GEOMETRIC[1:], "contrast", "autocontrast", "equalize"})
_SIGNED = frozenset({*GEOMETRIC[1:], "brightness", "color", "contrast", "sharpness"})
# torchvision's strengths at magnitude 9 of 30: 0.3 of each operation's range.
_SHARE = 9 / 30
_STRENGTH = {
    "shear_x": 0.3 * _SHARE,
    "shear_y": 0.3 * _SHARE,
    "translate_x": 150 / 331 * _SHARE,  # of the width
    "translate_y": 150 / 331 * _SHARE,  # of the height
    "rotate": 30 * _SHARE,  # degrees
    "brightness": 0.9 * _SHARE,
    "color": 0.9 * _SHARE,
    "contrast": 0.9 * _SHARE,
    "sharpness": 0.9 * _SHARE,
    "posterize": 8 - round(4 * _SHARE),  # bits that stay
    "solarize": 255 * (1 - _SHARE),  # lowest level that is inverted
}


@dataclass(frozen=True, slots=True)
class Op:
    """One drawn operation: its name in ``ALL`` and its signed strength, in the units of ``_STRENGTH``."""

    name: str
    strength: float


def draw(rng: np.random.Generator, names: tuple[str, ...], count: int) -> list[Op]:
    """Draw ``count`` operations out of ``names``, each with an even chance, at torchvision's default magnitude 9."""
    drawn = []
    for _ in range(count):
        name = names[int(rng.integers(len(names)))]
        sign = -1 if name in _SIGNED and rng.integers(2) else 1
        drawn.append(Op(name, sign * _STRENGTH.get(name, 0.0)))
    return drawn


def apply(image: Array, ops: list[Op], window: Window) -> Array:
    """Apply the operations in order to an (H, W, 3) uint8 picture and return the window of the result.

    It is as if every operation had run on the whole picture and the window had been cut out afterwards, as published
    recipes do. Most operations do not need the pixels outside the window, so they do not touch them. The result may
    share memory with ``image``; nothing is written to it.
    """
    active = [op for op in ops if op.name != "identity"]
    last = max((n for n, op in enumerate(active) if op.name in _NEEDS_FRAME), default=-1)
    if last < 0:
        image = window.cut(image)
    for n, op in enumerate(active):
        image = _run(image, op, window if n == last else whole(image))
    return image


# The map of each geometric operation, by its strength and the picture's height and width.
_MATRICES: dict[str, Callable[[float, int, int], Matrix]] = {
    "identity": lambda *_: translation(0, 0),
    "shear_x": lambda strength, *_: shear_x(strength),
    "shear_y": lambda strength, *_: shear_y(strength),
    "translate_x": lambda strength, _, width: translation(int(strength * width), 0),
    "translate_y": lambda strength, height, _: translation(0, int(strength * height)),
    "rotate": rotation,
}
# What each other operation makes of a part of a picture, by its strength and the whole picture.
_CHANGES: dict[str, Callable[[Array, float, Array], Array]] = {
    "brightness": lambda part, strength, _: brightness(part, 1 + strength),
    "color": lambda part, strength, _: saturation(part, 1 + strength),
    "contrast": lambda part, strength, frame: contrast(part, 1 + strength, frame=frame),
    "sharpness": lambda part, strength, _: sharpness(part, 1 + strength),
    "posterize": lambda part, strength, _: posterize(part, int(strength)),
    "solarize": lambda part, strength, _: solarize(part, strength),
    "autocontrast": lambda part, _, frame: autocontrast(part, frame=frame),
    "equalize": lambda part, _, frame: equalize(part, frame=frame),
}


def _run(image: Array, op: Op, window: Window) -> Array:
    if op.name in _MATRICES:
        return warp(image, _MATRICES[op.name](op.strength, *image.shape[:2]), window)
    if op.name in _CHANGES:
        return _CHANGES[op.name](window.cut(image), op.strength, image)
    raise ValueError(f"no operation is called {op.name!r}; the known ones are {', '.join(ALL)}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a preset does, in this order; a chance or range of 0 leaves a step out.

    Attributes:
        ops: names that RandAugment draws from.
        op_count: operations that RandAugment applies.
        scale: least and largest share of the area that the crop keeps.
        ratio: least and largest width / height of the crop.
        flip: chance of a mirror image.
        jitter: chance that brightness, contrast, saturation and hue change, in random order.
        brightness: largest change of the factor 1.
        contrast: largest change of the factor 1.
        saturation: largest change of the factor 1.
        hue: largest shift, in turns.
        gray: chance of a gray picture.
        blur: chance of a Gaussian blur.
        blur_radius: least and largest standard deviation, in pixels of the result.
        solarize: chance that all levels of 128 and above are inverted.
    """

    ops: tuple[str, ...]
    op_count: int = 2
    scale: tuple[float, float] = (0.25, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    gray: float = 0.0
    blur: float = 0.0
    blur_radius: tuple[float, float] = (0.1, 2.0)
    solarize: float = 0.0


_PUBLISHED, _COLOR_SAFE, _NONE = AUGMENTATIONS
_RECIPES: dict[str, Recipe | None] = {
    _PUBLISHED: Recipe(ALL, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, gray=0.2, blur=0.2, solarize=0.2),
    # Brightness scales the three channels alike, so hue and saturation stay (but where a channel is clipped).
    _COLOR_SAFE: Recipe(GEOMETRIC, brightness=0.2),
    _NONE: None,
}


class Augmenter:
    """Turns pictures of any size into normalised network input.

    Args:
        preset: ``published`` (the recipe of DISEF and DataDream), ``color_safe`` (its geometry and a mild brightness
            jitter, for studies of colour or texture) or ``none`` (the test input).
        size: side of the result in pixels.
        mean: of each channel, at levels 0 to 1.
        std: of each channel, at levels 0 to 1.

    Raises:
        ConfigError: there is no such preset.
    """

    def __init__(self, preset: str, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        if preset not in AUGMENTATIONS:
            raise ConfigError(f"no augmentation is called {preset!r}; choose one of {', '.join(AUGMENTATIONS)}")
        self.preset = preset
        self.size = size
        self._recipe = _RECIPES[preset]
        self._scale = [1 / (255 * float(s)) for s in std]
        self._offset = [-float(m) / float(s) for m, s in zip(mean, std, strict=True)]

    def batch(self, images: Sequence[Array], rngs: Sequence[np.random.Generator]) -> Array:
        """Return one random view of each picture.

        Args:
            images: (H, W, 3) uint8 sRGB each, of any size; (H, W) is read as gray.
            rngs: a generator for each picture; the same state gives the same view. ``none`` draws nothing.

        Returns:
            (B, 3, size, size) float32, normalised.

        Raises:
            ValueError: as many generators as pictures are needed, or a picture is not of that kind.
        """
        if len(images) != len(rngs):
            raise ValueError(f"{len(images)} pictures came with {len(rngs)} generators; each needs its own")
        if self._recipe is None:
            return self.preprocess(images)
        out = self._room(len(images))
        for image, rng, plane in zip(images, rngs, out, strict=True):
            self._normalise(_view(_rgb(image), self._recipe, self.size, rng), plane)
        return out

    def preprocess(self, images: Sequence[Array]) -> Array:
        """Return the test input: the short side scaled to ``size`` (bicubic, antialiased), then the centre.

        This is ``open_clip.transform.image_transform(size, is_train=False)``, whatever the preset.

        Args:
            images: (H, W, 3) uint8 sRGB each, of any size; (H, W) is read as gray.

        Returns:
            (B, 3, size, size) float32, normalised.

        Raises:
            ValueError: a picture is not of that kind.
        """
        out = self._room(len(images))
        for image, plane in zip(images, out, strict=True):
            self._normalise(centre(_rgb(image), self.size), plane)
        return out

    def _room(self, count: int) -> Array:
        return np.empty((count, 3, self.size, self.size), np.float32)

    def _normalise(self, image: Array, out: Array) -> None:
        for channel, plane in enumerate(cv2.split(image)):
            # One pass, from levels to floats, into the batch.
            cv2.addWeighted(plane, self._scale[channel], plane, 0, self._offset[channel], out[channel], cv2.CV_32F)


def _rgb(image: Array) -> Array:
    if image.dtype != np.uint8 or not image.size or image.ndim not in (2, 3):
        raise ValueError(f"a picture must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.shape[2] != 3:
        raise ValueError(f"a picture must have 3 channels, not {image.shape[2]}")
    return np.ascontiguousarray(image)


def _view(image: Array, recipe: Recipe, size: int, rng: np.random.Generator) -> Array:
    """Return a random (size, size, 3) uint8 view."""
    ops = draw(rng, recipe.ops, recipe.op_count)
    window = random_window(rng, *image.shape[:2], scale=recipe.scale, ratio=recipe.ratio)
    view = resize(apply(image, ops, window), size)
    if rng.random() < recipe.flip:
        view = cv2.flip(view, 1)
    if rng.random() < recipe.jitter:
        view = _jittered(view, recipe, rng)
    if rng.random() < recipe.gray:
        view = grayscale(view)
    if rng.random() < recipe.blur:
        view = blur(view, rng.uniform(*recipe.blur_radius))
    if rng.random() < recipe.solarize:
        view = solarize(view)
    return view


def _jittered(view: Array, recipe: Recipe, rng: np.random.Generator) -> Array:
    steps = (
        (brightness, recipe.brightness, 1.0),
        (contrast, recipe.contrast, 1.0),
        (saturation, recipe.saturation, 1.0),
        (hue, recipe.hue, 0.0),
    )
    order = rng.permutation(len(steps))
    amounts = rng.uniform(-1.0, 1.0, len(steps))
    for n in order:
        change, largest, neutral = steps[n]
        if largest:
            view = change(view, neutral + largest * float(amounts[n]))
    return view
