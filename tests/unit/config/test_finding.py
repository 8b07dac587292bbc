import json
import shutil
from pathlib import Path

import pytest

from varireal.config.finding import config_source
from varireal.errors import ConfigError
from varireal.running.workflow import Start, note_start

MINE = Path("results/mine")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a default config and a study's own."""
    folder = tmp_path / "project"
    (folder / "studies").mkdir(parents=True)
    (folder / "config.yaml").write_text("study: {name: demo, results: results}\n")
    (folder / "studies" / "mine.yaml").write_text("study: {name: mine}\n")
    (folder / "notes.yaml").write_text("- no config\n")
    (folder / ".hidden.yaml").write_text("study: {name: mine}\n")
    monkeypatch.chdir(folder)
    return folder


def started(folder, *files, **more):
    note_start(Start(str(MINE), str(folder), files, **more))


def test_a_study_is_found_by_what_it_was_started_with(project):
    (project / "other.yaml").write_text("study: {name: mine, seed: 7}\n")
    started(project, "other.yaml", config={"study": {"shards": 3}}, arguments=("study={'shards': 3}",))
    for place in (MINE, MINE / "masks" / "x.parquet", project / MINE, Path("results/../results/mine/")):
        source = config_source((), place)
        assert source.files == (Path("other.yaml"),)
        assert source.options == ["--configfile", "other.yaml", "--config", "study={'shards': 3}"]
        study = source.load().study
        assert (study.name, study.seed, study.shards) == ("mine", 7, 3)


def test_given_files_go_before_the_note(project):
    started(project, "gone.yaml")
    assert config_source([Path("studies/mine.yaml")], MINE).load().study.name == "mine"
    assert config_source([Path("studies/mine.yaml")]).options == ["--configfile", "studies/mine.yaml"]
    assert config_source([]).load().study.name == "demo"


def test_the_default_config_may_have_been_left_out(project):
    (project / "config.yaml").write_text("study: {seed: 9}\n")
    started(project, "studies/mine.yaml", replaces=True)
    source = config_source((), MINE)
    assert source.options[-1] == "--replace-workflow-config"
    assert source.load().study.seed != 9


def test_a_folder_that_was_moved_or_copied_has_its_own_files(project, tmp_path, monkeypatch):
    started(project, "studies/mine.yaml")
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    (copy / "studies" / "mine.yaml").write_text("study: {name: mine, seed: 7}\n")
    monkeypatch.chdir(copy)
    assert config_source((), MINE).load().study.seed == 7
    with pytest.raises(ConfigError, match=f"is a study of {project}; run this in that folder"):
        config_source((), project / MINE)


def test_results_behind_a_link(project, tmp_path):
    (tmp_path / "disk").mkdir()
    (project / "results").symlink_to(tmp_path / "disk")
    started(project, "studies/mine.yaml")
    assert config_source((), MINE).load().study.name == "mine"
    assert config_source((), tmp_path / "disk" / "mine").load().study.name == "mine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: Path("studies/mine.yaml").unlink(), ["--configfile studies/mine.yaml", "not in", "any more"]),
        (
            lambda: Path("studies/mine.yaml").write_text("study: {name: yours}\n"),
            ["results/mine is not of the study of studies/mine.yaml", "results/yours", "--configfile"],
        ),
        (lambda: (MINE / "logs/workflow.started").write_text("{"), ["workflow.started is damaged", "--configfile"]),
        (lambda: (MINE / "logs/workflow.started").write_text("[]"), ["workflow.started is damaged"]),
    ],
    ids=["gone", "another study", "cut off", "no note"],
)
def test_a_note_that_holds_no_more_is_one_line(project, change, words):
    started(project, "studies/mine.yaml")
    change()
    with pytest.raises(ConfigError) as caught:
        config_source((), MINE).load()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_study_from_before_the_note_is_found_by_its_name(project):
    assert config_source((), MINE / "report").files == (Path("studies/mine.yaml"),)
    assert config_source((), Path("results/demo")).load().study.name == "demo"
    (project / "mine_again.yml").write_text("study: {name: mine}\n")
    with pytest.raises(ConfigError, match=r"mine_again\.yml and studies/mine.yaml name this study.*--configfile"):
        config_source((), MINE)
    (project / "mine_again.yml").write_text("study: {name: mine, results: elsewhere}\n")
    assert config_source((), MINE).files == (Path("studies/mine.yaml"),)
    with pytest.raises(ConfigError, match=r"results/mines: no config file is known.*--configfile"):
        config_source((), Path("results/mines"))


def test_a_config_given_for_another_study_is_refused(project):
    with pytest.raises(ConfigError, match=r"results/demo is not of the study of studies/mine\.yaml"):
        config_source([Path("studies/mine.yaml")], Path("results/demo")).load()


def test_the_note_says_what_it_is(project):
    started(project, "studies/mine.yaml")
    facts = json.loads((MINE / "logs/workflow.started").read_text())
    assert facts["schema"] == 1
    assert (facts["root"], facts["folder"], facts["configfiles"]) == (
        "results/mine",
        str(project),
        ["studies/mine.yaml"],
    )
