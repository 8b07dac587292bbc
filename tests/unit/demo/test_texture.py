"""Laying materials over objects."""

import numpy as np
import pytest

from edit_photos import photo
from varireal.editors import oklab
from varireal.editors.colors import NamedColor
from varireal.editors.regions import cut_out
from varireal_demo.edit_object import raise_relief, retexture, take_apart
from varireal_demo.materials import MATERIALS


def edit(image, mask, name, seed=0, colors=()):
    return retexture(image, mask, MATERIALS[name], colors, np.random.default_rng(seed))


def test_materials_differ_from_the_photo_and_from_each_other():
    image, mask = photo((0.5, 0.45, 0.4))
    edits = {name: edit(image, mask, name).astype(int) for name in ("brick", "marble", "leopard", "wood", "chrome")}
    for name, edited in edits.items():
        assert np.abs(edited - image)[mask].mean() > 12, name
        for other in edits:
            assert other == name or np.abs(edited - edits[other])[mask].mean() > 12, (name, other)


def test_the_material_follows_the_light():
    bright, mask = photo((0.6, 0.6, 0.6), contrast=0.0)
    shaded = bright.copy()
    shaded[:, 48:] = (shaded[:, 48:] * 0.45).astype(np.uint8)
    edited = edit(shaded, mask, "plastic").astype(float)
    left, right = edited[40:56, 34:44].mean(), edited[40:56, 52:62].mean()
    assert right < 0.85 * left


def test_named_colours_are_used():
    image, mask = photo((0.5, 0.45, 0.4))
    edited = edit(image, mask, "knitted wool", colors=[NamedColor("blue", (0.1, 0.2, 0.8))])
    lab = np.median(oklab.from_srgb(edited[mask] / 255), axis=0)
    assert lab[2] < -0.08


def test_the_pattern_bends_around_the_body():
    image, mask = photo((0.5, 0.5, 0.5))
    cut = cut_out(image, mask)
    relief = raise_relief(cut, take_apart(cut).base)
    row = cut.mask.shape[0] // 2
    inside = np.flatnonzero(cut.mask[row])
    step = np.diff(relief.u[row, inside[0] : inside[-1] + 1])
    assert step[1:5].mean() > 1.15 * step[len(step) // 2 - 2 : len(step) // 2 + 3].mean()


def test_an_eye_stays():
    image, mask = photo((0.7, 0.65, 0.6))
    image[38:42, 46:50] = 12
    edited = edit(image, mask, "checkerboard")
    assert np.abs(edited[39:41, 47:49].astype(int) - 12).max() < 45


def test_lava_glows_on_a_dark_object():
    image, mask = photo((0.08, 0.08, 0.08))
    assert np.percentile(edit(image, mask, "lava")[mask][:, 0], 98) > 200


@pytest.mark.parametrize("name", ["chrome", "basket weave", "ice"])
def test_the_seed_moves_the_pattern(name):
    image, mask = photo((0.5, 0.5, 0.5))
    first = edit(image, mask, name, 1)
    assert np.array_equal(first, edit(image, mask, name, 1))
    assert not np.array_equal(first, edit(image, mask, name, 2))
