import pytest

from varireal.classifiers.clip import class_texts
from varireal.config import regimes as r
from varireal.config.adapters import AdaptersConfig
from varireal.records import class_names

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


def test_a_pattern_may_name_an_attribute_that_only_this_study_edits():
    edited = ("color", "weather")
    assert "no regime is called" in r.unknown_pattern(["synthetic-weather-*"])
    assert r.unknown_pattern(["synthetic-weather-*", "*-weather-mixed", "synthetic-texture-mixed"], edited) is None
    message = r.unknown_pattern(["synthetic-wether-mixed"], edited)
    assert "did you mean 'synthetic-weather-mixed'?" in message


def all_of(attributes, chosen=None):
    return r.meant_by_all(attributes, chosen), "all" in {one.attribute for one in r.every_regime(attributes, chosen)}


def test_all_means_the_published_attributes_that_are_edited_unless_the_config_says_otherwise():
    assert all_of(ALL) == (ALL, True)
    assert all_of(("texture", "weather", "color")) == (("texture", "color"), True)
    assert all_of(("color", "weather")) == (("color",), False)
    assert all_of(("weather", "season")) == ((), False)
    assert all_of(("color", "weather"), ("weather", "color")) == (("color", "weather"), True)
    assert all_of(ALL, ()) == ((), False)


def test_an_attribute_that_is_added_adds_its_own_regimes_only():
    for patterns in (["*"], ["real+synthetic-*-feasible", "synthetic-all-*"], ["*color*"]):
        before, after = slugs(patterns), slugs(patterns, (*ALL, "weather"))
        assert [slug for slug in after if "weather" not in slug] == before
    assert [slug for slug in slugs(["*"], (*ALL, "weather")) if "weather" in slug] == [
        f"{kind}-weather-{arm}" for kind in ("synthetic", "real+synthetic") for arm in r.ARMS
    ]


# Patterns that a config may have had before a kind was added: those of the package's own configs, and any others.
OLDER = [
    ["*"],
    ["real*"],
    ["real+*", "?eal"],
    ["synthetic-*"],
    ["*-feasible", "*color*", "*-mixed"],
    ["[a-z]*"],
    ["*-*-*"],
    ["real+synthetic-*"],
    list(AdaptersConfig().regimes),
]


def test_no_pattern_of_before_chooses_a_new_kind(monkeypatch):
    wanted = [slugs(patterns) for patterns in OLDER]
    new = {
        "real+shuffled": r.RegimeKind("real + shuffled", edits=True, by_name_only=True),
        "real+synthetic-shuffled": r.RegimeKind("real + shuffled", edits=True, by_name_only=True),
        "blurred": r.RegimeKind("blurred", control=True, by_name_only=True),
    }
    monkeypatch.setattr(r, "KINDS", r.KINDS | new)
    assert {regime.kind for regime in r.every_regime(ALL)} == set(r.KINDS)
    for patterns, before in zip(OLDER, wanted, strict=True):
        assert slugs(patterns) == before, patterns
    assert slugs(["blurred"]) == ["zero-shot", "blurred"]
    assert slugs(["real+shuffled-*-mixed"]) == ["zero-shot", *(f"real+shuffled-{one}-mixed" for one in (*ALL, "all"))]
    assert len(slugs(["*", "real+synthetic-shuffled-*"])) == len(slugs(["*"])) + 4 * 3
    assert r.unknown_pattern(["*blurred"]) is not None
    assert r.unknown_pattern(["blurred*", "real+shuffled*"]) is None


def test_the_name_of_a_new_kind_is_the_beginning_of_no_older_regime():
    """Else a pattern of before could spell it out."""
    older = [regime.slug for regime in r.every_regime() if not r.KINDS[regime.kind].by_name_only]
    assert len(older) == 29
    for name, kind in r.KINDS.items():
        assert not (kind.by_name_only and any(slug.startswith(name) for slug in older)), name


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
    classes = class_names({"b": "Snowy {noun} egret", "a": "gull"})
    assert class_texts("a {noun} photo of a {class}", "bird", classes) == [
        "a bird photo of a gull",
        "a bird photo of a Snowy {noun} egret",
    ]
