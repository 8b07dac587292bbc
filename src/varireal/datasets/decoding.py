"""Reading one photo or mask file of unknown quality: either usable pixels or a reason why not.

The same bytes always give the same array. Nothing here trusts the file's name, its header or its metadata.
"""

import hashlib
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from varireal.arrays import Array
from varireal.datasets.base import quoted
from varireal.datasets.pixels import NonFiniteError, object_levels, to_srgb
from varireal.errors import DataError
from varireal.names import RejectCode

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
class Photo:
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


def load_photo(path: Path, *, max_side: int, max_pixels: int, min_side: int) -> Photo:
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
    return Photo(np.array(image), image.width, image.height, original_size, tuple(notes))


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
        message = f"{name}: the file name is not valid UTF-8; rename the file."
        raise RejectedImageError(RejectCode.UNREADABLE, message) from error
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            message = f"{name} is a folder, or a link to one; links to folders are not followed."
            raise RejectedImageError(RejectCode.NOT_AN_IMAGE, message)
        if not stat.S_ISREG(status.st_mode):
            raise RejectedImageError(RejectCode.NOT_AN_IMAGE, f"{name} is a pipe, socket or device, not a file.")
        if status.st_size == 0:
            raise RejectedImageError(RejectCode.EMPTY_FILE, f"{name} has zero bytes.")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"{name} is a link to nothing." if path.is_symlink() else f"no file at {quoted(path)}."
        raise RejectedImageError(RejectCode.MISSING, message) from error
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
            message = f"{name} is cut off or damaged ({_one_line(error)})."
            raise RejectedImageError(RejectCode.TRUNCATED, message) from error
        except Exception as error:  # one hostile file: decoders raise nearly anything, it becomes a row
            message = f"{name} cannot be decoded ({type(error).__name__}: {_one_line(error)})."
            raise RejectedImageError(RejectCode.UNREADABLE, message) from error


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
        message = f"{quoted(path.name)} has {_sides(size)} pixels; expected at most {max_pixels} in all (max_pixels)."
        raise RejectedImageError(RejectCode.TOO_LARGE, message)
    if min(size) < min_side:
        message = f"{quoted(path.name)} has {_sides(size)} pixels; expected sides of at least {min_side} (min_side)."
        raise RejectedImageError(RejectCode.TOO_SMALL, message)


def _wrong_size(path: Path, size: tuple[int, int], expected: tuple[int, int]) -> RejectedImageError:
    message = f"{quoted(path.name)} has {_sides(size)} pixels; expected the upright photo's {_sides(expected)}."
    return RejectedImageError(RejectCode.BAD_MASK, message)


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
