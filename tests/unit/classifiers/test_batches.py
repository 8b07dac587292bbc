import math

import pytest
import tiny_clips
import torch

from varireal.classifiers.batches import PictureCache, learning_rate
from varireal.config.adapters import TrainingSettings

SETTINGS = TrainingSettings(batch_size=4, augmentation="color_safe")


def test_every_picture_comes_once_per_epoch_and_real_ones_first(clip):
    batches = tiny_clips.make_batches(clip, SETTINGS)
    seen = [batches[step] for step in range(15)]
    assert {batch.real for batch in seen} == {2}
    for first, count, kind in ((0, 5, "real"), (2, 3, "edit")):
        keys = [key for batch in seen for key in batch.keys[first : first + 2]]
        wanted = sorted(f"{kind}{number}" for number in range(count))
        for start in range(0, len(keys), count):
            assert sorted(keys[start : start + count]) == wanted
        assert len({tuple(keys[start : start + count]) for start in range(0, len(keys), count)}) > 1


def test_labels_are_those_of_the_pictures(clip):
    batch = tiny_clips.make_batches(clip, SETTINGS)[2]
    assert batch.labels.tolist() == [int(key[-1]) % 3 for key in batch.keys]
    assert batch.pictures.shape == (4, 3, clip.size, clip.size)


@pytest.mark.parametrize(("pool", "real"), [((3, 0), 4), ((0, 3), 0)])
def test_one_kind_alone_fills_the_batch(clip, pool, real):
    batch = tiny_clips.make_batches(clip, SETTINGS, pictures=tiny_clips.pool(*pool))[0]
    assert len(batch.keys) == 4
    assert batch.real == real


def test_a_batch_depends_on_seed_and_step_alone(clip):
    one, two = tiny_clips.make_batches(clip, SETTINGS), tiny_clips.make_batches(clip, SETTINGS)
    forwards = [one[step] for step in range(8)]
    for step in (7, 3, 0, 5):
        assert torch.equal(two[step].pictures, forwards[step].pictures)
        assert two[step].keys == forwards[step].keys
    other = tiny_clips.make_batches(clip, SETTINGS, seed=2)
    assert any(other[step].keys != forwards[step].keys for step in range(8))


def test_a_picture_looks_different_each_time_unless_augmentation_is_off(clip):
    one = tiny_clips.pool(1, 0)
    for name, same in (("color_safe", False), ("published", False), ("none", True)):
        settings = TrainingSettings(batch_size=2, augmentation=name)
        batch = tiny_clips.make_batches(clip, settings, pictures=one)[0]
        assert batch.keys == ("real0", "real0")
        assert torch.equal(batch.pictures[0], batch.pictures[1]) == same


def test_the_cache_keeps_to_its_size():
    loads = []

    def picture(key):
        plain = tiny_clips.picture(key, 0)
        return type(plain)(key, 0, lambda: loads.append(key) or plain.load())

    cache = PictureCache(limit=2 * 40 * 48 * 3)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert (cache(picture(key)) == tiny_clips.picture(key, 0).load()).all()
    assert loads == ["a", "b", "c", "b"]


def test_the_schedule_warms_up_and_falls_as_a_cosine():
    settings = TrainingSettings(steps=20, learning_rate=0.1, min_learning_rate=0.01, warmup_fraction=0.2)
    rates = [learning_rate(step, settings) for step in range(20)]
    assert rates[:4] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert rates[4] == pytest.approx(0.1)
    assert rates[12] == pytest.approx(0.055)
    assert rates[19] == pytest.approx(0.01 + 0.09 * 0.5 * (1 + math.cos(math.pi * 15 / 16)))
    assert learning_rate(20, settings) == pytest.approx(0.01)
    assert rates[4:] == sorted(rates[4:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2])
def test_the_shortest_trainings_have_a_rate(steps):
    settings = TrainingSettings(steps=steps, learning_rate=0.1, warmup_fraction=0.0)
    assert all(0 < learning_rate(step, settings) <= 0.1 for step in range(steps))
