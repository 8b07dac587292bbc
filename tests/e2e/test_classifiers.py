"""The end-to-end ring for classifiers: from the tiny demo to adapters, predictions and the answer on the page."""

import json

import numpy as np
import pytest
from peft import PeftConfig

from kit import CLASSIFIERS, TINY, Project
from varireal.store import tables
from varireal.store.schemas import PREDICTIONS

pytestmark = pytest.mark.e2e

CONFIG = {**TINY, "adapters": CLASSIFIERS}
REGIMES = CLASSIFIERS["regimes"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("classifiers"), CONFIG, models=True)
    run = project.snakemake()
    assert run.code == 0, run.text
    return project


def root(project):
    return project.folder / "results" / "tiny"


def test_every_training_left_an_adapter_and_predictions(finished):
    for regime in REGIMES:
        for seed in range(2):
            folder = root(finished) / "adapters" / regime / f"seed{seed}"
            settings = PeftConfig.from_pretrained(str(folder))
            assert (settings.r, settings.lora_alpha, settings.lora_dropout) == (16, 32, 0.1)
            facts = json.loads((folder / "training.json").read_text())
            assert len(facts["log"]["losses"]) == 3
            assert all(np.isfinite(facts["log"]["losses"]))
            rows = tables.read(root(finished) / "predictions" / regime / f"seed{seed}.parquet", PREDICTIONS)
            assert {row["test_set"] for row in rows} == {"test", "test_background", "test_plumage"}
            assert all(abs(sum(row["probabilities"]) - 1) < 1e-5 for row in rows)
            assert all(row["top1"] == int(np.argmax(row["probabilities"])) for row in rows)


def test_the_page_recomputes_its_numbers_from_the_predictions(finished):
    table = tables.pq.read_table(root(finished) / "report" / "tables" / "accuracies.parquet").to_pylist()
    assert {row["regime"] for row in table} == {"zero-shot", *REGIMES}
    for row in table:
        seeds = range(1 if row["regime"] == "zero-shot" else 2)
        right = [
            item["top1"] == item["label"]
            for seed in seeds
            for item in tables.read(
                root(finished) / "predictions" / row["regime"] / f"seed{seed}.parquet", PREDICTIONS
            )
            if item["test_set"] == row["test_set"]
        ]
        assert row["top1"] == pytest.approx(np.mean(right))
    page = (root(finished) / "report" / "index.html").read_text()
    assert "no effect" not in page.lower()


def test_a_second_run_does_nothing_and_a_third_seed_trains_the_third_seed_only(finished, tmp_path):
    assert "Nothing to be done" in finished.snakemake("-n").text
    project = finished.copied(tmp_path / "copy")
    project.configure({**CONFIG, "adapters": {**CLASSIFIERS, "seeds": 3}})
    run = project.snakemake()
    assert run.code == 0, run.text
    log = next((root(project) / "logs" / "adapters").glob("*.log")).read_text()
    assert "computed 3 now" in log
    for regime in REGIMES:
        name = f"adapters/{regime}/seed0/adapter_model.safetensors"
        assert (root(project) / name).read_bytes() == (root(finished) / name).read_bytes()
