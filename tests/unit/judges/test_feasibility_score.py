"""The feasibility score of a study from its tables and a person's file."""

import csv
import io
import logging

import numpy as np
import pytest

from varireal.config.verdicts import ReviewConfig
from varireal.errors import ConfigError, DataError
from varireal.judges.answers import sigmoid
from varireal.judges.feasibility import FeasibilityScore, as_csv
from varireal.judges.reviewed import item_code, read_reviews, review_digest
from varireal.store import tables
from varireal.store.schemas import FEASIBILITY, VERDICTS


def verdict(candidate_id, logit, *, accepted=True, words=0.4):
    asked = {"judge_model": "m", "feasible_logit": logit, "p_feasible_words": words}
    return {
        "candidate_id": candidate_id,
        "params_digest": "",
        "judge": "vlm",
        "accepted": accepted,
        "reasons": [],
        **asked,
    }


@pytest.fixture
def study(tmp_path):
    """Two settings of 60 pictures with a judge that leans towards feasible; every third was not accepted."""
    rng = np.random.default_rng(0)
    truth, groups = {}, []
    for arm, share in (("feasible", 0.9), ("infeasible", 0.2)):
        rows = []
        for number in range(60):
            candidate_id = f"g-{number}.color.{arm}.k0.r0"
            truth[candidate_id] = bool(rng.random() < share)
            logit = (2.0 if truth[candidate_id] else 0.0) + rng.normal(0, 0.8)
            rows.append(verdict(candidate_id, logit, accepted=number % 3 > 0))
        rows[0]["feasible_logit"] = None  # the judge said neither
        path = tmp_path / f"{arm}.parquet"
        tables.write(path, rows, VERDICTS, stage="verdicts", digest="x")
        groups.append(("color", arm, [path]))
    return groups, truth


def write(path, rows, columns=("candidate_id", "feasible")):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return ReviewConfig(path=str(path), resamples=200)


def reviewed(tmp_path, truth, count=20):
    chosen = [i for arm in (".feasible.", ".infeasible.") for i in [t for t in truth if arm in t][1 : count + 1]]
    return write(tmp_path / "review.csv", [(i, "yes" if truth[i] else "no") for i in chosen])


def test_without_a_review_the_score_is_raw_and_says_so(study):
    score = FeasibilityScore(ReviewConfig(), 1, study[0])
    rows = score.rows()
    assert [(r["feasibility"], r["population"]) for r in rows] == [
        *(("feasible", "accepted"), ("feasible", "judged")),
        *(("infeasible", "accepted"), ("infeasible", "judged")),
    ]
    first = rows[1]
    assert (first["pictures"], first["unknown"], first["reviewed"]) == (60, 1, 0)
    logits = [row["feasible_logit"] for row in tables.read(study[0][0][2][0], VERDICTS)][1:]
    assert first["p_feasible_raw"] == pytest.approx(np.mean([sigmoid(x) for x in logits]))
    assert first["p_feasible_words"] == pytest.approx(0.4)
    assert (first["calibration"], first["note"]) == ("none", "nobody reviewed any picture")
    assert "p_feasible" not in first
    assert score.p_feasible(1.0) is None


def test_a_review_calibrates_and_corrects(study, tmp_path):
    groups, truth = study
    score = FeasibilityScore(reviewed(tmp_path, truth), 1, groups)
    for row, arm in zip(score.rows()[1::2], ("feasible", "infeasible"), strict=True):
        share = np.mean([answer for i, answer in truth.items() if f".{arm}." in i])
        assert row["low"] <= share <= row["high"]
        assert abs(row["p_feasible"] - share) < abs(row["p_feasible_raw"] - share) or arm == "feasible"
        assert (row["reviewed"], row["correction"], row["calibration"]) == (20, "setting", "platt")
        assert row["note"] == ""
    assert score.p_feasible(3.0) > 0.9 > 0.3 > score.p_feasible(-1.0)
    assert score.p_feasible(None) is None


def test_the_rows_are_a_table_and_a_csv(study, tmp_path):
    rows = FeasibilityScore(reviewed(tmp_path, study[1]), 1, study[0]).rows()
    tables.write(tmp_path / "f.parquet", rows, FEASIBILITY, stage="dataset", digest="x")
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [float(row["p_feasible"]) for row in read] == [row["p_feasible"] for row in rows]


def test_too_few_reviews_are_told(study, tmp_path):
    score = FeasibilityScore(reviewed(tmp_path, study[1], count=4), 1, study[0])
    assert {row["note"] for row in score.rows()} == {"8 reviewed pictures have a score, 20 are needed"}
    assert score.rows()[1]["reviewed"] == 4


def test_reviews_of_pictures_that_are_not_there_are_counted(study, tmp_path, caplog):
    config = write(tmp_path / "review.csv", [("gone", "yes"), (next(iter(study[1])), "no")])
    with caplog.at_level(logging.WARNING):
        assert FeasibilityScore(config, 1, study[0]).strangers == 1
    assert "1 reviewed pictures are not among those that were judged" in caplog.text


def test_a_study_whose_candidates_no_model_judged_has_no_score(tmp_path):
    plain = {"candidate_id": "a", "params_digest": "", "judge": "receipt", "accepted": True, "reasons": []}
    tables.write(tmp_path / "v.parquet", [plain], VERDICTS, stage="verdicts", digest="x")
    score = FeasibilityScore(ReviewConfig(path="not looked at"), 1, [("color", "feasible", [tmp_path / "v.parquet"])])
    assert score.rows() == []
    assert not score.judged


def test_codes_and_ids_and_words_of_all_kinds(tmp_path):
    path = tmp_path / "review.csv"
    rows = [("a", "YES"), ("b", "n"), ("c", "1"), ("d", " False "), ("e", "")]
    write(path, rows)
    found = read_reviews(path)
    assert {code: review.feasible for code, review in found.items()} == {
        item_code("a"): True,
        item_code("b"): False,
        item_code("c"): True,
        item_code("d"): False,
    }
    write(path, [(item_code("a"), "yes", "no")], ("item", "feasible", "present"))
    assert read_reviews(path)[item_code("a")].present is False


def test_a_spreadsheets_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "review.csv"
    path.write_bytes(b"\xef\xbb\xbfcandidate_id,feasible\r\na,yes\r\n")
    assert read_reviews(path)[item_code("a")].feasible


@pytest.mark.parametrize(
    ("columns", "rows", "told"),
    [
        (("candidate_id", "feasible"), [("a", "maybe")], r"line 2: feasible is 'maybe'; expected yes or no"),
        (("candidate_id", "feasible"), [("a", "yes"), ("a", "no")], "line 3: another row says the opposite"),
        (("candidate_id", "feasible"), [("", "yes")], "line 2: an answer without item or candidate_id"),
        (("candidate_id", "answer"), [], "has the columns answer, candidate_id; expected feasible"),
        (("picture", "feasible"), [], "expected feasible, and item or candidate_id"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(tmp_path, columns, rows, told):
    write(tmp_path / "review.csv", rows, columns)
    with pytest.raises(DataError, match=told) as caught:
        read_reviews(tmp_path / "review.csv")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_is_none(tmp_path):
    with pytest.raises(ConfigError, match=r"verdicts\.reviewed\.path: .* cannot be read .*varireal verdicts sample"):
        review_digest(str(tmp_path / "gone.csv"))
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_reviews(tmp_path / "b.csv")


def test_the_digest_follows_the_answers(tmp_path):
    write(tmp_path / "a.csv", [("a", "yes")])
    write(tmp_path / "b.csv", [("a", "no")])
    assert review_digest(str(tmp_path / "a.csv")) != review_digest(str(tmp_path / "b.csv"))
