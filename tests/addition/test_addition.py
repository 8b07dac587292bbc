"""A package adds one thing of each kind, with no line of VariReal changed, and a study is made of all of them."""

import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import prefork
from kit import ROOT, Project, Run, environment
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
COLORS = {"red ball": (200, 40, 30), "blue ball": (30, 60, 200)}
PICTURES = 9  # of each class, of which every third is for tests
AT_BORDER = ("red ball", 1)


def installed(folder):
    """What an installer leaves behind for the package beside this file."""
    shutil.copytree(
        HERE / "varireal_addition", folder / "varireal_addition", ignore=shutil.ignore_patterns("__pycache__")
    )
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    info = folder / f"varireal_addition-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = {
        group: "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    }
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{points}\n" for group, points in groups.items()))
    return folder


def draw_photos(folder):
    """Balls on a table, no two photos alike; in one the ball touches the border, so that it cannot be moved."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, color in COLORS.items():
        for number in range(PICTURES):
            photo = np.full((64, 64, 3), int(generator.integers(150, 250)), np.uint8)
            photo[int(generator.integers(34, 46)) :] -= 20
            photo = np.clip(photo + generator.integers(-6, 7, photo.shape), 0, 255).astype(np.uint8)
            radius = int(generator.integers(6, 12))
            across = radius - 2 if (name, number) == AT_BORDER else int(generator.integers(22, 42))
            cv2.circle(photo, (across, int(generator.integers(28, 38))), radius, color, -1)
            cv2.imwrite(str(folder / f"{name}_{number}.png"), photo[..., ::-1])


class Addition(Project):
    """A study beside the installed package; its commands find the package on their path.

    They are forks of a process that has imported this package and that one, see ``prefork``; with another package on
    the path, or none, they start in reality.
    """

    site: Path
    commands: Path

    def copied(self, folder, *, site=None):
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("forks"))
        copy = Addition.finished(folder)
        copy.site, copy.commands = site or self.site, self.commands
        return copy

    def _run(self, *command):
        env = {**environment(self.commands), "PYTHONPATH": str(self.site)}
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=env)
        return Run(done.returncode, done.stdout + done.stderr)


def forking(shared, site):
    """Folder with commands that are forks of a process which has the package on its path."""
    shared.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(prefork.SHARED, str(shared))
        patch.setenv(f"{prefork.SHARED}_PID", str(os.getpid()))
        patch.setenv("PYTHONPATH", str(site))
        return prefork.folder(models=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study of ``study.yaml``, finished."""
    folder = tmp_path_factory.mktemp("addition")
    project = Addition(folder, yaml.safe_load((HERE / "study.yaml").read_text("utf-8")))
    project.site = folder / "site"
    project.site.mkdir()
    installed(project.site)
    real = os.environ.get("VARIREAL_TESTS_REAL") or prefork.SHARED not in os.environ
    project.commands = Path(sys.executable).parent if real else forking(folder / "forks", project.site)
    draw_photos(folder / "photos")
    shutil.copy(HERE / "bank.yaml", folder / "bank.yaml")
    run = project.snakemake()
    assert run.code == 0, run.text
    return project


@pytest.fixture(scope="module")
def results(study):
    return study.folder / "results" / "addition"


def rows(path):
    return pq.read_table(path).to_pylist()


def test_nothing_is_left_to_do(study):
    run = study.snakemake("--dry-run")
    assert (run.code, run.jobs) == (0, {}), run.text


def test_the_photos_come_from_the_source_and_the_masks_from_the_segmenter(results):
    images = rows(results / "images.parquet")
    assert {(row["class_name"], row["split"]) for row in images} >= {(c, s) for c in COLORS for s in ("train", "test")}
    assert len(images) == PICTURES * len(COLORS)
    masks = rows(results / "masks" / "00000-of-00001.parquet")
    assert {(row["status"], row["backend"]) for row in masks} == {("ok", "border")}


def test_the_edits_are_of_the_attribute_and_measured_by_the_measure(results):
    manifest = rows(results / "dataset" / "manifest.parquet")
    assert {(row["attribute"], row["backend"]) for row in manifest} == {("position", "move")}
    made = [row for row in manifest if row["status"] == "ok"]
    assert {round(row["shift"], 3) for row in made} == {round(6 / 64, 3)}  # a tenth of 64 pixels, in whole ones
    assert all(row["leak_max"] == 0 for row in made)
    left_out = [row for row in manifest if row["status"] != "ok"]
    assert {(row["status"], row["feasibility"]) for row in left_out} == {
        ("not_applicable", arm) for arm in ("feasible", "infeasible")
    }
    assert all("touches the border" in row["reason"] for row in left_out)


def test_the_judge_refuses_with_a_reason_of_its_own(results):
    verdicts = [row for arm in ("feasible", "infeasible") for row in rows(
        results / "verdicts" / "position" / arm / "round0" / "00000-of-00001.parquet"
    )]  # fmt: skip
    assert {row["judge"] for row in verdicts} == {"modest"}
    refused = [row["reasons"][0] for row in verdicts if not row["accepted"]]
    assert {reason.partition(":")[0] for reason in refused} == {"immodest", "not_applicable"}


def test_a_gate_of_the_measure_refuses(study, tmp_path):
    project = study.copied(tmp_path / "strict")
    config = yaml.safe_load((project.folder / "study.yaml").read_text())
    config["verdicts"]["gates"] = {"position": {"min_shift": 0.2}}
    config["adapters"]["regimes"] = []
    project.configure(config)
    run = project.snakemake("--until", "verdicts")
    assert run.code == 0, run.text
    table = "results/addition/verdicts/position/feasible/round0/00000-of-00001.parquet"
    reasons = {row["reasons"][0] for row in rows(project.folder / table)}
    assert "not_moved: shift 0.0938 is below the gate 0.2" in reasons
    assert not any(row["accepted"] for row in rows(project.folder / table))


def test_the_exporter_labels_the_object_where_the_edit_put_it(results):
    accepted = {row["candidate_id"]: row for row in rows(results / "dataset" / "manifest.parquet")}
    labels = sorted((results / "exports" / "yolo" / "labels").iterdir())
    assert len(labels) == sum(row["outcome"] == "accepted" for row in accepted.values()) > 4
    masks = {row["image_id"]: row for row in rows(results / "masks" / "00000-of-00001.parquet")}
    for path in labels:
        row = accepted[path.stem]
        _, across, down, *_ = map(float, path.read_text().split())
        mask = np.asarray(Image.open(io.BytesIO(masks[row["image_id"]]["mask"]))) > 0
        columns, lines = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        before = np.array([columns[0] + columns[-1] + 1, lines[0] + lines[-1] + 1]) / 2
        way = {"to the left": (-6, 0), "to the right": (6, 0), "up in the air": (0, -6), "into the ground": (0, 6)}
        assert (np.array([across, down]) * 64 - before).round(2).tolist() == list(way[row["prompt_name"]])


def test_the_learner_trains_and_the_page_reports_the_measure(results):
    regimes = {path.name for path in (results / "predictions").iterdir()}
    assert regimes == {"real", *(f"real+synthetic-position-{arm}" for arm in ("feasible", "infeasible", "mixed"))}
    tables = results / "report" / "tables"
    measures = rows(tables / "measures.parquet")
    assert {(row["measure"], row["regime"]) for row in measures} == {("sureness", regime) for regime in regimes}
    assert all(row["low"] < row["value"] < row["high"] for row in measures)
    assert {row["regime"] for row in rows(tables / "accuracies.parquet")} == regimes
    page = (results / "report" / "index.html").read_text("utf-8")
    assert "Probability of the true class" in page
    data = "".join(path.read_text("utf-8") for path in sorted((results / "report" / "data").iterdir()))
    for words in ("position", "shift", "immodest"):
        assert words in page + data, words


def test_the_data_card_says_what_was_done(results):
    card = (results / "dataset" / "README.md").read_text("utf-8")
    assert "editors: move" in card
    assert "segmenters: border" in card
    assert "judges: modest" in card
    assert re.search(r"^Packages: .*varireal-addition 1\.0[,.]", card, re.M)
    assert r"| position | max\_leak | 0.0 |" in card
    assert r"| position | min\_shift | 0.05 |" in card
    assert "| `shift` | double | distance between the object's centres before and after" in card


def test_plan_status_and_why_know_it(study):
    config = yaml.safe_load((study.folder / "study.yaml").read_text())
    other = study.folder / "other.yaml"
    other.write_text(yaml.safe_dump({**config, "study": {"name": "other", "seed": 4}}))
    plan = study.varireal("plan", "--configfile", "other.yaml")
    assert plan.code == 0, plan.text
    edits = next(line.split() for line in plan.text.splitlines() if line.startswith("edits "))
    assert edits[1:3] == ["2", "20"], plan.text  # a job for each arm, 10 train photos
    status = study.varireal("status", "results/addition")
    assert status.code == 0, status.text
    assert "position" in status.text
    other.write_text(yaml.safe_dump({**config, "edits": {**config["edits"], "options": {"share": 0.15}}}))
    why = study.varireal("why", "--configfile", "other.yaml")
    assert "edits.options.share" in why.text


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"images": {"source": "flatt"}}, r"unknown image source 'flatt'; did you mean 'flat'\? known: .*\bflat\b"),
        ({"masks": {"backend": "bordr"}}, r"unknown segmenter 'bordr'; did you mean 'border'\? known: border, "),
        ({"edits": {"backend": "mov"}}, r"unknown editor 'mov'; did you mean 'move'\? known: .*\bmove\b"),
        ({"edits": {"attributes": ["posittion"]}}, r"unknown attribute 'posittion'; did you mean 'position'"),
        ({"verdicts": {"judge": "modst"}}, r"unknown judge 'modst'; did you mean 'modest'\? known: modest, "),
        ({"verdicts": {"gates": {"position": {"min_shfit": 1}}}}, r"min_shfit'?: did you mean 'min_shift'"),
        ({"dataset": {"exports": ["yolo5"]}}, r"unknown exporter 'yolo5'; did you mean 'yolo'\? known: .*\byolo\b"),
        (
            {"adapters": {"learner": "mean_colour"}},
            r"unknown learner 'mean_colour'; did you mean 'mean_color'\? known: clip, mean_color",
        ),
        ({"adapters": {"regimes": ["real+synthetic-posittion-*"]}}, r"real\+synthetic-position-"),
        (
            {"statistics": {"measures": ["surenes"]}},
            r"unknown measure on predictions 'surenes'; did you mean 'sureness'",
        ),
        (
            {"edits": {"options": {"shar": 1}}},
            r"^error: .*: edits\.options\.shar: .*package varireal-addition 1\.0.*'share'",
        ),
        (
            {"edits": {"options": {"share": "far"}}},
            r"edits\.options\.share: .*MoveEditor.* found 'far': input should be",
        ),
        ({"masks": {"options": {"distanc": 1}}}, r"masks\.options\.distanc: .*did you mean 'distance'"),
        (
            {"verdicts": {"options": {"most": None}}},
            r"verdicts\.options\.most: .*package varireal-addition.*found None",
        ),
        ({"adapters": {"options": {"warmth": [1]}}}, r"adapters\.options\.warmth: .*varireal-addition.*found \[1\]"),
        ({"images": {"options": {}}}, r"images\.options\.path: .*varireal-addition 1\.0.* needs this option"),
        (
            {"edits": {"backend": "procedural", "options": {}}},
            r"'position' .*cannot be edited: the editor 'procedural' makes background, color, texture",
        ),
    ],
)
def test_errors_of_the_config_know_it(study, block, expected):
    config = yaml.safe_load((study.folder / "study.yaml").read_text())
    for name, values in block.items():
        config[name] = {**config[name], **values}
    wrong = study.folder / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(config))
    check = study.varireal("config", "check", "--configfile", "wrong.yaml")
    lines = check.text.strip().splitlines()
    assert check.code == 2, check.text
    assert len(lines) == 1
    assert re.search(expected, lines[0]), lines[0]


def test_the_schema_lists_it(study):
    code = "from varireal.config.generate import schema_json; print(schema_json())"
    schema = study._run("python", "-c", code).text
    for name in ("flat", "border", "move", "modest", "mean_color", "yolo", "position", "min_shift", "sureness"):
        assert f'"{name}"' in schema, name


def test_without_the_package_the_study_says_what_is_missing(study, tmp_path):
    bare = Project.finished(study.copied(tmp_path / "bare").folder)
    run = bare.snakemake()
    assert run.code != 0
    assert "unknown image source 'flat'; known: " in run.text
    assert "or install the package that brings it" in run.text
    assert "Traceback" not in run.text
    check = bare.varireal("config", "check", "--configfile", "study.yaml")
    assert check.code == 2
    assert "flat" in check.text
    assert len(check.text.strip().splitlines()) == 1


CODE = (ROOT / "docs" / "code.md").read_text("utf-8")


def test_the_documentation_shows_these_files():
    """What docs/code.md tells to write is what ran here."""
    shown = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", CODE, re.S))
    files = [*sorted((HERE / "varireal_addition").glob("[a-z]*.py")), HERE / "pyproject.toml", HERE / "study.yaml"]
    for path in (*files, HERE / "bank.yaml"):
        assert shown.get(path.relative_to(ROOT).as_posix()) == path.read_text("utf-8"), path.name


@pytest.fixture(scope="module")
def changed(study, tmp_path_factory):
    """The finished study, and beside it this package with all that docs/code.md adds inside of it."""
    folder = tmp_path_factory.mktemp("inside") / "study"
    site = folder / "site"
    project = study.copied(folder, site=site)
    for name in ("varireal", "varireal_demo"):
        shutil.copytree(ROOT / "src" / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    for place, mark, lines in re.findall(r"<!-- into: (\S+) before: (.+?) -->\n```\w+\n(.*?)```", CODE, re.S):
        path = site / place.removeprefix("src/")
        text = path.read_text("utf-8")
        (line,) = [line for line in text.splitlines(keepends=True) if line.strip().startswith(mark)]
        path.write_text(text.replace(line, lines + line), encoding="utf-8")
    for place, text in re.findall(r"<!-- new: (\S+) -->\n```\w+\n(.*?)```", CODE, re.S):
        root = site if place.startswith("src/") else project.folder
        (root / place.removeprefix("src/")).write_text(text, encoding="utf-8")
    return project


def test_a_stage_is_four_files_and_runs_alone(changed):
    run = changed.snakemake()
    assert run.code == 0, run.text
    assert run.jobs == {"counts": 1, "all": 1}, run.text
    lines = (changed.folder / "results" / "addition" / "dataset-counts.csv").read_text().splitlines()
    pictures = rows(changed.folder / "results" / "addition" / "dataset" / "manifest.parquet")
    counts = {name: sum(r["class_name"] == name and r["outcome"] == "accepted" for r in pictures) for name in COLORS}
    assert lines == ["class,pictures", *(f"{name},{counts[name]}" for name in sorted(counts))]
    status = changed.varireal("status", "results/addition")
    assert re.search(r"^counts .*1", status.text, re.M), status.text


LOOK = """
from pathlib import Path

from varireal.backends import BackendContext, make_backend
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.models.catalog import hosted_models
from varireal.store.items import open_store

def show(**edits):
    config = parse_config({"edits": edits})
    with open_store(Path("look.sqlite")) as store:
        backend = make_backend("editors", config.edits.backend, config.edits, BackendContext(noun="bird", store=store))
    print(type(backend).__name__, [(asked.key, asked.model) for asked in hosted_models(config)])

show(backend="blur", blur={"radius": 9})
show(backend="other_images", other_images={"model": "paint-2"})
print({name: slice_digest(part) for name, part in stage_slices(parse_config({}), {}).items()})
"""


def test_local_and_hosted_editors_are_three_files_and_no_other_study_notices(changed, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    out = changed._run("python", "-c", LOOK)
    assert out.code == 0, out.text
    local, hosted, slices = out.text.splitlines()
    assert local == "BlurEditor []"
    assert hosted == "OtherImages [('edits.other_images', 'paint-2')]"
    before = {name: slice_digest(part) for name, part in stage_slices(parse_config({}), {}).items()}
    assert slices == str(before)
