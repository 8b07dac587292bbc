"""``config check`` and ``prompts check`` on configs, banks and prompt files on disk."""

import logging
from pathlib import Path

import pytest
import yaml

from varireal.cli import main
from varireal.errors import ConfigError
from varireal.prompts.bank import load_bank, prompts_for
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo
from varireal.study.layout import Layout
from varireal.tools.check import check_config, check_prompt_files, load_study_config, prompt_findings, study_prompts

GOOD = {
    "dataset": "ponds",
    "noun": "bird",
    "shared": {
        "background": {"feasible": ["lakeshore", "reed marsh"], "infeasible": ["deep space", "lava lake"]},
        "color": {"feasible": ["brown"], "infeasible": ["hot pink"]},
        "texture": {"feasible": ["speckled plumage"], "infeasible": ["brick"]},
    },
}


class Study:
    """A config, a bank, and the prompt files of a study of two demo species."""

    def __init__(self, folder):
        self.folder = folder
        self.bank = folder / "ponds.yaml"
        self.config = folder / "study.yaml"
        self.write_bank(GOOD)
        self.configure()

    def write_bank(self, bank):
        self.bank.write_text(yaml.safe_dump(bank))

    def change_bank(self, attribute, feasibility, names):
        shared = {**GOOD["shared"], attribute: {**GOOD["shared"][attribute], feasibility: names}}
        self.write_bank({**GOOD, "shared": shared})

    def configure(self, **more):
        base = {
            "study": {"name": "ponds"},
            "images": {"demo": {"species": ["mallard", "flamingo"]}},
            "prompts": {"bank": {"path": str(self.bank)}},
        }
        self.config.write_text(yaml.safe_dump({**base, **more}))

    @property
    def layout(self):
        return Layout(load_study_config([self.config]))

    def write_class(self, class_id, old="", new=""):
        """The class's file as the stage writes it, with one text changed by hand."""
        path = Path(self.layout.paths.prompts(class_id))
        prompts = prompts_for(load_bank(self.bank), class_id, class_id)
        write_class_file(path, ClassInfo(class_id, class_id), prompts, origin="bank ponds.yaml")
        text = path.read_text()
        assert not old or text.count(old) == 1
        path.write_text(text.replace(old, new) if old else text)
        return path

    def findings(self):
        return list(prompt_findings(self.layout))


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Study(tmp_path)


@pytest.fixture
def said(caplog):
    """What was said on the screen."""
    caplog.set_level(logging.INFO, "varireal.tools.check")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_good_config_is_named_with_its_size(study, said):
    study.configure(study={"name": "ponds", "shards": 3, "results": "out"}, edits={"attributes": ["color"]})
    assert check_config(configfile=[study.config]) == 0
    assert said() == ["ok: study ponds, 2 classes, 2 settings, 3 shards, results in out/ponds"]


def test_without_any_file_the_demo_is_checked(study, said):
    assert check_config(configfile=[]) == 0
    assert said() == ["ok: study demo, 8 classes, 6 settings, 1 shards, results in results/demo"]


def test_a_misspelt_key_names_file_key_and_the_nearest(study):
    study.configure(edits={"per_imag": 2})
    with pytest.raises(ConfigError, match=r"study\.yaml: unknown key 'edits\.per_imag': did you mean 'per_image'"):
        check_config(configfile=[study.config])


def test_a_class_without_prompts_is_found_before_any_job(study):
    study.write_bank({**GOOD, "classes": {"mallard": {"color": {"feasible": ["grey"]}}}})
    with pytest.raises(ConfigError, match=r"class 'flamingo' has no prompts in bank .*ponds\.yaml"):
        check_config(configfile=[study.config])


def test_too_few_prompts_are_found_before_any_job(study):
    study.configure(prompts={"minimum": 2, "bank": {"path": str(study.bank)}})
    with pytest.raises(ConfigError, match="has 1 different prompts, 2 are needed"):
        check_config(configfile=[study.config])


def test_a_prompt_file_that_is_damaged_is_found_before_any_job(study):
    study.write_class("flamingo")
    study.write_class("mallard").write_text("class_id: mallard\ncolor: [oops\n")
    with pytest.raises(ConfigError, match=r"mallard\.yaml"):
        check_config(configfile=[study.config])


def test_the_demos_config_reaches_no_study_that_has_a_file(study):
    Path("config.yaml").write_text(yaml.safe_dump({"study": {"seed": 7, "name": "below"}, "edits": {"rounds": 4}}))
    config = load_study_config([study.config])
    assert (config.study.seed, config.study.name, config.edits.rounds) == (22, "ponds", 2)
    assert load_study_config([]).study.name == "below"


def test_files_go_on_top_of_one_another_as_they_are_named(study):
    Path("config.yaml").write_text(yaml.safe_dump({"study": {"seed": 7, "name": "below"}}))
    config = load_study_config([Path("config.yaml"), study.config])
    assert (config.study.seed, config.study.name) == (7, "ponds")
    assert load_study_config([study.config, Path("config.yaml")]).study.name == "below"


def test_a_missing_config_is_told(study):
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        load_study_config([Path("none.yaml")])


def test_prompts_come_from_the_file_of_a_class_and_else_from_the_bank(study):
    path = study.write_class("mallard", "name: hot pink", "name: lime green")
    found = {place: [p.name for p in prompts] for place, prompts in study_prompts(study.layout)}
    assert list(found) == [str(study.bank), str(path)]
    assert found[str(study.bank)].count("hot pink") == 1
    assert "hot pink" not in found[str(path)]
    assert found[str(path)].count("lime green") == 1
    assert [len(names) for names in found.values()] == [8, 8]


def test_good_prompts_are_counted(study, said):
    study.write_class("mallard")
    assert study.findings() == []
    assert check_prompt_files(configfile=[study.config]) == 0
    assert said() == ["ok: 16 prompts of 2 classes"]


def test_a_word_that_the_editor_does_not_know_is_an_error_in_its_place(study):
    path = study.write_class("mallard", "name: hot pink", "name: glorpish")
    (finding,) = study.findings()
    assert finding.place == f"{path}: mallard.color.infeasible.hot-pink"
    assert finding.severity == "error"
    assert "glorpish" in finding.message


def test_a_misspelt_word_is_told_with_the_nearest_known_one(study):
    study.change_bank("background", "feasible", ["lakeshoer"])
    findings = study.findings()
    assert [finding.place for finding in findings] == [
        f"{study.bank}: {class_id}.background.feasible.lakeshoer" for class_id in ("flamingo", "mallard")
    ]
    assert all("lakeshore" in finding.message for finding in findings)


def test_words_of_attributes_that_are_not_edited_do_not_matter(study):
    study.change_bank("texture", "infeasible", ["glorpish"])
    assert [finding.severity for finding in study.findings()] == ["error", "error"]
    study.configure(edits={"attributes": ["color", "background"]})
    assert study.findings() == []


def test_an_overlap_of_the_arms_is_an_error(study):
    study.change_bank("color", "infeasible", ["Brown"])
    assert [(f.place.partition(": ")[2], f.severity) for f in study.findings()] == [
        ("flamingo.color.infeasible.brown", "error"),
        ("mallard.color.infeasible.brown", "error"),
    ]


def test_settings_below_the_minimum_are_errors(study):
    study.configure(prompts={"minimum": 2, "bank": {"path": str(study.bank)}}, edits={"attributes": ["background"]})
    assert study.findings() == []
    study.change_bank("background", "infeasible", ["deep space"])
    assert {finding.place for finding in study.findings()} == {
        f"{study.bank}: {class_id}.background.infeasible" for class_id in ("flamingo", "mallard")
    }


def test_every_finding_is_said_before_the_first_error_ends_the_check(study, said):
    study.change_bank("color", "infeasible", ["glorpish", "blargish"])
    with pytest.raises(ConfigError) as caught:
        check_prompt_files(configfile=[study.config])
    assert len(said()) == 4
    assert [line.split(": ")[0] for line in said()] == ["error"] * 4
    assert [word for line in said() for word in ("glorpish", "blargish") if word in line] == [
        "glorpish",
        "blargish",
    ] * 2
    first = f"{study.bank}: flamingo.color.infeasible.glorpish: "
    assert str(caught.value).startswith(f"4 prompts need a change; the first: {first}")


def test_warnings_are_said_and_stop_nothing(study, said):
    study.change_bank("background", "feasible", ["lakeshore with a bird"])
    findings = study.findings()
    assert {finding.severity for finding in findings} == {"warning"}
    assert check_prompt_files(configfile=[study.config]) == 0
    lines = said()
    assert [line for line in lines if line.startswith("warning: ")] == [
        f"warning: {finding.place}: {finding.message}" for finding in findings
    ]
    assert lines[-1] == "ok: 14 prompts of 2 classes"


def test_the_prompts_of_the_demo_are_good(study, said):
    assert check_prompt_files(configfile=[]) == 0
    assert said()[-1].startswith("ok: ")
    assert said()[-1].endswith(" prompts of 8 classes")
    assert not [line for line in said() if line.startswith("error")]


@pytest.mark.parametrize("command", [["config", "check"], ["prompts", "check"]])
def test_the_commands_take_config_files_and_end_with_2_on_a_mistake(study, capsys, command):
    assert main([*command, "--configfile", str(study.config)]) == 0
    study.configure(edits={"rounds": 0})
    capsys.readouterr()
    assert main([*command, "--configfile", str(study.config)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "edits.rounds" in err
