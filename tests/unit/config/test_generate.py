import json
from pathlib import Path

import pytest
import yaml

from varireal.config.finding import load_config
from varireal.config.generate import (
    generate,
    generated_files,
    keys_table,
    one_line_yaml,
    replace_between_markers,
    schema_json,
)
from varireal.config.model import Config

ROOT = Path(__file__).parents[3]


def test_generated_files_are_up_to_date():
    for path, text in generated_files(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is stale: run 'varireal config generate'"


def test_every_key_has_a_row_and_a_meaning():
    rows = [line.split(" | ") for line in keys_table().splitlines() if line.startswith("| `")]
    assert len(rows) > 300
    assert all(len(row) == 4 and len(row[3]) > 5 for row in rows)
    assert not [row for row in rows if "<class" in row[1]]
    names = {row[0].strip("| `") for row in rows}
    assert {"study.seed", "images.demo.species", "verdicts.gates.color.max_leak"} <= names


def test_the_demos_file_is_short_commented_and_the_defaults():
    path = ROOT / "config.yaml"
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 80
    assert lines[0].startswith("# yaml-language-server: $schema=workflow/schemas/config.schema.json")
    assert sum("#" in line for line in lines) > 20
    assert load_config([path]) == Config()


def test_schema_refuses_unknown_keys():
    schema = json.loads(schema_json())
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Config.model_fields)


def test_generate_writes_all(tmp_path):
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "config.md"
    page.write_text("a\n<!-- config keys: generated -->\n<!-- end of config keys -->\nb\n")
    generate(root=tmp_path)
    assert json.loads((tmp_path / "workflow/schemas/config.schema.json").read_text())
    assert "| `study.seed` |" in page.read_text()
    assert page.read_text().endswith("<!-- end of config keys -->\nb\n")
    once = page.read_text()
    generate(root=tmp_path)
    assert page.read_text() == once


def test_markers_are_needed():
    with pytest.raises(ValueError, match="lacks"):
        replace_between_markers("no markers", "x")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "no",
            "null",
            "-1",
            "1e5",
            "~",
            "",
            "a b",
            "a: b",
            "# a",
            "naïve",
            "it's",
            '"',
            "\u2028",
            "\x85",
            "{x}",
            "😀",
        ),
        *(True, None, 0, -3, 0.1, 1e-08, 1e16, 1.0),
        *(["a", ["no"]], {"no": {"yes": 1e-08}}, {}, []),
    ],
)
def test_a_value_on_one_line_is_read_as_it_was(value):
    text = one_line_yaml(value)
    assert "\n" not in text
    back = yaml.safe_load(f"key: {text}")["key"]
    assert (back, type(back)) == (value, type(value))
