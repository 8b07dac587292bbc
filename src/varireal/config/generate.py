"""Files that are made from the config models: ``config.yaml``, its JSON schema, and the table of keys in the README.

``varireal config generate`` writes them; a test fails when they are stale.
"""

import json
import textwrap
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from varireal.config.model import Config

_HEADER = """\
# yaml-language-server: $schema=workflow/schemas/config.schema.json
# Every key of VariReal with its default: the demo study. Made by `varireal config generate`: copy what you change
# into a file of your own (studies/my_photos.yaml shows how) and pass it with `snakemake --configfile`.
"""

MARKERS = ("<!-- config keys: generated -->", "<!-- end of config keys -->")


def config_yaml() -> str:
    """Text of ``config.yaml``: every key, its default and its description."""
    return _HEADER + "\n".join(_block(Config(), 0)) + "\n"


def _block(model: BaseModel, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if depth == 0:
            yield ""
        for line in textwrap.wrap(field.description or "", 116 - len(pad)):
            yield f"{pad}# {line}"
        if isinstance(value, BaseModel):
            yield f"{pad}{name}:"
            yield from _block(value, depth + 1)
        else:
            yield f"{pad}{name}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    """A value as YAML in one line; JSON is YAML, but bare words read better."""
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() and not value[0].isdigit():
        return value
    text = json.dumps(value)
    # YAML takes 1e-08 for text; a number in that form needs its point
    return text.replace("e-", ".0e-") if isinstance(value, float) and "." not in text else text


def schema_json() -> str:
    """Text of the JSON schema, for editors."""
    schema = Config.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def keys_table() -> str:
    """Markdown table of all keys: name, allowed values, default, meaning."""
    rows = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    rows += [f"| `{key}` | {allowed} | `{default}` | {doc} |" for key, allowed, default, doc in _leaves(Config(), "")]
    return "\n".join(rows)


def _leaves(model: BaseModel, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _allowed(field), _scalar(value), field.description or ""


def _allowed(field: FieldInfo) -> str:
    bounds = {type(m).__name__: next(iter(_values(m).values())) for m in field.metadata if _values(m)}
    words = _type_words(field.annotation)
    if "Ge" in bounds and "Le" in bounds:
        words += f" {bounds['Ge']} to {bounds['Le']}"
    elif "Ge" in bounds:
        words += f" from {bounds['Ge']}"
    return words


def _values(constraint: Any) -> dict[str, Any]:

    # a constraint is a small dataclass such as Ge(ge=1)
    return {name: getattr(constraint, name) for name in getattr(constraint, "__dataclass_fields__", ())}


def _type_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return ", ".join(str(value) for value in get_args(annotation))
    if origin in (Union, UnionType):
        return " or ".join(_type_words(part) for part in get_args(annotation))
    if origin is tuple:
        return "list of " + _type_words(get_args(annotation)[0])
    if origin is dict:
        return "mapping" if get_args(annotation)[1] is Any else "mapping of text to text"
    if origin is not None and get_args(annotation):
        return _type_words(get_args(annotation)[0])
    return {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}.get(
        annotation, str(annotation)
    )


def replace_between_markers(text: str, new: str) -> str:
    """Put ``new`` between the two markers of a page.

    Raises:
        ValueError: the page lacks a marker.
    """
    start, end = MARKERS
    if start not in text or end not in text:
        raise ValueError(f"the page lacks {start} or {end}")
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    return f"{head}{start}\n{new}\n{end}{tail}"
