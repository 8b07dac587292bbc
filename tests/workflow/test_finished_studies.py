"""Finished studies stay finished: those of an earlier version have nothing to do, and no item is computed again.

The studies are archives in ``tests/finished``; ``golden.json`` there has every slice digest, what rules say and every
item key of the configs in ``studies/``. How they are made, and when they may change, is in CONTRIBUTING.md.
"""

import json
import logging
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from finished import make
from finished.studies import SDXL_MODELS, TINY_MODELS
from kit import ROOT, Project, environment
from varireal.store import tables
from varireal.store.items import ItemStore
from varireal.store.schemas import EDITS, IMAGES

pytestmark = pytest.mark.workflow

NAMES = ("demo_small", "photographs", "tiny_sdxl")
# The pictures of a model are equal to the bit on the processors that made them, and nearly so on others.
LEAST_PSNR = 60.0


@pytest.fixture(scope="module")
def projects(tmp_path_factory, tiny_model) -> dict[str, Project]:
    """The finished studies, under today's workflow."""
    found = {}
    for name in NAMES:
        found[name] = Project(tmp_path_factory.mktemp(name), {})
        shutil.unpack_archive(ROOT / "tests" / "finished" / f"{name}.tar.xz", found[name].folder)
    # As what it was made: adapters of the step that val chose. What the default of today does to it is a test below.
    with_checkpoint(found["demo_small"], "val")
    for name in SDXL_MODELS:
        shutil.copytree(tiny_model(name), found["tiny_sdxl"].folder / TINY_MODELS / name)
    return found


def with_checkpoint(project: Project, checkpoint: str | None) -> None:
    """Let a study choose its adapters' step so; None leaves the key out."""
    path = project.folder / "study.yaml"
    config = yaml.safe_load(path.read_text())
    config["adapters"]["training"] = {
        name: value for name, value in config["adapters"]["training"].items() if name != "checkpoint"
    } | ({} if checkpoint is None else {"checkpoint": checkpoint})
    path.write_text(yaml.safe_dump(config))


def made(project: Project) -> dict:
    """On what a study was made, and with which models."""
    return json.loads((project.folder / "made.json").read_text())


def made_here(project: Project) -> bool:
    """Whether this machine computes to the same bit what made the study did."""
    facts = made(project)
    models = facts.pop("models")
    if facts != make.machine_facts():
        return False
    assert make.model_digests(project.folder) == models, "the tiny models of the tests changed; make the studies anew"
    return True


def usable(project: Project) -> bool:
    """Whether the models are those that the study was made with; where torch is another one, they may not be."""
    return made_here(project) or make.model_digests(project.folder) == made(project)["models"]


@pytest.fixture(scope="module")
def golden(tmp_path_factory) -> dict:
    """What today's code says of every config on record."""
    return make.golden(tmp_path_factory.mktemp("golden"))


def study(project: Project) -> Path:
    name = yaml.safe_load((project.folder / "study.yaml").read_text())["study"]["name"]
    return project.folder / "results" / name


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_to_be_done(projects, name):
    run = projects[name].snakemake("-n")
    assert run.code == 0, run.text
    assert "Nothing to be done" in run.text, run.text


def test_equal_training_trains_again_and_makes_nothing_else(projects):
    """The default of ``adapters.training.checkpoint`` is not what studies did before there was such a key."""
    project = projects["demo_small"].copied(projects["demo_small"].folder.with_name("by-the-default"))
    with_checkpoint(project, None)
    run = project.snakemake("-n")
    trained = {rule for rule in run.jobs if rule.startswith("adapters")}
    assert trained
    slices = {"stage_config"}
    assert run.jobs.keys() - trained - slices - {"total"} == {
        *(rule for rule in run.jobs if rule.startswith("predictions")),
        "report",
        "all",
    }, run.text
    why = subprocess.run(
        ["varireal", "why", "--configfile", "study.yaml"],
        cwd=project.folder, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert why.returncode == 0, why.stderr
    assert 'adapters.training.checkpoint: "val" -> "last"' in why.stderr + why.stdout


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_to_be_collected(projects, name):
    from varireal.tools.store_gc import run

    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("varireal.tools.store_gc")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert run(study=study(projects[name]), delete=False) == 0
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert lines == ["would delete 0 items in all"]


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        *(("demo_small", attribute) for attribute in ("background", "color", "texture")),
        *(("tiny_sdxl", attribute) for attribute in ("background", "color", "texture")),
        ("photographs", "color"),
    ],
)
def test_a_candidate_is_made_again_to_the_bit(projects, name, attribute, monkeypatch):
    from varireal.tools.replay import answer

    project = projects[name]
    if not usable(project):
        pytest.skip("this torch makes other tiny models")
    monkeypatch.chdir(project.folder)
    place = study(project).relative_to(project.folder)
    rows = [
        row
        for path in sorted((study(project) / "edits" / attribute).rglob("*.parquet"))
        for row in tables.read(path, EDITS, ["candidate_id", "status"])
    ]
    candidates = [row["candidate_id"] for row in rows if row["status"] == "ok"]
    assert candidates
    comparison = answer(candidates[-1], place, output=None, ask=False).comparison
    if name == "tiny_sdxl" and not made_here(project) and comparison["verdict"] != "equal":
        assert comparison["psnr"] >= LEAST_PSNR
    else:
        assert comparison["verdict"] == "equal", comparison


def test_no_item_is_computed_again(projects):
    """Every job of every study is run by its own command, though none has to: all that it needs is in its store."""
    there = {name: project for name, project in projects.items() if usable(project)}
    copies = [project.copied(project.folder.with_name(f"{name}-again")) for name, project in there.items()]
    before = [kept(project) for project in copies]
    answers = make.jobs_of([(project.folder, "study.yaml") for project in copies], "--run")
    computed = [answer["computed"] for answer in answers]
    assert sum(map(len, computed)) > 50
    assert {log: count for found in computed for log, count in found.items() if count > 0} == {}
    assert [kept(project) for project in copies] == before


def kept(project: Project) -> dict[str, set[str]]:
    """The keys in every store of a study, less what a prompt stage notes of itself."""
    found = {}
    for path in sorted((study(project) / "store").glob("*.sqlite")):
        with closing(ItemStore(path)) as store:
            found[path.name] = set(store.all_keys())
    return found


@pytest.mark.parametrize("part", ["slices", "items", "rules"])
def test_digests_keys_and_rules_are_those_on_record(golden, part):
    """On a difference: mend the change, or say in CHANGELOG.md whose outputs change (see CONTRIBUTING.md)."""
    recorded = json.loads(make.GOLDEN.read_text())
    assert golden.keys() == recorded.keys()
    for name, entry in recorded.items():
        assert golden[name].get(part) == entry.get(part), name


def test_a_photograph_that_changes_is_noticed(projects):
    """The test of the test: what is recorded of finished studies is really compared."""
    project = projects["photographs"].copied(projects["photographs"].folder.with_name("changed"))
    row = tables.read(study(project) / "images.parquet", IMAGES)[0]
    (project.folder / row["path"]).touch()
    run = project.snakemake("-n")
    assert run.jobs["images"] == 1


def test_the_record_changes_only_with_a_word_on_it():
    """Each commit that changes the golden file adds an entry "Outputs change" with stage, studies and reason."""
    for commit in changes_of("tests/finished/golden.json"):
        added = git("show", "--format=", "--unified=0", commit, "--", "CHANGELOG.md")
        entries = re.findall(r"^\+- \*\*Outputs change\*\* \(stages?: [a-z, ]+; studies: [^;)]+\): \S.+", added, re.M)
        assert entries, (
            f"{commit} changes tests/finished/golden.json; say in CHANGELOG.md which outputs change, and why"
        )


def changes_of(path: str) -> list[str]:
    """Commits that changed a file after the one that added it, where the history is there."""
    if not (ROOT / ".git").exists():
        pytest.skip("no history beside the project")
    return git("log", "--format=%h", "--diff-filter=M", "--no-merges", "--", path).split()


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
