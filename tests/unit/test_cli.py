import shutil
import subprocess
import sys

import pytest

from varireal.cli import build_parser, join_words, main, shown
from varireal.commands import COMMANDS, PEOPLE, STAGE, WORKFLOW
from varireal.tools.run_workflow import command


def test_two_words_are_one_command():
    assert join_words(["prompts", "check", "--x"]) == ["prompts-check", "--x"]
    assert join_words(["prompts", "--config", "a"]) == ["prompts", "--config", "a"]
    assert join_words([]) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert COMMANDS[name].help.split(":")[0].split()[0] in capsys.readouterr().out


def test_an_expected_problem_is_one_line_and_exit_code_2(tmp_path, capsys):
    argv = ["verdicts", "--config", str(tmp_path / "none.json"), "--edits", "e", "--output", "o"]
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("error: verdicts: ")
    assert "none.json cannot be read" in err


def test_debug_shows_the_traceback(tmp_path, capsys):
    argv = ["verdicts", "--config", str(tmp_path / "none.json"), "--edits", "e", "--output", "o", "--debug"]
    assert main(argv) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_message_names_the_log(tmp_path, capsys):
    log = tmp_path / "a.log"
    argv = ["verdicts", "--config", str(tmp_path / "none.json"), "--edits", "e", "--output", "o", "--log", str(log)]
    assert main(argv) == 2
    assert f"[log: {log}]" in capsys.readouterr().err
    assert "cannot be read" in log.read_text()


def test_unknown_options_are_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["images", "--nonsense"])
    assert caught.value.code == 2
    assert "required" in capsys.readouterr().err


def test_light_modules_stay_light():
    """What the Snakefile imports must not load numpy and the like: it is imported again for every cluster job."""
    code = (
        "import sys; import varireal.cli, varireal.study.layout, varireal.config.model, varireal.tools.check; "
        "heavy = {'numpy', 'cv2', 'pandas', 'pyarrow', 'PIL', 'torch', 'scipy', 'skimage', 'matplotlib', 'datasets'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_a_workflow_that_shows_failures_reads_them_in_the_log(tmp_path, capsys, monkeypatch):
    """So its jobs do not say them too; where a job could not write its log, nobody else would."""
    monkeypatch.setenv("VARIREAL_QUIET_JOBS", "1")
    log = tmp_path / "a.log"
    argv = ["verdicts", "--config", str(tmp_path / "none.json"), "--edits", "e", "--output", "o", "--log"]
    assert main([*argv, str(log)]) == 2
    assert capsys.readouterr().err == ""
    assert "DEBUG failed: " in log.read_text()
    (tmp_path / "file").write_text("")
    assert main([*argv, str(tmp_path / "file" / "a.log")]) == 2
    assert capsys.readouterr().err.startswith("error: verdicts: ")


def test_help_lists_every_command_in_its_group_within_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    places = [text.index(f"\n{group}:\n") for group in (PEOPLE, STAGE, WORKFLOW)]
    assert places == sorted(places)
    assert max(map(len, text.splitlines())) <= 80
    for name in COMMANDS:
        assert text.count(f"\n  {shown(name)}  ") == 1, name
    assert "prompts-plan" not in text


def test_a_word_with_sub_commands_lists_them(capsys):
    for word, below in (("prompts", "prompts plan"), ("config", "config show")):
        with pytest.raises(SystemExit) as caught:
            main([word, "--help"])
        assert caught.value.code == 0
        assert f"\n  {below}  " in capsys.readouterr().out


def test_usage_says_a_command_as_it_is_typed(capsys):
    with pytest.raises(SystemExit):
        main(["prompts", "freeze"])
    err = capsys.readouterr().err
    assert err.startswith("usage: varireal prompts freeze ")
    assert "varireal prompts freeze: error:" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["statsu", "results/demo"], "no command 'varireal statsu'; did you mean 'varireal status'?"),
        (["prompts", "shek"], "no command 'varireal prompts shek'; did you mean 'varireal prompts check'?"),
        (["promptz", "plan", "--json"], "did you mean 'varireal prompts plan'?"),
        (["config"], "'varireal config' is not a whole command; expected one of 'varireal config check', "),
        (["xyzzy"], "no command 'varireal xyzzy'; 'varireal --help' lists them"),
    ],
)
def test_a_word_that_is_no_command_is_one_line_with_the_near_one(argv, words, capsys):
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err


# what is typed, and what it may become
TYPED = {
    "varireal prompts pl": {"plan"},
    "varireal con": {"config"},
    "varireal prompts plan --conf": {"--configfile"},
    "varireal status --w": {"--watch"},
    "varireal completion f": {"fish"},
    "varireal run --configfile my_st": {"my_study.yaml"},
}


@pytest.mark.parametrize("line", TYPED)
def test_bash_completes(line, tmp_path, capsys):
    (tmp_path / "my_study.yaml").touch()
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    words = line.split()
    script += f'\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE="{line}"; COMP_POINT={len(line)}'
    script += "\n_shtab_varireal varireal; printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert {word.strip() for word in done.stdout.split()} == TYPED[line], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_their_script(shell, tmp_path, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "--configfile" in script or "-l configfile" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    assert subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True).returncode == 0


def test_run_gives_snakemake_the_packaged_workflow(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo = command([], ["-n"])
    assert "this is the demo" in capsys.readouterr().err
    assert demo[-5:-3] == ["--configfile", demo[5].replace("Snakefile", "config.yaml")]
    assert demo[-3:] == ["--cores", "all", "-n"]
    (tmp_path / "config.yaml").touch()
    assert command([], ["-c4"])[6:] == ["-c4"]
    assert command([], ["--profile=mine"])[6:] == ["--profile=mine"]
    assert main(["run", "--configfile", "gone.yaml"]) == 2
    assert capsys.readouterr().err.startswith("error: run: no config file gone.yaml; ")
