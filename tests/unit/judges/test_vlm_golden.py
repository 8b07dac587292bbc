"""P(yes) of every question, by LLaVA-NeXT, the default model's class and a small one, against what is kept."""

import pytest

from golden.comparing import check_values, kept_values
from golden.judges import FAMILIES, VALUES, p_yes

SAME = 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_the_kept_ones(tiny_model, tmp_path, family):
    check_values(VALUES, p_yes(tiny_model, family), tmp_path, bound=SAME, part=family)


def differences(one, other):
    return [abs(one[key] - other[key]) for key in one if not key.endswith("mass")]


@pytest.mark.parametrize("change", [{"noun": "bird"}, {"long_side": 64}], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_other_words_and_pictures_have_other_answers(tiny_model, family, change):
    moved = differences(p_yes(tiny_model, family, **change), kept_values(VALUES)[family])
    assert max(moved) > 2 * SAME


def test_pictures_questions_and_attributes_have_answers_of_their_own():
    for answers in kept_values(VALUES).values():
        found = [value for key, value in answers.items() if not key.endswith("mass")]
        assert len({round(value, 3) for value in found}) > 0.6 * len(found)
        assert max(found) - min(found) > 0.05
