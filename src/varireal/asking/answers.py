"""What a model must answer, as pydantic models, and how an answer is read: strictly, and never as code."""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

M = TypeVar("M", bound=BaseModel)
# Plain letters for English: without a pattern a grammar-bound model may write broken UTF-8. Vetting looks at the rest.
_ENGLISH = {"name": r"^[A-Za-z][A-Za-z0-9 ,'-]{1,58}$", "description": r"^[A-Za-z0-9][A-Za-z0-9 ,.;:'()-]{1,250}$"}


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NamedItem(_Item):
    """A background or a texture."""

    name: str = Field(min_length=1)
    description: str


class ColorItem(_Item):
    """A colour."""

    name: str = Field(min_length=1)
    rgb: str = Field(pattern=r"^#[0-9A-Fa-f]{6}$")


class Vote(_Item):
    """Whether one prompt, by its number, is feasible."""

    number: int
    feasible: bool


class AnswerError(Exception):
    """An answer that cannot be used.

    Attributes:
        code: parse, schema, truncated or refused.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@cache
def answer_schema(item: type[BaseModel], key: str, language: str | None) -> dict[str, Any]:
    """JSON schema of ``{key: [item, ...]}``, inlined, as OpenAI's strict mode wants it. Not to be changed."""
    schema = item.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    for name, field in schema["properties"].items():
        field.pop("title", None)
        if language == "en" and name in _ENGLISH:
            field.pop("minLength", None)
            field["pattern"] = _ENGLISH[name]
    return {
        "type": "object",
        "properties": {key: {"type": "array", "items": schema}},
        "required": [key],
        "additionalProperties": False,
    }


def read_items(answer: dict[str, Any], item: type[M], key: str) -> tuple[list[M], list[str]]:
    """The items of an answer, and what is wrong with those that are not of the form.

    Args:
        answer: content, finish_reason and refusal of the server's answer.
        item: form of an item.
        key: where the list is.

    Raises:
        AnswerError: there is no usable item.
    """
    if answer.get("refusal") or answer.get("content") is None:
        raise AnswerError("refused", f"the model refused: {str(answer.get('refusal') or 'no content')[:200]}")
    cut = answer.get("finish_reason") == "length"
    try:
        found = _json(answer["content"])
    except (ValueError, RecursionError) as error:
        code = "truncated" if cut else "parse"
        why = "it was cut off before its end" if cut else f"it is not JSON ({str(error)[:120]})"
        raise AnswerError(code, why) from error
    listed = found.get(key) if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise AnswerError("schema", f"it must be an object with the list {key!r}")
    items, problems = [], []
    for raw in listed:
        try:
            items.append(item.model_validate(raw))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            problems.append(f"an entry of {key}{f', {where}' if where else ''}: {first['msg']}")
    if not items:
        raise AnswerError("schema", problems[0] if problems else f"the list {key!r} is empty")
    return items, problems


def _json(text: str) -> Any:
    """The first JSON value of a text; models like to wrap it in a fence or a sentence."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        raise ValueError("no object in it")
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    return decoder.raw_decode(text[min(starts) :])[0]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
