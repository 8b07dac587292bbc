"""The feasibility score in the data set, its manifest and its card."""

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest
from dataset_study import Study

from varireal.config.verdicts import ReviewConfig
from varireal.core.seeds import stable_int
from varireal.judges.answers import sigmoid
from varireal.store import tables
from varireal.store.schemas import DATASET, FEASIBILITY, MANIFEST, VERDICTS


@dataclass
class JudgedStudy(Study):
    """A study whose verdicts are a model's; its score says which arm a picture is of, most of the time."""

    photos: int = 12
    rounds: int = 1
    reviewed: ReviewConfig = ReviewConfig()  # noqa: RUF009
    asked: bool = True

    @property
    def config(self):
        return super().config.model_copy(update={"asked": self.asked, "reviewed": self.reviewed})

    def write(self):
        super().write()
        for path in self.verdicts:
            rows = [row | self.answers(row["candidate_id"]) for row in tables.read(path, VERDICTS)]
            facts = {"gates": {}, "asked": self.facts()}
            tables.write(path, rows, VERDICTS, stage="verdicts", digest="d-verdicts", facts=facts)
        return self

    @staticmethod
    def answers(candidate_id):
        draw = stable_int("said", candidate_id) % 1000 / 1000
        logit = (2.0 if ".feasible." in candidate_id else -1.0) + 2 * (draw - 0.5)
        return {
            "judge": "vlm", "judge_model": "org/model", "judge_revision": "org/model@abc", "score": 0.75,
            "yes_bias": 0.1, "feasible_logit": logit, "p_feasible_raw": sigmoid(logit), "p_feasible_words": 0.5,
            "segmented_iou": 0.9, "segmented_area_ratio": 1.1, "segmented_objects": 1,
        }  # fmt: skip

    @staticmethod
    def facts():
        return {
            "judge": "vlm",
            "model": {"id": "org/model", "revision": None},
            "questions": {"preset": "default"},
            "texts": "0123",
            "gates": {"min_present_1": 0.5, "feasibility_agrees": {"feasible": None}, "max_yes_bias": 0.25},
        }


def review(path, study, count=15):
    """A person agrees with the arms, but for every eighth picture."""
    ids = [row["candidate_id"] for file in study.verdicts for row in tables.read(file, VERDICTS)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["candidate_id", "feasible"])
        for arm in (".feasible.", ".infeasible."):
            for number, candidate_id in enumerate([i for i in ids if arm in i][:count]):
                writer.writerow([candidate_id, "yes" if (arm == ".feasible.") != (number % 8 == 0) else "no"])
    return ReviewConfig(path=str(path), resamples=200)


def test_what_the_judge_said_is_in_the_manifest_and_the_data_set(tmp_path):
    study = JudgedStudy(tmp_path / "demo").write()
    study.run()
    manifest = tables.read(study.dataset / "manifest.parquet", MANIFEST)
    data = [row for path in study.data_files() for row in tables.read(path, DATASET)]
    for row in (*manifest, *data):
        expected = study.answers(row["candidate_id"])
        assert row["feasible_logit"] == expected["feasible_logit"]
        assert row["p_feasible_raw"] == expected["p_feasible_raw"]
        assert (row["judge_model"], row["judge_revision"]) == ("org/model", "org/model@abc")
        assert (row["segmented_iou"], row["segmented_objects"]) == (0.9, 1)
        assert row["p_feasible"] is None


def test_a_table_says_how_feasible_each_setting_is(tmp_path):
    study = JudgedStudy(tmp_path / "demo").write()
    study.run()
    rows = tables.read(study.dataset / "feasibility.parquet", FEASIBILITY)
    assert [(row["attribute"], row["feasibility"], row["population"]) for row in rows][:3] == [
        ("color", "feasible", "accepted"),
        ("color", "feasible", "judged"),
        ("color", "infeasible", "accepted"),
    ]
    assert all(row["pictures"] == 24 and row["note"] for row in rows)
    assert rows[0]["p_feasible_raw"] > 0.7 > 0.4 > rows[2]["p_feasible_raw"]
    with (study.dataset / "feasibility.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    card = (study.dataset / "README.md").read_text()
    assert "**Not calibrated**: nobody reviewed any picture." in card
    assert "A candidate that passed these gates was shown to a model, org/model" in card
    assert "Limits on its answers: max yes bias: 0.25, min present 1: 0.5." in card


def test_a_review_calibrates_every_row(tmp_path):
    study = JudgedStudy(tmp_path / "demo").write()
    study.reviewed = review(tmp_path / "review.csv", study)
    study.run()
    manifest = tables.read(study.dataset / "manifest.parquet", MANIFEST)
    ranked = sorted(manifest, key=lambda row: row["feasible_logit"])
    values = [row["p_feasible"] for row in ranked]
    assert values == sorted(values)
    assert values[0] < 0.4 < 0.7 < values[-1]
    rows = tables.read(study.dataset / "feasibility.parquet", FEASIBILITY)
    color = {row["feasibility"]: row for row in rows if (row["attribute"], row["population"]) == ("color", "judged")}
    assert color["feasible"]["low"] < 13 / 15 < color["feasible"]["high"]
    assert color["infeasible"]["low"] < 2 / 15 < color["infeasible"]["high"]
    assert color["feasible"]["correction"] == "setting"
    assert {row["correction"] for row in rows if row["attribute"] == "texture"} == {"pooled"}
    card = (study.dataset / "README.md").read_text()
    assert "Not calibrated" not in card
    assert "(95 %, setting)" in card


def test_a_judge_that_is_gone_takes_its_table_with_it(tmp_path):
    study = JudgedStudy(tmp_path / "demo").write()
    study.run()
    study.asked = False
    study.run()
    assert not (study.dataset / "feasibility.parquet").exists()
    assert not (study.dataset / "feasibility.csv").exists()
    assert "Feasibility score" not in (study.dataset / "README.md").read_text()


def test_a_judge_that_nobody_needed_leaves_an_empty_table(tmp_path):
    study = JudgedStudy(tmp_path / "demo")
    Study.write(study)
    study.run()
    assert tables.read(study.dataset / "feasibility.parquet", FEASIBILITY) == []


def test_the_same_review_gives_the_same_bytes(tmp_path):
    study = JudgedStudy(tmp_path / "demo").write()
    study.reviewed = review(tmp_path / "review.csv", study)

    def run():
        study.run()
        return [Path(study.dataset / f"{name}.parquet").read_bytes() for name in ("feasibility", "manifest")]

    assert run() == run()


@pytest.mark.parametrize("asked", [True, False])
def test_the_columns_are_the_same_with_and_without_a_judge(tmp_path, asked):
    study = JudgedStudy(tmp_path / "demo", asked=asked).write()
    study.run()
    assert "p_feasible" in tables.read(study.data_files()[0], DATASET)[0]
