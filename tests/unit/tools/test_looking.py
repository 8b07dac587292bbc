"""``varireal cluster`` on machines without SLURM, and on one whose programs say what a real one said."""

import os

import pytest
import yaml

from kit import ROOT
from varireal.cli import main
from varireal.errors import BackendError
from varireal.running.slurm import ask_if_possible, call
from varireal.tools.cluster_facts import look

RECORDED = ROOT / "tests" / "recorded" / "slurm-22.05"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is the whole path; a program in it prints a text, or runs some lines of sh."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, lines):
        (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
        (folder / name).chmod(0o755)

    return add


@pytest.fixture
def slurm(programs):
    scontrol = f'case "$*" in "show config") f=config;; *) f=partitions;; esac; exec /bin/cat {RECORDED}/$f.txt'
    programs("scontrol", scontrol)
    programs("sinfo", f"exec /bin/sed s/16000/64000/ {RECORDED}/nodes.txt")
    programs("sbatch", "echo 'sbatch: Job 7 to start at 2026-11-25T10:43:06 using 1 processors' >&2")
    return programs


def test_no_slurm_is_one_line_and_exit_code_2(programs, capfd):
    assert main(["cluster"]) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("error: cluster: no SLURM on this machine: sinfo, scontrol, sbatch not found;")


def test_a_controller_that_does_not_answer(slurm, capfd):
    slurm("scontrol", "echo 'slurm_load_ctl_conf error: Unable to contact slurm controller' >&2; exit 1")
    assert main(["cluster"]) == 2
    assert "'scontrol show config' failed: slurm_load_ctl_conf error: Unable" in capfd.readouterr().err


def test_a_profile_on_the_screen_and_in_a_folder(slurm, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["cluster"]) == 0
    out = capfd.readouterr().out
    profile, _, partitions = out.partition("# ---- partitions.yaml ----\n")
    assert yaml.safe_load(profile)["slurm-partition-config"] == "partitions.yaml"
    assert list(yaml.safe_load(partitions)["partitions"]) == ["normal", "gpu"]
    assert main(["cluster", "--output", "profiles/mine", "--test"]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count(": accepted: Job 7 to start at ") == 2
    written = yaml.safe_load((tmp_path / "profiles/mine/config.yaml").read_text())
    assert written["slurm-partition-config"] == "profiles/mine/partitions.yaml"
    assert main(["cluster", "--output", "profiles/mine"]) == 2
    assert "exist already" in capfd.readouterr().err


def test_a_refusal_is_told_with_its_cure(slurm, capfd):
    slurm("sbatch", 'case "$*" in *--gpus=*) echo "sbatch: error: Invalid GPUs" >&2; exit 1;; esac')
    assert main(["cluster", "--test"]) == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.endswith("Invalid GPUs; the same is accepted with --gpu-style gres")
    assert "a job with a GPU (--gpus) is refused" in last


def test_limits_that_sbatch_does_not_look_at(slurm, capfd):
    # with the test's own partition as the wish nothing is cut: a closed one is refused although sbatch says yes
    assert main(["cluster", "--test", "--partition", "closed"]) == 2
    assert "partition closed is not up; Job 7 to start" in capfd.readouterr().err


def test_accounting(slurm, tmp_path):
    config = (RECORDED / "config.txt").read_text().replace("accounting_storage/none", "accounting_storage/slurmdbd")
    (tmp_path / "config.txt").write_text(config)
    slurm(
        "scontrol",
        f'case "$*" in "show config") d={tmp_path}/config;; *) d={RECORDED}/partitions;; esac; /bin/cat $d.txt',
    )
    assert not look().accounting  # there is no sacct
    slurm("sacct", "exit 0")
    slurm("sacctmgr", 'case "$*" in *assoc*) echo "lab|30"; echo "guest|";; *) echo lab;; esac')
    found = look()
    assert (found.accounting, found.accounts, found.default_account, found.max_submit) == (
        True,
        ("lab", "guest"),
        "lab",
        30,
    )
    slurm("sacct", "exit 1")
    assert not look().accounting


def test_a_hanging_program_is_not_waited_for(programs, monkeypatch):
    monkeypatch.setattr("varireal.running.slurm.PATIENCE", 0.2)
    programs("sinfo", "exec /bin/sleep 20")
    with pytest.raises(BackendError, match="sinfo did not answer within 0 s"):
        call(["sinfo"])


def test_the_job_that_this_runs_in_changes_nothing(programs, monkeypatch):
    for name in ("SLURM_JOB_ID", "SBATCH_PARTITION", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    programs("sinfo", 'echo $SLURM_JOB_ID,$SBATCH_PARTITION,$SLURM_CONF,$LC_ALL,"$1"')
    assert ask_if_possible("sinfo", "$(id); *") == ",,x,C,$(id); *\n"
    assert os.environ["SLURM_JOB_ID"] == "x"
