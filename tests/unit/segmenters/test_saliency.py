import numpy as np
import pytest

from varireal.segmenters.grabcut import (
    best_trial,
    border_likeness,
    find_regions,
    first_guesses,
    guided_upsample,
    outline_contrast,
    saliency,
)


def scene(height=90, width=120, colour=(220, 60, 40)):
    """A green field with a red block in the middle, and the block's mask."""
    image = np.random.default_rng(0).normal((70, 120, 60), 5, (height, width, 3))
    mask = np.zeros((height, width), bool)
    mask[30:65, 45:85] = True
    image[mask] = np.random.default_rng(1).normal(colour, 5, (int(mask.sum()), 3))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def test_the_object_is_salient_and_the_field_is_not():
    image, mask = scene()
    salient = saliency(image)
    assert salient.shape == mask.shape
    assert salient.dtype == np.float32
    assert salient[mask].mean() > 0.9
    assert salient[~mask].mean() < 0.1


@pytest.mark.parametrize("shape", [(12, 12), (12, 300), (64, 48)])
def test_a_flat_image_has_no_saliency_and_no_error(shape):
    salient = saliency(np.full((*shape, 3), 90, np.uint8))
    assert salient.shape == shape
    assert np.isfinite(salient).all()


def test_regions_cover_the_image_once():
    image, _ = scene()
    regions = find_regions(image, 0.04)
    count = len(regions.area)
    np.testing.assert_array_equal(np.unique(regions.labels), np.arange(count))
    assert regions.area.sum() == 90 * 120
    assert regions.rim.sum() == 2 * (90 + 120) - 4
    assert (regions.edges[:, 0] < regions.edges[:, 1]).all()
    assert len(np.unique(regions.edges, axis=0)) == len(regions.edges)
    assert regions.border[regions.rim > 0].all()


def test_colours_of_the_border_are_like_it_and_the_object_is_not():
    image, mask = scene()
    regions = find_regions(image, 0.04)
    distance = np.sqrt(((regions.features[:, None] - regions.features[None]) ** 2).sum(2))
    gap = ((regions.centre[:, None] - regions.centre[None]) ** 2).sum(2)
    likeness = border_likeness(regions, distance, gap)[regions.labels]
    inner = np.zeros_like(mask)
    inner[36:59, 51:79] = True
    assert likeness[inner].mean() < 0.05
    assert likeness[:20].mean() > 0.8


def test_guesses_differ_and_the_best_trial_is_the_object():
    image, mask = scene()
    salient = saliency(image)
    guesses = first_guesses(salient)
    assert len(guesses) == 6
    assert len({guess.tobytes() for guess in guesses}) >= 4
    trial = best_trial(image, salient)
    assert (trial.mask & mask).sum() / (trial.mask | mask).sum() > 0.95
    assert trial.score > 0.8


def test_contrast_tells_a_true_outline_from_a_wrong_one():
    image, mask = scene()
    wrong = np.roll(mask, (-28, -40), axis=(0, 1))
    assert outline_contrast(image, mask) > 0.95
    assert outline_contrast(image, wrong) < 0.6
    assert outline_contrast(image, np.ones_like(mask)) == 0.0


def test_an_enlarged_outline_follows_the_edge_of_the_guide():
    guide = np.zeros((80, 80, 3), np.float32)
    guide[:, 43:] = 0.8
    small = np.zeros((20, 20), np.float32)
    small[:, 10:] = 1  # the edge is at 40 of 80, three pixels from that of the guide
    cut = guided_upsample(guide, small, 3) > 0.5
    assert set(np.argmax(cut, axis=1).tolist()) == {43}
