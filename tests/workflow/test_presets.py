"""The presets in studies/: each is a valid config, its prompts are understood, and a dry run of it works."""

import shutil

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from kit import ROOT, Project
from published_kit import CARS, MAKERS, PETS, VARIANTS, make_pets, pictures

pytestmark = pytest.mark.workflow

PRESETS = sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
CLASSES = {"oxford_pets": len(PETS), "fgvc_aircraft": len(VARIANTS), "stanford_cars": len(CARS), "waterbirds": 2}
MOST_JOBS = 5000


def project_with(folder, preset):
    """A project whose study is the preset, as it is, beside a data folder of the right shape."""
    raw = yaml.safe_load((ROOT / "studies" / f"{preset}.yaml").read_text(encoding="utf-8"))
    project = Project(folder, raw)
    shutil.copy(ROOT / "studies" / f"{preset}.yaml", folder / "study.yaml")
    if preset in MAKERS:
        MAKERS[preset](folder / "data" / preset)
    return project


def jobs_wanted(classes, shards, rounds=2):
    return {
        "prompts": classes,
        "masks": shards,
        "edits": 6 * shards * rounds,
        "verdicts": 6 * shards * rounds,
        "images": 1,
        "dataset": 1,
        "report": 1,
    }


def test_every_published_data_set_has_a_preset():
    assert {*MAKERS, "my_photos"} <= set(PRESETS)


@pytest.mark.parametrize("preset", MAKERS)
def test_a_dry_run_plans_the_whole_study(tmp_path, preset):
    project = project_with(tmp_path, preset)
    run = project.snakemake("-n")
    assert run.code == 0, run.text
    wanted = jobs_wanted(CLASSES[preset], 32)
    assert {rule: run.jobs[rule] for rule in wanted} == wanted
    assert sum(run.jobs.values()) + 196 < MOST_JOBS  # with as many classes as the largest has


@pytest.mark.parametrize("preset", MAKERS)
def test_the_folder_may_be_named_on_the_command_line(tmp_path, preset):
    project = project_with(tmp_path, preset)
    (tmp_path / "data" / preset).rename(tmp_path / "elsewhere")
    override = f"images={{{preset}: {{path: elsewhere}}}}"
    run = project.snakemake("--config", override, "-n", f"results/{preset}/images.parquet")
    assert run.code == 0, run.text
    assert run.jobs["images"] == 1


@pytest.mark.parametrize("preset", MAKERS)
def test_every_prompt_is_understood(tmp_path, preset):
    project = project_with(tmp_path, preset)
    run = project.varireal("prompts", "check", "--configfile", "study.yaml")
    assert run.code == 0, run.text
    assert "warning" not in run.text
    assert f"prompts of {CLASSES[preset]} classes" in run.text


@pytest.mark.parametrize("preset", MAKERS)
def test_without_its_folder_it_stops_in_one_line(tmp_path, preset):
    project = project_with(tmp_path, preset)
    shutil.rmtree(tmp_path / "data")
    run = project.snakemake("-n")
    assert run.code == 2, run.text
    lines = [line for line in run.text.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, run.text
    assert f"no folder 'data/{preset}': expected " in lines[0]
    assert f"varireal data get --source {preset} --output data/{preset}" in lines[0]
    assert "Traceback" not in run.text


def test_an_absent_picture_stops_before_any_job(tmp_path):
    project = project_with(tmp_path, "oxford_pets")
    (tmp_path / "data/oxford_pets/images/Abyssinian_1.jpg").unlink()
    run = project.snakemake("-n")
    assert run.code == 2, run.text
    assert run.text.count("error: ") == 1
    assert "no picture 'data/oxford_pets/images/Abyssinian_1.jpg' (1 of 18 are missing)" in run.text


def test_my_photos_is_a_preset_to_copy(tmp_path):
    project = project_with(tmp_path, "my_photos")
    pictures(tmp_path / "photos", (f"{name}/{k}.jpg" for name in ("terrier", "cat") for k in range(5)))
    (tmp_path / "photos/.picture.jpg").unlink()
    run = project.snakemake("-n")
    assert run.code == 0, run.text
    wanted = jobs_wanted(2, 1)
    assert {rule: run.jobs[rule] for rule in wanted} == wanted


def test_the_pets_bank_knows_the_37_breeds(tmp_path):
    bank = yaml.safe_load((ROOT / "src/varireal/assets/prompts/pets.yaml").read_text(encoding="utf-8"))
    breeds = [name.replace(" ", "_") for name in bank["classes"]]
    assert len(breeds) == 37
    project = project_with(tmp_path, "oxford_pets")
    shutil.rmtree(tmp_path / "data")
    make_pets(tmp_path / "data/oxford_pets", trainval=74, test=37, classes=breeds)
    run = project.varireal("prompts", "check", "--configfile", "study.yaml")
    assert run.code == 0, run.text
    assert "prompts of 37 classes" in run.text


def test_the_images_stage_reads_a_preset(tmp_path):
    project = project_with(tmp_path, "oxford_pets")
    raw = yaml.safe_load((tmp_path / "study.yaml").read_text(encoding="utf-8"))
    raw["images"]["near_duplicate_distance"] = None  # the pictures of a test are all the same one
    project.configure(raw)
    for number, path in enumerate(sorted((tmp_path / "data/oxford_pets/images").iterdir())):
        path.unlink()
        Image.new("RGB", (48, 40), (10 * number, 90, 60)).save(path)
    run = project.snakemake("--until", "images")
    assert run.code == 0, run.text
    rows = pq.read_table(tmp_path / "results/oxford_pets/images.parquet").to_pylist()
    assert len(rows) == 18
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert {row["class_id"] for row in rows} == {"abyssinian", "american-pit-bull-terrier", "yorkshire-terrier"}
