"""Materials: names, words, surfaces."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from varireal.editors import oklab
from varireal.editors.colors import tokens
from varireal.editors.shading import linear
from varireal_demo.materials import MATERIALS

SIDE = 40
V, U = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE


def draw(name, seed=0, colors=()):
    return MATERIALS[name].draw(U, V, np.random.default_rng(seed), colors)


def test_there_are_many():
    assert len(MATERIALS) >= 40
    assert all(len(material.synonyms) >= 2 for material in MATERIALS.values())


def test_a_word_belongs_to_one_material():
    owner: dict[tuple[str, ...], str] = {}
    for material in MATERIALS.values():
        for word in (material.name, *material.synonyms):
            assert owner.setdefault(tokens(word), material.name) == material.name, word


@pytest.mark.parametrize("name", MATERIALS)
def test_a_surface_is_finite_and_follows_the_seed(name):
    albedo, height = draw(name)
    assert (albedo.shape, albedo.dtype) == ((SIDE, SIDE, 3), np.float32)
    assert (height.shape, height.dtype) == ((SIDE, SIDE), np.float32)
    assert np.isfinite(albedo).all()
    assert albedo.min() >= 0
    assert 0 <= height.min() <= height.max() <= 1
    assert np.array_equal(albedo, draw(name)[0])
    assert not np.array_equal(albedo, draw(name, seed=1)[0])


def test_surfaces_differ():
    pictures = {name: draw(name)[0] for name in MATERIALS}
    for first, second in combinations(pictures, 2):
        assert np.abs(pictures[first] - pictures[second]).mean() > 0.01, (first, second)


@pytest.mark.parametrize("name", ["knitted wool", "brick", "scales", "wood", "fur", "plastic", "mosaic", "iridescent"])
def test_one_colour_dyes_the_material(name):
    blue = (0.1, 0.2, 0.8)
    lab = oklab.from_linear(draw(name, colors=[blue])[0]).reshape(-1, 3)
    dyed = np.median(lab[np.hypot(lab[:, 1], lab[:, 2]) > 0.05], axis=0)
    wanted = oklab.from_srgb(blue)
    turn = np.degrees(np.arctan2(dyed[2], dyed[1]) - np.arctan2(wanted[2], wanted[1]))
    assert abs((turn + 180) % 360 - 180) < 12


def test_mortar_keeps_its_colour_when_bricks_are_dyed():
    plain, dyed = draw("brick")[0], draw("brick", colors=[(0.1, 0.2, 0.8)])[0]
    same = np.abs(plain - dyed).max(-1) < 0.01
    assert 0.1 < same.mean() < 0.6


@pytest.mark.parametrize("name", ["speckled", "barred"])
def test_a_single_colour_is_that_of_the_coat(name):
    """ "Speckled gray" is a gray animal with speckles, not a pale one with gray specks."""
    gray = (0.35, 0.35, 0.35)
    albedo, _ = draw(name, 1, [gray])
    assert np.allclose(np.median(albedo.reshape(-1, 3), 0), linear(gray), atol=0.05)


def test_two_colours_make_a_pattern_of_both():
    albedo = draw("patches", colors=[(0, 0, 0), (1, 1, 1)])[0].mean(-1)
    assert (albedo < 0.1).mean() > 0.15
    assert (albedo > 0.6).mean() > 0.15


def test_lava_glows():
    assert draw("lava")[0].max() > 1.3
    assert draw("wood")[0].max() < 1.0


def test_names_load_without_opencv():
    code = "import sys, varireal_demo.materials as m; print(len(m.MATERIALS), 'cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(MATERIALS)), "False"]
