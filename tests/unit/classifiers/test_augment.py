"""Whole views: the published pipeline's distribution, and promises about seeds, sizes and names."""

import random
import subprocess
import sys
import tracemalloc

import cv2
import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image, ImageFilter, ImageOps
from scipy.stats import ks_2samp
from torchvision import transforms

from varireal.classifiers.augment import Augmenter
from varireal.errors import ConfigError
from varireal.names import AUGMENTATIONS

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
VIEWS = 800  # of each picture and pipeline


def picture(height=150, width=200, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(smooth + rng.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)


def generators(count, start=0):
    return [np.random.default_rng([7, start + n]) for n in range(count)]


def levels(batch):
    """Undo the normalisation: (B, size, size, 3) at levels 0 to 255."""
    return (batch.transpose(0, 2, 3, 1) * np.array(STD) + np.array(MEAN)) * 255


def published(size):
    """The pipeline as DISEF and DataDream have it."""
    return transforms.Compose(
        [
            transforms.RandAugment(),
            transforms.RandomResizedCrop(size, scale=(0.25, 1.0), interpolation=Image.Resampling.BICUBIC),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([lambda im: im.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2)))], p=0.2),
            transforms.RandomApply([ImageOps.solarize], p=0.2),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


@pytest.fixture(scope="module", params=[0, 1])
def both(request):
    """Many views of one picture, ours and theirs, as levels; its left half is dark so that a flip can be told."""
    image = picture(seed=request.param)
    image[:, : image.shape[1] // 2] //= 3
    pipeline = published(64)
    torch.manual_seed(request.param)
    random.seed(request.param)
    theirs = np.stack([pipeline(Image.fromarray(image)).numpy() for _ in range(VIEWS)])
    ours = Augmenter("published", 64, MEAN, STD).batch(
        [image] * VIEWS, generators(VIEWS, start=10_000 * request.param)
    )
    return levels(ours), levels(theirs)


def features(views):
    """Some numbers of each view, whose means and spreads are compared: (B, features)."""
    low, high = views.min((1, 2, 3)), views.max((1, 2, 3))
    luma = views @ np.array([0.299, 0.587, 0.114])
    rough = np.abs(np.diff(luma, axis=2)).mean((1, 2))
    chroma = views.max(-1) - views.min(-1)
    sides = luma[:, :, :32].mean((1, 2)) - luma[:, :, 32:].mean((1, 2))
    black = (views.max(-1) < 2).mean((1, 2))
    channels = [views.mean((1, 2)), views.std((1, 2))]
    return np.column_stack([*channels, low, high, rough, chroma.mean((1, 2)), chroma.std((1, 2)), sides, black])


def test_moments_are_the_published_ones(both):
    ours, theirs = (features(views) for views in both)
    error = np.sqrt((ours.var(0) + theirs.var(0)) / VIEWS)
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 4.5 * error + 0.1).all()
    assert np.allclose(ours.std(0), theirs.std(0), rtol=0.25, atol=0.1)


def test_histograms_are_the_published_ones(both):
    for channel in range(3):
        shares = [np.histogram(views[..., channel], 16, (-0.5, 255.5))[0] / views[..., channel].size for views in both]
        assert np.abs(shares[0] - shares[1]).sum() < 0.15


def test_distribution_of_each_feature_is_the_published_one(both):
    for ours, theirs in zip(*(features(views).T for views in both), strict=True):
        assert ks_2samp(ours.round(), theirs.round()).pvalue > 1e-4


def test_shares_of_gray_and_mirrored_views_are_the_published_ones(both):
    gray, mirrored = [], []
    for views in both:
        gray.append((np.ptp(views, axis=-1).max((1, 2)) < 1).mean())
        mirrored.append((views[:, :, :32].mean((1, 2, 3)) > views[:, :, 32:].mean((1, 2, 3))).mean())
    assert gray[0] == pytest.approx(0.2, abs=0.06)
    assert gray[0] == pytest.approx(gray[1], abs=0.08)
    assert mirrored[0] == pytest.approx(mirrored[1], abs=0.1)


def test_share_of_solarized_views_is_the_published_one(both):
    # Solarising comes last: nothing stays above the middle. Some views are dark anyway, in both pipelines (5 %).
    shares = [(views.max((1, 2, 3)) < 127.5).mean() for views in both]
    assert 0.18 < shares[0] < 0.31
    assert shares[0] == pytest.approx(shares[1], abs=0.085)


@pytest.mark.parametrize(
    ("step", "share", "low", "high"),
    [
        ("brightness", 0.8, 0.6, 1.4),
        ("contrast", 0.8, 0.6, 1.4),
        ("saturation", 0.8, 0.8, 1.2),
        ("hue", 0.8, -0.1, 0.1),
        ("blur", 0.2, 0.1, 2.0),
    ],
)
def test_steps_that_moments_hardly_show_have_their_share_and_range(step, share, low, high, monkeypatch):
    amounts = []
    # Only what jitter and blur ask for: RandAugment's own amounts are the same every time and come with a frame.
    monkeypatch.setattr(f"varireal.classifiers.augment.{step}", lambda view, amount: amounts.append(amount) or view)
    monkeypatch.setattr("varireal.classifiers.augment.apply", lambda image, ops, window: window.cut(image))
    Augmenter("published", 16, MEAN, STD).batch([picture(40, 50)] * 2000, generators(2000))
    assert len(amounts) / 2000 == pytest.approx(share, abs=0.045)
    assert low <= min(amounts) < low + (high - low) / 50
    assert high - (high - low) / 50 < max(amounts) <= high
    assert np.mean(amounts) == pytest.approx((low + high) / 2, abs=(high - low) * 0.06)


@pytest.mark.parametrize("preset", AUGMENTATIONS)
def test_a_view_depends_on_its_own_generator_only(preset):
    augmenter = Augmenter(preset, 48, MEAN, STD)
    images = [picture(seed=n, width=100 + 20 * n) for n in range(6)]
    together = augmenter.batch(images, generators(6))
    backwards = augmenter.batch(images[::-1], generators(6)[::-1])
    alone = [augmenter.batch([image], [rng])[0] for image, rng in zip(images, generators(6), strict=True)]
    assert together.tobytes() == backwards[::-1].tobytes() == np.stack(alone).tobytes()


def test_generators_give_different_views():
    views = Augmenter("published", 32, MEAN, STD).batch([picture()] * 8, generators(8))
    assert len({view.tobytes() for view in views}) == 8


def test_input_stays_as_it_is():
    image = picture()
    before = image.copy()
    image.setflags(write=False)
    for preset in AUGMENTATIONS:
        Augmenter(preset, 32, MEAN, STD).batch([image] * 20, generators(20))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("preset", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 1000, 3), (1000, 3, 3), (2, 2, 3), (40, 30), (40, 30, 1), (1, 9, 3)])
def test_any_size_gives_finite_views(preset, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    batch = Augmenter(preset, 24, MEAN, STD).batch([image] * 30, generators(30))
    assert batch.shape == (30, 3, 24, 24)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    assert np.isfinite(batch).all()
    assert -0.5 < levels(batch).min() <= levels(batch).max() < 255.5


def test_empty_batch():
    augmenter = Augmenter("published", 24, MEAN, STD)
    assert augmenter.batch([], []).shape == augmenter.preprocess([]).shape == (0, 3, 24, 24)


def test_color_safe_views_keep_hue_and_gray():
    """A picture of one saturated colour stays that colour, brighter or darker, beside black where nothing was."""
    image = np.full((80, 90, 3), (120, 60, 30), np.uint8)
    views = levels(Augmenter("color_safe", 32, MEAN, STD).batch([image] * 200, generators(200)))
    full = views[:, 14:18, 14:18].reshape(-1, 3)
    assert np.allclose(full / full[:, :1], [1, 0.5, 0.25], atol=0.03)
    assert full[:, 0].min() >= 95 and full[:, 0].max() <= 145
    assert np.ptp(full[:, 0]) > 30


@pytest.mark.parametrize("shape", [(375, 500), (500, 375), (224, 224), (61, 90), (1, 1), (300, 1500), (20, 900)])
def test_test_input_is_open_clips(shape):
    image = picture(*shape)
    reference = image_transform(224, is_train=False, mean=MEAN, std=STD)(Image.fromarray(image)).numpy()
    augmenter = Augmenter("none", 224, MEAN, STD)
    assert np.allclose(augmenter.preprocess([image])[0], reference, atol=1e-5)
    assert np.array_equal(augmenter.batch([image], generators(1)), augmenter.preprocess([image]))


def test_a_thread_of_pixels_does_not_fill_the_memory():
    tracemalloc.start()
    batch = Augmenter("none", 224, MEAN, STD).preprocess([np.full((30000, 1, 3), 128, np.uint8)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.ptp(levels(batch)) < 0.1
    assert peak < 100 * 2**20


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"'strong'.*published, color_safe, none"):
        Augmenter("strong", 224, MEAN, STD)


def test_wrong_input_is_refused():
    augmenter = Augmenter("published", 24, MEAN, STD)
    with pytest.raises(ValueError, match="1 pictures came with 2 generators"):
        augmenter.batch([picture()], generators(2))
    for wrong in (picture().astype(np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="a picture must"):
            augmenter.batch([wrong], generators(1))


def test_names_are_light():
    code = "import sys, varireal.names; sys.exit(any(m in sys.modules for m in ('numpy', 'cv2', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
