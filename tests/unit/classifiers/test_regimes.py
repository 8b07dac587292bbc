import pytest

from varireal.classifiers.clip import class_texts
from varireal.config import regimes as r

ALL = ("background", "color", "texture")


def slugs(patterns, attributes=ALL):
    return [regime.slug for regime in r.chosen_regimes(patterns, attributes)]


def test_every_regime_is_listed_once_in_the_order_of_display():
    found = [regime.slug for regime in r.every_regime(ALL)]
    assert found[:5] == ["zero-shot", "real", "classic-augmentation", "duplicated-real", "identity-edits"]
    assert len(found) == len(set(found)) == 5 + 2 * 4 * 3
    assert "all" not in {regime.attribute for regime in r.every_regime(("color",))}


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ([], []),
        (["real"], ["zero-shot", "real"]),
        (["identity-edits", "real"], ["zero-shot", "real", "identity-edits"]),
        (["synthetic-all-*"], ["zero-shot", *(f"synthetic-all-{arm}" for arm in ("feasible", "infeasible", "mixed"))]),
        (
            ["real+synthetic-*-feasible"],
            ["zero-shot", *(f"real+synthetic-{attribute}-feasible" for attribute in (*ALL, "all"))],
        ),
        (["zero-shot"], ["zero-shot"]),
    ],
)
def test_patterns_choose_regimes(patterns, wanted):
    assert slugs(patterns) == wanted


def test_attributes_that_the_study_does_not_edit_have_no_regime():
    assert slugs(["synthetic-*-feasible"], ("color", "texture")) == [
        "zero-shot",
        "synthetic-color-feasible",
        "synthetic-texture-feasible",
        "synthetic-all-feasible",
    ]


def test_an_unknown_pattern_is_named_with_the_nearest_regime():
    assert r.unknown_pattern(["real", "synthetic-*"]) is None
    message = r.unknown_pattern(["real", "real+synthetic-colour-feasible"])
    assert message.startswith(
        "no regime is called 'real+synthetic-colour-feasible'; did you mean 'real+synthetic-color-feasible'? known: "
    )
    assert "did you mean" not in r.unknown_pattern(["%%%"])


def test_comparisons_are_made_between_chosen_regimes_only():
    def pairs(patterns):
        return {(item.a, item.b) for item in r.comparisons(r.chosen_regimes(patterns, ALL))}

    assert pairs(["real"]) == {("real", "zero-shot")}
    assert pairs(["synthetic-color-feasible"]) == set()
    arms = ("synthetic-color-feasible", "synthetic-color-infeasible")
    assert pairs(["synthetic-color-*"]) == {arms}
    assert pairs(["real", "synthetic-color-*", "identity-edits"]) == {
        arms,
        ("real", "zero-shot"),
        ("identity-edits", "real"),
        *((f"synthetic-color-{arm}", "real") for arm in ("feasible", "infeasible", "mixed")),
    }


def test_the_studys_question_is_a_family_of_its_own():
    found = r.comparisons(r.every_regime(ALL))
    main = [item for item in found if item.family == r.MAIN_FAMILY]
    assert len(main) == 8  # two kinds, three attributes and all
    assert {item.a.removesuffix("-feasible") for item in main} == {item.b.removesuffix("-infeasible") for item in main}
    assert [item.name for item in found if item.family == r.TRAINING_FAMILY] == ["real − zero-shot"]
    assert len([item for item in found if item.family == r.BASELINE_FAMILY]) == 3 + 24


def test_texts_follow_the_class_numbers_and_fill_names_in_as_they_are():
    classes = {"b": "Snowy {noun} egret", "a": "gull"}
    assert class_texts("a {noun} photo of a {class}", "bird", classes) == [
        "a bird photo of a gull",
        "a bird photo of a Snowy {noun} egret",
    ]
