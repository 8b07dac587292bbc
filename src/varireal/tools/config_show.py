"""`varireal config show`: every key of a study's config, its value, and where it came from, as YAML.

What is printed is a config again: given with ``--configfile`` it means the same study.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from varireal.config.finding import ConfigSource, config_source
from varireal.config.generate import one_line_yaml
from varireal.config.model import Config

_WIDTH = 80
_COLUMN = 44  # where the origins begin, as far as the values are short enough
_WORD = 12  # lines are broken behind the word that reaches the width
_DEFAULT, _COMMAND_LINE = "default", "command line"
_MERGE = "tag:yaml.org,2002:merge"

Place = tuple[str, ...]


def run(*, configfile: Sequence[Path], study: Path | None = None, changed: bool = False) -> int:
    """Print the config of a study.

    Args:
        configfile: config files of the study.
        study: its folder, by which its files are found when none is given.
        changed: print only the keys whose value is not the default.

    Raises:
        ConfigError: as of every command that reads a config.
    """
    source = config_source(configfile, study)
    sys.stdout.write("\n".join(config_lines(source.load(), origins(source), changed=changed)) + "\n")
    return 0


def origins(source: ConfigSource) -> dict[Place, str]:
    """Where each key that was given has its value from, the last that gave it: ``FILE:LINE`` or ``command line``."""
    given: dict[Place, str] = {}
    for path in source.layers:
        tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        given |= {place: f"{path}:{line}" for place, line in _lines_of(tree, ())}
    return given | dict.fromkeys(_places_of(source.values, ()), _COMMAND_LINE)


def _lines_of(node: yaml.Node | None, above: Place) -> Iterator[tuple[Place, int]]:
    """Every key below a node, with its line from 1; what ``<<`` merges in comes first, for the keys beside it win."""
    if isinstance(node, yaml.SequenceNode):  # of mappings that '<<' merges; the first one wins
        for member in reversed(node.value):
            yield from _lines_of(member, above)
    if isinstance(node, yaml.MappingNode):
        for key, value in sorted(node.value, key=lambda pair: pair[0].tag != _MERGE):
            if key.tag == _MERGE:
                yield from _lines_of(value, above)
                continue
            yield (*above, key.value), key.start_mark.line + 1
            if not isinstance(value, yaml.SequenceNode):
                yield from _lines_of(value, (*above, key.value))


def _places_of(values: Mapping[str, Any], above: Place) -> Iterator[Place]:
    for key, value in values.items():
        yield (*above, str(key))
        if isinstance(value, Mapping):
            yield from _places_of(value, (*above, str(key)))


def config_lines(config: Config, given: Mapping[Place, str], *, changed: bool) -> Iterator[str]:
    """The config as lines of YAML, at most 80 columns wide where words allow.

    Args:
        config: the config.
        given: where the keys that were given have their value from.
        changed: leave out keys that have their default.
    """
    leaves = list(_leaves(config, Config(), ()))
    differ = [place for place, value, default in leaves if value != default]
    yield f"# Study {config.study.name}: {len(differ)} of {len(leaves)} keys are not the default."
    blocks: Place = ()
    for place, value, _ in leaves if not changed else [leaf for leaf in leaves if leaf[1] != leaf[2]]:
        for depth, block in enumerate(place[:-1]):
            if blocks[: depth + 1] != place[: depth + 1]:
                yield from [""] * (depth == 0)
                yield f"{'  ' * depth}{block}:"
        blocks = place[:-1]
        yield from _leaf_lines(place, value, given.get(place, _DEFAULT))


def _leaves(block: BaseModel, default: Any, above: Place) -> Iterator[tuple[Place, Any, Any]]:
    """Place, value and default of every key. In a block whose default is none, no key has its default."""
    for name in type(block).model_fields:
        value, usual = getattr(block, name), getattr(default, name, ...)
        if isinstance(value, BaseModel):
            yield from _leaves(value, usual, (*above, name))
        else:
            yield (*above, name), value, usual


def _leaf_lines(place: Place, value: Any, origin: str) -> Iterator[str]:
    pad = "  " * (len(place) - 1)
    line = f"{pad}{place[-1]}: {one_line_yaml(value)}"
    beside = f"{line:<{_COLUMN}}  # {origin}"
    if len(beside) <= _WIDTH:
        yield beside
        return
    yield f"{pad}# {origin}"
    if len(line) <= _WIDTH:
        yield line
        return
    plain = list(value) if isinstance(value, tuple) else value
    width = _WIDTH - len(pad) - _WORD
    words = yaml.safe_dump(
        {place[-1]: plain}, width=width, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    yield from (pad + part for part in words.splitlines())
