"""What a model is asked about a candidate: texts from a YAML file, filled in. Light; the arm is no input of it."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from varireal import attributes
from varireal.config.verdicts import QuestionsConfig
from varireal.core.files import one_line
from varireal.core.seeds import digest
from varireal.errors import ConfigError
from varireal.names import MAIN, TWIN

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
        ConfigError: the file cannot be read, or is none of questions.
    """

    def __init__(self, config: QuestionsConfig, noun: str) -> None:
        self._config, self._noun = config, noun
        self._text = _text(config)
        self._instruction = _asked(config, self._text, ())["instruction"]

    def about(self, *, attribute: str, class_name: str, name: str) -> dict[str, str]:
        """Texts by key of ``ON_PICTURE``; a twin is missing when it is switched off or the file has none.

        Args:
            attribute: what was edited.
            class_name: display name of the class.
            name: what was put in.

        Raises:
            ConfigError: the file has no questions about the attribute.
        """
        values = {"noun": _clean(self._noun), "class": _clean(class_name), "name": _clean(plain_name(name))}
        asked = {}
        for key, forms in _asked(self._config, self._text, (attribute,))[attribute].items():
            asked[key] = self._framed(forms["ask"], values)
            if self._config.twins and "twin" in forms:
                asked[key + TWIN] = self._framed(forms["twin"], values)
        return asked

    @property
    def blank(self) -> bool:
        """Whether everything is also asked about a grey picture. The published filter has no controls."""
        return self._config.blank and self._config.preset != "paper"

    def _framed(self, question: str, values: Mapping[str, str]) -> str:
        return _fill(self._instruction, {"question": _fill(question, values)})


def _clean(value: str) -> str:
    """Data for a question: one line, no quotation mark that could end the quotation, not endless."""
    return one_line(value).replace('"', "'").strip()[:_LONGEST_VALUE]


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into their slots; what a value holds is never looked at again."""
    return _SLOT.sub(lambda match: values.get(match.group(1), match.group(0)), template)


def read_questions(config: QuestionsConfig, edited: Sequence[str] = ()) -> Texts:
    """The file's texts.

    Args:
        config: which questions.
        edited: attributes that must be asked about; what the file says of others is not looked at.

    Raises:
        ConfigError: the file cannot be read, or lacks something.
    """
    return _asked(config, _text(config), edited)


def questions_digest(config: QuestionsConfig, edited: Sequence[str] | None = None) -> str:
    """Digest of the texts, which the config only names.

    Args:
        config: which questions.
        edited: attributes of the study; sections about attributes that the package learned later and the study
            does not edit are left out, so that they run nothing again. None takes the whole file.
    """
    text = _text(config)
    if edited is None:
        return digest("questions", text, size=8)
    more = [json.dumps([name, attributes.every()[name].questions]) for name in _in_rows(config, edited)]
    return digest("questions", _without(text, attributes.uncounted(edited)), *more, size=8)


def _in_rows(config: QuestionsConfig, edited: Sequence[str]) -> tuple[str, ...]:
    """Attributes whose rows have questions: the package's files say nothing about those of other packages."""
    rows = attributes.every()
    return tuple(name for name in edited if config.file is None and name in rows and rows[name].questions)


def _asked(config: QuestionsConfig, text: str, edited: Sequence[str]) -> Texts:
    place = config.file or f"{config.preset}.yaml"
    return _checked(text, place, tuple(edited), _in_rows(config, edited))


def _text(config: QuestionsConfig) -> str:
    if config.file is None:
        return (files("varireal") / "assets" / "judging" / f"{config.preset}.yaml").read_text("utf-8")
    try:
        return Path(config.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"verdicts.questions.file: {config.file} cannot be read: {error}") from error


def _without(text: str, sections: Collection[str]) -> str:
    """The text less some of its top sections; as it is where it is no mapping, which is told when it is read."""
    if not sections:
        return text
    try:
        top = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return text
    if not isinstance(top, yaml.MappingNode):
        return text
    starts = [key.start_mark.index for key, _ in top.value]
    parts = zip(top.value, starts, [*starts[1:], len(text)], strict=True)
    left = [text[start:end] for (key, _), start, end in parts if key.value not in sections]
    return text[: starts[0]] + "".join(left) if starts else text


@cache
def _checked(text: str, place: str, edited: tuple[str, ...], in_rows: tuple[str, ...]) -> Texts:
    try:
        texts = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"verdicts.questions.file: {place} is not YAML: {one_line(str(error))}") from error
    if not isinstance(texts, dict) or "{question}" not in str(texts.get("instruction")):
        raise ConfigError(f"verdicts.questions.file: {place} has no 'instruction' with {{question}} in it")
    texts = {name: attributes.attribute_row(name).questions for name in in_rows} | texts
    for attribute in edited:
        _check_attribute(texts.get(attribute), f"{place}, {attribute}")
    return texts


def _check_attribute(asked: Any, place: str) -> None:
    if not isinstance(asked, Mapping) or sorted(asked) != sorted(MAIN):
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
