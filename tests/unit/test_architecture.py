"""The shape of the code: small modules, small functions, dependencies one way, tests that mirror the source."""

import ast
import re
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "varireal"
UNIT = Path(__file__).parent
MODULES = sorted(SRC.rglob("*.py"))

# Each layer may import its own and those before it.
LAYERS = [
    {"errors", "names", "records", "seeds", "arrays", "files", "plaintext", "tail", "__init__"},
    {"provenance", "paths", "logs", "registry", "parallel", "pictures", "commands", "running", "marks"},
    {"rendering", "tables", "store"},
    {"config", "datasets", "prompting", "metrics", "statistics", "classifiers", "models"},
    {
        "segmenters",
        "schemas",
        "editors",
        "judges",
        "reporting",
        "exports",
        "datacard",
        "pretraining",
        "asking",
        "backends",
    },
    {"needs", "layout", "stages"},
    {"checking", "collecting", "prompt_commands", "model_commands", "observing", "replaying", "cluster"},
    {"cli"},
    {"__main__"},
]


def layer(name: str) -> int:
    part = name.split(".")[1] if "." in name else "__init__"
    return next(number for number, names in enumerate(LAYERS) if part in names)


def imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "varireal":
            found |= {node.module} if node.module != "varireal" else {f"varireal.{alias.name}" for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "varireal"}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_modules_and_functions_are_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 300, f"{path} has more than 300 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 60, f"{path}:{node.lineno}: {node.name} has more than 60 lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_dependencies_point_one_way(path):
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    own = layer(".".join(parts))
    for name in imports(ast.parse(path.read_text())):
        known = name != "varireal.__version__"
        assert not known or layer(name) <= own, f"{path} imports {name} of a higher layer"


def test_stages_do_not_import_one_another():
    shared = {
        "budget",
        "candidates",
        "deals",
        "editing",
        "funnel",
        "gallery_source",
        "items",
        "manifest",
        "measuring",
        "outcomes",
        "photos",
        "pictures",
        "pool",
        "results",
        "shown",
        "summary",
    }
    for path in (SRC / "stages").glob("*.py"):
        for name in imports(ast.parse(path.read_text())):
            if name.startswith("varireal.stages."):
                assert name.split(".")[2] in shared, f"{path} imports {name}"


def test_no_unsafe_call():
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & {"pickle", "shelve", "marshal", "dill"}, path


def test_signals_have_one_owner():
    """Who sets a handler undoes that of somebody else, and a job dies by the signal that it should have heard."""
    setters = re.compile(r"\bsignal\.(signal|sigaction|set_wakeup_fd|siginterrupt)\(|\b(add|remove)_signal_handler\b")
    imported = re.compile(r"^\s*from signal import\b", re.M)
    found = [path for path in MODULES if setters.search(path.read_text()) or imported.search(path.read_text())]
    assert [str(path.relative_to(SRC)) for path in found] == ["running/stopping.py"]


def test_every_test_folder_mirrors_a_package():
    for folder in UNIT.rglob("*"):
        if folder.is_dir() and folder.name != "__pycache__":
            assert (SRC / folder.relative_to(UNIT)).is_dir(), f"{folder} mirrors nothing"
