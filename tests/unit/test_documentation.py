"""README and docs: every link leads somewhere, and what stands in a code block or between backticks exists."""

import argparse
import ast
import functools
import importlib.util
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from varireal.cli import build_parser, join_words
from varireal.commands import COMMANDS
from varireal.config.base import _every_argument
from varireal.config.model import Config, parse_config
from varireal.names import TINY

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# Programs of others, of which nothing is checked.
_OTHERS = {"source", "export", "mkdir", "docker", "apptainer", "exiftool", "git"}
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.M | re.S)
# Before a YAML block that is of another kind of file, and before a block that is a whole file, tested where it lies.
_NO_CONFIG = re.compile(r"<!-- no config: (.+) -->\s*\Z")
_FILE = re.compile(r"<!-- (?:file|new): .+ -->\s*\Z")
_ENVIRONMENT = re.compile(r"[A-Z_]+=\S*")


def text_of(page: Path) -> str:
    return (ROOT / page).read_text("utf-8")


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", text_of(page))


def blocks(*languages: str) -> list:
    """Every code block of some languages as a parameter: page, what is before it, and its text."""
    found = []
    for page in PAGES:
        text = text_of(page)
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if match[2] in languages:
                before, inside = text[: match.start()], re.sub(f"^{match[1]}", "", match[3], flags=re.M)
                found.append(pytest.param(page, before, inside, id=f"{page}:{line}"))
    return found


def test_the_readme_is_short():
    assert len(text_of(Path("README.md")).encode()) <= 18_000


def test_all_blocks_say_what_they_are():
    known = {"bash", "sh", "console", "yaml", "toml", "python", "snakemake", "text"}
    for page in PAGES:
        assert {match[2] for match in _FENCE.finditer(text_of(page))} <= known, page
        assert text_of(page).count("\n```") % 2 == 0, page


# links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    names: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        names.append(name if name not in names else f"{name}-{names.count(name)}")
    return set(names)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / page.parent / path).resolve() if path else ROOT / page
        assert there.is_file(), f"{page}: {target} is no file"
        assert there.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(there.relative_to(ROOT)), f"{page}: {target} has no such heading"


def test_every_page_is_in_the_site_and_reached_from_the_readme():
    told = ast.parse((ROOT / "docs" / "conf.py").read_text())
    (contents,) = (
        ast.literal_eval(node.value)
        for node in told.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "CONTENTS"
    )
    pages = [f"docs/{name}.md" for part in contents.values() for name in part]
    assert sorted([*pages, "docs/code.md"]) == sorted(str(page) for page in PAGES if page.parent.name == "docs")
    linked = set(re.findall(r"\]\(([^)#\s]+)", text_of(Path("README.md"))))
    assert {str(page) for page in PAGES} - {"README.md"} <= linked


def test_pages_that_code_and_studies_name_are_there():
    files = [
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("studies/*.yaml"),
        *ROOT.glob("workflow/**/*.*"),
        ROOT / "config.yaml",
    ]
    for path in files:
        for name in re.findall(r"\bdocs/\w+\.md\b", path.read_text("utf-8")):
            assert (ROOT / name).is_file(), f"{path} names {name}"


# commands


@functools.cache
def snakemake_parser() -> argparse.ArgumentParser:
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()
    parser.allow_abbrev = False
    return parser


def commands_of(language_text: str, *, console: bool) -> list[str]:
    """The commands of a block, one a line."""
    joined = language_text.replace("\\\n", " ")
    lines = [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ") or not console]
    return [part.strip() for line in lines for part in re.split(r"&&|\|", line) if part.strip()]


def check_command(line: str) -> None:
    """Parse a command as the program itself would.

    Raises:
        AssertionError: there is no such command, option or file.
    """
    words = shlex.split(line, comments=True)
    while words and _ENVIRONMENT.fullmatch(words[0]):
        words = words[1:]
    if not words or words[0] in _OTHERS:
        return
    program, arguments = Path(words[0]).name, words[1:]
    checks = {"varireal": _varireal, "snakemake": _snakemake, "make": _make, "python": _python}
    checks |= {"pytest": _pytest, "pip": _install, "uv": _install}
    assert program in checks, f"{line!r}: who is {program}?"
    checks[program](arguments)


def _varireal(arguments: list[str]) -> None:
    try:
        build_parser().parse_args(join_words(arguments))
    except SystemExit as end:
        assert end.code == 0, arguments


def _snakemake(arguments: list[str]) -> None:
    try:
        values = snakemake_parser().parse_args(arguments)
    except SystemExit:
        raise AssertionError(f"snakemake takes no such options: {arguments}") from None
    for profile in values.profile or ():
        ours = not profile.endswith(("/ours", "/mine"))  # those are what 'varireal cluster' writes
        assert not ours or (ROOT / profile).exists(), profile


def _make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(arguments) <= set(targets), arguments


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]), arguments  # tests/ is on the path here, too
    else:
        assert (ROOT / arguments[0]).is_file(), arguments


def _pytest(arguments: list[str]) -> None:
    for word in arguments:
        assert word.startswith("-") or (ROOT / word.split("::")[0]).exists(), word


def _install(arguments: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for names in re.findall(r"varireal\[([a-z,]+)\]|^\.\[([a-z,]+)\]", " ".join(arguments)):
        assert set(",".join(filter(None, names)).split(",")) <= set(extras), arguments


@pytest.mark.parametrize(("page", "_before", "text"), blocks("bash", "sh"))
def test_commands_of_a_block(page, _before, text, capsys):
    for command in commands_of(text, console=False):
        check_command(command)
    if subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True).returncode:
        pytest.fail(f"{page}: bash cannot read it")


@pytest.mark.parametrize(("page", "_before", "text"), blocks("console"))
def test_commands_of_a_console(page, _before, text, capsys):
    commands = commands_of(text, console=True)
    assert commands
    for command in commands:
        check_command(command)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_between_backticks_exist(page):
    for span in re.findall(r"`(varireal [a-z][^`]*)`", prose(page)):
        words = join_words(shlex.split(span)[1:])
        name = words[0] if words[0] in COMMANDS else "-".join(words[:2])
        if name == words[0] or name in COMMANDS:
            flags = {option.flag for option in COMMANDS[name].options} | {"--help", "--log", "--verbose", "--debug"}
            assert {word for word in words if word.startswith("--")} <= flags, f"{page}: {span}"
        else:
            assert [key for key in COMMANDS if key.startswith(f"{words[0]}-")], f"{page}: {span}"
    for span in re.findall(r"`(make [a-z][a-z -]*)`", prose(page)):
        _make(shlex.split(span)[1:])


@pytest.mark.parametrize(
    "line",
    [
        "varireal wy results/demo",
        "varireal why --jsn",
        "varireal prompts freeze --configfile a.yaml",  # without --output
        "snakemake --core all",
        "snakemake --profile workflow/profiles/slum",
        "make demos",
        "python docs/gone.py",
        "pytest tests/gone.py",
        "pip install 'varireal[diffuse]'",
        "sudo rm",
        "HF_HUB_OFFLINE=1 snakemake --cores-all",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line, capsys):
    with pytest.raises(AssertionError):
        check_command(line)


# configs and code


def is_key(place: str) -> bool:
    """Whether a dotted place is a key or a block of the config; below a mapping of names all are."""
    models: list = [Config]
    for part in place.split("."):
        annotations = [model.model_fields[part].annotation for model in models if part in model.model_fields]
        if not annotations:
            return False
        arguments = [argument for annotation in annotations for argument in _every_argument(annotation)]
        if any(getattr(argument, "__origin__", None) is dict for argument in arguments):
            return True
        models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
    return True


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=str)
def test_keys_between_backticks_exist(page):
    blocks_ = "|".join(Config.model_fields)
    for place, value in re.findall(rf"`((?:{blocks_})(?:\.[a-z_0-9]+)+)(: [^`]*)?`", prose(page)):
        if place.rpartition(".")[2] not in ("parquet", "csv", "json", "html", "yaml", "md", "j2"):  # those are files
            assert is_key(place), f"{page}: {place}{value}"


def test_a_key_that_does_not_exist_is_noticed():
    assert is_key("verdicts.gates.color.max_leak")
    assert is_key("edits.sdxl.recipes.color.alpha")
    assert not is_key("verdicts.gates.color.max_leek")
    assert not is_key("edits.rounds.first")


@pytest.mark.parametrize(("page", "before", "text"), blocks("yaml"))
def test_yaml_is_a_config_or_says_what_else(page, before, text):
    values = yaml.safe_load(text)
    assert values
    other = _NO_CONFIG.search(before)
    if _FILE.search(before):
        return
    if other is None:
        parse_config(values, place=str(page))
    elif other[1] == "another workflow, feasibility is the study":
        parse_config(values["feasibility"], place=str(page))
    elif other[1] == "a profile of Snakemake":
        options = {string.lstrip("-") for action in snakemake_parser()._actions for string in action.option_strings}
        assert set(values) <= options
    else:
        assert other[1] == "models.lock"
        assert set(values) == {"version", "models"}


@pytest.mark.parametrize(("_page", "_before", "text"), blocks("toml"))
def test_toml_is_toml(_page, _before, text):
    assert tomllib.loads(text)


def names_in(module: str) -> set[str]:
    """Names that can be imported from a module, read from its text: importing torch for one of them takes seconds."""
    path = Path(importlib.util.find_spec(module).origin)
    nodes = [node for top in ast.parse(path.read_text("utf-8")).body for node in (top, *getattr(top, "body", ()))]
    names = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    targets = [t for node in nodes for t in getattr(node, "targets", [getattr(node, "target", None)])]
    names |= {name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)}
    names |= {there.stem for there in path.parent.glob("*") if path.name == "__init__.py"}
    return names


@pytest.mark.parametrize(("page", "before", "text"), blocks("python"))
def test_python_compiles_and_what_it_imports_is_there(page, before, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "varireal":
            assert {name.name for name in node.names} <= names_in(node.module), f"{page}: {ast.unparse(node)}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and not _FILE.search(before):
            name = node.names[0].name if isinstance(node, ast.Import) else node.module
            assert importlib.util.find_spec(name.split(".")[0]), f"{page}: {name}"


def test_the_adapter_is_loaded_as_the_page_says():
    """The one example that needs more than its imports: its config is one, and the model's name is known."""
    assert f'AdaptersConfig(model="{TINY}")' in text_of(Path("docs/classifiers.md"))
