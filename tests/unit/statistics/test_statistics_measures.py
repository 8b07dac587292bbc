"""The table of measures on predictions: its rows, what they get, and rows of other packages."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from varireal.config.model import parse_config
from varireal.core.seeds import stable_int
from varireal.errors import BackendError, ConfigError
from varireal.statistics.accuracy import answer, measure_row
from varireal.statistics.prediction_measures import BRIER, MEASURES, TOP1, load_measure, measure_version, values
from varireal.statistics.records import Comparison, Finding, StatisticsSettings, TestSetResult

SETTINGS = StatisticsSettings(resamples=400)
WANTED = [Comparison("a - b", "main", "a", "b"), Comparison("c - b", "other", "c", "b")]

MODULE = """
from varireal.records import PredictionMeasure

def sure(probabilities, labels):
    return probabilities.max(axis=2)

def row(**changes):
    values = dict(name="sureness", label="Sureness", doc="How sure.", per_picture=sure, scale=(0.0, 1.0),
                  direction="higher", margin=0.01, family="probabilities")
    return PredictionMeasure(**(values | changes))

SURENESS = row()
"""


def result(regime, sharpness, seeds=3, pictures=300, classes=4):
    """Predictions whose probability of the true class grows with ``sharpness``; the pictures are the same."""
    noise = np.random.default_rng(stable_int(regime)).normal(0, 1, (seeds, pictures, classes))
    logits = noise + np.random.default_rng(1).normal(0, 1, (pictures, classes))
    labels = np.arange(pictures) % classes
    logits[:, np.arange(pictures), labels] += sharpness
    shares = np.exp(logits)
    shares = (shares / shares.sum(axis=2, keepdims=True)).astype(np.float32)
    top1 = shares.argmax(axis=2)
    ids = tuple(f"{number:04d}" for number in range(pictures))
    return TestSetResult(regime, "test", ids, labels, top1, top1 == labels, tuple(range(seeds)), shares)


@pytest.fixture(scope="module")
def results():
    return {(side.regime, "test"): side for side in (result("a", 3.0), result("b", 1.0), result("c", 1.0))}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with measures, as an installer does; gives a function that takes its rows and module."""

    def make(points="sureness = measured_pkg:SURENESS", module=MODULE):
        (tmp_path / "measured_pkg.py").write_text(module)
        info = tmp_path / "measured-2.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: measured\nVersion: 2.1\n")
        (info / "entry_points.txt").write_text(f"[varireal.prediction_measures]\n{points}\n")
        monkeypatch.syspath_prepend(tmp_path)

    yield make
    sys.modules.pop("measured_pkg", None)


def test_the_brier_score_of_known_predictions():
    probabilities = np.array([[[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], [[1 / 3] * 3] * 3], np.float32)
    labels = np.array([0, 0, 0])
    given = TestSetResult(
        "r", "test", ("a", "b", "c"), labels, probabilities.argmax(2), probabilities[..., 0] > 0, (0, 1), probabilities
    )
    assert values(BRIER, given) == pytest.approx(np.array([[0, 2, 0.5], [2 / 3] * 3]), abs=1e-6)
    # of a classifier that is always sure it is twice the error
    sure = np.eye(3, dtype=np.float32)[[[0, 1, 2]]]
    of_sure = TestSetResult("r", "test", ("a", "b", "c"), labels, sure.argmax(2), sure[..., 0] > 0, (0,), sure)
    assert values(BRIER, of_sure).mean() == pytest.approx(2 * (1 - of_sure.correct.mean()))


def test_top1_by_its_function_is_top1_by_the_column(results):
    for side in results.values():
        assert (TOP1.per_picture(side.probabilities, side.labels) == values(TOP1, side)).all()


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_every_row_is_complete_and_keeps_its_scale(measure, results):
    low, high = measure.scale
    given = values(measure, results["a", "test"])
    assert given.shape == (3, 300)
    assert low <= given.min() <= given.max() <= high
    assert measure.direction in ("higher", "lower")
    assert load_measure(measure.name) is measure
    assert measure_version(measure.name) == ""


def test_a_mean_has_an_interval_over_pictures_and_seeds(results):
    side = results["b", "test"]
    row = measure_row(side, BRIER, SETTINGS)
    assert row.mean.value == pytest.approx(values(BRIER, side).mean())
    assert row.mean.low < row.mean.value < row.mean.high
    one = measure_row(replace(side, probabilities=side.probabilities[:1], top1=side.top1[:1],
                              in_top5=side.in_top5[:1], seeds=(0,)), BRIER, SETTINGS)  # fmt: skip
    assert (row.images, row.seeds, one.seeds) == (300, 3, 1)
    assert measure_row(side, BRIER, SETTINGS) == row


def test_what_is_better_is_lower_and_the_same_is_equivalent_or_open(results):
    answers = answer(results, WANTED, SETTINGS, [BRIER])
    (brier,) = answers.measures
    better, same = brier.differences
    assert better.difference.value < 0
    assert better.finding is Finding.LOWER
    assert better.margin == BRIER.margin
    assert same.finding in (Finding.UNDECIDED, Finding.EQUIVALENT)
    assert {row.mcnemar_p for row in brier.differences} == {None}
    assert [row.family for row in brier.differences] == ["probabilities: main", "probabilities: other"]
    wide = replace(BRIER, margin=0.3)
    assert answer(results, WANTED, SETTINGS, [wide]).measures[0].differences[1].finding is Finding.EQUIVALENT


def test_measures_change_nothing_of_the_accuracies(results):
    alone, beside = answer(results, WANTED, SETTINGS), answer(results, WANTED, SETTINGS, [BRIER])
    assert (alone.accuracies, alone.differences, alone.measures) == (beside.accuracies, beside.differences, ())


def test_holm_counts_the_measures_of_a_family_together(results):
    twin = replace(BRIER, name="twin")
    other = replace(BRIER, name="other", family="another")
    alone = answer(results, WANTED[:1], SETTINGS, [BRIER]).measures[0].differences[0]
    assert alone.p_holm == alone.p
    both = answer(results, WANTED[:1], SETTINGS, [BRIER, twin, other]).measures
    assert [answers.measure.name for answers in both] == ["brier", "twin", "other"]
    assert [answers.differences[0].p_holm for answers in both] == pytest.approx([2 * alone.p, 2 * alone.p, alone.p])


def test_intervals_cover_the_true_mean():
    """A picture's value is its own share plus that of the seed: the mean over both is known."""
    rng, inside, runs = np.random.default_rng(3), 0, 150
    measure = replace(BRIER, name="made", per_picture=lambda probabilities, labels: probabilities[:, :, 0],
                      scale=(0.0, 1.0))  # fmt: skip
    for _ in range(runs):
        table = 0.5 + rng.normal(0, 0.1, (1, 150)) + rng.normal(0, 0.02, (4, 1)) + rng.normal(0, 0.05, (4, 150))
        shares = np.stack([table.clip(0, 1), 1 - table.clip(0, 1)], 2)
        ids = tuple(f"{number:04d}" for number in range(150))
        none = np.zeros((4, 150), np.int64)
        given = TestSetResult("r", "test", ids, none[0], none, none == 0, (0, 1, 2, 3), shares)
        mean = measure_row(given, measure, SETTINGS).mean
        inside += mean.low <= 0.5 <= mean.high
    assert inside / runs >= 0.92


def test_a_row_of_another_package_is_a_measure(install, results):
    install()
    config = parse_config({"statistics": {"measures": ["brier", "sureness"]}})
    assert config.statistics.measures == ("brier", "sureness")
    assert "measured_pkg" not in sys.modules
    measures = [load_measure(name) for name in config.statistics.measures]
    found = answer(results, WANTED, SETTINGS, measures).measures[1]
    assert found.rows[0].mean.value == pytest.approx(results["a", "test"].probabilities.max(2).mean(), abs=1e-6)
    assert found.differences[0].finding is Finding.HIGHER
    assert measure_version("sureness") == "2.1"


def test_a_built_in_measure_cannot_be_taken_over(install):
    install("brier = measured_pkg:SURENESS")
    assert load_measure("brier") is BRIER


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["brierr"],
            "unknown measure on predictions 'brierr'; did you mean 'brier'[?] known: brier, sureness; or install",
        ),
        (["brier", "brier"], "'brier' is there twice"),
        (["top1"], "'top1' is reported always; name the measures beside it: brier, sureness"),
    ],
)
def test_an_unknown_measure_is_refused_by_the_config(install, names, message):
    install()
    with pytest.raises(ConfigError, match=f"'statistics.measures': .*{message}"):
        parse_config({"statistics": {"measures": names}})


WRONG_ROWS = {
    "object()": "found object, expected a varireal.records.PredictionMeasure",
    "row(name='other')": "its name is 'other', expected 'sureness'",
    "row(label='')": "label, doc and family must be texts",
    "row(per_picture=None)": "per_picture must be a function",
    "row(scale=(0.0, float('inf')))": "its scale is 0 to inf",
    "row(scale=(1.0, 0.0))": "its scale is 1 to 0",
    "row(scale=3)": "cannot be used",
    "row(direction='up')": "its direction is 'up', expected 'higher' or 'lower'",
    "row(margin=-1)": "its margin is -1",
    "1 / 0": "cannot be imported .ZeroDivisionError: division by zero",
}


@pytest.mark.parametrize("text", WRONG_ROWS)
def test_a_wrong_row_is_refused_with_its_package_and_entry_point(install, text):
    install(module=f"{MODULE}\nSURENESS = {text}\n")
    where = "'sureness' .*package measured 2.1, entry point measured_pkg:SURENESS of varireal.prediction_measures"
    with pytest.raises(BackendError, match=where) as caught:
        load_measure("sureness")
    assert WRONG_ROWS[text].replace(" .", " (") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert load_measure("brier") is BRIER


def test_a_name_that_is_there_twice_is_refused(install, tmp_path):
    install()
    other = tmp_path / "other-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (other / "entry_points.txt").write_text("[varireal.prediction_measures]\nsureness = other:ROW\n")
    with pytest.raises(BackendError, match=r"'sureness' is there twice .package .* and package "):
        load_measure("sureness")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("probabilities[:, :, 0].T", "gives .300, 3. float32, expected numbers of shape .3, 300."),
        ("probabilities[:, :, 0] * float('nan')", "gives nan and 899 more, expected 0 to 1"),
        ("probabilities[:, :, 0] + 1.5", "and 899 more, expected 0 to 1"),
        ("(probabilities[:, :, 0] > 2).astype(str)", "expected numbers of shape"),
        ("probabilities.missing", "failed .*missing"),
    ],
)
def test_what_a_measure_gives_is_checked(install, results, body, message):
    install(module=MODULE.replace("return probabilities.max(axis=2)", f"return {body}"))
    with pytest.raises(BackendError, match=f"the measure 'sureness' .package measured 2.1.*{message}.* for a on test"):
        values(load_measure("sureness"), results["a", "test"])


def test_rounding_at_the_end_of_the_scale_is_no_error(install, results):
    install(module=MODULE.replace("return probabilities.max(axis=2)", "return probabilities[:, :, 0] * 0 + 1.00001"))
    assert (values(load_measure("sureness"), results["a", "test"]) == 1).all()
