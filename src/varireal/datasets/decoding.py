"""Reading one photo or mask file of unknown quality: either usable pixels or a reason why not.

The same bytes always give the same array. Nothing here trusts the file's name, its header or its metadata. First the
colours: any Pillow picture as 8-bit sRGB, saying what was changed; then the files.
"""

import hashlib
import io
import math
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from varireal.config.images import ReadingConfig
from varireal.core.provenance import STAGE_VERSIONS
from varireal.core.seeds import digest
from varireal.datasets.base import quoted
from varireal.errors import DataError
from varireal.names import RejectCode
from varireal.records import Array

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


# Formats that cameras, phones and the web make. Pillow knows many more, among them some that run programs (EPS) or
# are rarely tested against hostile files.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
_NAMED = "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF"
# First bytes of these formats: tells a damaged photo from something that never was one.
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
# What Pillow's decoders raise on damaged data.
_DAMAGE = (OSError, EOFError, SyntaxError, struct.error, zlib.error)

# EXIF orientation -> what makes the picture upright (CIPA DC-008, tag 0x0112).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class RejectedImageError(DataError):
    """A file cannot be used as a photo or mask.

    Attributes:
        code: the kind of reason, for ``rejects.parquet``.
    """

    def __init__(self, code: RejectCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A decoded photo.

    Attributes:
        image: (H, W, 3) uint8 sRGB, upright, bounded in size.
        width: of ``image``, in pixels.
        height: of ``image``, in pixels.
        original_size: (width, height) upright, before the size was bounded; what a mask beside the photo may have.
        notes: what was changed on the way, one phrase each.
    """

    image: Array
    width: int
    height: int
    original_size: tuple[int, int]
    notes: tuple[str, ...]


def load_photo(path: Path, *, max_side: int, max_pixels: int, min_side: int) -> DecodedPhoto:
    """Read a photo as upright 8-bit sRGB with its longest side at most ``max_side``.

    Args:
        path: the file; its extension does not matter.
        max_side: longest side in pixels; a larger photo is scaled down (Lanczos).
        max_pixels: a file whose header claims more is refused before it is decoded.
        min_side: shortest side in pixels, before and after scaling.

    Raises:
        RejectedImageError: the file is missing, empty, not a photo, damaged, too small or too large.
    """
    notes: list[str] = []
    with _opened(path) as opened:
        _check_size(path, opened.size, max_pixels=max_pixels, min_side=min_side)
        if _loses_depth(opened):
            notes.append("16-bit colours were cut to 8 bits")
        image = _upright(opened, notes)
        original_size = image.size
        try:
            image = to_srgb(image, notes.append)
        except NonFiniteError as error:
            raise RejectedImageError(
                RejectCode.UNREADABLE, f"{quoted(path.name)}: some pixels are NaN or infinite."
            ) from error
        if max(image.size) > max_side:
            image = _bounded(image, max_side)
            notes.append(f"scaled down from {_sides(original_size)} to {_sides(image.size)}")
        if _has_more_frames(opened):
            notes.append("first frame of several was taken")
    _check_size(path, image.size, max_pixels=max_pixels, min_side=min_side)
    return DecodedPhoto(np.array(image), image.width, image.height, original_size, tuple(notes))


def load_mask(path: Path, *, size: tuple[int, int], original_size: tuple[int, int] | None = None) -> Array:
    """Read the mask that came with a photo: (H, W) bool, True on the object.

    A pixel is object if it is brighter than half of the mask's brightest pixel, so 0/1 and 0/255 masks both work; a
    mask with transparency is read by its alpha channel. The mask's own EXIF orientation is applied.

    Args:
        path: the file.
        size: (width, height) of the photo as loaded; the mask comes back in this size.
        original_size: (width, height) of the upright photo before bounding. A mask of this size is scaled (nearest).

    Raises:
        RejectedImageError: ``bad_mask``: the file is not readable, or has another size than the photo.
    """
    allowed = {size, original_size or size}
    try:
        with _opened(path) as opened:
            if opened.size not in allowed and opened.size[::-1] not in allowed:  # before decoding: may be a bomb
                raise _wrong_size(path, opened.size, original_size or size)
            image = _upright(opened, [])
            if image.size not in allowed:
                raise _wrong_size(path, image.size, original_size or size)
            levels = object_levels(image)
    except RejectedImageError as error:
        raise RejectedImageError(RejectCode.BAD_MASK, f"mask {error}") from error
    mask: Array = levels.astype(np.float64) * 2 > levels.max()
    if image.size != size:
        mask = np.array(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return mask


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hex digits.

    Raises:
        RejectedImageError: the file is missing, empty, not a regular file, or cannot be read.
    """
    with _open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file that is not empty; anything else (folder, pipe, broken link) is refused without waiting."""
    name = quoted(path.name)
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RejectedImageError(
            RejectCode.UNREADABLE, f"{name}: the file name is not valid UTF-8; rename the file."
        ) from error
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise RejectedImageError(
                RejectCode.NOT_AN_IMAGE, f"{name} is a folder, or a link to one; links to folders are not followed."
            )
        if not stat.S_ISREG(status.st_mode):
            raise RejectedImageError(RejectCode.NOT_AN_IMAGE, f"{name} is a pipe, socket or device, not a file.")
        if status.st_size == 0:
            raise RejectedImageError(RejectCode.EMPTY_FILE, f"{name} has zero bytes.")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RejectedImageError(
            RejectCode.MISSING, f"{name} is a link to nothing." if path.is_symlink() else f"no file at {quoted(path)}."
        ) from error
    except ValueError as error:  # a NUL in the name
        raise RejectedImageError(RejectCode.MISSING, f"{name} cannot be the name of a file.") from error
    except OSError as error:
        raise RejectedImageError(RejectCode.UNREADABLE, f"{name}: {error.strerror or error}.") from error
    with file:
        yield file


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture by its header; turn whatever goes wrong inside the block into ``RejectedImageError``."""
    name = quoted(path.name)
    with _open_regular(path) as file, warnings.catch_warnings():
        # Pillow warns of odd metadata and of large pictures; we decide on both ourselves.
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=_FORMATS) as image:
                yield image
        except RejectedImageError:
            raise
        except UnidentifiedImageError as error:
            raise _unidentified(file, name) from error
        except (Image.DecompressionBombError, MemoryError) as error:
            raise RejectedImageError(RejectCode.TOO_LARGE, f"{name} has too many pixels to decode.") from error
        except _DAMAGE as error:
            raise RejectedImageError(
                RejectCode.TRUNCATED, f"{name} is cut off or damaged ({_one_line(error)})."
            ) from error
        except Exception as error:  # one hostile file: decoders raise nearly anything, it becomes a row
            raise RejectedImageError(
                RejectCode.UNREADABLE, f"{name} cannot be decoded ({type(error).__name__}: {_one_line(error)})."
            ) from error


def _unidentified(file: BufferedReader, name: str) -> RejectedImageError:
    file.seek(0)
    start = file.read(16)
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS:
        return RejectedImageError(RejectCode.NOT_AN_IMAGE, f"{name} is HEIC, which is not read; convert it to JPEG.")
    if start.startswith(_MAGIC) or start[8:12] == b"WEBP" or start[4:12] == b"ftypavif":
        return RejectedImageError(RejectCode.TRUNCATED, f"{name} is cut off or damaged in its header.")
    return RejectedImageError(RejectCode.NOT_AN_IMAGE, f"{name} is not a picture; expected {_NAMED}.")


def _check_size(path: Path, size: tuple[int, int], *, max_pixels: int, min_side: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise RejectedImageError(
            RejectCode.TOO_LARGE,
            f"{quoted(path.name)} has {_sides(size)} pixels; expected at most {max_pixels} in all (max_pixels).",
        )
    if min(size) < min_side:
        raise RejectedImageError(
            RejectCode.TOO_SMALL,
            f"{quoted(path.name)} has {_sides(size)} pixels; expected sides of at least {min_side} (min_side).",
        )


def _wrong_size(path: Path, size: tuple[int, int], expected: tuple[int, int]) -> RejectedImageError:
    return RejectedImageError(
        RejectCode.BAD_MASK,
        f"{quoted(path.name)} has {_sides(size)} pixels; expected the upright photo's {_sides(expected)}.",
    )


def _loses_depth(image: Image.Image) -> bool:
    """Say whether decoding will cut 16-bit colours to 8 bits, as Pillow does without a word; ask before decoding."""
    tiles = getattr(image, "tile", None) or []
    return image.mode in {"RGB", "RGBA", "LA"} and any(";16" in str(tile[3]) for tile in tiles)


def _has_more_frames(image: Image.Image) -> bool:
    """Say whether frames or pages follow the first; ask after decoding, because a GIF is read on to find out."""
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 the rest of one file is damaged, the first frame is fine: there is a rest
        return True


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    """Decode and apply the EXIF orientation; EXIF that cannot be read counts as upright."""
    image.load()
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 metadata of one file: its parser raises nearly anything, the pixels are fine
        notes.append("EXIF data are damaged and were ignored")
        return image
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    if method is None:
        return image
    notes.append(f"turned upright (EXIF orientation {orientation})")
    return image.transpose(method)


def _bounded(image: Image.Image, max_side: int) -> Image.Image:
    scale = max_side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def read_photo(row: Mapping[str, Any], reading: ReadingConfig) -> DecodedPhoto:
    """The photo of a row of images, decoded again, in any stage.

    Raises:
        RejectedImageError: the file is gone, unreadable, or not the one that was ingested.
    """
    path = Path(row["path"])
    photo = load_photo(path, **reading.model_dump())
    if file_sha256(path) != row["sha256"]:
        raise RejectedImageError(
            RejectCode.UNREADABLE, f"{path} changed since the stage images read it; run the workflow again"
        )
    return photo


def reading_key(reading: ReadingConfig) -> str:
    """Digest of how photos are read: with the file's bytes it stands for the pixels in item keys."""
    return digest("reading", STAGE_VERSIONS["images"], reading.max_side, *reading.later_for_keys(), size=8)
