"""Files that are made from the config models: ``config.yaml``, its JSON schema, and the table of keys in the README.

``varireal config generate`` writes them; a test fails when they are stale.
"""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from varireal.config.model import Config, parse_config
from varireal.core.files import error_text, write_whole
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


# Reading config files, and writing what is made from the models.


def load_config(paths: Iterable[Path], values: Mapping[str, Any] | None = None) -> Config:
    """Read config files, each on top of the one before, as ``snakemake --configfile`` does; none gives the defaults.

    Args:
        paths: the files.
        values: on top of them, as ``snakemake --config`` gives them.

    Raises:
        ConfigError: a file is missing, is not YAML, or the whole is not a valid config.
    """
    merged: dict[str, Any] = {}
    files = list(paths)
    for path in files:
        merged = _merge(merged, read_yaml(path))
    merged = _merge(merged, values or {})
    return parse_config(merged, place=", ".join(str(path) for path in files) or "defaults")


def read_yaml(path: Path) -> dict[str, Any]:
    """A config file as it is.

    Raises:
        ConfigError: it is missing, is not YAML, or no mapping.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error_text(error)}") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} holds {type(raw).__name__}, expected a mapping of keys such as 'study:'")
    return raw


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


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
