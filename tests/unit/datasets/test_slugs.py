import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from varireal.datasets.splits import class_slugs, image_slug

SAFE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("house sparrow", "house-sparrow"),
        ("yellow lady's slipper", "yellow-lady-s-slipper"),
        ("F/A-18", "f-a-18"),
        ("Zoë's {tit}", "zoe-s-tit"),
        ("шишка", "shishka"),
        ("two\nlines", "two-lines"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("con", "class-con"),
        ("LPT1", "class-lpt1"),
        ("a &amp; b &#x2f;", "a-amp-b-x2f"),
    ],
)
def test_one_name(name, slug):
    assert class_slugs([name]) == {name: slug}


@pytest.mark.parametrize("name", ["🐦", "..", "", "   ", "///", "{}", "\ud800"])
def test_name_without_letters_gets_a_hash(name):
    (slug,) = class_slugs([name]).values()
    assert re.fullmatch(r"class-[0-9a-f]{6}", slug)


def test_hash_is_of_the_name():
    assert class_slugs(["🐦"]) == {"🐦": "class-384263"}  # sha256 of the UTF-8 bytes f0 9f 90 a6


def test_all_colliding_names_get_a_hash_whatever_their_order():
    names = ["A b", "a-b", "a_b", "c"]
    slugs = class_slugs(names)
    assert slugs["c"] == "c"
    for name in names[:3]:
        assert re.fullmatch(r"a-b-[0-9a-f]{6}", slugs[name])
    assert len(set(slugs.values())) == 4
    assert class_slugs(names[::-1]) == slugs


def test_name_that_equals_the_hashed_slug_of_another():
    hashed = class_slugs(["A b", "a-b"])["A b"]
    slugs = class_slugs(["A b", "a-b", hashed])
    assert len(set(slugs.values())) == 3


def test_long_names_that_differ_at_the_end():
    long = "".join(f"n{number}" for number in range(300))
    slugs = class_slugs([f"{long}x", f"{long}y"])
    assert sorted(len(slug) for slug in slugs.values()) == [60, 60]
    assert len(set(slugs.values())) == 2


def test_a_name_that_repeats_itself_is_cut_and_hashed():
    """Snakemake stops when a wildcard looks periodic."""
    slugs = class_slugs(["x" * 300, "ab" * 100, "lalalala"])
    assert re.fullmatch(r"x-[0-9a-f]{6}", slugs["x" * 300])
    assert re.fullmatch(r"ab-[0-9a-f]{6}", slugs["ab" * 100])
    assert slugs["lalalala"] == "lalalala"


def test_two_ways_of_writing_an_accent_are_one_class():
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    assert class_slugs(names) == dict.fromkeys(names, "cafe")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=80), unique_by=lambda name: unicodedata.normalize("NFC", name), max_size=12))
def test_slugs_are_safe_unique_and_stable(names):
    slugs = class_slugs(names)
    assert list(slugs) == names
    assert len(set(slugs.values())) == len(names)
    for slug in slugs.values():
        assert SAFE.fullmatch(slug)
        assert len(slug) <= 60
    assert class_slugs(sorted(names)) == slugs


def test_image_slug():
    assert image_slug("house-sparrow", "train/House Sparrow/My Photo.JPG") == "house-sparrow-my-photo-145d9799"
    assert re.fullmatch(r"c-image-[0-9a-f]{8}", image_slug("c", "train/c/🐦.png"))
    assert image_slug("c", "a/x.png") != image_slug("c", "b/x.png")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_image_slugs_are_safe(key):
    slug = image_slug("c" * 60, key)
    assert SAFE.fullmatch(slug)
    assert len(slug) <= 60 + 1 + 40 + 1 + 8
