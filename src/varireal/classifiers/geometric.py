"""Crops, warps and antialiased resizing of uint8 RGB pictures, as torchvision does them on PIL pictures."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image

from varireal.arrays import Array

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
    warped: Array = cv2.warpAffine(
        image,
        inverse,
        (window.width, window.height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    return warped


def resize(image: Array, size: int) -> Array:
    """Resize to (size, size, 3) uint8 by antialiased bicubic interpolation, nearly always within a level of Pillow's.

    torch runs Pillow's algorithm vectorised. OpenCV's bicubic has no antialiasing and its area filter is a box, so
    both differ visibly from what CLIP was trained on.
    """
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(pixels, size=(size, size), mode="bicubic", antialias=True)
    joined: Array = cv2.merge(list(resized[0].numpy()))  # torch returns planes
    return joined


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
