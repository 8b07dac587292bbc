"""Black and flat pictures are told from real edits, also from dark and plain ones."""

import numpy as np
import pytest

from varireal.metrics.receipts import flat_reason
from varireal.prompts.bank import load_bank, prompts_for, shipped_bank
from varireal.records import EditRequest
from varireal_demo.birds_source import demo_specs, render_demo
from varireal_demo.editor import ProceduralEditor

SIZE = 96


@pytest.fixture(scope="module")
def photo():
    return render_demo(demo_specs(seed=3, species=["mallard"], train=1, val=0, test=0)[0], SIZE)


def filled(photo, mask, rgb):
    return np.where(mask[..., None], np.array(rgb, np.uint8), photo)


@pytest.mark.parametrize("species", ["mallard", "flamingo", "white-stork"])
def test_no_real_edit_of_the_demo_is_flagged(species):
    image, mask = render_demo(demo_specs(seed=3, species=[species], train=1, val=0, test=0)[0], SIZE)
    prompts = prompts_for(load_bank(shipped_bank("demo_birds")), species, species)
    results = ProceduralEditor().edit([EditRequest(image, mask, prompt, 7) for prompt in prompts])
    assert len(results) > 20
    assert {prompt.attribute for prompt in prompts} == {"background", "color", "texture"}
    for prompt, result in zip(prompts, results, strict=True):
        assert result.status == "ok"
        assert flat_reason(result.image, result.region) is None, prompt.text


@pytest.mark.parametrize("level", [0, 1, 2])
def test_black_is_black(photo, level):
    image, mask = photo
    for region in (mask, ~mask):
        assert flat_reason(filled(image, region, (level,) * 3), region).startswith("black: 100%")


@pytest.mark.parametrize(
    ("rgb", "named"), [((128, 128, 128), "#808080"), ((255, 255, 255), "#ffffff"), ((200, 30, 60), "#c81e3c")]
)
def test_one_colour_is_flat(photo, rgb, named):
    image, mask = photo
    for region in (mask, ~mask):
        reason = flat_reason(filled(image, region, rgb), region)
        assert reason.startswith("flat: 100%")
        assert named in reason


def test_ripples_of_a_decoded_constant_are_still_flat(photo):
    image, mask = photo
    ripple = np.random.default_rng(0).integers(-3, 4, (*image.shape[:2], 3))
    assert flat_reason(np.clip(filled(image, mask, (128,) * 3) + ripple, 0, 255).astype(np.uint8), mask)


def test_a_border_that_was_blended_with_the_photo_hides_nothing(photo):
    image, mask = photo
    black = filled(image, mask, (0, 0, 0))
    edge = mask & ~np.roll(mask, 1, 0) | mask & ~np.roll(mask, -1, 1)
    black[edge] = image[edge]
    assert "black" in flat_reason(black, mask)


def test_what_is_outside_the_region_does_not_count(photo):
    image, mask = photo
    assert flat_reason(filled(image, ~mask, (0, 0, 0)), mask) is None
    assert flat_reason(image, np.zeros_like(mask)) is None


def test_a_uniform_recolour_that_keeps_the_shading_passes(photo):
    image, mask = photo
    grey = image.mean(-1, keepdims=True) / 255
    for rgb in ((255, 255, 255), (180, 20, 30), (40, 40, 40)):
        assert flat_reason(np.where(mask[..., None], grey * rgb, image).astype(np.uint8), mask) is None


def test_a_night_sky_with_few_stars_passes():
    rng = np.random.default_rng(1)
    sky = np.zeros((128, 128, 3), np.uint8)
    stars = rng.random((128, 128)) < 0.03
    sky[stars] = rng.integers(60, 255, (stars.sum(), 3))
    assert flat_reason(sky, np.ones((128, 128), bool)) is None


def test_a_missing_tile_is_found_and_black_spots_are_not(photo):
    """Half of a tiled decoding is NaN, which is black; a pupil or a shadow of the same area has a rounded edge."""
    image, mask = photo
    torn = image.copy()
    torn[:, SIZE // 2 :] = 0
    assert flat_reason(torn, ~mask).startswith("black block: ")
    assert flat_reason(torn, np.ones_like(mask)).startswith("black block: 50%")
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    spot = np.maximum(image, 1)
    spot[np.hypot(rows - 30, columns - 30) < 25] = 0
    assert flat_reason(spot, np.ones_like(mask)) is None


def test_nan_pixels_cast_to_bytes_are_flagged(photo):
    image, mask = photo
    broken = np.nan_to_num(np.full(image.shape, np.nan, np.float32)).astype(np.uint8)
    assert flat_reason(np.where(mask[..., None], broken, image), mask).startswith("black")
