"""The profiles that are shipped; needs no SLURM."""

import re
import subprocess

import pytest
import yaml

from kit import ROOT, environment

PROFILES = {name: ROOT / "workflow" / "profiles" / name / "config.yaml" for name in ("default", "slurm")}


@pytest.mark.parametrize("name", PROFILES)
def test_every_entry_is_explained(name):
    blocks = re.split(r"\n\n+", PROFILES[name].read_text().strip())
    for block in blocks:
        assert block.startswith("# "), block
        live = [line for line in block.splitlines() if not line.startswith(("#", " "))]
        assert len(live) <= 1, f"{live[1]} has no comment of its own"


@pytest.mark.parametrize("name", PROFILES)
def test_every_entry_is_an_option_also_those_in_comments(name):
    told = subprocess.run(["snakemake", "--help"], capture_output=True, text=True, env=environment()).stdout
    text = PROFILES[name].read_text()
    entries = [*yaml.safe_load(text), *re.findall(r"^#([a-z-]+):", text, re.M)]
    assert entries
    assert [entry for entry in entries if f"--{entry}" not in told] == []


def test_the_profiles_do_not_contradict_each_other():
    """Snakemake reads the default one too, and prefers it."""
    default, slurm = (yaml.safe_load(path.read_text()) for path in PROFILES.values())
    assert {key for key in default if key in slurm and slurm[key] != default[key]} == set()


def test_what_a_cluster_needs_is_said():
    slurm = yaml.safe_load(PROFILES["slurm"].read_text())
    assert slurm["executor"] == "slurm"
    assert slurm["slurm-requeue"] is True
    assert slurm["retries"] >= 3
    assert slurm["slurm-status-attempts"] * 4 > 8 * 3600  # seconds that the controller may be away
    assert 3 * slurm["slurm-init-seconds-before-status-checks"] <= 300  # or the plugin leaves squeue for sacct
