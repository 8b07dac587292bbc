"""`varireal config show`: every key, its value and its origin, as a config that can be given again."""

from pathlib import Path

import pytest
import yaml

from varireal.cli import main
from varireal.config.finding import config_source, load_config
from varireal.config.model import Config, parse_config
from varireal.running.workflow import Start, note_start

ROOT = Path(__file__).parents[3]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    """What the command prints, in a folder without a config."""
    monkeypatch.chdir(tmp_path)

    def show(*words):
        code = main(["config", "show", *map(str, words)])
        told = capsys.readouterr()
        assert code == 0, told.err
        return told.out

    return show


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("more", [(), ("--changed",)])
def test_what_is_printed_is_the_same_config(show, path, more):
    text = show("--configfile", path, *more)
    assert parse_config(yaml.safe_load(text)) == load_config([path])
    origins = [line for line in text.splitlines() if f"{path}:" not in line]
    assert max(map(len, origins)) <= 80


def test_every_key_is_there_and_says_where_it_is_from(show, tmp_path):
    (tmp_path / "mine.yaml").write_text("study:\n  name: mine\nedits: {rounds: 3}\n")
    (tmp_path / "more.yaml").write_text("study: {seed: 22}\nedits:\n  rounds: 4\n")
    text = show("--configfile", "mine.yaml", "more.yaml")
    values = yaml.safe_load(text)
    assert values == Config(**values).model_dump(mode="json")
    lines = {line.split(":")[0].strip(): line for line in text.splitlines() if "#" in line}
    assert lines["name"].endswith("# mine.yaml:2")
    assert lines["rounds"].endswith("# more.yaml:3")
    assert lines["results"].endswith("# default")
    assert "seed: 22                                    # more.yaml:1" in text  # given, though it is the default
    assert text.startswith("# Study mine: 2 of ")


def test_changed_is_only_what_differs(show, tmp_path):
    (tmp_path / "mine.yaml").write_text("study: {name: mine, seed: 22}\n")
    assert show("--configfile", "mine.yaml", "--changed").splitlines()[1:] == [
        "",
        "study:",
        f"{'  name: mine':<44}  # mine.yaml:1",
    ]


def test_values_of_the_command_line(show, tmp_path):
    note_start(Start("results/mine", str(tmp_path), config={"study": {"name": "mine", "shards": 3}}))
    assert "shards: 3                                   # command line" in show("results/mine")


def test_the_demo_without_a_file(show, tmp_path):
    assert show("--changed") == f"# Study demo: 0 of {show().count('# default')} keys are not the default.\n"
    (tmp_path / "config.yaml").write_text("edits: {rounds: 5}\n")
    assert "rounds: 5                                   # config.yaml:1" in show()


def test_long_and_strange_values(show, tmp_path):
    config = {
        "images": {
            "class_names": {f"a-{n}": f"name: no {n}, with 'quotes' and # and some more words" for n in range(9)},
            "noun": "no",
        },
        "edits": {"instruct": {"color": "Paint the {class} {noun} {prompt}. " + "Keep all else. " * 20}},
        "report": {"title": "\u2028 " + "x" * 100},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    text = show("--configfile", "mine.yaml")
    assert parse_config(yaml.safe_load(text)) == parse_config(config)
    assert [line for line in text.splitlines() if len(line) > 80 and "x" * 100 not in line] == []


def test_merged_anchors_have_lines(show, tmp_path):
    (tmp_path / "mine.yaml").write_text("images:\n  demo: &few {train: 3, val: 2}\nedits: {rounds: 3}\n")
    (tmp_path / "few.yaml").write_text("images:\n  demo:\n    <<: {train: 3,\n      val: 2}\n    val: 4\n")
    text = show("--configfile", "mine.yaml", "few.yaml")
    assert "train: 3                                  # few.yaml:3" in text
    assert "val: 4                                    # few.yaml:5" in text


def test_a_mistake_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["config", "show", "--configfile", "gone.yaml"]) == 2
    assert capsys.readouterr().err == "error: config show: gone.yaml cannot be read: No such file or directory\n"
    (tmp_path / "mine.yaml").write_text("study: {name: mine, key: sk-1234}\n")
    assert main(["config", "show", "--configfile", "mine.yaml"]) == 2
    told = capsys.readouterr()
    assert "looks like a secret" in told.err
    assert "sk-1234" not in told.out + told.err


def test_source_is_read_as_the_workflow_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_source([]).layers == ()
    (tmp_path / "config.yaml").write_text("{}")
    assert config_source([]).layers == (Path("config.yaml"),)
    assert config_source([Path("x.yaml")]).layers == (Path("x.yaml"),)
