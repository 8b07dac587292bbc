import itertools
import re

import pytest

from varireal.config.images import DEMO_CLASSES
from varireal.editors import oklab
from varireal.names import ATTRIBUTES, FEASIBILITIES
from varireal.prompts.bank import Bank, load_bank, prompts_for, shipped_bank
from varireal.prompts.checks import check_prompts
from varireal.records import Prompt
from varireal_demo.editor import ProceduralEditor
from varireal_demo.vocabulary import Plan, understand

BANKS = ("demo_birds", "everyday")
SIX_EACH = {(attribute, feasibility): 6 for attribute in ATTRIBUTES for feasibility in FEASIBILITIES}
PHOTOS = {"boat", "car", "primate", "terrier", "wading bird"}  # what the project's test photographs show


def class_names(bank: Bank) -> dict[str, str]:
    if bank.dataset == "demo_birds":
        return dict(DEMO_CLASSES)
    return {name.replace(" ", "-"): name for name in bank.classes}


def prompts_by_class(name: str) -> dict[str, list[Prompt]]:
    bank = load_bank(shipped_bank(name))
    return {class_id: prompts_for(bank, class_id, shown) for class_id, shown in class_names(bank).items()}


ALL = [pytest.param(name, class_id, id=f"{name}-{class_id}") for name in BANKS for class_id in prompts_by_class(name)]


def test_the_banks_have_the_classes_that_they_are_for():
    assert (
        set(prompts_by_class("demo_birds"))
        == set(dict(DEMO_CLASSES))
        == set(load_bank(shipped_bank("demo_birds")).classes)
    )
    assert PHOTOS | {"cat", "dog", "aircraft", "mug"} == set(load_bank(shipped_bank("everyday")).classes)


@pytest.mark.parametrize("name", BANKS)
def test_every_class_has_six_per_setting_and_no_check_complains(name):
    bank = load_bank(shipped_bank(name))
    names = class_names(bank)
    for prompts in prompts_by_class(name).values():
        assert check_prompts(prompts, noun=bank.noun, class_names=names, minimum=SIX_EACH) == []


@pytest.mark.parametrize("name", BANKS)
def test_texts_are_short_plain_and_end_as_sentences(name):
    for prompt in itertools.chain(*prompts_by_class(name).values()):
        assert 1 <= len(prompt.name.split()) <= 4, prompt
        assert re.fullmatch(r"[A-Z][^.:]{5,100}\.", prompt.description), prompt


@pytest.mark.parametrize(("name", "class_id"), ALL)
def test_the_procedural_editor_understands_every_prompt(name, class_id):
    editor = ProceduralEditor()
    for prompt in prompts_by_class(name)[class_id]:
        editor.check(prompt)


@pytest.mark.parametrize(("name", "class_id"), ALL)
def test_no_two_prompts_of_a_class_come_to_the_same_edit(name, class_id):
    seen: dict[tuple[str, object], str] = {}
    for prompt in prompts_by_class(name)[class_id]:
        key = (prompt.attribute, _essence(understand(prompt)))
        assert key not in seen, f"{prompt.prompt_id} does the same as {seen[key]}"
        seen[key] = prompt.prompt_id


def _essence(plan: Plan) -> object:
    if plan.attribute == "background":
        return plan.scene
    return plan.material, tuple(color.rgb for color in plan.colors)


@pytest.mark.parametrize(("name", "class_id"), ALL)
def test_an_infeasible_colour_is_far_from_every_feasible_one(name, class_id):
    colors: dict[str, list] = {"feasible": [], "infeasible": []}
    for prompt in prompts_by_class(name)[class_id]:
        if prompt.attribute == "color":
            colors[prompt.feasibility].append((prompt.name, understand(prompt).colors[0]))
    for (odd, left), (usual, right) in itertools.product(colors["infeasible"], colors["feasible"]):
        apart = float(abs(oklab.from_srgb(left.rgb) - oklab.from_srgb(right.rgb)).max())
        assert apart > 0.08 or left.finish != right.finish, f"{odd} is as {usual}"
