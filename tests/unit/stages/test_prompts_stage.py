"""The stage prompts on a bank of its own and on the one of the demo."""

import json
import logging

import pytest

from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.errors import ConfigError
from varireal.prompts.class_file import read_class_file
from varireal.stages import prompts as stage
from varireal.stages.common import Summary

BANK = """
dataset: ponds
noun: bird
shared:
  background:
    infeasible:
      - name: deep space
        description: An endless black void full of stars.
classes:
  gull:
    color:
      feasible:
        - white
        - grey
  coot:
    color:
      feasible:
        - black
"""


class Stage:
    """The stage in a folder, with a bank that tests may change."""

    def __init__(self, folder):
        self.folder = folder
        self.bank = folder / "ponds.yaml"
        self.bank.write_text(BANK)
        self.output = folder / "prompts" / "gull.yaml"
        self.record = folder / "prompts" / ".record" / "gull.json"

    @property
    def config(self):
        raw = {"prompts": {"bank": {"path": str(self.bank)}}}
        return stage_slices(parse_config(raw), {"gull": "Gull, the", "coot": "Coot"})["prompts"]

    def run(self, class_id="gull"):
        return stage.run(self.config, class_id=class_id, output=self.output, record=self.record)

    def edit(self, path, old, new):
        text = path.read_text()
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new))

    @property
    def names(self):
        return [(p.attribute, p.feasibility, p.name) for p in read_class_file(self.output)]


@pytest.fixture
def made(tmp_path):
    return Stage(tmp_path)


def test_the_file_holds_the_prompts_of_the_class_alone(made):
    assert made.run() == Summary({"bank": 3})
    assert made.names == [
        ("background", "infeasible", "deep space"),
        ("color", "feasible", "white"),
        ("color", "feasible", "grey"),
    ]
    text = made.output.read_text()
    assert "class_name: Gull, the" in text
    assert "origin: bank ponds.yaml" in text
    assert str(made.folder) not in text


def test_the_record_says_what_was_written(made):
    made.run()
    assert json.loads(made.record.read_text()) == {
        "class_id": "gull",
        "config": slice_digest(made.config),
        "prompts": 3,
        "remarks": [],
    }


def test_a_second_run_writes_the_same_bytes(made):
    made.run()
    before = made.output.read_bytes(), made.record.read_bytes()
    assert made.run() == Summary({"bank": 3})
    assert (made.output.read_bytes(), made.record.read_bytes()) == before


def test_an_edited_prompt_survives_a_rerun_and_is_told(made, caplog):
    made.run()
    made.edit(made.output, "name: grey", "name: pearl grey")
    with caplog.at_level(logging.WARNING, "varireal.stages.prompts"):
        summary = made.run()
    assert summary == Summary({"bank": 2, "edited": 1})
    assert made.names[2] == ("color", "feasible", "pearl grey")
    remark = "kept gull.color.feasible.grey: edited by hand"
    assert json.loads(made.record.read_text())["remarks"] == [remark]
    assert [record.getMessage() for record in caplog.records] == [f"gull: {remark}"]


def test_an_edited_prompt_survives_a_change_of_the_bank(made):
    made.run()
    made.edit(made.output, "name: grey", "name: pearl grey")
    made.edit(made.bank, "- grey", "- brown")
    made.edit(made.bank, "- white", "- snow white")
    assert made.run() == Summary({"bank": 3, "edited": 1})
    assert {name for _, _, name in made.names} == {"deep space", "pearl grey", "brown", "snow white"}


def test_a_prompt_that_a_person_deleted_stays_deleted(made):
    made.run()
    text = made.output.read_text()
    start = text.index("- id: gull.color.feasible.grey")
    end = text.index("source: bank", start) + len("source: bank")
    made.output.write_text(text[:start].rstrip(" ") + text[end:].lstrip("\n"))
    assert made.run() == Summary({"bank": 2})
    assert [name for _, _, name in made.names] == ["deep space", "white"]
    assert json.loads(made.record.read_text())["remarks"] == ["left out gull.color.feasible.grey: removed by hand"]


def test_the_banks_of_the_package_are_found_by_name(tmp_path):
    part = stage_slices(parse_config({}), {"mallard": "Mallard"})["prompts"]
    output = tmp_path / "mallard.yaml"
    summary = stage.run(part, class_id="mallard", output=output, record=tmp_path / "record.json")
    prompts = read_class_file(output)
    assert summary.counts == {"bank": len(prompts)}
    assert {(p.attribute, p.feasibility) for p in prompts} == {
        (a, f) for a in ("background", "color", "texture") for f in ("feasible", "infeasible")
    }
    assert all(p.prompt_id.startswith("mallard.") for p in prompts)


def test_an_unknown_class_names_the_classes_and_writes_nothing(made):
    with pytest.raises(ConfigError, match=r"no class 'swan' in this study; classes: gull, coot$"):
        made.run("swan")
    assert not made.output.exists()
    assert not made.record.exists()


def test_a_bank_without_the_class_is_told(made):
    made.edit(made.bank, "  gull:", "  tern:")
    with pytest.raises(ConfigError, match=r"'Gull, the' has no prompts in bank .*ponds\.yaml"):
        made.run()
    assert not made.output.exists()


def test_a_bank_that_is_gone_is_told(made):
    config = made.config
    made.bank.unlink()
    with pytest.raises(ConfigError, match=r"there is no file .*ponds\.yaml"):
        stage.run(config, class_id="gull", output=made.output, record=made.record)


def test_a_damaged_file_of_a_person_is_left_as_it_is(made):
    made.run()
    made.output.write_text("class_id: gull\ncolor: [oops\n")
    with pytest.raises(ConfigError, match=r"gull\.yaml"):
        made.run()
    assert made.output.read_text() == "class_id: gull\ncolor: [oops\n"


def test_what_is_left_out_of_a_bank_is_not_written(tmp_path):
    ponds = Stage(tmp_path)
    ponds.run()
    assert {(p.attribute, p.feasibility) for p in read_class_file(ponds.output)} == {
        ("background", "infeasible"),
        ("color", "feasible"),
    }
    raw = {
        "prompts": {
            "leave_out": ["gull/color/feasible", "coot/background/infeasible"],
            "bank": {"path": str(ponds.bank)},
        }
    }
    config = stage_slices(parse_config(raw), {"gull": "Gull, the", "coot": "Coot"})["prompts"]
    stage.run(config, class_id="gull", output=ponds.output, record=ponds.record)
    assert {p.attribute for p in read_class_file(ponds.output)} == {"background"}
    ponds.run()
    assert {p.attribute for p in read_class_file(ponds.output)} == {"background", "color"}
