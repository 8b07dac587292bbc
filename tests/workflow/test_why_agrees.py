"""``varireal why`` against Snakemake: for each kind of change the same jobs, and the reason a person would give."""

import csv
import io
import json
import shutil

import cv2
import numpy as np
import pytest
import yaml

from kit import Project

pytestmark = pytest.mark.workflow

CONFIG = {
    "study": {"name": "why", "seed": 5, "max_failed_fraction": 1.0},
    "images": {"source": "folder", "folder": {"path": "photos"}, "noun": "bird", "test_fraction": 0.0},
    "prompts": {"bank": {"path": "bank.yaml"}},
    "masks": {"backend": "grabcut"},
    "edits": {"attributes": ["color"], "rounds": 1},
    "adapters": {"regimes": []},
}
BANK = {
    "dataset": "own",
    "noun": "bird",
    "classes": {
        "Gull": {"color": {"feasible": ["white", "grey"], "infeasible": ["hot pink", "violet"]}},
        "Egret": {"color": {"feasible": ["black", "beige"], "infeasible": ["lime green", "turquoise"]}},
    },
}
CLASSES = ("Gull", "Egret")
EDITS = "results/why/edits/color/{}/round0/00000-of-00001.parquet"


def photo(path, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 120, (72, 72, 3), dtype=np.uint8)
    cv2.ellipse(image, (36, 36), (20, 12), int(rng.integers(0, 180)), 0, 360, (30, 200, 240), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("why"), CONFIG)
    (project.folder / "bank.yaml").write_text(yaml.safe_dump(BANK))
    for class_number, name in enumerate(CLASSES):
        for number in range(2):
            photo(project.folder / "photos" / name / f"{number}.png", 10 * class_number + number)
    run = project.snakemake()
    assert run.code == 0, run.text
    return project


@pytest.fixture
def study(finished, tmp_path):
    return finished.copied(tmp_path / "copy")


def configure(study, place, value):
    config = json.loads(json.dumps(CONFIG))
    *parents, last = place.split(".")
    block = config
    for name in parents:
        block = block.setdefault(name, {})
    block[last] = value
    study.configure(config)


def as_snakemake_sees_it(study):
    """Outputs with an update pending in Snakemake's own summary, which is not what ``why`` reads."""
    run = study.snakemake("--summary")
    assert run.code == 0, run.text
    lines = [line for line in run.text.splitlines() if line.startswith(("output_file\t", "results/"))]
    rows = csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t")
    return {row["output_file"] for row in rows if row["plan"] != "no update"}


def why(study, *args):
    run = study.varireal("why", *args, "--configfile", "study.yaml", "--json")
    assert run.code == 0, run.text
    return json.loads(run.text[run.text.index("{") :])


def causes(answer):
    return {(c["kind"], c["what"], c["then"], c["now"]) for job in answer["jobs"] for c in job["causes"]}


def stages(answer):
    return {job["stage"] for job in answer["jobs"]}


def check(study, *expected):
    """The same jobs as Snakemake's, each with a cause, and exactly the expected causes."""
    answer = why(study)
    outputs = {path for job in answer["jobs"] for path in job["outputs"]}
    assert outputs == as_snakemake_sees_it(study)
    assert all(job["causes"] for job in answer["jobs"])
    assert causes(answer) == set(expected)
    return answer


def test_nothing_to_do(study):
    assert check(study)["jobs"] == []
    run = study.varireal("why", "--configfile", "study.yaml")
    assert (run.code, run.text) == (0, "results/why: nothing to do, all results are up to date\n")


def test_a_key_of_edits(study):
    configure(study, "edits.batch_size", 2)
    answer = check(study, ("key", "edits.batch_size", "null", "2"))
    assert stages(answer) == {"config", "edits", "verdicts", "dataset", "report"}


def test_a_key_of_the_report_alone_and_one_path(study):
    configure(study, "report.title", "Birds")
    assert stages(check(study, ("key", "report.title", '"Does feasibility matter?"', '"Birds"'))) == {
        "config",
        "report",
    }
    assert why(study, EDITS.format("feasible"))["jobs"] == []
    page = study.varireal("why", "results/why/report/index.html", "--configfile", "study.yaml")
    assert page.text.splitlines() == [
        "results/why/report/index.html: 1 job would run (report 1), because of",
        '  report.title: "Does feasibility matter?" -> "Birds"',
    ]


def test_a_prompt_edited_by_hand(study):
    path = study.folder / "results/why/prompts/gull.yaml"
    path.write_text(path.read_text().replace("hot pink", "crimson"))
    answer = check(study, ("prompt", "prompt gull.color.infeasible.hot-pink", "hot pink", "crimson"))
    edits = [job["outputs"] for job in answer["jobs"] if job["stage"] == "edits"]
    assert edits == [[EDITS.format("infeasible")]]


def test_a_bank_that_changed(study):
    bank = json.loads(json.dumps(BANK))
    bank["classes"]["Gull"]["color"]["feasible"] = ["white", "light grey"]
    (study.folder / "bank.yaml").write_text(yaml.safe_dump(bank))
    check(
        study,
        ("prompt", "prompt gull.color.feasible.grey", "grey", ""),
        ("prompt", "prompt gull.color.feasible.light-grey", "", "light grey"),
    )


def test_photos_added_edited_and_removed(study):
    folder = study.folder / "photos"
    photo(folder / "Gull" / "new.png", 77)
    photo(folder / "Egret" / "1.png", 78)
    (folder / "Gull" / "1.png").unlink()
    answer = check(
        study,
        ("photo", "photos/Gull/new.png", "", "added"),
        ("photo", "photos/Egret/1.png", "", "edited"),
        ("photo", "photos/Gull/1.png", "", "removed"),
    )
    assert stages(answer) == {"images", "masks", "edits", "verdicts", "dataset", "report"}


def test_a_deleted_table_of_masks(study):
    path = "results/why/masks/00000-of-00001.parquet"
    (study.folder / path).unlink()
    assert "masks" in stages(check(study, ("gone", path, "", "")))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (
            "import varireal.core.provenance as p; p.STAGE_VERSIONS['edits'] = 99",
            ("version", "version of the stage edits", "v3", "v99"),
        ),
        (
            "from dataclasses import replace; from varireal.core.registry import CAPABILITIES; "
            "t = CAPABILITIES['segmenters'].backends; t['grabcut'] = replace(t['grabcut'], version='7')",
            ("version", "version of the backend grabcut", "v1", "v7"),
        ),
    ],
    ids=["stage", "backend"],
)
def test_a_version_that_was_raised(study, tmp_path, monkeypatch, code, cause):
    (tmp_path / "sitecustomize.py").write_text(code + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check(study, cause)


def test_the_machine_changes_no_result_and_hides_no_other_change(study):
    configure(study, "machine.device", "cpu")
    assert check(study)["jobs"] == []
    path = "results/why/masks/00000-of-00001.parquet"
    (study.folder / path).unlink()
    assert "masks" in stages(check(study, ("gone", path, "", "")))


def test_another_number_of_shards(study):
    configure(study, "study.shards", 2)
    check(study, ("key", "study.shards", "1", "2"))


def test_one_more_attribute_and_round(study):
    config = json.loads(json.dumps(CONFIG))
    config["edits"] = {"attributes": ["color", "texture"], "rounds": 2}
    study.configure(config)
    bank = json.loads(json.dumps(BANK))
    for block in bank["classes"].values():
        block["texture"] = {"feasible": ["downy", "scaly"], "infeasible": ["brushed steel", "woven wicker"]}
    (study.folder / "bank.yaml").write_text(yaml.safe_dump(bank))
    answer = why(study)
    assert {path for job in answer["jobs"] for path in job["outputs"]} == as_snakemake_sees_it(study)
    keys = {cause[1:] for cause in causes(answer) if cause[0] == "key"}
    assert keys == {
        ("edits.attributes", '["color"]', '["color", "texture"]'),
        ("edits.rounds", "1", "2"),
    }


def test_an_interrupted_change_is_still_told(study):
    """The config's slice is new and the edits are old: the slice that they were made with is kept under its digest."""
    configure(study, "edits.batch_size", 2)
    assert study.snakemake("--until", "stage_config").code == 0
    answer = check(study, ("key", "edits.batch_size", "null", "2"))
    assert "config" not in stages(answer)


def test_old_values_that_are_lost_are_said_to_be(study):
    shutil.rmtree(study.folder / "results/why/config/.slices")
    shutil.rmtree(study.folder / "results/why/prompts/.seen")
    configure(study, "edits.batch_size", 2)
    assert study.snakemake("--until", "stage_config").code == 0
    path = study.folder / "results/why/prompts/gull.yaml"
    path.write_text(path.read_text().replace("hot pink", "crimson"))
    answer = why(study)
    assert {path for job in answer["jobs"] for path in job["outputs"]} == as_snakemake_sees_it(study)
    assert {cause[1] for cause in causes(answer)} == {
        "config of edits (its old values are not kept)",
        "prompts of color/infeasible (their old texts are not kept)",
    }


def test_before_the_first_run(tmp_path):
    project = Project(tmp_path, {"study": {"name": "fresh"}, "images": {"demo": {"species": ["mallard"]}}})
    answer = check(project, ("new", "results that are not made yet", "", ""))
    assert "images" in stages(answer)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["results/other/images.parquet"], ["results/other/images.parquet", "results/why", "nor a stage"]),
        (["results/why/nothing.parquet"], ["no job of this study writes it"]),
        (["results/why/logs/images.log"], ["no job of this study writes it"]),
        (["edit"], ["edit", "edits"]),
    ],
)
def test_what_is_no_result_is_one_line(study, args, words):
    run = study.varireal("why", *args, "--configfile", "study.yaml")
    assert run.code == 2
    assert run.text.count("\n") == 1
    assert all(word in run.text for word in words)


def test_without_a_snakefile_the_packages_own_is_asked(study):
    (study.folder / "Snakefile").unlink()
    run = study.varireal("why", "--configfile", "study.yaml")
    assert run.code == 0, run.text
    assert "no Snakefile" not in run.text
