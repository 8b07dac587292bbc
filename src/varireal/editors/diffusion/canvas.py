"""What happens to pixels before and after the models: all of it numpy and OpenCV, all of it deterministic."""

from dataclasses import dataclass

import cv2
import numpy as np

from varireal.records import Array

# Recipes give lengths in pixels of a long side of 1024.
_REFERENCE = 1024
# SDXL's VAE shrinks by 8 and its denoiser by 4 more; bucket canvases are made of whole cells of 64.
_CELL = 64
_ON, _OFF = 255, 0


def scaled(pixels: int, size: int) -> int:
    """A recipe's length at another working size."""
    return round(pixels * size / _REFERENCE)


@dataclass(frozen=True, slots=True)
class SdxlCanvas:
    """Where a photo lies on the picture that the models see: scaled, at the top left.

    Attributes:
        photo: height and width of the photo.
        inner: height and width of the scaled photo.
        outer: height and width of the canvas.
    """

    photo: tuple[int, int]
    inner: tuple[int, int]
    outer: tuple[int, int]

    @classmethod
    def of(cls, photo: tuple[int, int], size: int, *, square: bool) -> "SdxlCanvas":
        """The canvas of a photo whose long side becomes ``size``.

        Args:
            photo: height and width.
            size: long side of the canvas in pixels.
            square: pad to a square with black, as published; else to whole cells with the photo's border.
        """
        height, width = photo
        aspect = width / height
        inner = (size, size)
        if width > height:
            inner = (int(size / aspect), size)
        elif height > width:
            inner = (size, int(size * aspect))
        inner = (max(1, inner[0]), max(1, inner[1]))
        cell = min(_CELL, size)
        outer = (size, size) if square else (-(-inner[0] // cell) * cell, -(-inner[1] // cell) * cell)
        return cls((height, width), inner, outer)

    def place(self, image: Array) -> Array:
        """A photo, (H, W, 3) uint8, on its canvas."""
        small = cv2.resize(image, self.inner[::-1], interpolation=cv2.INTER_LANCZOS4)
        below, right = self.outer[0] - self.inner[0], self.outer[1] - self.inner[1]
        border = cv2.BORDER_CONSTANT if self.outer[0] == self.outer[1] else cv2.BORDER_REPLICATE
        return np.asarray(cv2.copyMakeBorder(small, 0, below, 0, right, border, value=(0, 0, 0)))

    def place_mask(self, mask: Array) -> Array:
        """A mask, (H, W) bool, on its canvas: uint8, 0 or 255; what is padded is no object."""
        small = cv2.resize(mask.astype(np.uint8) * _ON, self.inner[::-1], interpolation=cv2.INTER_LINEAR)
        placed = np.zeros(self.outer, np.uint8)
        placed[: self.inner[0], : self.inner[1]] = np.where(small < 128, _OFF, _ON)
        return placed

    def back(self, picture: Array) -> Array:
        """A picture of the canvas, float or uint8, cut out and scaled to the photo; the type is kept."""
        cut = np.ascontiguousarray(picture[: self.inner[0], : self.inner[1]])
        return np.asarray(cv2.resize(cut, self.photo[::-1], interpolation=cv2.INTER_LANCZOS4))


def paste_with_ring(image: Array, mask: Array, scene: Array, ring: int) -> Array:
    """The object and a ring of the photo around it, on a scene: (H, W, 3) uint8.

    Args:
        image: (H, W, 3) uint8 photo on its canvas.
        mask: (H, W) uint8, 255 on the object.
        scene: (H, W, 3) uint8.
        ring: side in pixels of the square that the mask is dilated with; 0 pastes the object alone.
    """
    grown = cv2.dilate(mask, np.ones((ring, ring), np.uint8), iterations=1) if ring else mask
    return np.where((grown == _OFF)[..., None], scene, image)


def outside_mask(mask: Array, blur: int) -> Array:
    """The inpainting mask of a background edit: all but the object, blurred by a Gaussian of ``blur`` pixels (odd).

    Hard again at half, 0 or 255: the pipelines of diffusers read every mask so, also the published blurred one.
    """
    soft = cv2.GaussianBlur(255.0 - mask, (blur | 1, blur | 1), 0)
    return np.where(soft.astype(np.float32) / np.float32(_ON) < 0.5, np.uint8(_OFF), np.uint8(_ON))


def blend(image: Array, mask: Array, paint: Array, alpha: float) -> Array:
    """The object mixed with a colour or picture: ``(1 - alpha) * object + alpha * paint``, decimals cut.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) uint8, 255 on the object.
        paint: (3,) colour or (H, W, 3) picture, levels of 255.
        alpha: share of the paint.
    """
    mixed = image.astype(np.float64) * (1 - alpha) + np.asarray(paint, np.float64) * alpha
    return np.where((mask == _ON)[..., None], mixed.astype(np.uint8), image)


def on_white(image: Array, mask: Array) -> Array:
    """The object alone on white."""
    return np.where((mask == _ON)[..., None], image, np.uint8(_ON))


def object_edges(image: Array, mask: Array, low: float) -> Array:
    """Canny edges of the object on white: (H, W, 3) uint8.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) uint8, 255 on the object.
        low: lower threshold as a share of the median of the blurred picture; the upper one is 255.
    """
    alone = on_white(image, mask)
    middle = float(np.median(cv2.blur(alone, (5, 5))))
    edges = cv2.Canny(np.ascontiguousarray(alone), int(max(0, low * middle)), _ON)
    return np.repeat(edges[..., None], 3, axis=-1)


def on_grey(picture: Array, mask: Array, grey: int) -> Array:
    """The object of a float picture (levels of 255) on a square grey canvas, decimals cut: what the IP-Adapter sees.

    Its encoder crops to the middle square, so an oblong canvas is widened with grey on both sides.
    """
    height, width = mask.shape
    side = max(height, width)
    canvas = np.full((side, side, 3), grey, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    inside = canvas[top : top + height, left : left + width]
    inside[mask == _ON] = np.clip(picture[mask == _ON], 0, _ON).astype(np.uint8)
    return canvas


def swatch(prior: Array, corner: tuple[float, float], crop: int, shape: tuple[int, int]) -> Array:
    """A crop of a prior texture, enlarged (bicubic) and sharpened (3 x 3, centre 5): (H, W, 3) uint8.

    Args:
        prior: (S, S, 3) uint8.
        corner: where the crop lies, each 0..1 of the room that there is.
        crop: side of the crop in pixels.
        shape: height and width to fill; the crop has the same shape.
    """
    side = prior.shape[0]
    longest = max(shape)
    high, wide = (max(1, round(crop * length / longest)) for length in shape)
    top, left = (int(place * (side - length + 1)) for place, length in zip(corner, (high, wide), strict=True))
    part = np.ascontiguousarray(prior[top : top + high, left : left + wide])
    large = cv2.resize(part, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.filter2D(large, -1, np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])))


def window(prior: Array, corner: tuple[float, float], shape: tuple[int, int]) -> Array:
    """A part of a prior scene in the shape of a canvas, as large as fits; scaled when the sizes differ.

    Args:
        prior: (S, S, 3) uint8.
        corner: where the part lies, each 0..1 of the room that there is.
        shape: height and width of the canvas.
    """
    side = prior.shape[0]
    scale = side / max(shape)
    high, wide = (min(side, max(1, round(length * scale))) for length in shape)
    top, left = (int(place * (side - length + 1)) for place, length in zip(corner, (high, wide), strict=True))
    part = np.ascontiguousarray(prior[top : top + high, left : left + wide])
    return part if part.shape[:2] == shape else np.asarray(cv2.resize(part, shape[::-1], interpolation=cv2.INTER_AREA))


def cast(picture: Array, how: str) -> Array:
    """A float picture in levels of 255 as uint8: ``round`` clips and rounds, ``cut`` drops decimals, ``wrap`` wraps.

    ``wrap`` is what the published code does to textures (floats through a Lanczos filter, then a bare cast); done here
    through int64, so that it means the same on every machine.
    """
    if how == "round":
        return np.clip(np.rint(picture), 0, _ON).astype(np.uint8)
    if how == "cut":
        return np.clip(picture, 0, _ON).astype(np.uint8)
    return picture.astype(np.int64).astype(np.uint8)
