"""What a fresh machine gets: pins without addresses, a changelog that knows the version, data files in the package."""

import re
from importlib import resources
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

import varireal

ROOT = Path(__file__).parents[2]


def test_the_lock_file_has_exact_pins_and_no_address():
    lines = [line for line in (ROOT / "envs" / "requirements.txt").read_text().splitlines() if line.strip()]
    assert len(lines) > 50
    for line in lines:
        assert "://" not in line
        assert not line.startswith("-")
        assert re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+", line), line


def test_every_dependency_is_locked():
    text = (ROOT / "pyproject.toml").read_text()
    wanted = {
        re.match(r"[a-z0-9._-]+", item.lower()).group() for item in re.findall(r'^  "([^"<>=]+)[<>=]', text, re.M)
    }
    locked = {
        line.split("==")[0].split("[")[0] for line in (ROOT / "envs" / "requirements.txt").read_text().split("\n")
    }
    assert {"numpy", "snakemake", "playwright"} <= wanted
    assert wanted <= locked


def test_the_changelog_knows_the_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1)
    assert newest == varireal.__version__


@pytest.mark.parametrize(
    "name", ["prompts/demo_birds.yaml", "prompts/everyday.yaml", "report/index.html.j2", "datacard.md.j2"]
)
def test_assets_are_in_the_package(name):
    assert resources.files("varireal").joinpath("assets", *name.split("/")).is_file()


def test_snakemake_finds_the_logger_plugin():
    assert LoggerPluginRegistry().is_installed("varireal")


def test_readme_names_commands_that_exist():
    from varireal.commands import COMMANDS

    text = (ROOT / "README.md").read_text()
    for words in re.findall(r"^varireal ([a-z]+(?: [a-z]+)?)", text, re.M):
        joined = words.replace(" ", "-")
        assert joined in COMMANDS or words.split()[0] in COMMANDS, words
    for name in re.findall(r"\]\((?!http)([^)]+)\)", text):
        assert (ROOT / name).exists(), name
