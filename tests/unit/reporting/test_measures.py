"""What a report says of further measures: a table of each on the page, two tables as files, one in LaTeX."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from unit.reporting.study_results import MAIN, study
from varireal.reporting.answer import better_text
from varireal.reporting.paper_tables import MEASURE_DIFFERENCES, MEASURES, measure_latex
from varireal.reporting.results import results_view, write_results
from varireal.statistics.accuracy import answer
from varireal.statistics.prediction_measures import BRIER
from varireal.statistics.records import Comparison, Finding, StatisticsSettings

WANTED = [
    Comparison(f"color: {MAIN}", MAIN, "color-feasible", "color-infeasible"),
    Comparison("real - zero-shot", "training", "real", "zero-shot"),
]
SURENESS = replace(
    BRIER,
    name="sureness",
    label="Sureness, 50 % & more",
    direction="higher",
    scale=(0.0, 1.0),
    family="sure",
    percent=True,
    per_picture=lambda probabilities, labels: probabilities.max(2),
)


@pytest.fixture(scope="module")
def results():
    """A study whose feasible arm knows the truth and whose infeasible arm does not."""
    plain = study(per_class=40)
    sure = {"color-feasible": 0.9, "real": 0.8, "zero-shot": 0.4, "color-infeasible": 0.3}
    predictions = {}
    for (regime, name), one in plain.predictions.items():
        shares = np.full((*one.top1.shape, 4), (1 - sure[regime]) / 3, np.float32)
        shares[:, np.arange(len(one.labels)), one.labels] = sure[regime]
        predictions[regime, name] = replace(one, probabilities=shares)
    answers = answer(predictions, WANTED, StatisticsSettings(resamples=200), [BRIER, SURENESS])
    return replace(plain, predictions=predictions, answers=answers)


@pytest.fixture(scope="module")
def written(tmp_path_factory, results):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("varireal.reporting.results.write_figures", lambda folder, results: [])
        patch.setattr("varireal.reporting.results.errors_view", lambda results, photos: [])
        return folder / "tables", write_results(folder, results, None)


def test_the_better_side_is_named_and_not_the_higher_one():
    names = ("feasible", "infeasible")
    assert better_text(Finding.LOWER, names, BRIER) == "feasible better"
    assert better_text(Finding.HIGHER, names, BRIER) == "infeasible better"
    assert better_text(Finding.HIGHER, names, SURENESS) == "feasible better"
    assert better_text(Finding.UNDECIDED, names, BRIER) == "could not tell"


def test_the_page_shows_means_in_the_unit_of_the_measure_and_who_is_better(results):
    brier, sureness = results_view(results)["measures"]
    assert (brier["label"], brier["direction"], brier["margin"]) == ("Brier score", "lower", "0.006")
    assert (sureness["direction"], sureness["margin"]) == ("higher", "0.6 points")
    cells = dict(brier["means"]["rows"])["real"]
    assert cells[0]["value"] == f"{0.2**2 + 3 * (0.2 / 3) ** 2:.3f}"
    assert dict(sureness["means"]["rows"])["real"][0]["value"] == "80.0 %"
    said = {(row["name"], row["said"]) for row in brier["tests"]}
    assert said == {(f"color: {MAIN}", "feasible better"), ("real - zero-shot", "real better")}
    assert brier["tests"][0]["difference"].startswith("−0.6")
    assert {row["said"] for row in sureness["tests"]} == {"feasible better", "real better"}


def test_two_tables_hold_every_mean_and_every_difference(written, results):
    folder, page = written
    means = pq.read_table(folder / "measures.parquet")
    assert means.schema.equals(MEASURES)
    rows = means.to_pylist()
    assert [row["measure"] for row in rows] == ["brier"] * 8 + ["sureness"] * 8
    first = results.answers.measures[0].rows[0]
    assert (rows[0]["value"], rows[0]["low"], rows[0]["high"]) == (first.mean.value, first.mean.low, first.mean.high)
    found = pq.read_table(folder / "measure_differences.parquet")
    assert found.schema.equals(MEASURE_DIFFERENCES)
    assert {row["better"] for row in found.to_pylist()} == {"color-feasible", "real"}
    assert {(row["measure"], row["finding"]) for row in found.to_pylist()} == {
        ("brier", "lower"),
        ("sureness", "higher"),
    }
    for name in ("measures", "measure_differences"):
        assert (
            pyarrow.csv.read_csv(folder / f"{name}.csv").column_names
            == pq.read_table(folder / f"{name}.parquet").column_names
        )
    assert [kind for kind, _ in dict(page.files("measures"))["Further measures with intervals"]] == ["CSV", "Parquet"]


def test_each_measure_is_a_table_in_latex(written, results):
    folder, page = written
    text = (folder / "measure_sureness.tex").read_text()
    assert text == measure_latex(results, results.answers.measures[1])
    assert "% Sureness, 50 \\% \\& more in percent (higher is better) with 95 \\% intervals" in text
    assert re.search(r"real & 80\.0 \{\\scriptsize \[\d\d\.\d, \d\d\.\d\]\}", text)
    brier = (folder / "measure_brier.tex").read_text()
    assert "(lower is better)" in brier
    assert re.search(r"real & 0\.053 ", brier)
    assert page.files("measure_brier") == [("Brier score with intervals", [("LaTeX", "tables/measure_brier.tex")])]


def test_without_further_measures_there_is_nothing_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr("varireal.reporting.results.write_figures", lambda folder, results: [])
    monkeypatch.setattr("varireal.reporting.results.errors_view", lambda results, photos: [])
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "measures.csv").write_text("of an earlier report")
    write_results(tmp_path, study(), None)
    assert [path.name for path in Path(tmp_path / "tables").iterdir() if "measure" in path.name] == []
