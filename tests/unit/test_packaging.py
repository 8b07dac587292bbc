"""What a fresh machine gets: pins without addresses, a changelog that knows the version, data files in the package."""

import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

import varireal

ROOT = Path(__file__).parents[2]


LOCKS = ("requirements.txt", "docs.txt")


def pins(lock: str) -> list[str]:
    return [line for line in (ROOT / "envs" / lock).read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_file_has_exact_pins_and_no_address(lock):
    assert len(pins(lock)) > 20
    for line in pins(lock):
        assert "://" not in line
        assert not line.startswith("-")
        assert re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+", line), line


def test_every_dependency_is_locked():
    text = (ROOT / "pyproject.toml").read_text()
    wanted = {
        re.match(r"[a-z0-9._-]+", item.lower()).group() for item in re.findall(r'^  "([^"<>=]+)[<>=]', text, re.M)
    }
    locked = {line.split("==")[0].split("[")[0] for lock in LOCKS for line in pins(lock)}
    assert {"numpy", "snakemake", "playwright", "sphinx"} <= wanted
    assert wanted <= locked


def test_the_site_is_built_with_the_versions_of_the_lock_and_installed_by_nothing_else():
    main, docs = ({line.split("==")[0]: line for line in pins(lock)} for lock in LOCKS)
    assert {
        name: line for name, line in docs.items() if name in main and line.split(" ;")[0] != main[name].split(" ;")[0]
    } == {}
    assert not {"sphinx", "furo", "myst-parser"} & main.keys()


def test_the_changelog_knows_the_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M).group(1)
    assert newest == varireal.__version__


@pytest.mark.parametrize(
    "name", ["prompts/demo_birds.yaml", "prompts/everyday.yaml", "report/index.html.j2", "datacard.md.j2"]
)
def test_assets_are_in_the_package(name):
    assert resources.files("varireal").joinpath("assets", *name.split("/")).is_file()


def test_stages_and_commands_start_without_any_extra():
    """As after ``pip install varireal``: what only some studies need is imported where it is used."""
    names = [f"varireal.{path.parent.name}.{path.stem}" for room in ("stages", "tools") for path in ours(room)]
    code = """
import importlib, sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Nothing())
for name in NAMES:
    importlib.import_module(name)
"""
    extras = {"openai", "tenacity", "aiolimiter", "py3langid", "torch", "datasets", "webdataset", "pycocotools"}
    extras |= {"open_clip", "peft", "transformers", "diffusers", "compel", "onnxruntime", "safetensors", "shtab"}
    code = code.replace("EXTRAS", repr(extras)).replace("NAMES", repr(names))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]


def ours(room):
    """Modules of a room; those of the classifiers' two stages need their extra."""
    paths = (ROOT / "src" / "varireal" / room).glob("[a-z]*.py")
    return sorted(path for path in paths if path.stem not in ("adapters", "predictions"))


def test_snakemake_finds_the_logger_plugin():
    assert LoggerPluginRegistry().is_installed("varireal")
