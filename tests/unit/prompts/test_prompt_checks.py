import pytest

from varireal.prompts.checks import ERROR, WARNING, Problem, check_prompts
from varireal.records import Prompt

NAMES = {"mallard": "mallard", "goose": "Canada goose"}
BACKGROUND, PLACE = ("background", "feasible"), "background.feasible"


def prompts(*names: str, attribute: str = "background", feasibility: str = "feasible", class_id: str = "mallard"):
    return [
        Prompt(f"{class_id}.{attribute}.{feasibility}.{i}", class_id, attribute, feasibility, name)
        for i, name in enumerate(names)
    ]


def found(*given: Prompt, minimum=None) -> list[tuple[str, str, str]]:
    problems = check_prompts(given, noun="bird", class_names=NAMES, minimum=minimum or {})
    assert all(isinstance(problem, Problem) and problem.message.isprintable() for problem in problems)
    return [(problem.code, problem.prompt_id, problem.severity) for problem in problems]


def test_good_prompts_have_no_problem():
    good = [
        *prompts("lake", "reed marsh"),
        *prompts("deep space", feasibility="infeasible"),
        *prompts("mallard brown", attribute="color"),
    ]
    assert found(*good, minimum={BACKGROUND: 2, ("color", "feasible"): 1}) == []


@pytest.mark.parametrize("repeat", ["Reed  Marsh", "reed-marsh!", "REED MARSH", "reed\u00a0marsh"])
def test_a_repeated_name_is_an_error(repeat):
    assert found(*prompts("reed marsh", repeat)) == [("duplicate", f"mallard.{PLACE}.1", ERROR)]


def test_the_same_name_in_another_setting_or_class_is_no_repeat():
    given = [
        *prompts("brown", attribute="color"),
        *prompts("brown", attribute="texture"),
        *prompts("brown", attribute="color", class_id="goose"),
    ]
    assert found(*given) == []


def test_two_spellings_of_grey_are_a_repeat():
    assert found(*prompts("light gray", "light grey", attribute="color")) == [
        ("duplicate", "mallard.color.feasible.1", ERROR)
    ]


def test_nearly_the_same_name_is_a_warning():
    assert found(*prompts("snowy mountain valley", "snowy mountain valleys")) == [
        ("near_duplicate", f"mallard.{PLACE}.1", WARNING)
    ]
    assert found(*prompts("snowy mountain valley", "snowy mountain village")) == []


def test_one_name_in_both_arms_is_an_error():
    given = [*prompts("lake", "Sub-Way"), *prompts("sub way", "moon", feasibility="infeasible")]
    assert found(*given) == [("overlap", "mallard.background.infeasible.0", ERROR)]
    apart = [*prompts("sub way"), *prompts("sub way", feasibility="infeasible", class_id="goose")]
    assert found(*apart) == []


@pytest.mark.parametrize("name", ["mallard pond", "pond of Mallards", "the mallard's pond"])
def test_a_background_that_names_its_class_is_an_error(name):
    assert found(*prompts(name)) == [("class_name_leak", f"mallard.{PLACE}.0", ERROR)]


def test_the_description_of_a_background_counts_too():
    leaking = Prompt("mallard.x", "mallard", *BACKGROUND, "pond", "Home of many a mallard.")
    assert found(leaking) == [("class_name_leak", "mallard.x", ERROR)]


def test_a_background_that_names_another_class_or_the_noun_is_a_warning():
    assert found(*prompts("lawn with canada geese")) == [("other_class_leak", f"mallard.{PLACE}.0", WARNING)]
    assert found(*prompts("island of birds")) == [("noun_leak", f"mallard.{PLACE}.0", WARNING)]
    assert found(*prompts("birdhouse in Canada")) == []


def test_too_few_different_names_is_an_error_of_the_setting():
    assert found(*prompts("lake", "Lake!", "pond"), minimum={BACKGROUND: 3}) == [
        ("duplicate", f"mallard.{PLACE}.1", ERROR),
        ("too_few", f"mallard.{PLACE}", ERROR),
    ]
    assert found(*prompts("lake", "pond"), minimum={BACKGROUND: 2, ("color", "infeasible"): 1}) == [
        ("too_few", "mallard.color.infeasible", ERROR)
    ]


def test_each_class_is_counted_by_itself():
    given = [*prompts("lake", "pond"), *prompts("lake", class_id="goose")]
    assert found(*given, minimum={BACKGROUND: 2}) == [("too_few", f"goose.{PLACE}", ERROR)]


@pytest.mark.parametrize("name", ["", "  ", "\t"])
def test_an_empty_name_is_an_error_and_counts_for_nothing(name):
    codes = [code for code, _, _ in found(*prompts(name), minimum={BACKGROUND: 1})]
    assert (codes[0], codes[-1]) == ("empty_name", "too_few")


def test_lengths_up_to_the_limit_are_fine():
    assert found(*prompts("x" * 60)) == []
    assert found(*prompts("x" * 61)) == [("too_long", f"mallard.{PLACE}.0", ERROR)]
    assert found(Prompt("mallard.d", "mallard", *BACKGROUND, "lake", "y" * 300)) == []
    assert found(Prompt("mallard.d", "mallard", *BACKGROUND, "lake", "y" * 301)) == [("too_long", "mallard.d", ERROR)]


@pytest.mark.parametrize("odd", ["\x00", "\n", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_control_characters_are_errors_in_name_and_description(odd):
    assert found(*prompts(f"la{odd}ke")) == [("control_character", f"mallard.{PLACE}.0", ERROR)]
    described = Prompt("mallard.d", "mallard", *BACKGROUND, "lake", f"a{odd}b")
    assert found(described) == [("control_character", "mallard.d", ERROR)]


@pytest.mark.parametrize("fine", ["кот", "猫", "क्षि", "👩‍🔬", "naïve"])
def test_other_scripts_and_joined_emoji_are_fine(fine):
    assert found(*prompts(fine)) == []
