from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.datasets.splits import draw_splits
from varireal.errors import ConfigError, DataError
from varireal.records import SourceImage


def item(key, class_name="c", split=None):
    return SourceImage(key=key, path=None, class_name=class_name, split=split)


def items(count, class_name="c", split=None):
    return [item(f"{split}/{class_name}/{number}.jpg", class_name, split) for number in range(count)]


def draw(found, val=0.2, test=0.2, seed=0):
    return draw_splits(found, val_fraction=val, test_fraction=test, seed=seed)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (5, (3, 1, 1)), (8, (4, 2, 2)), (100, (60, 20, 20))],
)
def test_counts_are_fractions_of_each_class(count, expected):
    splits = draw(items(count, "a") + items(50, "b"))
    counts = Counter(split for key, split in splits.items() if "/a/" in key)
    assert (counts["train"], counts["val"], counts["test"]) == expected


def test_a_class_keeps_a_train_item_and_val_gives_way():
    assert Counter(draw(items(2), val=0.49, test=0.5).values()) == {"train": 1, "test": 1}
    assert Counter(draw(items(1), val=0.49, test=0.5).values()) == {"train": 1}


def test_val_is_drawn_from_train_when_the_source_has_test_only():
    splits = draw(items(10, split="train") + items(7, split="test") + items(4, split="test_snow"))
    assert Counter(splits.values()) == {"train": 8, "val": 2, "test": 7, "test_snow": 4}
    assert all(key.startswith("train/") for key, split in splits.items() if split == "val")


def test_nothing_is_drawn_that_is_present():
    given_splits = items(10, split="train") + items(1, split="val") + items(1, split="test_snow")
    assert draw(given_splits) == {found.key: found.split for found in given_splits}


def test_test_is_drawn_when_the_source_has_train_and_val_only():
    splits = draw(items(10, split="train") + items(3, split="val"))
    assert Counter(splits.values()) == {"train": 8, "val": 3, "test": 2}


def test_items_without_a_split_join_train():
    splits = draw(items(5, split="train") + items(5) + items(2, split="val") + items(2, split="test"))
    assert Counter(splits.values()) == {"train": 10, "val": 2, "test": 2}


def test_zero_fractions_draw_nothing():
    assert set(draw(items(50), val=0, test=0).values()) == {"train"}


def test_seed_changes_the_draw_and_order_does_not():
    assert draw(items(40), seed=1) == draw(items(40)[::-1], seed=1)
    assert draw(items(40), seed=1) != draw(items(40), seed=2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.text(max_size=5), st.integers(0, 3))
def test_a_new_file_moves_at_most_one_old_item_per_boundary(count, name, seed):
    before = draw(items(count), seed=seed)
    after = draw([*items(count), item(f"new{name}")], seed=seed)
    moved = {key: (split, after[key]) for key, split in before.items() if after[key] != split}
    assert len(moved) <= 2
    assert ("test", "val") not in moved.values()
    assert ("val", "test") not in moved.values() or count < 5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=8), st.sampled_from("abc")), unique_by=lambda pair: pair[0], max_size=60),
    st.floats(0, 0.49),
    st.floats(0, 0.49),
)
def test_every_item_has_one_split_and_every_class_trains(pairs, val, test):
    found = [item(key, class_name) for key, class_name in pairs]
    splits = draw(found, val=val, test=test)
    assert splits.keys() == {key for key, _ in pairs}
    for class_name in {class_name for _, class_name in pairs}:
        keys = [key for key, name in pairs if name == class_name]
        counts = Counter(splits[key] for key in keys)
        assert counts["train"] >= 1
        assert abs(counts["test"] - test * len(keys)) <= 0.5 + (len(keys) < 3)
    other_class = [item(key, class_name) for key, class_name in pairs if class_name != "a"]
    assert draw(other_class, val=val, test=test).items() <= splits.items()


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.2, -0.1), (0.5, 0.5), (1, 0)])
def test_impossible_fractions(val, test):
    with pytest.raises(ConfigError, match="below 1 together"):
        draw(items(3), val=val, test=test)


def test_keys_must_be_unique():
    with pytest.raises(DataError, match="two photos have the key 'x'"):
        draw([item("x"), item("x")])
