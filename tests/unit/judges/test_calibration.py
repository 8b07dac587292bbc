"""Calibration and estimates on simulated judges, whose truth is known."""

import numpy as np
import pytest
from scipy.optimize import minimize

from varireal.config.verdicts import ReviewConfig
from varireal.judges.feasibility import Calibration, Reviewed, fit_isotonic, fit_platt, why_uncalibrated

HOW = ReviewConfig(calibration="platt", minimum=20, resamples=300, level=0.95)


def whole(labels):
    return np.ones((1, len(labels)))


def simulated(seed, truth, *, count=300, reviewed=30, shift=0.0, noise=1.5):
    """Settings with known shares of feasible pictures, a judge that leans by ``shift``, and reviews of some."""
    rng = np.random.default_rng(seed)
    labels = [rng.random(count) < share for share in truth]
    scores = [np.where(label, 1.5, -1.5) + shift + rng.normal(0, noise, count) for label in labels]
    drawn = [rng.choice(count, reviewed, replace=False) for _ in truth]
    found = Reviewed(
        np.concatenate([one[pick] for one, pick in zip(scores, drawn, strict=True)]),
        np.concatenate([one[pick] for one, pick in zip(labels, drawn, strict=True)]),
        np.repeat(np.arange(len(truth)), reviewed),
    )
    return scores, labels, found


def test_platts_curve_is_the_maximum_of_its_likelihood():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 2, 80)
    labels = rng.random(80) < 1 / (1 + np.exp(-(0.7 * scores - 0.4)))
    fit = fit_platt(scores, labels, whole(labels))
    targets = np.where(labels, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((~labels).sum() + 2))

    def loss(values):
        x = values[0] * scores + values[1]
        return (np.logaddexp(0, x) - targets * x).sum()

    best = minimize(loss, [0.0, 0.0], method="BFGS", options={"gtol": 1e-9}).x
    assert [fit.slope[0], fit.intercept[0]] == pytest.approx(best, abs=1e-4)


def test_many_fits_at_once_are_those_one_by_one():
    rng = np.random.default_rng(1)
    scores, labels = rng.normal(0, 3, 40), rng.random(40) < 0.4
    weights = rng.multinomial(40, np.full(40, 1 / 40), 25).astype(float)
    together = fit_platt(scores, labels, weights)
    for row, slope, intercept in zip(weights, together.slope, together.intercept, strict=True):
        alone = fit_platt(scores, labels, row[None])
        assert (slope, intercept) == (pytest.approx(alone.slope[0]), pytest.approx(alone.intercept[0]))
    repeated = np.repeat(np.arange(40), weights[0].astype(int))
    same = fit_platt(scores[repeated], labels[repeated], whole(repeated))
    assert same.slope[0] == pytest.approx(together.slope[0], abs=1e-6)


@pytest.mark.parametrize("labels", [[False] * 5 + [True] * 5, [True] * 5 + [False] * 5, [True] * 10, [False] * 10])
def test_answers_without_overlap_give_a_finite_curve(labels):
    scores, labels = np.linspace(-7, 7, 10), np.array(labels)
    for fit in (fit_platt, fit_isotonic):
        p = fit(scores, labels, whole(labels)).at(np.linspace(-50, 50, 11))
        assert np.isfinite(p).all()
        assert ((p > 0) & (p < 1)).all()


def test_a_known_leaning_is_found_and_taken_away():
    """A judge that is right but leans by three: its own score is far off, the calibrated one is not."""
    rng = np.random.default_rng(2)
    belief = rng.normal(0, 2, 4000)
    labels = rng.random(4000) < 1 / (1 + np.exp(-belief))
    fit = fit_platt(belief + 3.0, labels, whole(labels))
    assert (fit.slope[0], fit.intercept[0]) == (pytest.approx(1, abs=0.1), pytest.approx(-3, abs=0.3))
    raw = 1 / (1 + np.exp(-(belief + 3)))
    assert raw.mean() - labels.mean() > 0.25
    assert fit.at(belief + 3)[0].mean() == pytest.approx(labels.mean(), abs=0.01)


def test_the_isotonic_curve_rises_and_is_what_the_library_says():
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(0, 2, 60), 1)
    labels = rng.random(60) < 1 / (1 + np.exp(-scores))
    curve = fit_isotonic(scores, labels, whole(labels))
    values = curve.at(np.linspace(-6, 6, 200))[0]
    assert (np.diff(values) >= 0).all()
    assert curve.at(scores)[0].mean() == pytest.approx(labels.mean(), abs=0.02)
    assert values.min() >= 1 / 62
    assert values.max() <= 61 / 62


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([True] * 10 + [False] * 9, "19 reviewed pictures have a score, 20 are needed"),
        ([True] * 18 + [False] * 2, "18 of 20 reviewed pictures are feasible; 3 of either answer are needed"),
        ([False] * 20, "0 of 20 reviewed pictures are feasible; 3 of either answer are needed"),
        ([True] * 17 + [False] * 3, ""),
    ],
)
def test_too_few_reviews_calibrate_nothing(labels, told):
    found = Reviewed(np.zeros(len(labels)), np.array(labels), np.zeros(len(labels), int))
    assert why_uncalibrated(found, 20) == told


@pytest.mark.parametrize(
    ("method", "case"),
    [
        ("platt", {"truth": (0.9, 0.15), "shift": 2.0}),
        ("isotonic", {"truth": (0.9, 0.15), "shift": 2.0}),
        ("platt", {"truth": (0.98, 0.02), "reviewed": 15}),
        ("platt", {"truth": (0.6, 0.5), "noise": 4.0}),
    ],
)
def test_intervals_cover_the_truth(method, case):
    """95 % intervals of two settings in 60 simulated studies each; five percent points are left for chance."""
    how = ReviewConfig(calibration=method, minimum=20, resamples=200, level=0.95)
    covered = total = 0
    errors = []
    for seed in range(60):
        scores, _, reviewed = simulated(seed, **case)
        if why_uncalibrated(reviewed, 20):
            continue
        calibration = Calibration(reviewed, how, 1)
        for number, share in enumerate(case["truth"]):
            found = calibration.estimate(scores[number], reviewed.settings == number, f"{number}")
            assert found.correction == "setting"
            assert 0 <= found.low <= found.value <= found.high <= 1
            covered += found.low <= share <= found.high
            errors.append(found.value - share)
            total += 1
    assert total > 60
    assert covered / total >= 0.9
    assert abs(np.mean(errors)) < 0.02


def test_intervals_of_a_setting_that_nobody_reviewed_cover_the_truth_too():
    """Its share of feasible pictures is another one than those of the reviewed settings."""
    covered = 0
    for seed in range(60):
        scores, labels, reviewed = simulated(seed, (0.9, 0.2, 0.6), shift=1.0)
        seen = reviewed.settings < 2
        others = Reviewed(reviewed.scores[seen], reviewed.labels[seen], reviewed.settings[seen])
        found = Calibration(others, HOW, 1).estimate(scores[2], np.zeros(60, bool), "c")
        assert found.correction == "pooled"
        covered += found.low <= labels[2].mean() <= found.high
    assert covered / 60 >= 0.9


def test_a_useful_judge_makes_the_interval_shorter():
    def width(noise):
        scores, _, reviewed = simulated(5, (0.6, 0.4), noise=noise, reviewed=40)
        found = Calibration(reviewed, HOW, 1).estimate(scores[0], reviewed.settings == 0, "a")
        return found.high - found.low

    assert width(0.3) < 0.75 * width(50.0)


def test_more_reviews_make_the_interval_shorter():
    def width(reviewed):
        scores, _, found = simulated(6, (0.6, 0.4), reviewed=reviewed)
        one = Calibration(found, HOW, 1).estimate(scores[0], found.settings == 0, "a")
        return one.high - one.low

    assert width(100) < 0.7 * width(20)


def test_a_setting_with_few_reviews_takes_the_correction_of_all():
    scores, labels, reviewed = simulated(7, (0.8, 0.3), shift=2.0, reviewed=60)
    kept = np.r_[0:60, 60:64]
    few = Reviewed(reviewed.scores[kept], reviewed.labels[kept], reviewed.settings[kept])
    found = Calibration(few, HOW, 1).estimate(scores[1], few.settings == 1, "b")
    assert found.correction == "pooled"
    assert found.low <= labels[1].mean() <= found.high
    assert found.value == pytest.approx(labels[1].mean(), abs=0.12)
    nobody = Calibration(few, HOW, 1).estimate(scores[1], np.zeros(len(kept), bool), "b")
    assert nobody.correction == "pooled"


def test_answers_that_all_agree_are_not_certain():
    """30 of 30 pictures of the first setting are feasible; that leaves room for some that are not."""
    scores, _, reviewed = simulated(8, (1.0, 0.1))
    found = Calibration(reviewed, HOW, 1).estimate(scores[0], reviewed.settings == 0, "a")
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert 0.75 < found.low < 0.95
    assert found.high == 1.0


def test_the_same_reviews_give_the_same_numbers():
    scores, _, reviewed = simulated(9, (0.7, 0.2))
    one, other = (Calibration(reviewed, HOW, 1).estimate(scores[0], reviewed.settings == 0, "a") for _ in range(2))
    assert one == other
