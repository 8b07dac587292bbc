import subprocess
import sys

import pytest

from varireal.cli import build_parser, join_words, main
from varireal.commands import COMMANDS


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
