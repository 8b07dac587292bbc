import itertools

import numpy as np
import pytest
from PIL import Image

from varireal.datasets.duplicates import Duplicate, Fingerprint, find_duplicates, near_duplicates, perceptual_hash
from varireal.names import RejectCode


def row(key, split="train", class_name="c", data=None, phash=None):
    """Bytes and picture are the key's own unless given."""
    own = int.from_bytes(key.encode().rjust(8, b"\x5a")[-8:], "big") * 0x9E3779B97F4A7C15 % 2**64
    return Fingerprint(key, class_name, split, data or key, f"{own if phash is None else phash:016x}")


def codes(findings):
    return {key: (finding.code, finding.other) for key, finding in findings.items()}


def scene(seed):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return coarse.resize((96, 96), Image.Resampling.BICUBIC)


def bits_between(first, second):
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_perceptual_hash_is_16_hex_digits_and_stable():
    assert perceptual_hash(np.zeros((9, 9, 3), np.uint8)) == "0000000000000000"
    digits = perceptual_hash(np.asarray(scene(0)))
    assert len(digits) == 16
    assert perceptual_hash(np.asarray(scene(0))) == digits


def test_perceptual_hash_sees_through_size_and_compression(tmp_path):
    for seed in range(5):
        picture = scene(seed)
        picture.save(tmp_path / "a.jpg", quality=40)
        changed = Image.open(tmp_path / "a.jpg").resize((60, 50))
        whole, small = perceptual_hash(np.asarray(picture)), perceptual_hash(np.asarray(changed))
        assert bits_between(whole, small) <= 4
    hashes = [perceptual_hash(np.asarray(scene(seed))) for seed in range(12)]
    assert min(bits_between(a, b) for a, b in itertools.combinations(hashes, 2)) >= 12


def test_distinct_photos_are_left_alone():
    rows = [row("a"), row("b", "val"), row("c", "test"), row("d", "test_snow"), row("e", None)]
    assert find_duplicates(rows, distance=4) == {}
    assert find_duplicates([], distance=4) == {}


@pytest.mark.parametrize("split", ["train", "val", "test", "test_snow", None])
def test_first_by_key_is_kept_within_split_and_class(split):
    rows = [row("b", split, data="x"), row("c", split, data="x"), row("a", split, data="x")]
    expected = Duplicate(RejectCode.DUPLICATE, "a", 0, "the same file as 'a'")
    assert find_duplicates(rows, distance=None) == {"b": expected, "c": expected}


def test_one_file_under_two_classes_is_refused_everywhere():
    rows = [row("a", "train", "cat", "x"), row("b", "test", "dog", "x"), row("c", "train", "cat", "x"), row("d")]
    findings = find_duplicates(rows, distance=None)
    assert codes(findings) == {
        "a": (RejectCode.DUPLICATE, "b"),
        "b": (RejectCode.DUPLICATE, "a"),
        "c": (RejectCode.DUPLICATE, "b"),
    }
    assert findings["a"].reason == "the same file is also in class 'dog' as 'b'; keep it in the right class only"


@pytest.mark.parametrize("split", ["val", "test", "test_snow"])
def test_copy_of_a_train_photo_is_refused(split):
    rows = [row("t", "train", data="x", phash=1), row("e", split, data="x", phash=1)]
    expected = Duplicate(RejectCode.IN_TRAIN, "t", 0, "the same file as 't' of split train")
    assert find_duplicates(rows, distance=None) == {"e": expected}
    assert find_duplicates(rows, distance=4) == {"e": expected}


@pytest.mark.parametrize(("bits", "refused"), [(0, True), (4, True), (5, False)])
def test_near_copy_of_a_train_photo_is_refused_within_the_distance(bits, refused):
    rows = [row("t", "train", phash=0), row("far", "train", phash=2**64 - 1), row("e", "test", "d", phash=2**bits - 1)]
    findings = find_duplicates(rows, distance=4)
    reason = f"nearly the same picture ({bits} of 64 bits differ) as 't' of split train"
    assert findings == ({"e": Duplicate(RejectCode.IN_TRAIN, "t", bits, reason)} if refused else {})
    assert find_duplicates(rows, distance=None) == {}


def test_val_gives_way_to_test():
    rows = [
        row("v1", "val", data="x", phash=0),
        row("t1", "test", data="x", phash=0),
        row("v2", "val", phash=0xFFFF0000),
        row("t2", "test_snow", phash=0xFFFF0001),
    ]
    assert codes(find_duplicates(rows, distance=2)) == {
        "v1": (RejectCode.DUPLICATE, "t1"),
        "v2": (RejectCode.NEAR_DUPLICATE, "t2"),
    }
    assert codes(find_duplicates(rows, distance=None)) == {"v1": (RejectCode.DUPLICATE, "t1")}


def test_refused_photo_refuses_no_other():
    # e equals the label conflict a; a is not trained on, so e may stay
    rows = [row("a", "train", "cat", "x", 0), row("b", "train", "dog", "x", 0), row("e", "test", "cat", "y", 0)]
    assert set(find_duplicates(rows, distance=4)) == {"a", "b"}
    # t is in train, so it is no test photo that v could give way to
    rows = [row("r", "train", phash=0), row("t", "test", phash=0xF), row("v", "val", phash=0xFF)]
    assert codes(find_duplicates(rows, distance=4)) == {"t": (RejectCode.IN_TRAIN, "r")}


def test_near_duplicates_within_a_split_are_notes_only():
    rows = [row("a", phash=0), row("b", phash=0b111), row("c", phash=0b11), row("d", "test", phash=2**63)]
    assert find_duplicates([found for found in rows if found.split == "train"], distance=4) == {}
    notes = near_duplicates(rows, distance=2)
    assert codes(notes) == {
        "c": (RejectCode.NEAR_DUPLICATE, "b"),  # one bit away; a is two
    }
    assert notes["c"].reason == "nearly the same picture (1 of 64 bits differ) as 'b'"
    assert notes["c"].distance == 1


def test_many_rows_agree_with_plain_comparison():
    rng = np.random.default_rng(5)
    base = rng.integers(0, 2**63, 40, dtype=np.uint64)
    rows = []
    for number in range(700):
        phash = int(base[rng.integers(40)])
        for bit in rng.integers(0, 64, rng.integers(0, 8)):
            phash ^= 1 << int(bit)
        rows.append(row(f"k{number:04}", ["train", "test"][number % 2], phash=phash))
    train = [found for found in rows if found.split == "train"]
    expected = {
        found.key for found in rows
        if found.split == "test" and min(bits_between(found.phash, other.phash) for other in train) <= 3
    }  # fmt: skip
    assert 10 < len(expected) < 340
    assert set(find_duplicates(rows, distance=3)) == expected
    noted = {
        found.key for place, found in enumerate(train)
        if any(bits_between(found.phash, other.phash) <= 3 for other in train[:place])
    }  # fmt: skip
    assert set(near_duplicates(train, distance=3)) == noted
