"""Finding phrases in a text."""

import pytest

from varireal.editors.colors import Lexicon, nearest, singular, tokens

LEXICON = Lexicon([("chain", 1), ("chain mail", 2), ("sky blue", 3), ("blue", 4), ("leaf", 5)])


def test_tokens():
    assert tokens("Knitted-wool, GREY  robin's Égg!") == ("knitted", "wool", "gray", "robin", "egg")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("bricks", "brick"), ("leaves", "leaf"), ("berries", "berry"), ("benches", "bench"), ("glasses", "glass"),
        ("glass", "glass"), ("cactus", "cactus"), ("stripes", "stripe"), ("gas", "gas"), ("moss", "moss"),
    ],
)  # fmt: skip
def test_singular(word, expected):
    assert singular(word) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("chain", [1]),
        ("chain mail", [2]),
        ("chainmail", [2]),
        ("mail chain", [1]),
        ("sky blue chains", [3, 1]),
        ("blue leaves", [4, 5]),
        ("nothing", []),
    ],
)
def test_the_longest_phrase_counts(text, values):
    assert [match.value for match in LEXICON.find(tokens(text))] == values


def test_matches_say_where_they_are():
    match = LEXICON.find(("a", "sky", "blue", "leaf"))[0]
    assert (match.start, match.length, match.phrase) == (1, 2, "sky blue")


def test_nearest_names_the_likeliest_first():
    assert nearest("bleu", ["blue", "bile", "red"])[0] == "blue"
    assert nearest("xyzzy", ["blue", "red"]) == ()
