"""Scenes: every kind renders at any shape, deterministically, distinctly, with a horizon where it was asked for."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from varireal.editors.shading import luminance, srgb
from varireal_demo.scenes import SCENES, render_scene
from varireal_demo.scenes.base import Canvas, defocus

NAMES = sorted(SCENES)
# Scenes with open ground that runs to the horizon: the picture changes where the ground begins.
OPEN = ("beach", "desert", "highway", "mars", "meadow", "ocean", "parking lot", "snow field", "sunset beach", "moon")


def picture(name: str, seed: int = 3, height: int = 96, width: int = 128, **kwargs):
    return render_scene(name, height, width, np.random.default_rng(seed), **kwargs)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(96, 128), (128, 96)])
def test_a_scene_renders_at_any_shape(name, shape):
    scene = picture(name, height=shape[0], width=shape[1])
    assert scene.image.shape == (*shape, 3)
    assert scene.image.dtype == np.float32
    assert np.isfinite(scene.image).all()
    assert scene.image.min() >= 0
    assert scene.image.max() <= 8


@pytest.mark.parametrize("name", NAMES)
def test_the_light_of_a_scene_is_usable(name):
    light = picture(name).light
    assert np.linalg.norm(light.direction) == pytest.approx(1, abs=1e-5)
    for part in (light.sun, light.ambient, light.ground):
        assert np.shape(part) == (3,)
        assert np.isfinite(part).all()
        assert np.min(part) >= 0
        assert np.max(part) <= 2
    assert luminance(light.sun + light.ambient) > 0.15


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(name):
    first, again, other = picture(name, 5), picture(name, 5), picture(name, 6)
    assert first.image.tobytes() == again.image.tobytes()
    assert np.array_equal(first.light.sun, again.light.sun)
    assert np.abs(srgb(first.image) - srgb(other.image)).mean() > 0.01


def test_drawing_one_scene_does_not_change_the_next():
    alone = picture("pond", 8).image.tobytes()
    for name in NAMES:
        picture(name, 9, 32, 32)
    assert picture("pond", 8).image.tobytes() == alone


@pytest.mark.parametrize("shape", [(16, 16), (17, 301), (301, 19)])
def test_odd_and_tiny_sizes_render(shape):
    for name in NAMES:
        image = picture(name, height=shape[0], width=shape[1]).image
        assert image.shape == (*shape, 3)
        assert np.isfinite(image).all()


@pytest.mark.parametrize("horizon", [0.0, 0.3, 0.9, 1.4])
def test_extreme_horizons_render(horizon):
    for name in NAMES:
        scene = picture(name, height=48, width=64, horizon=horizon)
        assert np.isfinite(scene.image).all()


def test_there_are_the_scenes_that_prompts_ask_for():
    wanted = [
        "pond",
        "marsh",
        "meadow",
        "forest",
        "jungle",
        "beach",
        "ocean",
        "desert",
        "mountain",
        "rooftop",
        "backyard",
        "library",
        "kitchen",
        "factory",
        "highway",
        "moon",
        "mars",
        "lava",
        "cave",
        "river",
        "sky",
        "supermarket",
        "stadium",
    ]
    wanted += [
        "flower field",
        "snow field",
        "city street",
        "night city",
        "subway station",
        "living room",
        "deep space",
    ]
    wanted += ["coral reef", "parking lot"]
    assert set(wanted) <= set(SCENES)


def test_a_synonym_belongs_to_one_scene():
    words = Counter(word for spec in SCENES.values() for word in (spec.name, *spec.synonyms))
    assert [word for word, count in words.items() if count > 1] == []


def test_synonyms_are_plain_lowercase_words():
    for name, spec in SCENES.items():
        assert spec.name == name
        assert 2 <= len(spec.synonyms) <= 20
        for word in (spec.name, *spec.synonyms):
            assert word == " ".join(word.lower().split())


def test_an_unknown_scene_names_near_ones():
    with pytest.raises(KeyError, match="library"):
        picture("librarry")


def test_scenes_look_different_from_each_other():
    small = {}
    for name in NAMES:
        looks = [srgb(picture(name, seed, 48, 48, horizon=0.58).image) for seed in range(3)]
        small[name] = np.mean(looks, axis=0)
    close = {
        (a, b): float(np.abs(small[a] - small[b]).mean())
        for a, b in combinations(NAMES, 2)
        if np.abs(small[a] - small[b]).mean() < 0.025
    }
    assert close == {}


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("horizon", [0.35, 0.7])
def test_open_ground_begins_at_the_horizon(name, horizon):
    """The mean colour of the rows changes at the horizon that was asked for."""
    rows = np.mean([srgb(picture(name, s, 128, 96, horizon=horizon).image).mean(1) for s in range(4)], axis=0)
    edge = round(horizon * 128)
    above, below = rows[: edge - 26].mean(0), rows[edge + 8 :].mean(0)
    assert np.abs(above - below).max() > 0.05
    assert picture(name, horizon=horizon).horizon == pytest.approx(horizon)


def test_lava_lights_from_below_in_orange_and_caves_are_dim():
    lava, cave, meadow = (picture(name).light for name in ("lava", "cave", "meadow"))
    assert lava.sun[0] > 2 * lava.sun[2]
    assert luminance(lava.ground) > luminance(lava.ambient)
    assert luminance(cave.sun + cave.ambient) < luminance(meadow.sun + meadow.ambient)


def test_defocus_softens_by_distance_and_keeps_what_is_in_focus():
    canvas = Canvas(128, 64, np.random.default_rng(0), 0.5, 0.75)
    noise = np.random.default_rng(1).random((128, 64, 3)).astype(np.float32)
    canvas.image = noise.copy()
    canvas.depth[64:] = canvas.focus
    defocus(canvas, 0.03)
    assert canvas.image[:50].std() < 0.3 * noise[:50].std()
    assert np.abs(canvas.image[80:] - noise[80:]).max() < 1e-5


def test_the_focus_row_decides_which_ground_is_sharp():
    near = luminance(picture("highway", 2, 192, 192, focus=0.97).image)
    far = luminance(picture("highway", 2, 192, 192, focus=0.64).image)
    detail = [float(np.abs(np.diff(image[178:])).mean()) for image in (near, far)]
    assert detail[0] > 1.1 * detail[1]
