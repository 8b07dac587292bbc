import json
from pathlib import Path

import pytest
import yaml

from varireal.config.finding import load_config
from varireal.config.generate import (
    config_yaml,
    generate,
    generated_files,
    keys_table,
    replace_between_markers,
    schema_json,
)
from varireal.config.model import Config, parse_config

ROOT = Path(__file__).parents[3]


def test_generated_files_are_up_to_date():
    for path, text in generated_files(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is stale: run 'varireal config generate'"


def test_config_yaml_is_the_defaults():
    assert parse_config(yaml.safe_load(config_yaml())) == Config()


def test_every_key_has_a_comment_and_a_row():
    table = keys_table()
    lines = config_yaml().splitlines()
    for number, line in enumerate(lines):
        if line and not line.lstrip().startswith("#"):
            assert lines[number - 1].lstrip().startswith("#"), f"no comment above {line!r}"
    for key in ("study.seed", "images.demo.species", "verdicts.gates.color.max_leak"):
        assert f"| `{key}` |" in table


def test_schema_refuses_unknown_keys():
    schema = json.loads(schema_json())
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Config.model_fields)


def test_generate_writes_all(tmp_path):
    (tmp_path / "README.md").write_text("a\n<!-- config keys: generated -->\n<!-- end of config keys -->\nb\n")
    generate(root=tmp_path)
    assert load_config([tmp_path / "config.yaml"]) == Config()
    assert (tmp_path / "README.md").read_text().endswith("<!-- end of config keys -->\nb\n")


def test_markers_are_needed():
    with pytest.raises(ValueError, match="lacks"):
        replace_between_markers("no markers", "x")
