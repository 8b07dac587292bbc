import subprocess
import sys
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from varireal.config.images import DEMO_CLASSES
from varireal_demo import birds_source
from varireal_demo.birds import SPECIES
from varireal_demo.birds_source import DEMO_SPECIES, demo_specs, render_demo
from varireal_demo.scenes import SCENES

IDS = tuple(info.class_id for info in DEMO_SPECIES)
SIZE = 64
SPLITS = ("train", "val", "test", "test_background", "test_plumage")


def specs(species=IDS, seed=0, train=3, val=2, test=3):
    return demo_specs(seed=seed, species=species, train=train, val=val, test=test)


def test_classes_are_importable_without_numpy():
    code = "import sys, varireal.config.images; sys.exit('numpy' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_classes_and_species_agree():
    assert len(DEMO_CLASSES) == 8
    assert tuple(class_id for class_id, _ in DEMO_CLASSES) == IDS
    assert all(SPECIES[class_id].name == name for class_id, name in DEMO_CLASSES)
    assert set(birds_source.HABITATS) == set(IDS)


def test_every_scene_that_is_used_exists():
    used = {
        scene for class_id in IDS for scene in birds_source.HABITATS[class_id] + birds_source.unusual_scenes(class_id)
    }
    assert used <= set(SCENES)
    assert used == set(birds_source.GROUND)


def test_counts_and_ids():
    found = specs()
    assert Counter((spec.class_id, spec.split) for spec in found) == {
        (class_id, split): count
        for class_id in IDS
        for split, count in (("train", 3), ("val", 2), ("test", 3), ("test_background", 3), ("test_plumage", 3))
    }
    ids = [spec.image_id for spec in found]
    assert len(set(ids)) == len(ids)
    assert found[0].image_id == "mallard-train-000"
    assert len({spec.seed for spec in found}) == len(found)


def test_specs_do_not_change_when_the_study_grows():
    small = specs(species=("flamingo",), train=2, val=1, test=1)
    large = {spec.image_id: spec for spec in specs(train=5, val=3, test=4)}
    assert all(large[spec.image_id] == spec for spec in small)


def test_specs_depend_on_the_seed():
    first, second = specs(seed=0), specs(seed=1)
    assert all(a.image_id == b.image_id and a.seed != b.seed for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("class_id", IDS)
def test_train_is_biased_and_the_shifts_are_disjoint_from_it(class_id):
    found = specs(species=(class_id,), train=60, val=20, test=40)
    usual = set(birds_source.HABITATS[class_id])
    natural = set(SPECIES[class_id].plumages)
    scenes = {split: {s.scene for s in found if s.split == split} for split in SPLITS}
    assert scenes["train"] == usual
    assert scenes["val"] | scenes["test"] | scenes["test_plumage"] <= usual
    assert len(scenes["test_background"]) > 6
    assert not scenes["test_background"] & usual
    looks = {s.plumage for s in found if s.split == "test_plumage"}
    assert len(looks) > 4
    assert not looks & natural
    assert {s.plumage for s in found if s.split != "test_plumage"} == natural


def test_unknown_species_is_an_error():
    with pytest.raises(KeyError, match="dodo"):
        specs(species=("dodo",))


def test_same_spec_same_bytes_and_other_seeds_differ():
    spec, other = specs(species=("mallard",))[:2]
    first, again = render_demo(spec, SIZE), render_demo(spec, SIZE)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()
    different = render_demo(replace(spec, seed=other.seed), SIZE)
    assert np.abs(first[0].astype(int) - different[0]).mean() > 3
    assert (first[1] != different[1]).mean() > 0.01


def test_image_and_mask_types():
    image, mask = render_demo(specs()[0], 48)
    assert (image.shape, image.dtype) == ((48, 48, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((48, 48), bool)


@pytest.mark.parametrize("class_id", IDS)
def test_the_whole_bird_is_in_the_picture(class_id):
    for spec in specs(species=(class_id,), seed=11, train=4, val=1, test=2):
        _, mask = render_demo(spec, 96)
        assert 0.08 <= mask.mean() <= 0.45, spec
        border = np.concatenate([mask[:2].ravel(), mask[-2:].ravel(), mask[:, :2].ravel(), mask[:, -2:].ravel()])
        assert not border.any(), spec
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        areas = stats[1:, cv2.CC_STAT_AREA]
        assert areas.max() >= 0.95 * areas.sum(), spec


def test_the_bird_is_the_same_at_every_size():
    spec = specs(species=("white-stork",))[0]
    _, small = render_demo(spec, 64)
    _, large = render_demo(spec, 128)
    halved = cv2.resize(large.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA) > 0.5
    assert (halved & small).sum() / (halved | small).sum() > 0.9


@pytest.mark.parametrize("class_id", IDS)
def test_unusual_plumage_differs_inside_the_mask(class_id):
    base = specs(species=(class_id,))[0]
    usual = next(iter(SPECIES[class_id].plumages))
    image, mask = render_demo(replace(base, plumage=usual), SIZE)
    for look in birds_source.unusual_plumages(class_id):
        odd, same = render_demo(replace(base, plumage=look), SIZE)
        np.testing.assert_array_equal(mask, same)
        far = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
        change = np.abs(image.astype(int) - odd).mean(-1)
        assert change[mask].mean() > 9, look
        assert change[mask].mean() > 4 * change[far].mean(), look
