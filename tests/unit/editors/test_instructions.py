"""What editing models are told, and the templates that a config may give."""

import json

import pytest

from varireal.config.edits import InstructEdits
from varireal.config.model import parse_config
from varireal.editors.frame import InstructionTexts, target_rgb
from varireal.errors import ConfigError
from varireal.records import Prompt


def prompt(name="coral reef", description="A reef in the sun.", attribute="background", rgb=""):
    return Prompt("p", "c", attribute, "feasible", name, description, rgb=rgb)


def wording(noun="bird", **templates):
    return InstructionTexts(InstructEdits(**templates), noun)


def test_the_template_is_filled_with_prompt_class_and_noun():
    found = wording(color="Paint the {class} {noun} in {name}; {prompt}.")
    told = found.text(prompt("hot pink", "Bright.", "color"), "grey heron")
    assert told == "Paint the grey heron bird in hot pink; hot pink: Bright."
    assert found.text(prompt("reef", ""), "x") == "Change the background to reef. Keep the bird exactly as it is."


@pytest.mark.parametrize("name", ["{noun}", "{0}", "{__class__}", "C++ {x", "100%", "\\1 \\g<0>"])
def test_names_that_look_like_fields_stay_what_they_are(name):
    found = wording(background="{class} before {prompt}")
    assert found.text(prompt(name, ""), "{prompt}") == f"{{prompt}} before {name}"


def test_an_instruction_is_one_line():
    assert wording(noun="", color="The {class} {noun} in {name}").text(prompt("a\n b", attribute="color"), "x\ty") == (
        "The x y in a b"
    )


def test_a_settings_text_depends_on_its_own_template_and_on_the_noun_it_names():
    def told(attribute, **options):
        return wording(**options).params(prompt(attribute=attribute), {"steps": 4})

    assert json.loads(told("color"))["steps"] == 4
    assert told("color") != told("color", color="Make it {name}.")
    assert told("background") == told("background", color="Make it {name}.")
    assert told("color") != told("color", noun="pet")
    assert told("color", color="{name}") == told("color", color="{name}", noun="pet")


@pytest.mark.parametrize("template", ["{colour} {name}", "Make it nicer", "Keep the {noun}"])
@pytest.mark.parametrize("block", ["instruct", "openai_images"])
def test_templates_that_cannot_work_are_refused(block, template):
    with pytest.raises(ConfigError, match="color"):
        parse_config({"study": {"name": "x"}, "edits": {block: {"color": template}}})


def test_steps_that_strength_leaves_nothing_of_are_refused():
    with pytest.raises(ConfigError, match="no step to make"):
        parse_config({"study": {"name": "x"}, "edits": {"instruct": {"steps": 4, "strength": 0.2}}})


def test_the_colour_that_is_aimed_at():
    assert target_rgb(prompt("anything", "", "color", rgb="#ff0000")) == (1.0, 0.0, 0.0)
    assert target_rgb(prompt("hot pink", "", "color")) is not None
    assert target_rgb(prompt("the colour of dreams", "", "color")) is None
    assert target_rgb(prompt("hot pink")) is None
