import pytest

from varireal.core.files import error_text, few, one_line


def test_a_strangers_text_is_one_line_that_turns_nothing_around():
    assert one_line(" a\nb\tc\u2028d \u202ee ") == "a b c d e"


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("two\n lines"), "two lines"), (ValueError(""), "ValueError"), (KeyError(), "KeyError")],
)
def test_an_error_is_one_line_and_never_empty(error, text):
    assert error_text(error) == text
    assert error_text(error, 200) == text


def test_a_long_error_is_cut():
    assert error_text(ValueError("x" * 500), 20) == "x" * 20


def test_some_names_and_how_many_more():
    assert few([]) == ""
    assert few(list("abc")) == "a, b, c"
    assert few(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert few(list("abc"), 2) == "a, b and 1 more"
