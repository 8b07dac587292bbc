"""A photo on the picture that an editing model sees, and the model's picture back in the photo."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from varireal.attributes import BACKGROUND, COLOR, FIELD, OBJECT, attribute_row
from varireal.config.edits import EditInstructions
from varireal.editors.colors import prompt_color
from varireal.editors.regions import background_region, put_before
from varireal.errors import UnknownPromptError
from varireal.records import Array, Prompt, rgb_values

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class InstructionTexts:
    """What an editing model is told: the templates of one config, filled with a prompt and the photo's class.

    Attributes:
        templates: by attribute.
        noun: what all classes are.
    """

    templates: EditInstructions
    noun: str

    def template(self, attribute: str) -> str:
        """The template of an attribute."""
        text: str = getattr(self.templates, attribute)
        return text

    def text(self, prompt: Prompt, class_name: str) -> str:
        """The instruction of one edit, in one line.

        A template is filled in one pass, so a class or prompt that holds braces or looks like a field stays what it
        is; nothing in it is a command of ours.

        Args:
            prompt: what to put in.
            class_name: display name of the photo's class.
        """
        description = prompt.description.rstrip(" .")
        values = {
            "prompt": f"{prompt.name}: {description}" if description else prompt.name,
            "name": prompt.name,
            "class": class_name,
            "noun": self.noun,
        }
        filled = FIELD.sub(lambda field: values[field.group(1)], self.template(prompt.attribute))
        return " ".join(filled.split())

    def params(self, prompt: Prompt, others: Mapping[str, Any]) -> str:
        """Everything of the settings that pictures of a prompt depend on, as JSON.

        Args:
            prompt: only its attribute's template counts, and the noun only where the template names it.
            others: settings that all attributes share.
        """
        template = self.template(prompt.attribute)
        parts = {"template": template, "noun": self.noun if "{noun}" in template else "", **others}
        return json.dumps(parts, sort_keys=True)


def target_rgb(prompt: Prompt) -> Rgb | None:
    """The sRGB colour in 0..1 that a colour prompt asks for; None where nobody says which one it is."""
    if COLOR not in attribute_row(prompt.attribute).needs:
        return None
    if prompt.rgb:
        return rgb_values(prompt.rgb)
    try:
        red, green, blue = prompt_color(prompt).rgb
    except (UnknownPromptError, IndexError):
        return None
    return red, green, blue


# FLUX Kontext is trained between 3:7 and 7:3; a longer photo is padded instead of shown to a model at such a shape.
_LONGEST = 7 / 3


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a photo lies on a picture: scaled as a whole, in the middle.

    Attributes:
        photo: height and width of the photo.
        inner: height and width of the scaled photo.
        outer: height and width of the picture.
    """

    photo: tuple[int, int]
    inner: tuple[int, int]
    outer: tuple[int, int]

    @classmethod
    def fitted(cls, photo: tuple[int, int], outer: tuple[int, int]) -> "Letterbox":
        """The largest place of a photo, (height, width), on a picture, (height, width), without changing its shape."""
        scale = min(outer[0] / photo[0], outer[1] / photo[1])
        height, width = (min(most, max(1, round(side * scale))) for side, most in zip(photo, outer, strict=True))
        return cls(photo, (height, width), outer)

    @property
    def _edges(self) -> tuple[int, int, int, int]:
        """Rows above and below, columns to the left and right."""
        high, wide = self.outer[0] - self.inner[0], self.outer[1] - self.inner[1]
        return high // 2, high - high // 2, wide // 2, wide - wide // 2

    def place(self, image: Array) -> Array:
        """A photo, (H, W, 3) uint8, on the picture; what is padded continues its border."""
        return np.asarray(cv2.copyMakeBorder(_scaled(image, self.inner), *self._edges, cv2.BORDER_REPLICATE))

    def place_region(self, region: Array) -> Array:
        """A region, (H, W) bool, on the picture; a pixel belongs to it where any part of it does."""
        fewer = self.inner[0] * self.inner[1] < region.size
        how = cv2.INTER_AREA if fewer else cv2.INTER_NEAREST
        small = cv2.resize(region.astype(np.uint8) * 255, self.inner[::-1], interpolation=how)
        return np.asarray(cv2.copyMakeBorder(small, *self._edges, cv2.BORDER_REPLICATE)) > 0

    def back(self, picture: Array) -> Array:
        """The photo's part of a picture, (h, w, 3) uint8, at the size of the photo.

        A picture of another size is taken for the same view, scaled.
        """
        whole = picture if picture.shape[:2] == self.outer else _scaled(picture, self.outer)
        top, _, left, _ = self._edges
        part = np.ascontiguousarray(whole[top : top + self.inner[0], left : left + self.inner[1]])
        return _scaled(part, self.photo)


def working_shape(photo: tuple[int, int], size: int, multiple: int, *, exact: bool = True) -> tuple[int, int]:
    """Height and width at which a photo is edited: the photo's shape, at the area of a square.

    Args:
        photo: height and width.
        size: side of the square in pixels.
        multiple: of what both sides are multiples.
        exact: never above the area; else the sides are rounded, as Qwen-Image-Edit does, and it is made sure that
            these sides give themselves again.
    """
    ratio = min(_LONGEST, max(1 / _LONGEST, photo[1] / photo[0]))
    for _ in range(4):
        width = math.sqrt(size * size * ratio)
        sides = (width / ratio / multiple, width / multiple)
        height_, width_ = ((max(1, int(s)) if exact else round(s)) * multiple for s in sides)
        if exact or width_ / height_ == ratio:
            break
        ratio = width_ / height_
    return height_, width_


def may_change(mask: Array, name: str) -> Array:
    """The pixels, (H, W) bool, that an edit of an attribute may change: all, where the editor is to choose."""
    region = attribute_row(name).region
    if region == BACKGROUND:
        return background_region(mask)
    return mask.copy() if region == OBJECT else np.ones_like(mask)


def settled(image: Array, mask: Array, name: str, picture: Array) -> Array:
    """An edit in its photo, all but the pixels that must not change, which the stage puts back.

    The models move and redraw what they were told to keep. The photo's own object stands before an edited background,
    matted as by the procedural editor; a recoloured object is cut out by its mask.

    Args:
        image: (H, W, 3) uint8 photo.
        mask: (H, W) bool, not empty.
        name: the attribute that is edited.
        picture: (H, W, 3) uint8, what the model made of the photo.
    """
    return put_before(picture, image, mask) if attribute_row(name).region == BACKGROUND else picture


def _scaled(pixels: Array, shape: tuple[int, int]) -> Array:
    """Pixels at another height and width: averaged when they become fewer, else interpolated."""
    if pixels.shape[:2] == shape:
        return pixels
    fewer = shape[0] * shape[1] < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if fewer else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(pixels, shape[::-1], interpolation=how))
