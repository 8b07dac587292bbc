import os
import subprocess

import pytest

from varireal.running.slurm import mend_sacct

QUESTION = ("-X", "--parsable2", "--noheader", "--format=JobIdRaw,State", "--endtime", "now", "--name", "some run")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Programs of a SLURM: what ``scontrol`` says, and others that repeat what they were asked."""

    def install(storage, sacct='for word; do echo "<$word>"; done'):
        for name, script in (
            ("scontrol", f"echo 'AccountingStorageType   = {storage}'"),
            ("sacct", sacct),
            ("squeue", 'echo "$@"'),
        ):
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return install


def sacct(*words):
    return subprocess.run(["sacct", *words], capture_output=True, text=True)


@pytest.mark.parametrize("storage", ["accounting_storage/none", "(null)"])
def test_without_accounting_sacct_asks_squeue(slurm, storage):
    slurm(storage)
    assert mend_sacct()
    assert sacct(*QUESTION).stdout == "--format=%i|%T --states=all --noheader --name some run\n"
    other = sacct("-j", "7", "-n", "-o", "nodelist")
    assert (other.returncode, other.stdout) == (1, "")


def test_with_accounting_the_question_for_states_asks_for_the_tasks_of_arrays(slurm):
    slurm("accounting_storage/slurmdbd")
    assert mend_sacct()
    expected = [word.replace("JobIdRaw", "JobID") for word in QUESTION]
    assert sacct(*QUESTION).stdout == "".join(f"<{word}>\n" for word in expected)


def test_with_accounting_who_cancelled_a_job_is_left_out(slurm):
    slurm("accounting_storage/slurmdbd", "printf '7|CANCELLED by 1000\\n8_1|FAILED\\n9|RUNNING\\n'")
    assert mend_sacct()
    assert sacct(*QUESTION).stdout == "7|CANCELLED\n8_1|FAILED\n9|RUNNING\n"


def test_with_accounting_other_questions_and_failures_are_the_real_ones(slurm):
    slurm("accounting_storage/slurmdbd", 'echo "$@: CANCELLED by 5" >&2; exit 3')
    assert mend_sacct()
    other = sacct("-j", "7", "--format=Reason")
    assert (other.returncode, other.stderr) == (3, "-j 7 --format=Reason: CANCELLED by 5\n")
    assert sacct(*QUESTION).returncode == 3  # so that the plugin asks again


def test_nothing_happens_where_slurm_does_not_say_how_it_accounts(slurm):
    slurm("accounting_storage/filetxt")
    assert not mend_sacct()
    assert sacct("-j", "7").stdout == "<-j>\n<7>\n"


def test_nothing_happens_without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not mend_sacct()
    assert os.environ["PATH"] == str(tmp_path)
