import cv2
import numpy as np
import pytest

from varireal.names import MaskStatus
from varireal.segmenters import grabcut
from varireal.segmenters.grabcut import GrabCutSegmenter, find_frame, shrink


def backdrop(height=120, width=160, seed=0):
    """A noisy vertical gradient, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 130, height)[:, None, None] * [0.7, 0.9, 1.1]
    return np.clip(ramp + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def paint(image, mask, colour=(230, 190, 60), seed=1):
    noise = np.random.default_rng(seed).normal(0, 6, image.shape)
    return np.where(mask[..., None], np.clip(colour + noise, 0, 255), image).astype(np.uint8)


def disc(height, width, x, y, radius):
    rows, columns = np.mgrid[0:height, 0:width]
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def one(image, **options):
    return GrabCutSegmenter(**options).segment([image], [None], ["gull"])[0]


@pytest.mark.parametrize(("x", "y", "radius"), [(80, 60, 30), (60, 70, 22), (105, 55, 18)])
def test_a_bright_disc_on_a_noisy_gradient_is_found(x, y, radius):
    truth = disc(120, 160, x, y, radius)
    result = one(paint(backdrop(), truth))
    assert result.status == MaskStatus.OK
    assert iou(result.mask, truth) > 0.9
    assert 0.6 < result.score <= 1


def test_the_mask_has_the_size_of_a_photo_that_was_worked_on_smaller():
    truth = disc(480, 640, 330, 250, 120)
    result = one(paint(backdrop(480, 640), truth), max_side=160)
    assert result.mask.shape == (480, 640)
    assert iou(result.mask, truth) > 0.97


def test_a_ring_keeps_its_hole():
    hole = disc(120, 160, 80, 60, 18)
    truth = disc(120, 160, 80, 60, 40) & ~hole
    mask = one(paint(backdrop(), truth)).mask
    assert iou(mask, truth) > 0.9
    assert mask[hole].mean() < 0.05


def test_pinholes_and_specks_go_but_larger_holes_stay():
    mask = disc(120, 160, 80, 60, 40)
    mask[60, 80] = False
    mask[5, 5] = True
    mask[40:50, 70:80] = False
    cleaned = grabcut.clean(mask)
    assert cleaned[60, 80]
    assert not cleaned[5, 5]
    assert not cleaned[40:50, 70:80].any()


def test_repeated_calls_batch_order_and_threads_change_nothing():
    images = [paint(backdrop(seed=i), disc(120, 160, 50 + 20 * i, 60, 25)) for i in range(3)]
    images.append(np.random.default_rng(9).integers(0, 256, (90, 70, 3), np.uint8))
    segmenter = GrabCutSegmenter()
    first = segmenter.segment(images, [None] * 4, ["gull"] * 4)
    backwards = segmenter.segment(images[::-1], [None] * 4, ["gull"] * 4)[::-1]
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1 if threads > 1 else 2)
        cv2.setRNGSeed(77)
        alone = [one(image) for image in images]
    finally:
        cv2.setNumThreads(threads)
    for a, b, c in zip(first, backwards, alone, strict=True):
        np.testing.assert_array_equal(a.mask, b.mask)
        np.testing.assert_array_equal(a.mask, c.mask)
        assert a.score == b.score == c.score


def test_the_image_is_not_changed_and_a_given_mask_not_used():
    truth = disc(120, 160, 80, 60, 30)
    image = paint(backdrop(), truth)
    before = image.copy()
    with_mask = GrabCutSegmenter().segment([image], [~truth], ["gull"])[0]
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(with_mask.mask, one(image).mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (11, 300), (5, 5)])
def test_images_too_small_to_model_are_empty_with_their_size(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    result = one(image)
    assert (result.mask, result.status) == (None, MaskStatus.EMPTY)
    assert f"{shape[1]} x {shape[0]} px" in result.reason


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_images_are_empty(value):
    result = one(np.full((90, 120, 3), value, np.uint8))
    assert (result.mask, result.status, result.score) == (None, MaskStatus.EMPTY, None)


@pytest.mark.parametrize("shape", [(16, 16), (40, 3000), (3000, 40), (13, 200)])
def test_odd_sizes_give_a_mask_of_their_size_or_a_status(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    result = one(image)
    if result.mask is None:
        assert result.status == MaskStatus.EMPTY
    else:
        assert result.mask.shape == shape
        assert result.status == MaskStatus.OK


def test_an_image_that_is_all_object_is_not_a_confident_mask():
    fur = np.random.default_rng(3).normal(0, 1, (40, 50, 3)).astype(np.float32)
    fur = cv2.resize(fur, (200, 160), interpolation=cv2.INTER_CUBIC)
    result = one(np.clip(150 + 25 * fur, 0, 255).astype(np.uint8))
    assert result.status in (MaskStatus.OK, MaskStatus.EMPTY)
    assert result.score is None or result.score < 0.6


def test_a_failure_of_one_photo_is_its_row(monkeypatch):
    truth = disc(120, 160, 80, 60, 30)
    good, bad = paint(backdrop(), truth), np.full((60, 60, 3), 7, np.uint8)
    real = grabcut.find_frame

    def breaks(image):
        if image is bad:
            raise RuntimeError("no luck")
        return real(image)

    monkeypatch.setattr(grabcut, "find_frame", breaks)
    results = GrabCutSegmenter().segment([bad, good], [None, None], ["gull"] * 2)
    assert (results[0].mask, results[0].status) == (None, MaskStatus.FAILED)
    assert results[0].reason == "GrabCut failed: RuntimeError: no luck."
    assert iou(results[1].mask, truth) > 0.9


def test_a_uniform_frame_is_found_and_left_out_of_the_mask():
    inner = disc(120, 160, 80, 60, 30)
    framed = np.zeros((132, 176, 3), np.uint8)
    framed[5:125, 8:168] = paint(backdrop(), inner)
    top, bottom, left, right = find_frame(framed)
    assert 5 <= top <= 7
    assert 123 <= bottom <= 125
    assert 8 <= left <= 10
    assert 166 <= right <= 168
    mask = one(framed).mask
    assert iou(mask[5:125, 8:168], inner) > 0.9
    assert not mask[:5].any()


def test_a_plain_backdrop_is_not_a_frame():
    image = paint(np.full((120, 160, 3), 255, np.uint8), disc(120, 160, 80, 60, 50))
    assert find_frame(image) == (0, 120, 0, 160)


def test_shrinking_keeps_proportions_and_at_least_one_pixel():
    assert shrink(np.zeros((200, 400, 3), np.uint8), 100).shape == (50, 100, 3)
    assert shrink(np.zeros((1, 4000, 3), np.uint8), 100).shape == (1, 100, 3)
    assert shrink(np.zeros((20, 30, 3), np.uint8), 100).shape == (20, 30, 3)
