import pytest

from varireal.prompts.reading import mentioned, normalize


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Deep   SPACE! ", "deep space"),
        ("deep-space", "deep space"),
        ("light GREY", "light gray"),
        ("Straße №1", "strasse no1"),
        ("cafe\u0301", "café"),
        ("हिन्दी शब्द", "हिन्दी शब्द"),
        ("", ""),
        (" \n", ""),
        ("😀", "😀"),
        ("!?", "!?"),
    ],
)
def test_normal_form(text, normal):
    assert normalize(text) == normal


@pytest.mark.parametrize(
    ("text", "name", "held"),
    [
        ("a mallard on a pond", "Mallard", True),
        ("three Mallards.", "mallard", True),
        ("the mallard's pond", "mallard", True),
        ("a flock of geese", "goose", True),
        ("two wading-birds", "Wading Bird", True),
        ("cherries", "cherry", True),
        ("old fishermen", "fisherman", True),
        ("foxes", "fox", True),
        ("carpet and scar", "car", False),
        ("goosebumps", "goose", False),
        ("a bird that is wading", "wading bird", False),
        ("a forest", "", False),
        ("Boeing 737-500 hangar", "737-500", True),
        ("Boeing 737 hangar", "737-500", False),
        ("ross s goose x", "Ross's Goose {x}", True),
    ],
)
def test_names_are_found_as_whole_words_in_singular_and_plural(text, name, held):
    assert mentioned(text, (name,)) == ([name] if held else [])


def test_several_names_come_in_their_own_order():
    assert mentioned("car, cats and a car", ("dog", "cat", "car")) == ["cat", "car"]
