"""What a model is asked about a candidate: texts from a YAML file, filled in. Light; the arm is no input of it."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from varireal.config.judging import QuestionsConfig
from varireal.errors import ConfigError
from varireal.names import ATTRIBUTES
from varireal.plaintext import one_line
from varireal.seeds import digest

PRESENT, FEASIBLE = ("present_1", "present_2"), ("feasible_1", "feasible_2")
MAIN = (*PRESENT, *FEASIBLE)
# Columns of the answers: the question and its twin, about the picture and about the grey one.
TWIN, BLANK = "_twin", "_blank"
ON_PICTURE = tuple(f"{key}{end}" for key in MAIN for end in ("", TWIN))
ON_BLANK = tuple(f"{key}{BLANK}" for key in ON_PICTURE)
EVERY = (*ON_PICTURE, *ON_BLANK)

_SLOT = re.compile(r"\{([a-z]*)\}")
_SLOTS = {"noun", "class", "name", "question"}
# "(tropical beach)1.2" weighs words for an editor; it is no English.
_WEIGHT = r"\s*(?:\d+(?:\.\d+)?|[+-]+)"
_WEIGHTED = (re.compile(rf"^\((.*)\){_WEIGHT}$"), re.compile(rf"\(([^()]*)\){_WEIGHT}"))
_LONGEST_VALUE = 120

Texts = Mapping[str, Any]


def plain_name(name: str) -> str:
    """A prompt's name without weight syntax: ``(tropical beach)1.2`` is ``tropical beach``."""
    for pattern in _WEIGHTED:
        name = pattern.sub(r"\1", name.strip())
    return name.strip()


class Questions:
    """The questions of a study.

    Args:
        config: which questions.
        noun: what all classes are.

    Raises:
        ConfigError: the file cannot be read, or lacks something.
    """

    def __init__(self, config: QuestionsConfig, noun: str) -> None:
        self._config, self._noun = config, noun
        self._texts = read_questions(config)

    def about(self, *, attribute: str, class_name: str, name: str) -> dict[str, str]:
        """Texts by key of ``ON_PICTURE``; a twin is missing when it is switched off or the file has none.

        Args:
            attribute: background, color or texture.
            class_name: display name of the class.
            name: what was put in.
        """
        values = {"noun": _clean(self._noun), "class": _clean(class_name), "name": _clean(plain_name(name))}
        asked = {}
        for key, forms in self._texts[attribute].items():
            asked[key] = self._framed(forms["ask"], values)
            if self._config.twins and "twin" in forms:
                asked[key + TWIN] = self._framed(forms["twin"], values)
        return asked

    @property
    def blank(self) -> bool:
        """Whether everything is also asked about a grey picture. The published filter has no controls."""
        return self._config.blank and self._config.preset != "paper"

    def _framed(self, question: str, values: Mapping[str, str]) -> str:
        return _fill(self._texts["instruction"], {"question": _fill(question, values)})


def _clean(value: str) -> str:
    """Data for a question: one line, no quotation mark that could end the quotation, not endless."""
    return one_line(value).replace('"', "'").strip()[:_LONGEST_VALUE]


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into their slots; what a value holds is never looked at again."""
    return _SLOT.sub(lambda found: values.get(found.group(1), found.group(0)), template)


def read_questions(config: QuestionsConfig) -> Texts:
    """The file's texts, checked.

    Raises:
        ConfigError: the file cannot be read, or lacks something.
    """
    return _checked(_text(config), config.file or f"{config.preset}.yaml")


def questions_digest(config: QuestionsConfig) -> str:
    """Digest of the texts, which the config only names."""
    return digest("questions", _text(config), size=8)


def _text(config: QuestionsConfig) -> str:
    if config.file is None:
        return (files("varireal") / "assets" / "judging" / f"{config.preset}.yaml").read_text("utf-8")
    try:
        return Path(config.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"verdicts.questions.file: {config.file} cannot be read: {error}") from error


@cache
def _checked(text: str, place: str) -> Texts:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"verdicts.questions.file: {place} is not YAML: {one_line(str(error))}") from error
    if not isinstance(found, dict) or "{question}" not in str(found.get("instruction")):
        raise ConfigError(f"verdicts.questions.file: {place} has no 'instruction' with {{question}} in it")
    for attribute in ATTRIBUTES:
        _check_attribute(found.get(attribute), f"{place}, {attribute}")
    return found


def _check_attribute(asked: Any, place: str) -> None:
    if not isinstance(asked, dict) or sorted(asked) != sorted(MAIN):
        raise ConfigError(f"verdicts.questions.file: {place} must have exactly {', '.join(MAIN)}")
    for key, forms in asked.items():
        known = isinstance(forms, dict) and {"ask"} <= set(forms) <= {"ask", "twin"}
        if not known or not all(isinstance(text, str) and text.strip() for text in forms.values()):
            raise ConfigError(f"verdicts.questions.file: {place}.{key} must have the text 'ask', and may have 'twin'")
        unknown = {slot for text in forms.values() for slot in _SLOT.findall(text)} - (_SLOTS - {"question"})
        if unknown:
            raise ConfigError(
                f"verdicts.questions.file: {place}.{key} has {{{min(unknown)}}}; "
                "only {noun}, {class} and {name} are filled in"
            )
