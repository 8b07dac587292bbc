"""Drawing pictures for a person to review."""

import csv
import logging
from collections import Counter
from pathlib import Path

import pytest

from judging_kit import candidate, picture
from varireal.cli import main
from varireal.config.slices import DatasetSlice, slice_text
from varireal.config.study import DatasetConfig
from varireal.core.paths import StudyPaths
from varireal.errors import ConfigError, DataError
from varireal.judges.reviewed import item_code, read_reviews
from varireal.judges.sampling import run
from varireal.store import tables
from varireal.store.schemas import EDITS, VERDICTS

SHARD = "00000-of-00001"


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "pond")


def write_study(root, *, pictures=12, judged=True, name="hot pink"):
    paths = StudyPaths(str(root))
    config = DatasetSlice(
        study="pond", seed=3, noun="bird", classes={"gull": "Herring gull"}, attributes=("color", "texture"),
        shards=1, rounds=2, per_image=1, dataset=DatasetConfig(), asked=True,
    )  # fmt: skip
    path = Path(paths.config("dataset"))
    path.parent.mkdir(parents=True)
    path.write_text(slice_text(config))
    for attribute in config.attributes:
        for arm in ("feasible", "infeasible"):
            rows = [candidate(n, attribute, arm, name) for n in range(pictures)]
            place = (attribute, arm, 0, SHARD)
            tables.write(Path(paths.edits(*place)), rows, EDITS, stage="edits", digest="x")
            said = [
                {
                    "candidate_id": row["candidate_id"],
                    "params_digest": "",
                    "judge": "vlm",
                    "accepted": True,
                    "reasons": [],
                    "judge_model": "m" if judged else None,
                    "feasible_logit": 0.5 if judged and n else None,
                }
                for n, row in enumerate(rows)
            ]
            tables.write(Path(paths.verdicts(*place)), said, VERDICTS, stage="verdicts", digest="x")
    return root


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def every_id(pictures=12):
    return [
        candidate(n, attribute, arm)["candidate_id"]
        for attribute in ("color", "texture")
        for arm in ("feasible", "infeasible")
        for n in range(pictures)
    ]


def settings_of(rows):
    ids = {item_code(i): i for i in every_id()}
    return Counter(".".join(ids[row["item"]].split(".")[1:3]) for row in rows)


def test_every_setting_has_its_share_and_the_arm_is_not_told(study, tmp_path):
    run(study=study, output=tmp_path / "review.csv", count=20)
    rows = read(tmp_path / "review.csv")
    assert settings_of(rows) == dict.fromkeys(
        ["color.feasible", "color.infeasible", "texture.feasible", "texture.infeasible"], 5
    )
    text = (tmp_path / "review.csv").read_text()
    assert "infeasible" not in text
    assert "gull-1" not in text
    assert list(rows[0]) == ["item", "picture", "class_name", "attribute", "put_in", "feasible", "present"]
    assert [row["item"] for row in rows] == sorted(row["item"] for row in rows)


def test_the_pictures_lie_beside_it(study, tmp_path):
    run(study=study, output=tmp_path / "review.csv", count=8)
    ids = {item_code(i): i for i in every_id()}
    rows = read(tmp_path / "review.csv")
    for row in rows:
        number = int(ids[row["item"]].split("-")[1].split(".")[0])
        assert (tmp_path / row["picture"]).read_bytes() == picture(number)
    assert len(list((tmp_path / "review").iterdir())) == len(rows) == 8


def test_what_the_judge_could_not_say_is_not_drawn(study, tmp_path):
    run(study=study, output=tmp_path / "all.csv", count=1000)
    assert len(read(tmp_path / "all.csv")) == 4 * 11


def test_a_larger_draw_keeps_a_smaller_one_and_the_same_draw_is_the_same(study, tmp_path):
    for name, count in (("small", 8), ("again", 8), ("large", 16)):
        run(study=study, output=tmp_path / f"{name}.csv", count=count)
    found = {name: {row["item"] for row in read(tmp_path / f"{name}.csv")} for name in ("small", "again", "large")}
    assert found["small"] == found["again"] < found["large"]


def test_a_filled_file_is_read_and_an_old_one_is_not_written_over(study, tmp_path):
    path = tmp_path / "review.csv"
    run(study=study, output=path, count=8)
    path.write_text(path.read_text().replace(",,", ",yes,"))
    assert [review.feasible for review in read_reviews(path).values()] == [True] * 8
    before = path.read_text()
    with pytest.raises(ConfigError, match="is there already"):
        run(study=study, output=path, count=8)
    assert path.read_text() == before


def test_names_are_no_formulas_and_no_weights(tmp_path):
    run(study=write_study(tmp_path / "evil", name="=cmd()"), output=tmp_path / "a.csv", count=4)
    assert {row["put_in"] for row in read(tmp_path / "a.csv")} == {"'=cmd()"}
    run(study=write_study(tmp_path / "heavy", name="(hot pink)1.3"), output=tmp_path / "b.csv", count=4)
    assert {row["put_in"] for row in read(tmp_path / "b.csv")} == {"hot pink"}


def test_a_study_that_no_model_judged_is_told(tmp_path):
    with pytest.raises(DataError, match=r"has no verdict of a model; set verdicts\.judge to vlm or openai"):
        run(study=write_study(tmp_path / "plain", judged=False), output=tmp_path / "r.csv", count=4)
    with pytest.raises(ConfigError, match=r"dataset\.json cannot be read"):
        run(study=tmp_path / "none", output=tmp_path / "r.csv", count=4)
    assert not (tmp_path / "r.csv").exists()


def test_it_is_a_command(study, tmp_path, capsys):
    assert (
        main(["verdicts", "sample", "--study", str(study), "--output", str(tmp_path / "r.csv"), "--count", "4"]) == 0
    )
    logging.getLogger("varireal").handlers.clear()
    assert "4 pictures to review: fill in feasible of" in capsys.readouterr().err
    assert len(read(tmp_path / "r.csv")) == 4
