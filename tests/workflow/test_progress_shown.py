"""What a person sees while a workflow runs: on a terminal, in a file, told to be quiet, failing, stopped."""

import os
import re
import shutil
import subprocess

import pytest

from kit import ROOT, environment, started_environment
from terminal import COLUMNS, LINES, Terminal

pytestmark = pytest.mark.workflow

CLOCK = r"\d\d:\d\d:\d\d  "
VIEW = "SNAKEMAKE_LOGGER_VARIREAL_VIEW"
COMMAND = ["snakemake", "--cores", "2", "--logger", "varireal"]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "tests" / "shown", tmp_path / "small")
    return tmp_path / "small"


def environ(inherited: dict[str, str], **more: str) -> dict[str, str]:
    left_out = (VIEW, "CI", "NO_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in inherited.items() if name not in left_out}
    return {**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **more}


def run(folder, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    command, env = [*COMMAND, *options], environ(started_environment(), **more)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def terminal(folder, *options: str, **more: str) -> Terminal:
    return Terminal([*COMMAND, *options], folder, environ(environment(), **more))


def test_on_a_terminal_there_is_one_live_view(folder):
    shown = terminal(folder, SECONDS_EACH="0.2", NOISE="1", PAID="1")
    row = re.compile(r"^edits color/feasible +0/2 +\d+/40 +[\d.]+/s +\d+ s left$")
    lines = shown.read_until(lambda lines: any(row.match(line) for line in lines))
    place = next(number for number, line in enumerate(lines) if row.match(line))
    assert re.match(r"^.+ 0 of 4 jobs, 2 at work, \d+ s so far$", lines[place - 2])
    assert lines[place - 1].split() == ["at", "work", "jobs", "items", "rate", "time"]
    assert lines[place + 1] == "  10 calls, 3,000 tokens, price unknown"
    assert len(lines) <= LINES
    lines = shown.read_until(lambda lines: any(line.startswith("verdicts color") for line in lines))
    assert shown.end() == 0
    text = "\n".join(shown.lines)
    assert text.count("a library speaks") == 4  # above the view, each in a line of its own
    assert not re.search(r"of 4 jobs|at work|last line of a job|Select jobs", text)
    assert re.search(rf"^{CLOCK}edits color/feasible: 40 candidates, 2 no mask, ", text, re.M)
    assert re.search(rf"^{CLOCK}results/small: done in \d+ s; 30 of 40 candidates accepted \(75%\)$", text, re.M)
    assert all(len(line) <= COLUMNS for line in shown.lines)
    assert shown.shows_cursor
    assert "\x1b[3" in shown.raw


def test_colours_can_be_forbidden(folder):
    shown = terminal(folder, NO_COLOR="1")
    assert shown.end() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown.raw)


def test_a_file_gets_few_plain_lines(folder):
    done = run(folder, NOISE="1")
    assert done.returncode == 0
    shown = done.stderr.replace("Using workflow specific profile profiles/default ", "").splitlines()
    lines = [re.sub(r", \d+ s( \(.+?/(s|min)\))?$", "", line) for line in shown if line != "a library speaks"]
    assert [re.sub(CLOCK, "", re.sub(r"in \d+ s", "in 9 s", line)) for line in lines] == [
        "looking at what is there and what is to be done",
        "results/small: 4 jobs to do (edits 2, verdicts 2)",
        "edits color/feasible: 40 candidates, 2 no mask",
        "verdicts color/feasible: 30 of 40 candidates accepted (75%)",
        "results/small: done in 9 s; 30 of 40 candidates accepted (75%)",
    ]
    assert "\x1b" not in done.stderr
    assert "Nothing to be done" in run(folder).stderr


def test_a_failed_job_is_named_at_once_and_at_the_end(folder):
    shown = terminal(folder, "--keep-going", FAIL="/round0/00001")
    assert shown.end() == 1
    text = "".join(shown.lines)
    log = "results/small/logs/edits/color/feasible/round0/00001-of-00002.log"
    assert f"failed: edits color/feasible, 00001-of-00002: the editor went away; start it again [log: {log}]" in text
    assert re.search(r"results/small: 2 of 4 jobs done, 1 failed in \d+ s", text)
    assert "\n1 job failed:\n" in "\n".join(shown.lines)
    assert not re.search("Traceback|CalledProcessError|WorkflowError|might be corrupted|Look below", text)


def test_ctrl_c_is_no_failure(folder):
    shown = terminal(folder, SECONDS_EACH="3")  # on a busy machine the jobs must not be over before the key is seen
    shown.read_until(lambda lines: any("2 at work" in line for line in lines))
    shown.press(b"\x03")
    assert shown.end() == 1
    text = "".join(shown.lines)
    assert "stopping: what is finished is kept; run the same command again to go on" in text
    assert re.search(r"results/small: 0 of 4 jobs done in \d+ s$", text)
    assert not re.search("failed|Traceback|Error", text)
    assert shown.shows_cursor


def test_quiet_says_nothing_but_what_failed(folder):
    done = run(folder, "--quiet", "--keep-going", FAIL="/round0/00001")
    assert done.returncode == 1
    assert done.stderr.startswith("\n1 job failed:\n")
    assert done.stdout == ""


def test_verbose_and_a_dry_run_are_snakemakes_own(folder):
    dry = run(folder, "-n")
    assert re.search(r"^job +count\n", dry.stdout, re.M)
    assert "rule edits:" in dry.stdout
    whole = run(folder, "--verbose", "--until", "edits")
    assert "Select jobs to execute..." in whole.stderr
    assert "Job stats:" in whole.stderr
    assert "edits: the last line of a job" in whole.stderr


def test_the_default_profile_chooses_it():
    profile = (ROOT / "profiles" / "default" / "config.yaml").read_text()
    assert re.search(r"^logger: varireal$", profile, re.M)
    assert os.environ[VIEW] == "snakemake"  # for all other tests
