"""Studies of thousands of classes: what a command holds is limited by the system, 128 KiB in one argument."""

import json

import pytest
import yaml

from kit import Project

pytestmark = pytest.mark.workflow

CLASSES = 4500


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    config = {
        "study": {"name": "many"},
        "images": {"source": "csv", "noun": "thing", "csv": {"path": "photos.csv"}},
        "prompts": {"bank": {"path": "bank.yaml"}},
        "masks": {"backend": "grabcut"},
        "edits": {"attributes": ["color"]},
        "adapters": {"regimes": []},
    }
    project = Project(tmp_path_factory.mktemp("many"), config)
    (project.folder / "photo.png").touch()
    rows = [f"photo.png,a rather usual name {number},train" for number in range(CLASSES)]
    (project.folder / "photos.csv").write_text("\n".join(["path,class,split", *rows]) + "\n")
    colors = {arm: [f"{arm} color {number}" for number in range(10)] for arm in ("feasible", "infeasible")}
    bank = {"dataset": "many", "noun": "thing", "shared": {"color": colors}}
    (project.folder / "bank.yaml").write_text(yaml.safe_dump(bank))
    return project


def test_slices_and_the_gathered_file_hold_all_classes(study):
    config = study.folder / "results/many/config"
    done = study.snakemake("--", "results/many/config/prompts.json", "results/many/config/report.json")
    assert done.code == 0, done.text[-3000:]
    classes = json.loads((config / "prompts.json").read_text())["classes"]
    assert len(classes) == CLASSES
    assert json.loads((config / "report.json").read_text())["classes"] == classes

    records = study.folder / "results/many/prompts/.record"
    records.mkdir(parents=True)
    for class_id in classes:  # by hand: each is a job of its own
        (records / f"{class_id}.json").write_text("{}")
    done = study.snakemake("--", "results/many/prompts/.record/.all.json")
    assert done.code == 0, done.text[-3000:]
    assert list(json.loads((records / ".all.json").read_text())) == list(classes)
