import os
import subprocess

import pytest

from varireal.running.queue_states import answer_without_accounting


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Programs of a SLURM: what ``scontrol`` says, and a ``squeue`` that repeats what it was asked."""

    def install(storage):
        for name, script in (
            ("scontrol", f"echo 'AccountingStorageType   = {storage}'"),
            ("sacct", "echo real"),
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
    assert answer_without_accounting()
    asked = sacct("-X", "--parsable2", "--format=JobIdRaw,State", "--name", "some-run")
    assert asked.stdout == "--format=%i|%T --states=all --noheader --name some-run\n"
    other = sacct("-j", "7", "-n", "-o", "nodelist")
    assert (other.returncode, other.stdout) == (1, "")


def test_a_real_sacct_is_left_alone(slurm):
    slurm("accounting_storage/slurmdbd")
    assert not answer_without_accounting()
    assert sacct("--name", "some-run").stdout == "real\n"


def test_nothing_happens_without_slurm(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not answer_without_accounting()
    assert os.environ["PATH"] == str(tmp_path)
