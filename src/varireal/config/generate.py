"""Files that are made from the config models: ``config.yaml``, its JSON schema, and the table of keys in the README.

``varireal config generate`` writes them; a test fails when they are stale. ``varireal config write`` writes a slice.
"""

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from varireal.config.model import Config
from varireal.core.files import write_whole
from varireal.core.paths import SLICES
from varireal.core.seeds import digest
from varireal.errors import ConfigError

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
    # a constraint is a small dataclass such as Ge(ge=1)
    bounds = {name: getattr(m, name) for m in field.metadata for name in ("ge", "le") if hasattr(m, name)}
    words = _listed(field) or _type_words(field.annotation)
    if "ge" in bounds:
        words += f" {bounds['ge']} to {bounds['le']}" if "le" in bounds else f" from {bounds['ge']}"
    return words


def _listed(field: FieldInfo) -> str:
    """Names that the schema lists because a table has them."""
    schema: dict[str, Any] = {}
    if callable(field.json_schema_extra):
        field.json_schema_extra(schema)
    return ", ".join(schema.get("enum", ()))


def _type_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        listed = [_listed(mark) for mark in annotation.__metadata__ if isinstance(mark, FieldInfo)]
        return next(filter(None, listed), "") or _type_words(get_args(annotation)[0])
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


def write_text(*, text: str, output: Path) -> int:
    """Write a stage's slice to its file, whole or not at all.

    A copy under its digest stays beside it when the config changes: by it ``varireal why`` and ``varireal replay``
    know what an older table was made with.

    Args:
        text: the slice as JSON; ``-`` reads it from standard input, for one argument takes no more than 128 KiB, which
            2,000 classes fill.
        output: its file.
    """
    if text == "-":
        text = sys.stdin.read().removesuffix("\n")
    write_whole(output.parent / SLICES / f"{digest('slice', text, size=8)}.json", text + "\n")
    write_whole(output, text + "\n")
    return 0


def generated_files(root: Path) -> dict[Path, str]:
    """Every generated file with the text that it must have.

    Raises:
        ConfigError: the README lacks the markers of the table.
    """
    readme = root / "README.md"
    try:
        page = replace_between_markers(readme.read_text(encoding="utf-8"), keys_table())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{readme}: {error}") from error
    return {
        root / "config.yaml": config_yaml(),
        root / "workflow" / "schemas" / "config.schema.json": schema_json(),
        readme: page,
    }


def generate(*, root: Path) -> int:
    """Write every generated file afresh."""
    for path, text in generated_files(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0
