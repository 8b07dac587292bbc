"""A study's config, found by its results: each command as the documentation prints it, in one started study."""

import json
import re
import shlex

import pytest
import yaml

from kit import ROOT, TINY, Project
from varireal.cli import main
from varireal.commands import COMMANDS

pytestmark = pytest.mark.workflow

NOTE = "results/my_photos/logs/workflow.started"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A study with a config file of its own and a value of the command line; one slice of it was made."""
    project = Project(tmp_path_factory.mktemp("found"), {})
    (project.folder / "study.yaml").unlink()
    (project.folder / "studies").mkdir()
    (project.folder / "config.yaml").write_text("read_by_nobody: true\n")  # the demo's choices reach no other study
    config = {**TINY, "study": {"name": "my_photos"}}
    (project.folder / "studies" / "my_photos.yaml").write_text(yaml.safe_dump(config))
    more = [
        "studies/my_photos.yaml",
        "--config",
        "edits={attributes: [color], per_image: 2}",
        "--",
        "results/my_photos/config/images.json",
    ]
    run = project.snakemake("--configfile", *more)
    assert run.code == 0, run.text
    return project


@pytest.fixture
def call(started, monkeypatch, capsys):
    """Run a command in the project's folder; its exit code and what it said."""
    monkeypatch.chdir(started.folder)

    def call(line):
        code = main(shlex.split(line, comments=True)[1:])
        told = capsys.readouterr()
        return code, told.out + told.err

    return call


def test_the_note_names_files_and_values(started):
    facts = json.loads((started.folder / NOTE).read_text())
    assert (facts["folder"], facts["root"]) == (str(started.folder), "results/my_photos")
    assert facts["configfiles"] == ["studies/my_photos.yaml"]
    assert facts["config"] == {"edits": {"attributes": ["color"], "per_image": 2}}  # a number, as in a file


def test_why_as_the_documentation_prints_it(call):
    line = re.search(r"^varireal why results/my_photos.*", (ROOT / "docs/watching.md").read_text(), re.M).group()
    code, text = call(line)
    assert code == 0
    assert text.startswith("results/my_photos: ")
    assert "edits 4, verdicts 4," in text  # one attribute, as on the command line


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("varireal status results/my_photos", 0, "my_photos"),
        ("varireal plan results/my_photos --no-probe --json", 0, '"study": "results/my_photos"'),
        ("varireal config show results/my_photos", 0, "per_image: 2                                # command line"),
        ("varireal config check results/my_photos", 0, "ok: study my_photos, 2 classes"),
        ("varireal prompts check results/my_photos", 0, "of 2 classes"),
        ("varireal prompts plan results/my_photos", 2, "prompts.source is 'bank'"),
        ("varireal prompts review results/my_photos", 2, "results/my_photos/prompts/"),
        ("varireal prompts freeze results/my_photos --output bank.yaml", 2, "results/my_photos/prompts/"),
        ("varireal doctor results/my_photos", 0, "a run can start"),
        ("varireal fetch results/my_photos", 0, "nothing to fetch"),
    ],
)
def test_other_commands(call, line, code, words):
    done, text = call(line)
    assert done == code, text
    assert words in text


# ``run`` becomes Snakemake, and takes this process with it
LOOKING = [name for name, c in COMMANDS.items() if name != "run" and "configfile" in {o.dest for o in c.options}]


@pytest.mark.parametrize("name", LOOKING)
def test_a_study_without_a_config_is_one_line(call, name):
    more = " --output bank.yaml" if name == "prompts-freeze" else ""
    code, text = call(f"varireal {name} results/nobodys{more}")
    assert (code, text.count("\n")) == (2, 1), text
    assert "results/nobodys: no config file is known" in text
    assert "--configfile" in text


def test_a_study_from_before_the_note(call, started):
    note = started.folder / NOTE
    kept = note.read_text()
    note.unlink()
    try:
        assert "ok: study my_photos" in call("varireal config check results/my_photos")[1]
    finally:
        note.write_text(kept)


def test_a_config_that_names_another_study_now(call, started):
    path = started.folder / "studies" / "my_photos.yaml"
    kept = path.read_text()
    path.write_text(kept.replace("my_photos", "others"))
    try:
        code, text = call("varireal why results/my_photos/images.parquet")
    finally:
        path.write_text(kept)
    assert (code, text.count("\n")) == (2, 1)
    assert "results/my_photos/images.parquet is not of the study of studies/my_photos.yaml" in text
