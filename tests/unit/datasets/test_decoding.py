"""Hostile and odd files: each ends as pixels with a note or as a rejection with a code, never as another error."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from varireal.datasets.decoding import RejectedImageError, file_sha256, load_mask, load_photo
from varireal.names import RejectCode

LIMITS = {"max_side": 512, "max_pixels": 40_000_000, "min_side": 8}


def photo(height=40, width=60, seed=0):
    """Smooth colours, so that lossy formats stay close to them."""
    rows, columns = np.mgrid[0:height, 0:width]
    shift = seed * 17
    channels = [rows * 4 + shift, columns * 4, (rows + columns) * 2 + shift]
    return np.stack([channel % 256 for channel in channels], axis=-1).astype(np.uint8)


def save(path, image, **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(path, **options)
    return path


def rejected(path, **limits):
    with pytest.raises(RejectedImageError) as caught:
        load_photo(path, **(LIMITS | limits))
    assert "\n" not in str(caught.value)
    return caught.value.code


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100))


# --- usable photos ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm"])
def test_lossless_formats_come_back_pixel_for_pixel(tmp_path, suffix):
    pixels = photo()
    loaded = load_photo(save(tmp_path / f"a.{suffix}", pixels), **LIMITS)
    np.testing.assert_array_equal(loaded.image, pixels)
    assert loaded.image.dtype == np.uint8
    assert (loaded.width, loaded.height, loaded.original_size, loaded.notes) == (60, 40, (60, 40), ())


@pytest.mark.parametrize("suffix", ["jpg", "webp", pytest.param("avif", marks=pytest.mark.skipif(
    not features.check("avif"), reason="this Pillow has no AVIF"))])  # fmt: skip
def test_lossy_formats_come_back_close_and_always_the_same(tmp_path, suffix):
    pixels = photo(32, 32)
    path = save(tmp_path / f"a.{suffix}", pixels, quality=95)
    loaded = load_photo(path, **LIMITS)
    assert np.abs(loaded.image.astype(int) - pixels).mean() < 6
    np.testing.assert_array_equal(load_photo(path, **LIMITS).image, loaded.image)


def test_extension_does_not_matter(tmp_path):
    save(tmp_path / "a.png", photo())
    (tmp_path / "a.png").rename(tmp_path / "a.txt")
    np.testing.assert_array_equal(load_photo(tmp_path / "a.txt", **LIMITS).image, photo())


@pytest.mark.parametrize(
    "name",
    [
        "with space.png",
        "quote'\".png",
        "new\nline.png",
        "🐦.png",
        "{brace}.png",
        "-rf.png",
        "%s.png",
        "a;b&c.png",
        "é.png",
    ],
)
def test_odd_names_are_read(tmp_path, name):
    path = save(tmp_path / name, photo())
    np.testing.assert_array_equal(load_photo(path, **LIMITS).image, photo())


ORIENTED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", photo(), exif=exif.tobytes(), **options)
    loaded = load_photo(path, **LIMITS)
    np.testing.assert_array_equal(loaded.image, ORIENTED[orientation](photo()))
    assert loaded.original_size == ((60, 40) if orientation < 5 else (40, 60))
    if suffix != "tiff":  # Pillow turns TIFFs itself
        expected = (f"turned upright (EXIF orientation {orientation})",) if orientation > 1 else ()
        assert loaded.notes == expected


def test_jpeg_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, :16] = 255  # top left goes to top right when turned clockwise
    loaded = load_photo(save(tmp_path / "a.jpg", pixels, exif=exif, quality=95), **LIMITS).image
    assert loaded.shape == (64, 32, 3)
    assert loaded[:14, 18:].min() > 240
    assert loaded[18:].max() < 15


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30,
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        # Orientation as text instead of a number
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0\0\0\0\0",
        # Orientation 77
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x4d\0\0\0\0\0\0\0",
        # an offset to itself as the Exif part
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    ],
)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_broken_exif_leaves_the_pixels_alone(tmp_path, exif, suffix):
    plain = load_photo(save(tmp_path / f"plain.{suffix}", photo()), **LIMITS).image
    loaded = load_photo(save(tmp_path / f"a.{suffix}", photo(), exif=exif), **LIMITS)
    np.testing.assert_array_equal(loaded.image, plain)


def test_large_photo_is_bounded(tmp_path):
    path = save(tmp_path / "a.png", photo(300, 600))
    loaded = load_photo(path, **(LIMITS | {"max_side": 100}))
    assert loaded.image.shape == (50, 100, 3)
    assert (loaded.width, loaded.height, loaded.original_size) == (100, 50, (600, 300))
    assert loaded.notes == ("scaled down from 600x300 to 100x50",)


def test_photo_at_the_bound_is_untouched(tmp_path):
    loaded = load_photo(save(tmp_path / "a.png", photo(50, 100)), **(LIMITS | {"max_side": 100}))
    np.testing.assert_array_equal(loaded.image, photo(50, 100))
    assert loaded.notes == ()


# --- colour modes ----------------------------------------------------------------------------------------------------


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = photo()[..., 1]
    loaded = load_photo(save(tmp_path / "a.png", grey), **LIMITS)
    np.testing.assert_array_equal(loaded.image, np.repeat(grey[..., None], 3, axis=2))
    assert loaded.notes == ()


def test_bilevel_becomes_black_and_white(tmp_path):
    bits = photo()[..., 1] > 100
    loaded = load_photo(save(tmp_path / "a.png", Image.fromarray(bits)), **LIMITS)
    np.testing.assert_array_equal(loaded.image[..., 0], bits * 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_put_on_white(tmp_path, mode):
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, 20:40] = 128
    alpha[:, 40:] = 0
    picture = Image.fromarray(np.full((40, 60, 3), 100, np.uint8)).convert(mode)
    picture.putalpha(Image.fromarray(alpha))
    loaded = load_photo(save(tmp_path / "a.png", picture), **LIMITS)
    assert np.unique(loaded.image[:, :20]).tolist() == [100]
    assert np.unique(loaded.image[:, 20:40]).tolist() == [177]  # (100 * 128 + 255 * 127) / 255
    assert np.unique(loaded.image[:, 40:]).tolist() == [255]
    assert loaded.notes == ("transparent parts were put on white",)


def test_opaque_alpha_needs_no_note(tmp_path):
    picture = Image.fromarray(photo()).convert("RGBA")
    loaded = load_photo(save(tmp_path / "a.png", picture), **LIMITS)
    np.testing.assert_array_equal(loaded.image, photo())
    assert loaded.notes == ()


def test_transparent_palette_colour_is_put_on_white(tmp_path):
    picture = Image.new("P", (20, 10), 0)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.paste(1, (0, 0, 10, 10))
    loaded = load_photo(save(tmp_path / "a.png", picture, transparency=0), **LIMITS)
    assert loaded.image[5, 5].tolist() == [200, 100, 50]
    assert loaded.image[5, 15].tolist() == [255, 255, 255]
    assert loaded.notes == ("transparent parts were put on white",)


def test_palette_without_transparency(tmp_path):
    picture = Image.new("P", (20, 10), 1)
    picture.putpalette([10, 20, 30, 200, 100, 50])
    loaded = load_photo(save(tmp_path / "a.png", picture), **LIMITS)
    assert np.unique(loaded.image.reshape(-1, 3), axis=0).tolist() == [[200, 100, 50]]


def test_transparent_grey_png(tmp_path):
    grey = np.full((10, 20), 7, np.uint8)
    grey[:, 10:] = 90
    loaded = load_photo(save(tmp_path / "a.png", grey, transparency=7), **LIMITS)
    assert loaded.image[5, 5].tolist() == [255, 255, 255]
    assert loaded.image[5, 15].tolist() == [90, 90, 90]


def test_cmyk_jpeg_without_profile_is_converted_with_a_note(tmp_path):
    picture = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    loaded = load_photo(save(tmp_path / "a.jpg", picture, quality=95), **LIMITS)
    red, green, blue = loaded.image.reshape(-1, 3).mean(axis=0)
    assert red > 240
    assert green < 15
    assert blue < 15
    assert loaded.notes == ("CMYK without a usable profile was converted to RGB: colours are approximate",)


@pytest.mark.parametrize("profile", [b"garbage", b"\0" * 500])
def test_damaged_profile_is_ignored_with_a_note(tmp_path, profile):
    loaded = load_photo(save(tmp_path / "a.png", photo(), icc_profile=profile), **LIMITS)
    np.testing.assert_array_equal(loaded.image, photo())
    assert loaded.notes == ("embedded colour profile is damaged and was ignored",)


def test_srgb_profile_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    loaded = load_photo(save(tmp_path / "a.png", photo(), icc_profile=profile), **LIMITS)
    np.testing.assert_array_equal(loaded.image, photo())
    assert loaded.notes == ()


def swapped_profile():
    """An RGB profile whose red and green primaries are swapped, named otherwise than sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    entries = {bytes(data[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("alpha", [False, True])
def test_foreign_profile_is_converted(tmp_path, alpha):
    picture = Image.new("RGB", (16, 16), (255, 0, 0))
    if alpha:
        picture.putalpha(255)
    loaded = load_photo(save(tmp_path / "a.png", picture, icc_profile=swapped_profile()), **LIMITS)
    red, green, blue = loaded.image.reshape(-1, 3).mean(axis=0)
    assert (red < 5, green > 250, blue < 5) == (True, True, True)
    assert loaded.notes == ("colours were converted to sRGB from the embedded profile 'swap built-in'",)


def test_profile_of_another_colour_space_is_ignored(tmp_path):
    grey = photo()[..., 1]
    loaded = load_photo(save(tmp_path / "a.png", grey, icc_profile=swapped_profile()), **LIMITS)
    np.testing.assert_array_equal(loaded.image[..., 0], grey)
    assert loaded.notes == ("embedded colour profile is for RGB pixels and was ignored",)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bit_grey_is_scaled_to_8_bits(tmp_path, suffix):
    deep = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    loaded = load_photo(save(tmp_path / f"a.{suffix}", deep), **LIMITS)
    np.testing.assert_array_equal(loaded.image[..., 0], np.floor(deep / 257 + 0.5))
    assert loaded.notes == ("16-bit values were scaled to 8 bits (0 is black, 65535 is white)",)


def test_16_bit_colour_png_is_cut_with_a_note(tmp_path):
    rows = b"".join(b"\0" + struct.pack(">HHH", 0x1234, 0x80FF, 0xFFFF) * 10 for _ in range(10))
    header = struct.pack(">IIBBBBB", 10, 10, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows))
    (tmp_path / "a.png").write_bytes(data + png_chunk(b"IEND", b""))
    loaded = load_photo(tmp_path / "a.png", **LIMITS)
    assert np.unique(loaded.image.reshape(-1, 3), axis=0).tolist() == [[0x12, 0x80, 0xFF]]
    assert loaded.notes == ("16-bit colours were cut to 8 bits",)


@pytest.mark.parametrize(
    ("low", "high", "black", "white"),
    [(0, 1, 0, 1), (0, 200, 0, 255), (0, 3000, 0, 65535), (-4, 4, -4, 4), (0, 1e6, 0, 1e6)],
)
def test_float_tiff_is_scaled_from_the_range_that_its_values_fit(tmp_path, low, high, black, white):
    values = np.linspace(low, high, 400, dtype=np.float32).reshape(20, 20)
    loaded = load_photo(save(tmp_path / "a.tiff", values), **LIMITS)
    np.testing.assert_allclose(loaded.image[..., 0], (values - black) / (white - black) * 255, atol=0.51)
    assert loaded.notes == (f"float values were scaled to 8 bits ({black:g} is black, {white:g} is white)",)


def test_32_bit_tiff_is_scaled(tmp_path):
    values = np.linspace(0, 255, 400).reshape(20, 20).astype(np.int32)
    loaded = load_photo(save(tmp_path / "a.tiff", values), **LIMITS)
    np.testing.assert_array_equal(loaded.image[..., 0], values)


def test_constant_float_tiff_is_read(tmp_path):
    loaded = load_photo(save(tmp_path / "a.tiff", np.full((20, 20), -3, np.float32)), **LIMITS)
    assert np.unique(loaded.image).tolist() == [0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_float_tiff_with_non_finite_values_is_refused(tmp_path, value):
    values = np.zeros((20, 20), np.float32)
    values[3, 4] = value
    assert rejected(save(tmp_path / "a.tiff", values)) == RejectCode.UNREADABLE


def test_ycbcr_and_lab_tiff_are_converted(tmp_path):
    picture = Image.new("RGB", (16, 16), (200, 60, 30))
    ycbcr = load_photo(save(tmp_path / "y.tiff", picture.convert("YCbCr")), **LIMITS)
    np.testing.assert_allclose(ycbcr.image[0, 0], (200, 60, 30), atol=2)
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    del converted.info["icc_profile"]
    loaded = load_photo(save(tmp_path / "l.tiff", converted), **LIMITS)
    np.testing.assert_allclose(loaded.image[0, 0], (200, 60, 30), atol=4)
    assert loaded.notes == ("Lab colours were converted to sRGB",)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_first_frame_of_several_is_taken(tmp_path, suffix):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    frames = [Image.new("RGB", (16, 16), colour) for colour in colours]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    loaded = load_photo(path, **LIMITS)
    assert np.unique(loaded.image.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]
    assert loaded.notes == ("first frame of several was taken",)


def test_damage_after_the_first_frame_does_not_matter(tmp_path):
    first, second = (Image.fromarray(photo(32, 32, seed)) for seed in (0, 1))
    data = save(tmp_path / "a.gif", first, save_all=True, append_images=[second]).read_bytes()
    whole = load_photo(tmp_path / "a.gif", **LIMITS).image
    for length in (len(data) - 1, len(data) - 40, len(data) * 3 // 4):
        (tmp_path / "a.gif").write_bytes(data[:length])
        np.testing.assert_array_equal(load_photo(tmp_path / "a.gif", **LIMITS).image, whole)


# --- refused files ---------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path):
    assert rejected(tmp_path / "nothing.jpg") == RejectCode.MISSING
    assert rejected(tmp_path / "nul\0byte.jpg") == RejectCode.MISSING
    (tmp_path / "file").write_bytes(b"x")
    assert rejected(tmp_path / "file" / "below.jpg") == RejectCode.MISSING


def test_zero_bytes(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert rejected(tmp_path / "a.jpg") == RejectCode.EMPTY_FILE


@pytest.mark.parametrize(
    "data",
    [b"just text\n", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg></svg>", b"\0", b"PK\x03\x04zip", b"\x7fELF"],
)
def test_not_an_image(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    assert rejected(tmp_path / "a.jpg") == RejectCode.NOT_AN_IMAGE


def test_heic_is_named(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(RejectedImageError, match="is HEIC, which is not read; convert it to JPEG") as caught:
        load_photo(tmp_path / "a.heic", **LIMITS)
    assert caught.value.code == RejectCode.NOT_AN_IMAGE


def test_format_off_the_list_is_refused(tmp_path):
    assert rejected(save(tmp_path / "a.tga", photo())) == RejectCode.NOT_AN_IMAGE


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_truncated_file_is_refused(tmp_path, suffix, part):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = save(tmp_path / f"whole.{suffix}", noise).read_bytes()
    (tmp_path / f"a.{suffix}").write_bytes(data[: max(16, int(len(data) * part))])
    assert rejected(tmp_path / f"a.{suffix}") == RejectCode.TRUNCATED


def test_one_pixel_and_small_files(tmp_path):
    assert rejected(save(tmp_path / "one.png", photo(1, 1))) == RejectCode.TOO_SMALL
    assert rejected(save(tmp_path / "thin.png", photo(7, 100))) == RejectCode.TOO_SMALL
    assert load_photo(save(tmp_path / "just.png", photo(8, 100)), **LIMITS).height == 8


def test_photo_too_thin_after_bounding(tmp_path):
    path = save(tmp_path / "long.png", photo(10, 20_000))
    assert rejected(path) == RejectCode.TOO_SMALL
    assert load_photo(path, **(LIMITS | {"max_side": 20_000})).image.shape == (10, 20_000, 3)


def test_header_that_claims_too_many_pixels_is_refused_before_decoding(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_claiming(50_000, 50_000))
    assert rejected(tmp_path / "bomb.png") == RejectCode.TOO_LARGE
    # also when the limit of the config is above Pillow's own
    assert rejected(tmp_path / "bomb.png", max_pixels=10**12) == RejectCode.TOO_LARGE
    (tmp_path / "large.png").write_bytes(png_claiming(10_000, 10_000))
    assert rejected(tmp_path / "large.png") == RejectCode.TOO_LARGE
    assert rejected(save(tmp_path / "small.png", photo()), max_pixels=2399) == RejectCode.TOO_LARGE
    assert load_photo(tmp_path / "small.png", **(LIMITS | {"max_pixels": 2400})).width == 60


def test_bomb_in_a_text_chunk_is_refused(tmp_path):
    data = save(tmp_path / "a.png", photo()).read_bytes()
    bomb = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 80_000_000))
    (tmp_path / "a.png").write_bytes(data[:33] + bomb + data[33:])
    assert rejected(tmp_path / "a.png") in {RejectCode.UNREADABLE, RejectCode.TRUNCATED}


def test_links_and_folders(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    assert rejected(tmp_path / "folder.jpg") == RejectCode.NOT_AN_IMAGE
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nothing.jpg")
    assert rejected(tmp_path / "broken.jpg") == RejectCode.MISSING
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert rejected(tmp_path / "loop.jpg") == RejectCode.UNREADABLE


def test_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert rejected(tmp_path / "pipe.jpg") == RejectCode.NOT_AN_IMAGE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission(tmp_path):
    path = save(tmp_path / "a.png", photo())
    path.chmod(0)
    assert rejected(path) == RejectCode.UNREADABLE


def test_name_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    save(tmp_path / "a.png", photo()).rename(path)
    with pytest.raises(RejectedImageError, match="not valid UTF-8; rename the file") as caught:
        load_photo(path, **LIMITS)
    assert caught.value.code == RejectCode.UNREADABLE
    assert str(caught.value).encode("utf-8") == str(caught.value).encode("ascii")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "ppm"])
def test_flipped_bytes_never_raise_anything_else(tmp_path, suffix):
    data = save(tmp_path / f"whole.{suffix}", photo(24, 24)).read_bytes()
    rng = np.random.default_rng(7)
    path = tmp_path / f"a.{suffix}"
    outcomes = set()
    for _ in range(150):
        broken = bytearray(data)
        for position in rng.integers(0, len(data), 3):
            broken[position] = rng.integers(256)
        path.write_bytes(broken)
        try:
            assert load_photo(path, **(LIMITS | {"max_pixels": 100_000})).image.dtype == np.uint8
            outcomes.add("ok")
        except RejectedImageError as error:
            outcomes.add(error.code)
    assert len(outcomes) > 1


# --- masks and hashes ------------------------------------------------------------------------------------------------


def shape_mask():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 15:50] = True
    return mask


@pytest.mark.parametrize("top", [1, 2, 255])
def test_mask_of_any_brightness(tmp_path, top):
    path = save(tmp_path / "m.png", (shape_mask() * top).astype(np.uint8))
    loaded = load_mask(path, size=(60, 40))
    assert loaded.dtype == bool
    np.testing.assert_array_equal(loaded, shape_mask())


def test_mask_of_other_modes(tmp_path):
    mask = shape_mask()
    pictures = {
        "bits": Image.fromarray(mask),
        "deep": Image.fromarray((mask * 65535).astype(np.uint16)),
        "blue": Image.fromarray(np.stack([mask * 0, mask * 0, mask * 255], axis=-1).astype(np.uint8)),
        "cutout": Image.fromarray(np.dstack([photo(), (mask * 255).astype(np.uint8)])),
    }
    palette = Image.fromarray(mask.astype(np.uint8), "L").convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    for name, picture in (pictures | {"palette": palette}).items():
        np.testing.assert_array_equal(load_mask(save(tmp_path / f"{name}.png", picture), size=(60, 40)), mask, name)


def test_empty_and_full_masks_are_masks(tmp_path):
    assert load_mask(save(tmp_path / "e.png", np.zeros((40, 60), np.uint8)), size=(60, 40)).sum() == 0
    assert load_mask(save(tmp_path / "f.png", np.full((40, 60), 9, np.uint8)), size=(60, 40)).sum() == 2400


def test_mask_is_turned_by_its_own_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "m.png", (shape_mask() * 255).astype(np.uint8), exif=exif.tobytes())
    np.testing.assert_array_equal(load_mask(path, size=(40, 60)), np.rot90(shape_mask(), -1))
    with pytest.raises(RejectedImageError, match="has 40x60 pixels; expected the upright photo's 60x40"):
        load_mask(path, size=(60, 40))


def test_mask_of_the_original_size_is_scaled(tmp_path):
    path = save(tmp_path / "m.png", (shape_mask() * 255).astype(np.uint8))
    loaded = load_mask(path, size=(30, 20), original_size=(60, 40))
    expected = np.zeros((20, 30), bool)
    expected[5:15, 8:25] = True  # pixel centres: column 7 samples column 15 of the mask, which is object
    assert loaded.shape == (20, 30)
    assert np.count_nonzero(loaded != expected) <= 10
    np.testing.assert_array_equal(load_mask(path, size=(60, 40), original_size=(90, 60)), shape_mask())


def test_bad_masks(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_claiming(9_000, 9_000))
    (tmp_path / "text.png").write_text("no")
    (tmp_path / "empty.png").touch()
    save(tmp_path / "size.png", np.zeros((41, 60), np.uint8))
    for name in ("bomb", "text", "empty", "size", "missing"):
        with pytest.raises(RejectedImageError, match=f"^mask .*{name}") as caught:
            load_mask(tmp_path / f"{name}.png", size=(60, 40))
        assert caught.value.code == RejectCode.BAD_MASK


def test_file_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(RejectedImageError) as caught:
        file_sha256(tmp_path / "b")
    assert caught.value.code == RejectCode.MISSING
