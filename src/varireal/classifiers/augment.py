"""The input of fine-tuning: random views of photos for training, the plain centre for testing.

The views have the distribution of the published recipe of this field (torchvision on PIL), made several times faster.
A view depends on its picture and its generator alone, so batches, workers and order never change it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from varireal.arrays import Array
from varireal.classifiers import augment_ops, photometric
from varireal.classifiers.geometric import centre, random_window, resize
from varireal.classifiers.names import AUGMENTATIONS
from varireal.errors import ConfigError


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
    _PUBLISHED: Recipe(
        augment_ops.ALL, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, gray=0.2, blur=0.2, solarize=0.2
    ),
    # Brightness scales the three channels alike, so hue and saturation stay (but where a channel is clipped).
    _COLOR_SAFE: Recipe(augment_ops.GEOMETRIC, brightness=0.2),
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
    ops = augment_ops.draw(rng, recipe.ops, recipe.op_count)
    window = random_window(rng, *image.shape[:2], scale=recipe.scale, ratio=recipe.ratio)
    view = resize(augment_ops.apply(image, ops, window), size)
    if rng.random() < recipe.flip:
        view = cv2.flip(view, 1)
    if rng.random() < recipe.jitter:
        view = _jittered(view, recipe, rng)
    if rng.random() < recipe.gray:
        view = photometric.grayscale(view)
    if rng.random() < recipe.blur:
        view = photometric.blur(view, rng.uniform(*recipe.blur_radius))
    if rng.random() < recipe.solarize:
        view = photometric.solarize(view)
    return view


def _jittered(view: Array, recipe: Recipe, rng: np.random.Generator) -> Array:
    steps = (
        (photometric.brightness, recipe.brightness, 1.0),
        (photometric.contrast, recipe.contrast, 1.0),
        (photometric.saturation, recipe.saturation, 1.0),
        (photometric.hue, recipe.hue, 0.0),
    )
    order = rng.permutation(len(steps))
    amounts = rng.uniform(-1.0, 1.0, len(steps))
    for n in order:
        change, largest, neutral = steps[n]
        if largest:
            view = change(view, neutral + largest * float(amounts[n]))
    return view
