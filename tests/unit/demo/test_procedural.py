"""The editor as the stages see it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edit_photos import photo
from varireal.errors import UnknownPromptError
from varireal.names import OK, EditStatus
from varireal.records import EditRequest, Prompt
from varireal_demo import editor
from varireal_demo.editor import ProceduralEditor

NAMES = {"background": "deep space", "color": "hot pink", "texture": "brick"}
EDITOR = ProceduralEditor()


def request(image, mask, attribute, name=None, seed=0):
    return EditRequest(image, mask, Prompt("p", "heron", attribute, "feasible", name or NAMES[attribute]), seed)


def edit(*args, **kwargs):
    (result,) = EDITOR.edit([request(*args, **kwargs)])
    return result


@pytest.mark.parametrize("attribute", NAMES)
@settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**31), st.integers(16, 40), st.integers(16, 40), st.floats(0.02, 1.0))
def test_outside_the_region_every_byte_is_the_photo(attribute, seed, height, width, density):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    mask = rng.random((height // 4 + 1, width // 4 + 1)) < density
    mask = np.kron(mask, np.ones((4, 4), bool))[:height, :width]
    result = edit(image, mask, attribute, seed=seed)
    if not mask.any():
        assert result.status == EditStatus.NO_MASK
        return
    assert result.status == OK, result.reason
    assert result.image.dtype == np.uint8
    assert np.array_equal(result.image[~result.region], image[~result.region])
    if attribute == "background":
        assert result.region[~mask].all()
    else:
        assert np.array_equal(result.region, mask)


@pytest.mark.parametrize("attribute", NAMES)
def test_a_good_edit_changes_its_region(attribute):
    image, mask = photo((0.6, 0.5, 0.4))
    result = edit(image, mask, attribute)
    change = np.abs(result.image.astype(int) - image).max(-1)
    assert (change[result.region] > 8).mean() > 0.6
    assert change[~result.region].max() == 0


@pytest.mark.parametrize("attribute", NAMES)
def test_the_same_request_gives_the_same_bytes(attribute):
    image, mask = photo((0.6, 0.5, 0.4))
    before = image.copy()
    first, second = (edit(image, mask, attribute, seed=5).image for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(image, before)


def test_only_colour_edits_have_a_target():
    image, mask = photo((0.6, 0.5, 0.4))
    assert edit(image, mask, "color", "red").target_rgb == pytest.approx((0.898, 0, 0), abs=1e-3)
    assert edit(image, mask, "texture").target_rgb is None


@pytest.mark.parametrize("attribute", NAMES)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 90), (90, 17)])
@pytest.mark.parametrize("kind", ["pixel", "whole", "line", "bottom"])
def test_odd_masks_and_sizes(attribute, height, width, kind):
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), bool)
    if kind == "whole":
        mask[...] = True
    elif kind == "line":
        mask[height // 2] = True
    elif kind == "bottom":
        mask[height // 2 :, 2:9] = True
    else:
        mask[0, 0] = True
    result = edit(image, mask, attribute)
    assert result.status == OK, result.reason
    assert np.array_equal(result.image[~result.region], image[~result.region])


def test_an_empty_mask_is_a_status():
    image, mask = photo((0.6, 0.5, 0.4))
    result = edit(image, np.zeros_like(mask), "color")
    assert (result.status, result.image) == (EditStatus.NO_MASK, None)


def test_an_unknown_word_is_a_status_with_the_message_of_the_check():
    image, mask = photo((0.6, 0.5, 0.4))
    bad = request(image, mask, "texture", "marbel")
    result, good = EDITOR.edit([bad, request(image, mask, "texture")])
    with pytest.raises(UnknownPromptError) as caught:
        EDITOR.check(bad.prompt)
    assert result.status == EditStatus.UNKNOWN_PROMPT
    assert result.reason == str(caught.value)
    assert good.status == OK


def test_one_bad_item_does_not_stop_the_others():
    image, mask = photo((0.6, 0.5, 0.4))
    wrong = request(image, mask[:50], "color")
    gray = request(image[..., 0], mask, "color")
    results = EDITOR.edit([wrong, gray, request(image, mask, "color")])
    assert [result.status for result in results] == [EditStatus.FAILED, EditStatus.FAILED, OK]
    assert "(50, 96)" in results[0].reason


def test_the_check_draws_nothing(monkeypatch):
    monkeypatch.setattr(editor, "_draw", lambda *args: pytest.fail("drawn"))
    EDITOR.check(Prompt("p", "c", "background", "feasible", "beach"))
