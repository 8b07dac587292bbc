"""Recipes as data: both arms, every data set, and parameters of a user's own."""

import pytest

from varireal.config.edits import masked_recipe, plain_recipe
from varireal.config.model import parse_config
from varireal.errors import ConfigError
from varireal.names import ATTRIBUTES, FEASIBILITIES


@pytest.mark.parametrize("attribute", ATTRIBUTES)
@pytest.mark.parametrize("published", ["pets", "aircraft", "cars", "waterbirds"])
def test_matched_arms_are_equal(published, attribute):
    first, second = (masked_recipe("matched", published, attribute, arm, {}) for arm in FEASIBILITIES)
    assert first == second
    assert first.use_negative
    assert not first.seeds
    assert not first.whole


@pytest.mark.parametrize(
    ("published", "attribute", "feasibility", "values"),
    [
        ("pets", "background", "feasible", {"guidance": 40, "steps": 30, "strength": 0.99, "ring_px": 120}),
        ("cars", "background", "infeasible", {"guidance": 7.5, "strength": 0.9, "ring_px": 25}),
        ("pets", "color", "feasible", {"guidance": 12, "strength": 0.3, "alpha": 0.3, "ip_scale": 0.7}),
        ("aircraft", "color", "infeasible", {"strength": 0.8, "alpha": 0.65, "ip_scale": 0.4}),
        ("cars", "texture", "feasible", {"guidance": 30, "strength": 0.65, "alpha": 0.65, "ip_scale": 0.65}),
        ("cars", "texture", "infeasible", {"guidance": 8, "strength": 0.3, "alpha": 0.65, "ip_scale": 0.4}),
        ("pets", "texture", "infeasible", {"alpha": 0.4, "ip_scale": 0.5, "strength": 0.3}),
    ],
)
def test_published_values(published, attribute, feasibility, values):
    recipe = masked_recipe("paper", published, attribute, feasibility, {})
    assert {name: getattr(recipe, name) for name in values} == values
    assert recipe.seeds == (42, 3407)
    assert not recipe.use_negative


def test_own_parameters_reach_into_the_prior():
    recipe = masked_recipe(
        "matched", "pets", "texture", "feasible", {"texture": {"alpha": 0.9, "prior": {"steps": 3}}}
    )
    assert (recipe.alpha, recipe.prior.steps, recipe.prior.guidance) == (0.9, 3, 7.5)


def test_the_baselines():
    assert plain_recipe("image2image").strength == 0.8
    assert plain_recipe("image2image").guidance == 10.5
    assert plain_recipe("text2image").steps == 30


@pytest.mark.parametrize(
    ("sdxl", "words"),
    [
        ({"recipes": {"color": {"alpah": 1}}}, ["sdxl.recipes.color", "'alpah'", "did you mean 'alpha'"]),
        ({"recipes": {"color": {"alpha": 7}}}, ["sdxl.recipes.color", "alpha", "less than or equal to 1"]),
        ({"recipes": {"shape": {}}}, ["'shape'", "background, color, texture"]),
        ({"preset": "paper", "published": "waterbirds"}, ["waterbirds", "color", "matched"]),
    ],
)
def test_mistakes_are_found_in_the_config(sdxl, words):
    with pytest.raises(ConfigError) as caught:
        parse_config({"edits": {"backend": "sdxl", "sdxl": sdxl}})
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_published_set_needs_only_the_attributes_that_are_edited():
    edits = {"backend": "sdxl", "attributes": ["background"], "sdxl": {"preset": "paper", "published": "waterbirds"}}
    assert parse_config({"edits": edits}).edits.sdxl.published == "waterbirds"
