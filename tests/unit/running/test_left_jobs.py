"""What is asked of SLURM, with programs that note how they were called; tests/slurm does it on a real one."""

import os
import shutil

import pytest

from varireal.running.slurm import RUNS, clear_queue

OLD, NEW = "11111111-aaaa", "22222222-bbbb"


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "results" / "tiny"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Let ``squeue`` print lines; what was called, in order."""
    programs = tmp_path / "bin"
    programs.mkdir()
    calls = tmp_path / "calls"
    for name in ("SQUEUE_STATES", "SCANCEL_NAME"):
        monkeypatch.setenv(name, "x")

    def install(*lines, squeue=0, scancel=0):
        calls.write_text("")
        for name, code in (("squeue", squeue), ("scancel", scancel), ("scontrol", 0)):
            printed = "\n".join(lines) if name == "squeue" else ""
            (programs / name).write_text(
                f'#!/bin/sh\nprintf "%s" "{name} $* $SQUEUE_STATES$SCANCEL_NAME" >> {calls}\necho >> {calls}\n'
                f"cat <<'END'\n{printed}\nEND\nexit {code}\n"
            )
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        return lambda: [line.strip() for line in calls.read_text().splitlines()]

    return install


def test_what_waits_is_cancelled_by_its_run_s_name_and_what_is_at_work_told(study, slurm):
    called = slurm()
    assert clear_queue(study, OLD, killed=False) is None
    assert called() == []  # the first workflow of a study has nobody before it
    called = slurm(f"7|RUNNING|{OLD}", f"8|PENDING|{OLD}", f"9_2|PENDING|{OLD}", "10|PENDING|another", "")
    told = clear_queue(study, NEW, killed=True)
    me = os.getuid()
    assert called() == [
        f"squeue --noheader --array --user={me} --name={OLD} --format=%i|%T|%j",
        "scontrol update JobId=7 Requeue=0",
        f"scancel --user={me} --state=PENDING --name={OLD}",
    ]
    assert told == (
        "Jobs of an earlier workflow of this study on SLURM: 1 at work (7), whose items will be found; "
        "2 that waited (8, 9_2), cancelled, for this one hands in what is left to do."
    )


def test_a_run_is_remembered_as_long_as_jobs_of_it_are_there(study, slurm):
    slurm()
    clear_queue(study, OLD, killed=False)
    slurm(f"7|RUNNING|{OLD}")
    assert "1 at work (7)" in clear_queue(study, NEW, killed=True)
    called = slurm(f"7|COMPLETING|{OLD}")
    assert "1 at work (7)" in clear_queue(study, None, killed=True)  # a run on this machine
    assert f"--name={OLD},{NEW} " in called()[0]
    called = slurm()
    assert clear_queue(study, None, killed=False) is None
    assert f"--name={OLD} " in called()[0]
    called = slurm()
    assert clear_queue(study, None, killed=True) is None
    assert called() == []


def test_what_cannot_be_cancelled_is_left_to_the_user(study, slurm):
    slurm()
    clear_queue(study, OLD, killed=False)
    slurm(*(f"{number}|PENDING|{OLD}" for number in range(20, 28)), scancel=1)
    assert clear_queue(study, NEW, killed=True) == (
        "Jobs of an earlier workflow of this study on SLURM: 8 that waited (20, 21, 22, 23, 24 and 3 more), to be "
        f"cancelled by hand: scancel --user={os.getuid()} --state=PENDING --name={OLD}."
    )


def test_a_queue_that_does_not_answer_is_told_once_somebody_was_killed(study, slurm):
    slurm()
    clear_queue(study, OLD, killed=False)
    called = slurm(squeue=1)
    assert clear_queue(study, NEW, killed=False) is None
    told = clear_queue(study, None, killed=True)
    assert told.endswith(f"that did not answer: squeue --name={OLD},{NEW}")
    assert {line.split()[0] for line in called()} == {"squeue"}
    slurm(f"7|PENDING|{OLD}")
    assert "1 that waited (7)" in clear_queue(study, None, killed=False)  # not forgotten meanwhile


def test_jobs_of_the_original_are_no_business_of_a_copy(study, slurm, tmp_path):
    slurm()
    clear_queue(study, OLD, killed=False)
    copy = tmp_path / "results" / "copy"
    shutil.copytree(study, copy)
    called = slurm(f"8|PENDING|{OLD}")
    assert clear_queue(copy, NEW, killed=True) is None
    study.rename(tmp_path / "aside")
    copy.rename(study)  # even in the original's place
    shutil.copy(tmp_path / "aside" / RUNS, study / RUNS)
    assert clear_queue(study, NEW, killed=True) is None
    assert called() == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"runs": 3}', '{"place": "PLACE", "inode": INODE, "runs": ["*", "--user=0", "a,b,cdefgh"]}'],
)
def test_a_note_that_is_damaged_names_no_job(study, slurm, text):
    called = slurm(f"8|PENDING|{OLD}")
    (study / "logs").mkdir()
    place = {"PLACE": str(study.resolve()), "INODE": str(study.stat().st_ino)}
    for word, value in place.items():
        text = text.replace(word, value)
    (study / RUNS).write_text(text)
    assert clear_queue(study, NEW, killed=True) is None
    assert called() == []
