"""The conda environments have what their rules need, in the versions of the lock; the recipes of containers agree."""

import re
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kit import ROOT
from varireal.config.model import parse_config
from varireal.core.registry import CAPABILITIES, backend_extra
from varireal.study.layout import Layout

ENVS = ROOT / "envs"
NAMES = ("classifiers", "core", "models")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name != "dev"}
# rule: extras of all that it may do; those of masks, priors, edits and verdicts follow from their backends
RULES = {
    "adapters": ("classifiers", ["clip"]),
    "predictions": ("classifiers", ["clip"]),
    "images": ("core", ["datasets"]),
    "prompts": ("core", ["llm"]),
    "dataset": ("core", ["coco", "webdataset"]),
    "report": ("core", []),
    "config": ("core", []),
}
BY_BACKEND = {"segmenters": ["masks"], "editors": ["priors", "edits"], "judges": ["verdicts"]}
KEYS = {"segmenters": ("masks", "backend"), "editors": ("edits", "backend"), "judges": ("verdicts", "judge")}
BACKENDS = {kind: CAPABILITIES[kind].backends for kind in KEYS}


def environment(name):
    return yaml.safe_load((ENVS / f"{name}.yaml").read_text())


def pins(name):
    (pip,) = [part["pip"] for part in environment(name)["dependencies"] if isinstance(part, dict)]
    return pip


def names_of(lines):
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("name", NAMES)
def test_every_version_is_the_lock_s(name):
    lock = (ENVS / "requirements.txt").read_text().splitlines()
    assert len(pins(name)) > 80
    assert not [line for line in pins(name) if line not in lock]
    for line in pins(name):
        # two lines for one package are for different versions of Python
        twins = [other for other in lock if other.split("==")[0] == line.split("==")[0]]
        assert not [other for other in twins if other not in pins(name)], line


@pytest.mark.parametrize("name", NAMES)
def test_python_is_the_only_thing_of_conda(name):
    found = environment(name)
    assert found["channels"] == ["conda-forge"]
    assert [part for part in found["dependencies"] if isinstance(part, str)] == [
        "python " + PROJECT["requires-python"] + ",<3.14",
        "pip",
        "setuptools >=77",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_package_needs_is_there_too(name):
    """So that pip has nothing to choose: a package whose own needs are missing would come in some newest version."""
    there = names_of(pins(name))
    seen = set()
    waiting = [Requirement(line) for line in PROJECT["dependencies"]]
    waiting += [Requirement(line) for extra in extras_of(name) for line in EXTRAS[extra]]
    while waiting:
        asked = waiting.pop()
        if asked.marker is not None and not any(
            asked.marker.evaluate({"extra": extra}) for extra in asked_extras(asked)
        ):
            continue
        key = (canonicalize_name(asked.name), frozenset(asked.extras))
        if key in seen:
            continue
        seen.add(key)
        assert key[0] in there, f"envs/{name}.yaml has no {asked.name}; run 'make lock'"
        for line in metadata.requires(asked.name) or []:
            child = Requirement(line)
            if child.marker is None or any(child.marker.evaluate({"extra": e}) for e in ("", *asked.extras)):
                child.marker = None
                waiting.append(child)
    assert len(seen) > 60


def asked_extras(asked):
    return ("", *asked.extras)


def extras_of(name):
    from_rules = {extra for environment_name, extras in RULES.values() if environment_name == name for extra in extras}
    from_backends = {
        backend_extra(kind, backend)
        for kind, backends in BACKENDS.items()
        for backend in backends
        if chosen(kind, backend) == {name}
    }
    return sorted((from_rules | from_backends) - {""})


def chosen(kind, backend):
    """Environments of the stages that use a backend."""
    top, key = KEYS[kind]
    layout = Layout(parse_config({top: {key: backend}, "adapters": {"regimes": []}}))
    return {layout.environment(stage) for stage in BY_BACKEND[kind]}


@pytest.mark.parametrize(("kind", "backend"), [(kind, name) for kind, found in BACKENDS.items() for name in found])
def test_a_rule_s_environment_has_what_its_backend_needs(kind, backend):
    (name,) = chosen(kind, backend)
    extra = backend_extra(kind, backend)
    assert names_of(EXTRAS.get(extra, [])) <= names_of(pins(name))
    assert (name == "models") == (extra == "diffusion")


def test_a_source_of_images_needs_nothing_of_its_own():
    """The rule images has one environment, whatever the source."""
    assert {row.extra for row in CAPABILITIES["image_sources"].backends.values()} == {""}


def test_two_kinds_of_backend_in_one_study():
    both = {"masks": {"backend": "grabcut"}, "verdicts": {"judge": "openai"}, "edits": {"backend": "sdxl"}}
    layout = Layout(parse_config(both | {"adapters": {"regimes": []}}))
    assert [layout.environment(stage) for stage in ("masks", "edits", "verdicts", "report")] == [
        "core",
        "models",
        "core",
        "core",
    ]
    looks = {"verdicts": {"judge": "openai", "silhouette": {"segmenter": "grounded_sam2"}}}
    assert Layout(parse_config(looks)).environment("verdicts") == "models"
    assert names_of(EXTRAS["llm"]) <= names_of(pins("models"))


def test_rules_name_these_environments():
    found = {}
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for line in re.findall(r"^ +conda:\n +(.+)$", path.read_text(), re.M):
            found.setdefault(path.stem, set()).add(line)
    for stage, (name, _) in RULES.items():
        assert found.pop(stage) == {f'"../../envs/{name}.yaml"'}
    assert found == {stage: {f'environment("{stage}")'} for stages in BY_BACKEND.values() for stage in stages}


@pytest.mark.parametrize(("rule", "name", "extras"), [(rule, name, extras) for rule, (name, extras) in RULES.items()])
def test_the_other_rules_have_their_extras(rule, name, extras):
    for extra in extras:
        assert names_of(EXTRAS[extra]) <= names_of(pins(name)), rule


@pytest.mark.parametrize("name", NAMES)
def test_the_package_itself_is_installed_after_its_environment(name):
    assert not [line for line in pins(name) if "varireal" in line or "/" in line]  # no path: see docs/environments.md
    assert (ENVS / f"{name}.post-deploy.sh").read_text() == (ENVS / "core.post-deploy.sh").read_text()


def test_every_extra_is_in_some_environment_or_of_the_scheduler():
    everywhere = {name for environment_name in NAMES for name in names_of(pins(environment_name))}
    for extra, lines in EXTRAS.items():
        assert extra == "slurm" or names_of(lines) <= everywhere, extra


def test_containers_have_every_extra_and_python_is_one_that_is_tested():
    docker = (ROOT / "Dockerfile").read_text()
    (listed,) = re.findall(r'^ARG EXTRAS="(.*)"$', docker, re.M)
    assert set(listed.split()) - {"--extra"} == set(EXTRAS)
    versions = set(re.findall(r"^FROM \S+python:(\d\.\d+)-", docker, re.M))
    assert len(versions) == 1
    assert f"Programming Language :: Python :: {versions.pop()}" in PROJECT["classifiers"]
    assert "USER 1000:1000" in docker
    assert not re.search(r"token|secret|password|key", docker, re.I)


def test_the_image_takes_no_results_or_keys():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"  # nothing, but for what follows
    taken = {line[1:].split("/")[0] for line in rules if line.startswith("!")}
    assert not taken & {"results", "data", ".env", ".git", ".venv", ".snakemake", "models"}
    assert {"envs", "studies", "workflow", "src"} <= taken  # Snakemake records the environments, conda or not
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    for path in " ".join(copied).split():
        assert path.split("/")[0] in taken, path
        assert (ROOT / path).exists(), path


def test_both_recipes_take_the_same_steps():
    docker, apptainer = (ROOT / "Dockerfile").read_text(), (ROOT / "apptainer.def").read_text()
    assert re.findall(r"^From: (\S+)$", apptainer, re.M) == [
        re.search(r"^FROM docker.io/library/(\S+)", docker, re.M).group(1)
    ]
    (listed,) = re.findall(r'^ARG EXTRAS="(.*)"$', docker, re.M)
    assert re.findall(r'^ +EXTRAS="(.*)"$', apptainer, re.M) == [listed]
    for step in (
        "uv venv",
        "--constraint requirements.txt uv setuptools",
        "--requirement pyproject.toml",
        "--no-deps .",
    ):
        assert step in docker, step
        assert step in apptainer, step
    for line in re.search(r"^%files\n(.*?)\n\n", apptainer, re.M | re.S).group(1).splitlines():
        assert (ROOT / line.split()[0]).exists(), line
