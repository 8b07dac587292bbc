"""Each operation against torchvision's on the same PIL picture."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter
from torchvision.transforms import InterpolationMode, RandomResizedCrop, functional
from torchvision.transforms.autoaugment import RandAugment, _apply_op

from varireal.classifiers import augment
from varireal.classifiers.augment import Op, Window

NAMES = dict(zip(augment.ALL, RandAugment()._augmentation_space(31, (10, 10)), strict=True))
WINDOW = Window(20, 31, 150, 140)


def picture(height=211, width=317, seed=0):
    """Smooth shapes with some grain, like a photo: noise alone would exaggerate a shift by a hundredth of a pixel."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(smooth + rng.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8)


def gap(ours, theirs):
    return np.abs(ours.astype(int) - np.asarray(theirs).astype(int))


def test_the_operations_are_torchvisions():
    renamed = {"color": "Color", "autocontrast": "AutoContrast"}
    for ours, theirs in NAMES.items():
        assert theirs == renamed.get(ours, "".join(part.title() for part in ours.split("_")))


def test_the_strengths_are_those_of_magnitude_nine():
    space = RandAugment()._augmentation_space(31, (1000, 500))
    for ours, theirs in NAMES.items():
        values, signed = space[theirs]
        strength = augment._STRENGTH.get(ours, 0.0)
        side = {"translate_x": 500, "translate_y": 1000}.get(ours, 1)
        assert strength * side == pytest.approx(float(values[9]) if values.ndim else 0.0, rel=1e-5)
        assert signed == (ours in augment._SIGNED)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", augment.ALL)
def test_operation_equals_torchvision(name, sign):
    image = picture()
    op = Op(name, augment._STRENGTH.get(name, 0.0) * (sign if name in augment._SIGNED else 1))
    side = {"translate_x": image.shape[1], "translate_y": image.shape[0]}.get(name, 1)
    reference = np.asarray(
        _apply_op(Image.fromarray(image), NAMES[name], op.strength * side, InterpolationMode.NEAREST, None)
    )
    whole = gap(augment.apply(image, [op], augment.whole(image)), reference)
    # The rim of a window is not sharpened, so only its inside is compared.
    part = gap(augment.apply(image, [op], WINDOW), WINDOW.cut(reference))[1:-1, 1:-1]
    for difference in (whole, part):
        if name == "rotate":  # OpenCV rounds positions to 1/1024 pixel: a few take the neighbour
            assert (difference > 1).mean() < 0.003
        else:
            assert difference.max() <= 1


def test_two_operations_equal_torchvision():
    image = picture()
    for first in ("equalize", "rotate", "translate_x", "brightness", "sharpness"):
        for second in ("contrast", "shear_y", "solarize", "autocontrast", "identity"):
            ops = [Op(name, augment._STRENGTH.get(name, 0.0)) for name in (first, second)]
            reference = Image.fromarray(image)
            for op in ops:
                side = image.shape[1] if op.name == "translate_x" else 1
                reference = _apply_op(reference, NAMES[op.name], op.strength * side, InterpolationMode.NEAREST, None)
            difference = gap(augment.apply(image, ops, WINDOW), WINDOW.cut(np.asarray(reference)))[1:-1, 1:-1]
            assert (difference > 2).mean() < 0.005, (first, second)


def test_operations_leave_their_input_alone():
    image = picture()
    before = image.copy()
    for name in augment.ALL:
        augment.apply(image, [Op(name, augment._STRENGTH.get(name, 0.0))], WINDOW)
    assert np.array_equal(image, before)


def test_unknown_operation_is_named():
    with pytest.raises(ValueError, match=r"'melt'.*shear_x"):
        augment.apply(picture(), [Op("melt", 1.0)], WINDOW)


@pytest.mark.parametrize("factor", [0.6, 0.85, 1.0, 1.37])
def test_jitter_equals_torchvision(factor):
    image = picture()
    pil = Image.fromarray(image)
    assert gap(augment.brightness(image, factor), functional.adjust_brightness(pil, factor)).max() <= 1
    assert gap(augment.contrast(image, factor), functional.adjust_contrast(pil, factor)).max() <= 1
    assert gap(augment.saturation(image, factor), functional.adjust_saturation(pil, factor)).max() <= 1


@pytest.mark.parametrize("shift", [-0.1, -0.03, 0.0, 0.05, 0.1])
def test_hue_equals_torchvision_as_far_as_eight_bits_go(shift):
    image = picture()
    difference = gap(augment.hue(image, shift), functional.adjust_hue(Image.fromarray(image), shift))
    # Either way through HSV at 8 bits loses some levels, where colours are saturated more.
    assert difference.mean() < 1
    assert np.quantile(difference, 0.99) <= 8


def test_gray_and_solarized_equal_torchvision():
    image = picture()
    pil = Image.fromarray(image)
    assert gap(augment.grayscale(image), functional.to_grayscale(pil, 3)).max() <= 1
    assert gap(augment.solarize(image), functional.solarize(pil, 128)).max() == 0


@pytest.mark.parametrize("radius", [0.1, 0.4, 1.0, 1.6, 2.0])
def test_blur_equals_pillow(radius):
    image = picture()
    difference = gap(augment.blur(image, radius), Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
    assert difference[8:-8, 8:-8].max() <= 3
    assert difference.mean() < 1


@pytest.mark.parametrize("shape", [(375, 500), (224, 224), (90, 61), (700, 230)])
def test_resize_equals_pillow(shape):
    image = picture(*shape)
    difference = gap(augment.resize(image, 224), Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC))
    assert difference.mean() < 0.3
    assert (difference > 1).mean() < 0.005


def test_resize_reads_views_and_locked_arrays():
    image = picture(120, 140)
    expected = augment.resize(np.ascontiguousarray(image[10:100, 20:90]), 64)
    image.setflags(write=False)
    assert np.array_equal(augment.resize(image[10:100, 20:90], 64), expected)


def test_windows_have_torchvisions_distribution():
    rng = np.random.default_rng(1)
    windows = [augment.random_window(rng, 300, 400, scale=(0.25, 1.0), ratio=(3 / 4, 4 / 3)) for _ in range(4000)]
    assert all(w.top >= 0 and w.left >= 0 and w.top + w.height <= 300 and w.left + w.width <= 400 for w in windows)
    pil = Image.new("RGB", (400, 300))
    theirs = np.array([RandomResizedCrop.get_params(pil, [0.25, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)])
    ours = np.array([(w.top, w.left, w.height, w.width) for w in windows])
    error = np.sqrt((ours.var(0) + theirs.var(0)) / 4000)
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 5 * error).all()
    assert np.allclose(ours.std(0), theirs.std(0), rtol=0.08)


@pytest.mark.parametrize(("shape", "expected"), [((1000, 3), (498, 0, 4, 3)), ((3, 1000), (0, 498, 3, 4))])
def test_long_pictures_get_a_central_window(shape, expected):
    window = augment.random_window(np.random.default_rng(0), *shape, scale=(0.9, 1.0), ratio=(3 / 4, 4 / 3))
    assert (window.top, window.left, window.height, window.width) == expected
