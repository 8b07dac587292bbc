"""What the config says about one prompt: its recipe, its texts, its priors, and what its pictures depend on. Light."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from varireal.attributes import BACKGROUND, COLOR, PRIOR, attribute_row
from varireal.config.edits import MaskedRecipe, PlainRecipe, PriorRecipe, SdxlEdits, masked_recipe, plain_recipe
from varireal.config.machine import ModelRef
from varireal.core.seeds import digest, stable_int
from varireal.editors.base import PoolEntry
from varireal.editors.colors import prompt_color
from varireal.editors.diffusion.encoding import Weighted, edit_text, plain_text, prior_text
from varireal.names import DEFAULT_POOL
from varireal.records import Prompt, rgb_values

_FIELD = re.compile(r"\{(class|name)\}")
# Models of edits of the object, besides those of all masked edits.
_ON_OBJECT = ("base", "controlnet", "ip_adapter")


@dataclass(frozen=True, slots=True)
class PriorJob:
    """One prior picture to make.

    Attributes:
        text: its prompt.
        recipe: steps, guidance, negative prompt.
        seed: of its noise.
    """

    text: Weighted
    recipe: PriorRecipe
    seed: int


@dataclass(frozen=True, slots=True)
class EditText:
    """The text of an edit.

    Attributes:
        encoders: whose text encoders read it: inpaint, base or plain.
        text: the prompt.
        negative: negative prompt; None when none is used.
    """

    encoders: str
    text: Weighted
    negative: str | None


@dataclass(frozen=True)
class SdxlTexts:
    """Recipes and texts of one config.

    Attributes:
        settings: the block ``edits.sdxl``.
        noun: what all classes are.
    """

    settings: SdxlEdits
    noun: str

    @cached_property
    def plain(self) -> PlainRecipe | None:
        """The recipe of a mode without a mask; None in the masked mode."""
        return None if self.settings.mode == "masked" else plain_recipe(self.settings.mode)

    def recipe(self, prompt: Prompt) -> Any:
        """The recipe of a prompt's setting."""
        settings, setting = self.settings, (prompt.attribute, prompt.feasibility)
        if setting not in self._recipes:
            self._recipes[setting] = masked_recipe(settings.preset, settings.published, *setting, settings.recipes)
        return self._recipes[setting]

    @cached_property
    def _recipes(self) -> dict[tuple[str, str], Any]:
        return {}

    def text(self, prompt: Prompt, class_name: str) -> EditText:
        """The text of an edit of a photo of a class."""
        if self.plain is not None:
            template = self.plain.template[prompt.attribute]
            filled = {"class": f"{self.noun} {class_name}".strip(), "name": prompt.name}
            return EditText("plain", plain_text(_filled(template, filled)), None)
        recipe: MaskedRecipe = self.recipe(prompt)
        text = edit_text(recipe, prompt, class_name=class_name, noun=self.noun, weights=self.settings.weights)
        # as published: colours are read by the ControlNet's base model, textures by the inpainting model
        encoders = "base" if COLOR in attribute_row(prompt.attribute).needs else "inpaint"
        return EditText(encoders, text, recipe.negative if recipe.use_negative else None)

    def needs_prior(self, prompt: Prompt) -> bool:
        """Whether edits of a prompt start from a prior picture."""
        return self.plain is None and PRIOR in attribute_row(prompt.attribute).needs

    def prior_job(self, prompt: Prompt, class_name: str, seed: int) -> PriorJob:
        """A prior picture of a prompt."""
        recipe = self.recipe(prompt)
        text = prior_text(
            recipe, recipe.prior, prompt, class_name=class_name, noun=self.noun, weights=self.settings.weights
        )
        return PriorJob(text, recipe.prior, seed)

    def pool(self, prompt: Prompt, class_name: str, seed: int, revision: str | None) -> list[PoolEntry]:
        """The prior pictures that edits of a prompt draw from; empty when each has its own or none.

        Args:
            prompt: the prompt.
            class_name: the photo's class; where the prior's text does not name it, classes share the pictures.
            seed: of the study.
            revision: of the prior model.
        """
        settings = self.settings
        size = DEFAULT_POOL[settings.preset] if settings.pool_size is None else settings.pool_size
        if not self.needs_prior(prompt) or not size:
            return []
        text = self.prior_job(prompt, class_name, 0).text
        entries = []
        for number in range(size):
            job = self.prior_job(prompt, class_name, stable_int("prior", seed, text.plain, number))
            recipe_settings = [job.recipe.for_keys(), settings.size, revision]
            prior_id = digest(
                "prior", json.dumps(recipe_settings, sort_keys=True), text.parts, text.pooled, text.parsed, job.seed
            )
            entries.append(PoolEntry(prior_id, text.plain, number, job.seed, job))
        return entries

    def used_models(self, name: str) -> dict[str, ModelRef]:
        """The models of edits of an attribute by their keys in the config."""
        models = self.settings.models
        keys = ["vae", "safety_checker", "inpaint" if self.plain is None else "plain"]
        if self.plain is None:
            row = attribute_row(name)
            keys += [*(() if row.region == BACKGROUND else _ON_OBJECT), *(("prior",) if PRIOR in row.needs else ())]
        refs = {key: getattr(models, key) for key in keys}
        return {key: ref for key, ref in refs.items() if ref is not None}

    def params(self, prompt: Prompt) -> str:
        """Everything of the settings that pictures of a prompt's setting depend on, as JSON."""
        recipe = self.recipe(prompt) if self.plain is None else self.plain
        shared = self.settings.for_keys(include=("mode", "preset", "size", "weights", "speed"))
        return json.dumps([shared, recipe.for_keys(), self.noun], sort_keys=True)

    @property
    def marks(self) -> tuple[str, ...]:
        """What makes pictures differ from those of the recipe."""
        speed = self.settings.speed
        marks = [f"few_step:{speed.scheduler}"] if speed.scheduler != "published" else []
        marks += [f"lora:{speed.lora.id}"] if speed.lora is not None else []
        marks += [f"steps:{speed.steps}"] if speed.steps is not None else []
        return (*marks, *([f"guidance:{speed.guidance:g}"] if speed.guidance is not None else []))


def flat_color(prompt: Prompt) -> tuple[int, int, int]:
    """The colour that a colour prompt asks for, in levels of 255.

    Raises:
        UnknownPromptError: it has no RGB of its own, and its name is no known colour.
    """
    rgb = rgb_values(prompt.rgb) if prompt.rgb else prompt_color(prompt).rgb
    red, green, blue = (round(255 * part) for part in rgb)
    return red, green, blue


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The template with its fields replaced in one pass, so that a value that looks like a field stays what it is."""
    return _FIELD.sub(lambda field: values[field.group(1)], template)
