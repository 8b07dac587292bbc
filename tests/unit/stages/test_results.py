import json
from pathlib import Path

import numpy as np
import pytest

from varireal.config.adapters import AdaptersConfig, StatisticsConfig
from varireal.config.images import ReadingConfig
from varireal.config.slices import ReportSlice
from varireal.config.study import ReportConfig
from varireal.core.paths import StudyPaths
from varireal.errors import DataError
from varireal.reporting.study_results import read_results
from varireal.store import tables
from varireal.store.schemas import PREDICTIONS

CLASSES = {"b": "Gull", "a": "Egret", "c": "Mallard"}
REGIMES = ("real", "synthetic-color-feasible", "synthetic-color-infeasible")
LABELS = {"test": [0, 0, 1, 1, 2, 2], "test_background": [0, 1, 2]}
SEEDS = 2


def report_slice(**changes) -> ReportSlice:
    return ReportSlice(
        study="demo",
        seed=3,
        noun="bird",
        attributes=("color",),
        shards=1,
        rounds=1,
        reading=ReadingConfig(),
        report=ReportConfig(),
        classes=CLASSES,
        adapters=AdaptersConfig(**{"regimes": REGIMES, "seeds": SEEDS, **changes}),
        statistics=StatisticsConfig(resamples=100),
    )


def best(regime: str, seed: int, test_set: str) -> list[int]:
    """What a training says: made-up class numbers."""
    rng = np.random.default_rng([*regime.encode(), seed, len(test_set)])
    wrong = rng.random(len(LABELS[test_set])) < 0.4
    return [(label + bool(miss)) % 3 for label, miss in zip(LABELS[test_set], wrong, strict=True)]


def rows(regime: str, seed: int) -> list[dict]:
    return [
        {
            "regime": regime,
            "seed": seed,
            "test_set": test_set,
            "image_id": f"{test_set}-{number}",
            "class_id": "abc"[label],
            "label": label,
            "top1": top1,
            "top5": [top1, (top1 + 1) % 3],
            "probabilities": [1 / 3] * 3,
        }
        for test_set, labels in LABELS.items()
        for number, (label, top1) in enumerate(zip(labels, best(regime, seed, test_set), strict=True))
    ]


def write(root: Path, regime: str, seed: int, found: list[dict]) -> None:
    path = Path(StudyPaths(str(root)).predictions(regime, seed))
    tables.write(path, found, PREDICTIONS, stage="predictions", digest="d")


@pytest.fixture
def study(tmp_path):
    for regime in ("zero-shot", *REGIMES):
        for seed in range(1 if regime == "zero-shot" else SEEDS):
            write(tmp_path, regime, seed, rows(regime, seed)[:: -1 if seed else 1])
            if regime != "zero-shot":
                path = Path(StudyPaths(str(tmp_path)).adapter(regime, seed)) / "training.json"
                path.parent.mkdir(parents=True)
                log = {
                    "losses": [2.0, 1.0 + seed],
                    "val_steps": [0, 2],
                    "val_accuracies": [0.5, 0.75],
                    "val_losses": [1.0, 0.5],
                    "chosen_step": 2,
                }
                facts = {"regime": regime, "seed": seed, "real": 7, "synthetic": 4, "notes": ["A note."], "log": log}
                path.write_text(
                    json.dumps(facts | {"model_digest": "ab", "device": "cpu", "dtype": f"float{32 - 16 * seed}"})
                )
    return tmp_path


def test_accuracies_are_counted_from_the_predictions(study):
    found = read_results(report_slice(), study)
    table = {(row.regime, row.test_set): row for row in found.answers.accuracies}
    assert set(table) == {(regime, test_set) for regime in ("zero-shot", *REGIMES) for test_set in LABELS}
    for (regime, test_set), row in table.items():
        seeds = range(1 if regime == "zero-shot" else SEEDS)
        per_seed = [np.mean(np.equal(best(regime, seed, test_set), LABELS[test_set])) for seed in seeds]
        assert row.by_seed == pytest.approx(per_seed)
        assert row.top1.value == pytest.approx(np.mean(per_seed))
        in_two = [
            label in (top1, (top1 + 1) % 3)
            for seed in seeds
            for label, top1 in zip(LABELS[test_set], best(regime, seed, test_set), strict=True)
        ]
        assert row.top5 == pytest.approx(np.mean(in_two))
        assert (row.images, row.seeds) == (len(LABELS[test_set]), len(seeds))


def test_differences_are_those_of_the_accuracies(study):
    found = read_results(report_slice(), study)
    value = {(row.regime, row.test_set): row.top1.value for row in found.answers.accuracies}
    pairs = {(row.a, row.b) for row in found.answers.differences}
    assert pairs == {REGIMES[1:], ("real", "zero-shot"), *((slug, "real") for slug in REGIMES[1:])}
    for row in found.answers.differences:
        wanted = value[row.a, row.test_set] - value[row.b, row.test_set]
        assert row.difference.value == pytest.approx(wanted)


def test_rows_are_put_in_one_order(study):
    found = read_results(report_slice(), study).predictions["real", "test"]
    assert found.image_ids == tuple(f"test-{number}" for number in range(6))
    assert found.labels.tolist() == LABELS["test"]
    assert found.top1.tolist() == [best("real", seed, "test") for seed in range(SEEDS)]
    assert found.seeds == (0, 1)


def test_trainings_are_read_from_their_logs(study):
    found = read_results(report_slice(), study)
    assert found.class_names == ("Egret", "Gull", "Mallard")
    assert list(found.regimes) == ["zero-shot", *REGIMES]
    assert (found.regimes["zero-shot"].real, found.regimes["zero-shot"].notes) == (0, ())
    assert (found.regimes["real"].real, found.regimes["real"].synthetic) == (7, 4)
    assert found.regimes["real"].notes == ("A note.",)
    curve = found.curves[1]
    assert (curve.regime, curve.seed, curve.steps, curve.losses) == ("real", 1, (1, 2), (2.0, 2.0))
    assert (curve.val_steps, curve.val_accuracies, curve.chosen_step) == ((0, 2), (0.5, 0.75), 2)
    assert len(found.curves) == 6
    facts = dict(found.facts)
    assert facts["Classifier"] == "tiny (weights ab)"
    assert facts["Device and number format"] == "cpu, float16, float32"


def test_without_regimes_there_are_no_results(tmp_path):
    assert read_results(report_slice(regimes=()), tmp_path) is None


def test_seeds_that_saw_other_pictures_are_refused(study):
    write(study, "real", 1, rows("real", 1)[1:])
    with pytest.raises(DataError, match="the seeds of real were scored on different pictures of test; run it again"):
        read_results(report_slice(), study)


def test_regimes_that_saw_other_pictures_are_refused(study):
    for seed in range(SEEDS):
        write(study, "real", seed, rows("real", seed)[1:])
    with pytest.raises(DataError):
        read_results(report_slice(), study)


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_log_that_cannot_be_read_is_named(study, damage):
    path = Path(StudyPaths(str(study)).adapter("real", 1)) / "training.json"
    path.unlink() if damage == "missing" else path.write_text("{")
    with pytest.raises(DataError, match=r"real/seed1/training\.json cannot be read .*run the stage adapters again"):
        read_results(report_slice(), study)


def test_missing_predictions_are_named(study):
    Path(StudyPaths(str(study)).predictions("real", 0)).unlink()
    with pytest.raises(DataError, match=r"seed0\.parquet does not exist"):
        read_results(report_slice(), study)


def test_probabilities_are_read_for_further_measures_alone(study):
    plain = read_results(report_slice(), study)
    assert plain.answers.measures == ()
    assert plain.predictions["real", "test"].probabilities is None
    config = report_slice().model_copy(update={"statistics": StatisticsConfig(resamples=100, measures=("brier",))})
    found = read_results(config, study)
    assert found.predictions["real", "test"].probabilities.shape == (SEEDS, 6, 3)
    (brier,) = found.answers.measures
    assert [row.mean.value for row in brier.rows] == pytest.approx([2 / 3] * 8, abs=1e-6)  # a third for each class
    assert len(brier.differences) == len(found.answers.differences)
    assert found.answers.accuracies == plain.answers.accuracies
    assert config.for_keys()["statistics"]["measures"] == ["brier"]
    assert "measures" not in report_slice().for_keys()["statistics"]
