"""The banks of the published data sets: what the procedural editor makes of them, class by class."""

import itertools
import re

import pytest

from published_kit import CARS, VARIANTS
from varireal.datasets.splits import class_slugs
from varireal.editors import oklab
from varireal.names import ATTRIBUTES, FEASIBILITIES
from varireal.prompts.bank import load_bank, prompts_for, shipped_bank
from varireal.prompts.checks import check_prompts
from varireal.records import Prompt
from varireal_demo.vocabulary import Plan, understand

# What the presets ask for: edits.per_image prompts in every setting.
FIVE_EACH = {(attribute, feasibility): 5 for attribute in ATTRIBUTES for feasibility in FEASIBILITIES}
BIRDS = ("landbird", "waterbird")


def class_names(bank: str) -> dict[str, str]:
    shown = {"aircraft": VARIANTS, "cars": CARS, "waterbirds": BIRDS}.get(bank)
    slugs = class_slugs(shown or list(load_bank(shipped_bank("pets")).classes))
    return {class_id: name for name, class_id in slugs.items()}


def prompts_by_class(bank: str) -> dict[str, list[Prompt]]:
    read = load_bank(shipped_bank(bank))
    return {class_id: prompts_for(read, class_id, name) for class_id, name in class_names(bank).items()}


BANKS = ("pets", "aircraft", "cars", "waterbirds")


@pytest.mark.parametrize("bank", BANKS)
def test_every_class_has_five_per_setting_and_no_check_complains(bank):
    noun, names = load_bank(shipped_bank(bank)).noun, class_names(bank)
    for prompts in prompts_by_class(bank).values():
        assert check_prompts(prompts, noun=noun, class_names=names, minimum=FIVE_EACH) == []


@pytest.mark.parametrize("bank", BANKS)
def test_texts_are_short_and_descriptions_are_sentences(bank):
    for prompt in itertools.chain(*prompts_by_class(bank).values()):
        assert 1 <= len(prompt.name.split()) <= 4, prompt
        assert re.fullmatch(r"([A-Z][^.:]{5,100}\.)?", prompt.description), prompt


@pytest.mark.parametrize("bank", BANKS)
def test_no_two_prompts_of_a_class_come_to_the_same_edit(bank):
    for prompts in prompts_by_class(bank).values():
        seen: dict[tuple[str, object], str] = {}
        for prompt in prompts:
            key = (prompt.attribute, _essence(understand(prompt)))
            assert key not in seen, f"{prompt.prompt_id} does the same as {seen[key]}"
            seen[key] = prompt.prompt_id


def _essence(plan: Plan) -> object:
    if plan.attribute == "background":
        return plan.scene
    return plan.material, tuple(color.rgb for color in plan.colors)


@pytest.mark.parametrize("bank", BANKS)
def test_an_infeasible_colour_is_far_from_every_feasible_one(bank):
    for prompts in prompts_by_class(bank).values():
        colors: dict[str, list] = {"feasible": [], "infeasible": []}
        for prompt in prompts:
            if prompt.attribute == "color":
                colors[prompt.feasibility].append((prompt.name, understand(prompt).colors[0]))
        for (odd, left), (usual, right) in itertools.product(colors["infeasible"], colors["feasible"]):
            apart = float(abs(oklab.from_srgb(left.rgb) - oklab.from_srgb(right.rgb)).max())
            assert apart > 0.08 or left.finish != right.finish, f"{odd} is as {usual}"
