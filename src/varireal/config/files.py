"""Reading config files, and writing what is made from the models."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from varireal.config.generate import config_yaml, keys_table, replace_between_markers, schema_json
from varireal.config.model import Config, parse_config
from varireal.errors import ConfigError
from varireal.files import write_whole
from varireal.paths import SLICES
from varireal.plaintext import said
from varireal.seeds import digest


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
        raise ConfigError(f"{path} is not YAML: {said(error)}") from error
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
