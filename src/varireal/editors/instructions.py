"""What an editing model is told: the config's template, filled with a prompt and the photo's class."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from varireal.config.instruct import FIELD, Instructions
from varireal.editors.vocabulary import understand
from varireal.errors import UnknownPromptError
from varireal.records import Prompt, rgb_values

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Wording:
    """The instructions of one config.

    Attributes:
        templates: by attribute.
        noun: what all classes are.
    """

    templates: Instructions
    noun: str

    def template(self, attribute: str) -> str:
        """The template of an attribute."""
        text: str = getattr(self.templates, attribute)
        return text

    def text(self, prompt: Prompt, class_name: str) -> str:
        """The instruction of one edit, in one line.

        A template is filled in one pass, so a class or prompt that holds braces or looks like a field stays what it
        is; nothing in it is a command of ours.

        Args:
            prompt: what to put in.
            class_name: display name of the photo's class.
        """
        description = prompt.description.rstrip(" .")
        values = {
            "prompt": f"{prompt.name}: {description}" if description else prompt.name,
            "name": prompt.name,
            "class": class_name,
            "noun": self.noun,
        }
        filled = FIELD.sub(lambda found: values[found.group(1)], self.template(prompt.attribute))
        return " ".join(filled.split())

    def params(self, prompt: Prompt, others: Mapping[str, Any]) -> str:
        """Everything of the settings that pictures of a prompt depend on, as JSON.

        Args:
            prompt: only its attribute's template counts, and the noun only where the template names it.
            others: settings that all attributes share.
        """
        template = self.template(prompt.attribute)
        told = {"template": template, "noun": self.noun if "{noun}" in template else "", **others}
        return json.dumps(told, sort_keys=True)


def target_rgb(prompt: Prompt) -> Rgb | None:
    """The sRGB colour in 0..1 that a colour prompt asks for; None where nobody says which one it is."""
    if prompt.attribute != "color":
        return None
    if prompt.rgb:
        return rgb_values(prompt.rgb)
    try:
        red, green, blue = understand(prompt).colors[0].rgb
    except (UnknownPromptError, IndexError):
        return None
    return red, green, blue
