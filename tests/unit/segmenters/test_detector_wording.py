"""The detector's text, from class names that are any text."""

import pytest

from varireal.segmenters.grounded_sam2 import detector_text

TEMPLATE = "a {noun} {class}"


def test_the_published_words():
    assert detector_text(TEMPLATE, "pet", "Yorkshire terrier") == "a pet Yorkshire terrier"
    assert detector_text(TEMPLATE, "", "gull") == "a gull"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("St. Bernard", "a dog St Bernard"),
        ("who? me?", "a dog who me"),
        ("two\nlines\tand\r\nmore", "a dog two lines and more"),
        ("a [SEP] b [CLS]", "a dog a SEP b CLS"),
        ("???", "a dog"),
        ("great black-backed, c/o (x) & 2", "a dog great black-backed, c/o (x) & 2"),
        ("oiseau é 鳥", "a dog oiseau é 鳥"),
        ("null\x00byte", "a dog null byte"),
        ("half \ud800 pair", "a dog half pair"),
        ("{noun} {class} {other}", "a dog {noun} {class} {other}"),
    ],
)
def test_what_the_detector_would_read_as_syntax_is_replaced(name, text):
    assert detector_text(TEMPLATE, "dog", name) == text


def test_the_noun_is_data_too():
    assert detector_text(TEMPLATE, "pet. {class}?", "cat") == "a pet {class} cat"
