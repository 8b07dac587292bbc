"""The shape of the code: small modules, small functions, dependencies one way, tests that mirror the source."""

import ast
import re
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from varireal.core import provenance

ROOT = Path(__file__).parents[2]
CORE, GUEST = ROOT / "src" / "varireal", ROOT / "src" / "varireal_demo"
PLUGIN = ROOT / "src" / "snakemake_logger_plugin_varireal"
UNIT = Path(__file__).parent
MODULES = sorted([*CORE.rglob("*.py"), *GUEST.rglob("*.py"), *PLUGIN.rglob("*.py")])


def dotted(path: Path) -> str:
    """``varireal.store.items`` of ``src/varireal/store/items.py``; of a package's ``__init__.py`` the package."""
    return ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path): path for path in MODULES}


def order() -> list[str]:
    """Rooms from the ground to the roof, as docs/code.md lists them: the one place where the order is written."""
    text = (ROOT / "docs" / "code.md").read_text()
    table = re.search(r"<!-- order -->\n(.*?)<!-- end of order -->", text, re.S)
    return re.findall(r"^\| `([a-z_.]+)` \|", table.group(1), re.M)


def room(module: str) -> str:
    """The folder of a module, or the module itself where it lies loose; the guest house is one room."""
    parts = module.split(".")
    if parts[0] != "varireal":
        return parts[0]
    path = NAMES[module]
    folder = path.parent.relative_to(CORE).parts
    return ".".join(folder) if folder else path.stem.strip("_")


@cache
def imports(path: Path) -> set[str]:
    """Modules of the project that a module imports, also those that a function imports."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0].startswith("varireal"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                imported.add(inner if inner in NAMES else node.module)
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names if alias.name.split(".")[0].startswith("varireal")}
    return imported


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_modules_and_functions_are_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 600, f"{path} has more than 600 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 60, f"{path}:{node.lineno}: {node.name} has more than 60 lines"


def test_no_small_room_has_a_single_door():
    """A module under 40 lines that one module imports belongs into that module."""
    users = {name: {other for other, path in NAMES.items() if name in imports(path)} for name in NAMES}
    small = [
        name
        for name, path in NAMES.items()
        if not path.stem.startswith("__") and len(path.read_text().splitlines()) < 40 and len(users[name]) == 1
    ]
    assert small == []


def test_few_modules_lie_loose():
    assert len(list(CORE.glob("*.py"))) <= 9


def test_the_order_names_every_room_once():
    rooms = {room(name) for name in NAMES}
    assert sorted(order()) == sorted(rooms)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_an_import_points_down(path):
    floors = {name: number for number, name in enumerate(order())}
    own = dotted(path)
    for name in imports(path):
        assert name in NAMES, f"{path} imports {name}, which is not there"
        assert floors[room(name)] <= floors[room(own)], f"{path} imports {name} of a room above"


def test_no_circle_of_modules():
    """Within a room the order says nothing; there, too, no module may lead back to itself."""
    graph = {name: imports(path) - {name} for name, path in NAMES.items()}
    assert list(TopologicalSorter(graph).static_order())


def test_the_core_does_not_know_the_guest_house():
    """It is reached by the registry and the table of commands, as backends of other packages are."""
    for path in CORE.rglob("*.py"):
        assert not [name for name in imports(path) if not name.startswith("varireal.") and name != "varireal"], path


def test_stages_do_not_import_one_another():
    """But for what several of them share."""
    shared = {"candidates", "common", "job", "outcomes"}
    for path in (CORE / "stages").glob("*.py"):
        for name in imports(path):
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
    owners = [path for path in MODULES if setters.search(path.read_text()) or imported.search(path.read_text())]
    assert [str(path.relative_to(CORE)) for path in owners] == ["running/stopping.py"]


def test_every_test_folder_mirrors_a_package():
    for folder in UNIT.rglob("*"):
        if folder.is_dir() and folder.name != "__pycache__" and folder != UNIT / "demo":
            assert (CORE / folder.relative_to(UNIT)).is_dir(), f"{folder} mirrors nothing"


def test_a_class_name_means_one_thing():
    names = [
        node.name for path in MODULES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_file_name_means_one_thing():
    """A stage, its block of the config and its tool share a name; ``base`` is what a room's members have in common."""
    alike = {f"{stage}.py" for stage in provenance.STAGE_VERSIONS} | {"__init__.py", "__main__.py", "base.py"}
    alike |= {"hosted.py", "records.py"}  # hosted models, in the config and as judges; values that a room gives away
    names = Counter(path.name for path in MODULES)
    assert [name for name, count in names.items() if count > 1 and name not in alike] == []


def test_names_say_what_they_hold():
    """``found``, ``told``, ``said``, ``kept`` and ``own`` alone say that somebody did something, not what there is."""
    words = {"found", "told", "said", "kept", "own"}
    bad = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            name = ""
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = node.name
            elif isinstance(node, ast.arg):
                name = node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                name = node.id
            if name in words:
                bad.append(f"{path}:{node.lineno}: {name}")
    assert len(bad) <= 20, "\n".join(bad)
