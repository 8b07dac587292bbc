"""Turning any Pillow picture into 8-bit sRGB, saying what was changed."""

import io
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from varireal.arrays import Array

# Pillow mode -> colour space that an embedded profile must describe to be usable for it (ICC.1:2022, 7.2.6).
_PROFILE_SPACES = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY", "LAB": "Lab"}
_DEEP_MODES = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N", "F"})
_WHITE_16_BIT = 65535
_BAND = 256  # rows that are scaled at once


class NonFiniteError(ValueError):
    """A picture of floats holds NaN or infinity."""


def to_srgb(image: Image.Image, note: Callable[[str], None]) -> Image.Image:
    """Return ``image`` as 8-bit sRGB in mode RGB.

    Args:
        image: decoded picture in any mode.
        note: called with one sentence for each change that a person may want to know of.

    Raises:
        NonFiniteError: a float picture holds NaN or infinity.
        ValueError: Pillow knows no conversion from this mode.
    """
    if image.mode in _DEEP_MODES:
        image = _to_eight_bits(image, note)
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"), profile, note)
    if image.mode in {"P", "1", "YCbCr", "HSV", "RGBX"}:
        image = image.convert("RGB")
    return _apply_profile(image, profile, note)


def _on_white(image: Image.Image, profile: bytes | None, note: Callable[[str], None]) -> Image.Image:
    """Composite an RGBA picture on white; one that is opaque everywhere only loses its alpha channel."""
    alpha = image.getchannel("A")
    colours = _apply_profile(image.convert("RGB"), profile, note)
    if alpha.getextrema() == (255, 255):
        return colours
    note("transparent parts were put on white")
    return Image.composite(colours, Image.new("RGB", image.size, "white"), alpha)


def _apply_profile(image: Image.Image, profile: bytes | None, note: Callable[[str], None]) -> Image.Image:
    """Convert to sRGB by the embedded ICC profile if there is a usable one, else by Pillow's plain conversion."""
    if profile and image.mode in _PROFILE_SPACES:
        converted = _by_profile(image, profile, note)
        if converted is not None:
            return converted
    if image.mode == "LAB":
        note("Lab colours were converted to sRGB")
        return _convert(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if image.mode == "CMYK":
        note("CMYK without a usable profile was converted to RGB: colours are approximate")
    return image.convert("RGB")


def _by_profile(image: Image.Image, data: bytes, note: Callable[[str], None]) -> Image.Image | None:
    """Return the picture in sRGB, or None when the profile is damaged, of another colour space, or not needed."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        space = profile.profile.xcolor_space.strip()
        name = (profile.profile.profile_description or "unnamed").strip()
        if "srgb" in name.lower() and image.mode == "RGB":
            return None
        if space != _PROFILE_SPACES[image.mode]:
            note(f"embedded colour profile is for {space} pixels and was ignored")
            return None
        converted = _convert(image, profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        note("embedded colour profile is damaged and was ignored")
        return None
    mode = "CMYK was" if image.mode == "CMYK" else "colours were"
    note(f"{mode} converted to sRGB from the embedded profile {name!r}")
    return converted


def _convert(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if converted is None:  # only with inPlace=True, says Pillow's signature
        raise ValueError("the colour conversion returned nothing")
    return converted


def _to_eight_bits(image: Image.Image, note: Callable[[str], None]) -> Image.Image:
    """Scale a picture of 16-bit, 32-bit or float values to mode L.

    16-bit pixels have a known white. The others do not: the smallest of the usual ranges (0..1 for floats, 0..255,
    0..65535) that holds all values is taken, and from the smallest to the largest value when none does.
    """
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):  # a single NaN or infinity shows in one of them
        raise NonFiniteError
    start, end = (0.0, float(_WHITE_16_BIT)) if image.mode.startswith("I;16") else _range(low, high, image.mode)
    scaled = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _BAND):  # the float64 copy of a whole large picture would not fit
        band = (values[top : top + _BAND].astype(np.float64) - start) * (255 / (end - start))
        scaled[top : top + _BAND] = np.floor(band + 0.5)
    kind = {"F": "float", "I": "32-bit"}.get(image.mode, "16-bit")
    note(f"{kind} values were scaled to 8 bits ({start:g} is black, {end:g} is white)")
    eight = Image.fromarray(scaled)
    profile = image.info.get("icc_profile")
    if profile:
        eight.info["icc_profile"] = profile
    return eight


def _range(low: float, high: float, mode: str) -> tuple[float, float]:
    usual = (1.0, 255.0, float(_WHITE_16_BIT)) if mode == "F" else (255.0, float(_WHITE_16_BIT))
    for end in usual:
        if low >= 0 and high <= end:
            return 0.0, end
    return low, max(high, low + 1)


def object_levels(image: Image.Image) -> Array:
    """Return how much each pixel of a mask picture says "object": (H, W), any scale, larger is more.

    A picture with real transparency is taken as a cut-out: its alpha channel counts. Otherwise the strongest colour
    channel does, so that masks in any colour on black work.
    """
    if image.mode in _DEEP_MODES:
        return np.asarray(image)
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[..., 3]
    levels: Array = alpha if alpha.min() < alpha.max() else rgba[..., :3].max(axis=2)
    return levels
