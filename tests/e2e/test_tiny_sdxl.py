"""Every model backend through Snakemake on tiny models: ``studies/tiny_sdxl.yaml`` as it is."""

import json
import re
import shutil

import pytest
import yaml

from kit import ROOT, Project
from varireal.core.marks import read_recipe
from varireal.store import tables
from varireal.store.schemas import DATASET, EDITS, MANIFEST, MASKS, PRIORS, VERDICTS

pytestmark = pytest.mark.e2e

MODELS = (
    "sdxl",
    "sdxl_base",
    "sdxl_inpaint",
    "controlnet",
    "ip_adapter",
    "safety_checker",
    "grounding_dino",
    "sam2",
    "qwen3_vl",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model):
    project = Project(
        tmp_path_factory.mktemp("sdxl"), yaml.safe_load((ROOT / "studies" / "tiny_sdxl.yaml").read_text()), models=True
    )
    for name in MODELS:
        shutil.copytree(tiny_model(name), project.folder / "models" / "tiny" / name)
    run = project.snakemake()
    assert run.code == 0, run.text
    return project


def study(project):
    return project.folder / "results" / "tiny_sdxl"


def every(project, stage, schema):
    return [row for path in sorted((study(project) / stage).rglob("*.parquet")) for row in tables.read(path, schema)]


def test_every_item_ends_as_a_row(finished):
    manifest = tables.read(study(finished) / "dataset" / "manifest.parquet", MANIFEST)
    items = {(row["image_id"], row["attribute"], row["feasibility"]) for row in manifest}
    assert len(items) == 4 * 6
    assert all(row["reasons"] for row in manifest if row["outcome"] != "accepted")
    assert {row["attribute"] for row in manifest if row["outcome"] == "accepted"} == {"background", "color", "texture"}


def test_masks_say_what_failed_before(finished):
    rows = every(finished, "masks", MASKS)
    assert len(rows) == 4
    assert all(row["backend"] in ("grounded_sam2", "provided") for row in rows)
    assert all(row["fallback_of"].startswith("grounded_sam2: mask_") for row in rows if row["backend"] == "provided")


def test_pools_are_made_once_and_drawn_from(finished):
    assert sorted(path.parent.name for path in (study(finished) / "priors").rglob("*.parquet")) == [
        "background", "background", "texture", "texture",
    ]  # fmt: skip
    rows = every(finished, "priors", PRIORS)
    assert {row["status"] for row in rows} == {"ok"}
    assert len({row["prior_id"] for row in rows}) == len(rows)


def test_rows_say_what_pictures_were_made_with(finished):
    rows = [row for row in every(finished, "edits", EDITS) if row["status"] == "ok"]
    assert rows
    for row in rows:
        assert (row["dtype"], row["device"], row["memory_step"], row["nsfw"]) == ("float32", "cpu", "", False)
        assert row["marks"] == ["few_step:euler_trailing", "steps:2"]
        assert re.fullmatch(r"2 sdxl_inpaint@[0-9a-f]{12}", row["backend_version"])
    path = next((study(finished) / "edits" / "texture").rglob("*.parquet"))
    models = tables.origin(path, EDITS)["models"]["texture"]
    assert sorted(key.rpartition(".")[2] for key in models) == [
        "base", "controlnet", "inpaint", "ip_adapter", "prior", "safety_checker", "vae",
    ]  # fmt: skip


def test_verdicts_hold_probabilities(finished):
    rows = every(finished, "verdicts", VERDICTS)
    assert any(row["accepted"] for row in rows)
    asked = [row for row in rows if row["judge_model"]]
    assert asked
    assert all(0 < row["p_feasible_1"] < 1 and 0 < row["p_feasible_raw"] < 1 for row in asked)
    assert all(row["segmented_iou"] is not None for row in asked)


def test_a_second_run_does_nothing(finished):
    run = finished.snakemake()
    assert run.code == 0
    assert run.jobs == {}


def test_one_changed_prompt_makes_its_own_pictures_again(finished):
    path = study(finished) / "prompts" / "mallard.yaml"
    mallards = (row for row in every(finished, "edits", EDITS) if row["class_id"] == "mallard")
    prompt = next(row for row in mallards if row["attribute"] == "background")
    text = path.read_text()
    changed = text.replace(f"name: {prompt['prompt_name']}\n", "name: glass corridor\n", 1)
    assert changed != text
    path.write_text(changed)
    run = finished.snakemake()
    assert run.code == 0, run.text
    assert (run.jobs["priors"], run.jobs["edits"], run.jobs["verdicts"]) == (1, 1, 1)
    logs = (study(finished) / "logs" / "edits").rglob("*.log")
    computed = {match for log in logs for match in re.findall(r"computed (\S+) \(glass corridor\)", log.read_text())}
    assert computed
    assert all(f".{prompt['attribute']}.{prompt['feasibility']}." in candidate for candidate in computed)


def test_pictures_carry_the_mark_of_generative_models_and_their_revisions(finished):
    for path in sorted((study(finished) / "dataset" / "data").glob("*.parquet")):
        for row in tables.read(path, DATASET):
            data = row["image"]["bytes"]
            assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia<" in data
            models = read_recipe(data)["models"]
            assert models
            assert all(re.search(r"@[0-9a-f]{12}", model) for model in models.values()), models


def test_a_candidate_that_starts_from_the_pool_is_made_again(finished):
    rows = [row for row in every(finished, "edits", EDITS) if row["status"] == "ok"]
    row = next(row for row in rows if row["attribute"] == "background")
    run = finished.varireal("replay", row["candidate_id"], "--study", "results/tiny_sdxl", "--json")
    assert run.code == 0, run.text
    answer = json.loads(run.text[run.text.index("{") : run.text.rindex("}") + 1])
    # it was made with others in one batch, and now alone: the last bit of a float may differ, and nothing else
    assert answer["comparison"]["verdict"] in ("equal", "within tolerance")
    assert {change["what"] for change in answer["changes"]} <= {"items made together"}
