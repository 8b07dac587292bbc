"""Yes, no, or neither: from probabilities and from words."""

import math

import pytest

from varireal.judges.answers import answer_tokens, from_logprobs, from_masses, from_text
from varireal.judges.base import Answer


def test_probabilities_are_shared_between_yes_and_no():
    assert from_masses(0.3, 0.1) == Answer(pytest.approx(0.75), pytest.approx(0.4))
    assert from_masses(0.0, 0.0).p_yes is None


def test_every_spelling_counts():
    place = [("Yes", math.log(0.4)), (" yes", math.log(0.2)), ("YES", math.log(0.1)), ("No", math.log(0.2))]
    assert from_logprobs([place]) == Answer(pytest.approx(0.7 / 0.9), pytest.approx(0.9))


def test_a_line_break_before_the_word_is_skipped_and_another_word_is_not():
    word = [("Yes", math.log(0.6)), ("No", math.log(0.3))]
    assert from_logprobs([[("\n", -0.01)], word]).p_yes == pytest.approx(2 / 3)
    first = from_logprobs([[("Well", math.log(0.9)), ("Yes", math.log(0.02))], word])
    assert (first.p_yes, first.mass) == (1.0, pytest.approx(0.02))
    assert from_logprobs([[("The", -0.1)], word]).p_yes is None
    assert from_logprobs([]) is None


@pytest.mark.parametrize(
    ("text", "p_yes"),
    [
        ("Yes", 1.0),
        (" yes.", 1.0),
        ("**No**, it is not.", 0.0),
        ("NO", 0.0),
        ("Yes, because the bird is pink.", 1.0),
        ("Yes and no", None),
        ("No... yes!", None),
        ("Yesterday", None),
        ("I think yes", None),
        ("I cannot help with that.", None),
        ("nope", None),
        ("1", None),
        ("", None),
        (None, None),
    ],
)
def test_words_are_read_strictly(text, p_yes):
    assert from_text(text).p_yes == p_yes
    assert from_text(text).mass is None


def test_tokens_of_both_kinds_of_tokenizers():
    vocabulary = {"Yes": 1, "\u2581Yes": 2, "\u0120yes": 3, "No": 4, "NO": 5, "Yesterday": 6, "Not": 7}
    assert answer_tokens(vocabulary) == ([1, 2, 3], [4, 5])
    assert answer_tokens({"a": 1}) == ([], [])
