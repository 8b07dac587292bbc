"""The end-to-end ring: a tiny demo from nothing to the page, a second run that does nothing, one key changed."""

import base64
import io
import re
import zipfile
from pathlib import Path

import pytest
import yaml

from kit import TINY, Project
from varireal.core.pictures import decode_png
from varireal.segmenters.quality import decode_mask
from varireal.store import tables
from varireal.store.schemas import EDITS, FUNNEL, IMAGES, MANIFEST, MASKS, VERDICTS

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny study that ran to the end."""
    project = Project(tmp_path_factory.mktemp("finished"), TINY)
    run = project.snakemake()
    assert run.code == 0, run.text
    return project


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished study to change; its files keep their dates."""
    return finished.copied(tmp_path / "copy")


def results(project, name="tiny"):
    return project.folder / "results" / name


def computed(project):
    """Ids of the candidates that the logs say were computed."""
    logs = (results(project) / "logs" / "edits").rglob("*.log")
    return {match for log in logs for match in re.findall(r"computed (\S+) \(", log.read_text())}


def test_every_item_ends_as_a_row(finished):
    root = results(finished)
    manifest = tables.read(root / "dataset" / "manifest.parquet", MANIFEST)
    train = [row for row in tables.read(root / "images.parquet", IMAGES) if row["split"] == "train"]
    items = {(row["image_id"], row["attribute"], row["feasibility"], row["k"]) for row in manifest}
    assert len(train) == 6
    assert len(items) == 6 * 6
    assert {row["outcome"] for row in manifest} <= {"accepted", "rejected", "failed"}
    assert all(row["reasons"] for row in manifest if row["outcome"] != "accepted")
    funnel = tables.read(root / "dataset" / "funnel.parquet", FUNNEL)
    assert sum(row["wanted"] for row in funnel) == 36
    assert sum(row["accepted"] for row in funnel) == sum(row["outcome"] == "accepted" for row in manifest)
    assert all(row["short"] == row["wanted"] - row["accepted"] for row in funnel)


def test_most_edits_are_accepted(finished):
    rows = tables.read(results(finished) / "dataset" / "manifest.parquet", MANIFEST)
    first = [row for row in rows if row["round"] == 0]
    assert sum(row["outcome"] == "accepted" for row in first) >= 0.6 * len(first)


def test_pixels_outside_the_edit_are_the_photo(finished):
    root = results(finished)
    images = {row["image_id"]: row for row in tables.read(root / "images.parquet", IMAGES)}
    masks = {row["image_id"]: row for row in tables.read(root / "masks" / "00000-of-00001.parquet", MASKS)}
    for path in sorted((root / "edits").glob("color/*/round0/*.parquet")):
        for row in tables.read(path, EDITS):
            photo = decode_png((finished.folder / images[row["image_id"]]["path"]).read_bytes())
            mask = decode_mask(masks[row["image_id"]]["mask"])
            edit = decode_png(row["image"])
            assert (edit[~mask] == photo[~mask]).all()
            assert (edit[mask] != photo[mask]).any()


def test_both_arms_share_seed_and_mask(finished):
    rows = tables.read(results(finished) / "dataset" / "manifest.parquet", MANIFEST)
    seeds = {}
    for row in rows:
        seeds.setdefault((row["pair_id"], row["round"]), set()).add(row["seed"])
    assert all(len(values) == 1 for values in seeds.values())


def test_a_second_run_does_nothing(finished):
    run = finished.snakemake()
    assert run.code == 0
    assert run.jobs == {}
    assert "Nothing to be done" in run.text


def test_one_prompt_of_one_class_changed(study):
    path = results(study) / "prompts" / "mallard.yaml"
    before = study.outputs()
    text = path.read_text()
    name = next(
        row["prompt_name"]
        for row in tables.read(results(study) / "dataset" / "manifest.parquet", MANIFEST)
        if (row["class_id"], row["attribute"], row["feasibility"]) == ("mallard", "color", "infeasible")
    )
    assert re.search(rf"name: {re.escape(name)}$", text, re.M), text
    path.write_text(re.sub(rf"name: {re.escape(name)}$", "name: turquoise", text, count=1, flags=re.M))
    dry = study.snakemake("-n")
    assert dry.jobs == {"edits": 2, "verdicts": 2, "dataset": 1, "report": 1, "all": 1}
    assert set(re.findall(r"feasibility=(\w+)", dry.text)) == {"infeasible"}
    assert set(re.findall(r"attribute=(\w+)", dry.text)) == {"color"}
    run = study.snakemake()
    assert run.code == 0, run.text
    again = computed(study) & {
        row["candidate_id"]
        for row in tables.read(results(study) / "dataset" / "manifest.parquet", MANIFEST)
        if row["attribute"] == "color" and row["feasibility"] == "infeasible"
    }
    logs = (results(study) / "logs/edits/color/infeasible").rglob("*.log")
    now = [line for log in logs for line in re.findall(r"computed (\S+) \((.*)\)", log.read_text())]
    assert now
    assert all(candidate.startswith("mallard-") and prompt == "turquoise" for candidate, prompt in now)
    assert again
    after = study.outputs()
    touched = {key for key in before if before[key] != after.get(key)}
    assert all("color" in key or "dataset" in key or "report" in key or "prompts" in key for key in touched)
    assert study.snakemake("-n").jobs == {}


def test_a_changed_bank_is_followed_in_the_same_run(tmp_path):
    bank = tmp_path / "bank.yaml"
    setting = {"feasible": ["white"], "infeasible": ["neon green"]}
    bank.write_text(yaml.safe_dump({"dataset": "t", "noun": "bird", "shared": {"color": setting}}))
    config = {**TINY, "prompts": {"bank": {"path": "bank.yaml"}}, "edits": {"attributes": ["color"], "rounds": 1}}
    project = Project(tmp_path, config)
    assert project.snakemake().code == 0
    bank.write_text(bank.read_text().replace("neon green", "purple"))
    run = project.snakemake()
    assert run.code == 0, run.text
    rows = tables.read(results(project) / "dataset" / "manifest.parquet", MANIFEST)
    assert {row["prompt_name"] for row in rows} == {"white", "purple"}
    logs = (results(project) / "logs" / "edits").rglob("*.log")
    assert {word for log in logs for word in re.findall(r"computed \S+ \((.*)\)", log.read_text())} == {"purple"}
    assert project.snakemake("-n").jobs == {}


def test_a_broken_prompt_file_stops_before_any_job(study):
    path = results(study) / "prompts" / "mallard.yaml"
    path.write_text(path.read_text() + "\n  - broken: [\n")
    run = study.snakemake()
    assert run.code == 2, run.text
    (line,) = [line for line in run.text.splitlines() if line.startswith("error: ")]
    assert "mallard.yaml:" in line


def test_a_gate_changes_verdicts_only(study):
    study.configure({**TINY, "verdicts": {"gates": {"color": {"min_edge_ssim": 0.99}}}})
    dry = study.snakemake("-n")
    assert set(dry.jobs) >= {"verdicts", "dataset", "report", "stage_config"}
    assert not {"images", "masks", "prompts"} & set(dry.jobs)
    run = study.snakemake()
    assert run.code == 0, run.text
    assert "short" in run.text
    rows = tables.read(results(study) / "dataset" / "manifest.parquet", MANIFEST)
    color = [row for row in rows if row["attribute"] == "color" and row["outcome"] == "rejected"]
    assert {row["round"] for row in color} == {0, 1}
    assert any(reason.startswith("edges") for row in color for reason in row["reasons"])


def test_title_of_the_page_runs_the_report_alone(study):
    study.configure({**TINY, "report": {"title": "Birds <b>&"}})
    assert study.snakemake("-n").jobs == {"stage_config": 1, "report": 1, "all": 1}


def test_shards_and_cores_change_no_candidate(finished, tmp_path):
    (tmp_path / "other").mkdir()
    config = {
        **TINY,
        "study": {**TINY["study"], "shards": 3},
        "edits": {"attributes": ["color"], "rounds": 1},
    }
    other = Project(tmp_path / "other", config)
    assert other.snakemake(cores=1).code == 0

    def candidates(project):
        paths = (results(project) / "edits" / "color").rglob("round0/*.parquet")
        return {row["candidate_id"]: row for path in paths for row in tables.read(path, EDITS)}

    assert len(candidates(other)) == 12
    assert candidates(other) == candidates(finished)


def test_more_shards_find_what_fewer_computed(study):
    study.configure({**TINY, "study": {**TINY["study"], "shards": 2}})
    for log in (results(study) / "logs").rglob("*.log"):
        log.unlink()
    assert study.snakemake().code == 0
    assert computed(study) == set()


def test_a_new_seed_gives_another_study(finished, tmp_path):
    (tmp_path / "other").mkdir()
    config = {**TINY, "study": {**TINY["study"], "seed": 6}, "edits": {"attributes": ["color"], "rounds": 1}}
    other = Project(tmp_path / "other", config)
    assert other.snakemake("--until", "images").code == 0
    rows = [
        {row["image_id"]: row["sha256"] for row in tables.read(results(p) / "images.parquet", IMAGES)}
        for p in (other, finished)
    ]
    assert rows[0].keys() == rows[1].keys()
    assert not set(rows[0].values()) & set(rows[1].values())


def test_the_same_seed_gives_the_same_bytes(finished, tmp_path):
    (tmp_path / "twin").mkdir()
    twin = Project(tmp_path / "twin", TINY)
    assert twin.snakemake().code == 0
    assert twin.outputs() == finished.outputs()


def test_a_word_that_the_editor_does_not_know_is_a_row(study):
    path = results(study) / "prompts" / "flamingo.yaml"
    text = path.read_text()
    prompts = yaml.safe_load(text)
    assert prompts
    names = re.findall(r"name: (.+)$", text, re.M)
    rows = tables.read(results(study) / "dataset" / "manifest.parquet", MANIFEST)
    used = next(
        row["prompt_name"]
        for row in rows
        if (row["class_id"], row["attribute"], row["feasibility"]) == ("flamingo", "texture", "infeasible")
    )
    assert used in names
    path.write_text(re.sub(rf"name: {re.escape(used)}$", "name: flubberwood qzx", text, count=1, flags=re.M))
    check = study.varireal("prompts", "check", "--configfile", "study.yaml")
    assert check.code == 2
    assert "flubberwood" in check.text or "qzx" in check.text
    run = study.snakemake()
    assert run.code == 0, run.text
    rows = tables.read(results(study) / "dataset" / "manifest.parquet", MANIFEST)
    failed = [row for row in rows if row["status"] == "unknown_prompt"]
    assert failed
    assert all("flubberwood" in row["reason"] or "qzx" in row["reason"] for row in failed)
    assert all(row["outcome"] == "failed" and row["round"] == 0 for row in failed)


@pytest.mark.parametrize("name", ["report.html", "report.zip"])
def test_snakemake_report_contains_the_page(study, name):
    run = study.snakemake("--report", f"snakemake-{name}")
    assert run.code == 0, run.text
    page = (results(study) / "report.html").read_bytes()
    made = (study.folder / f"snakemake-{name}").read_bytes()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(made)) as archive:
            assert page in [archive.read(member) for member in archive.namelist()]
    else:
        assert base64.b64encode(page)[:2000] in made


def test_verdicts_follow_the_gates(finished):
    for path in (results(finished) / "verdicts").rglob("*.parquet"):
        for row in tables.read(path, VERDICTS):
            assert row["accepted"] == (not row["reasons"])


def test_index_stays_small(finished):
    assert Path(results(finished) / "report" / "index.html").stat().st_size < 2_000_000
