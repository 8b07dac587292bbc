from hypothesis import given
from hypothesis import strategies as st

from varireal.core.seeds import candidate_seed, digest, shard_of


def test_digest_tells_the_parts_apart():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab") != digest("a", "b")
    assert digest("a", "b") != digest("b", "a")
    assert digest(b"a") == digest("a")


def test_digest_is_pinned():
    """A changed digest would make every store useless: it must be a decision, with a stage version."""
    assert digest("edit", 1, "x") == "3463aa3f352bcff89fdfe98b854748bd"
    assert candidate_seed(22, "mallard-train-000", "color", 0, 0) == 6129388816765771925


@given(st.text(), st.integers(1, 64))
def test_shard_is_in_range(image_id, shards):
    assert 0 <= shard_of(image_id, shards) < shards


def test_seed_fits_a_parquet_integer_and_differs_by_every_part():
    base = candidate_seed(1, "a", "color", 0, 0)
    others = [
        candidate_seed(2, "a", "color", 0, 0),
        candidate_seed(1, "b", "color", 0, 0),
        candidate_seed(1, "a", "texture", 0, 0),
        candidate_seed(1, "a", "color", 1, 0),
        candidate_seed(1, "a", "color", 0, 1),
    ]
    assert 0 <= base < 2**63
    assert len({base, *others}) == 6


def test_shards_are_balanced():
    counts = [0] * 4
    for number in range(4000):
        counts[shard_of(f"image-{number}", 4)] += 1
    assert min(counts) > 900
