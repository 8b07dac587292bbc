"""What the report says of the classifiers, read from the predictions and from the logs of the trainings."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varireal import tables
from varireal.classifiers.regimes import MAIN_FAMILY, Regime, chosen_regimes, comparisons
from varireal.config.slices import ReportSlice
from varireal.errors import DataError
from varireal.paths import ADAPTER_FILES, StudyPaths
from varireal.reporting.results_records import LearningCurve, RegimeFacts, StudyResults
from varireal.schemas import PREDICTIONS
from varireal.statistics.answers import answer
from varireal.statistics.records import StatisticsSettings, TestSetResult

_COLUMNS = ["regime", "seed", "test_set", "image_id", "label", "top1", "top5"]


def read_results(config: ReportSlice, study: Path) -> StudyResults | None:
    """Everything about the classifiers; None when the config trains none.

    Raises:
        DataError: a table is damaged, or two regimes were scored on different pictures.
    """
    regimes = chosen_regimes(config.adapters.regimes, config.attributes)
    if not regimes:
        return None
    paths = StudyPaths(str(study))
    trainings = {
        (regime.slug, seed): _training(Path(paths.adapter(regime.slug, seed)))
        for regime in regimes
        if regime.trained
        for seed in range(config.adapters.seeds)
    }
    predictions = _predictions(regimes, config.adapters.seeds, paths)
    settings = StatisticsSettings(
        level=config.statistics.level,
        margin=config.statistics.margin_points / 100,
        resamples=config.statistics.resamples,
        seed=config.seed,
    )
    return StudyResults(
        answers=answer(predictions, comparisons(regimes), settings),
        predictions=predictions,
        regimes={regime.slug: _regime_facts(regime, trainings) for regime in regimes},
        curves=tuple(_curve(facts) for facts in trainings.values()),
        class_names=tuple(config.classes[class_id] for class_id in sorted(config.classes)),
        augmentation=config.adapters.training.augmentation,
        facts=_facts(config, list(trainings.values())),
        main_family=MAIN_FAMILY,
    )


def _training(folder: Path) -> dict[str, Any]:
    path = folder / ADAPTER_FILES[2]
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the stage adapters again") from error
    return facts


def _predictions(regimes: Sequence[Regime], seeds: int, paths: StudyPaths) -> dict[tuple[str, str], TestSetResult]:
    found = {}
    for regime in regimes:
        numbers = range(seeds) if regime.trained else range(1)
        by_set: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(dict)
        for seed in numbers:
            for row in tables.read(Path(paths.predictions(regime.slug, seed)), PREDICTIONS, _COLUMNS):
                by_set[row["test_set"]].setdefault(seed, []).append(row)
        for test_set, rows in by_set.items():
            found[regime.slug, test_set] = _result(regime.slug, test_set, rows)
    return found


def _result(regime: str, test_set: str, rows: Mapping[int, list[dict[str, Any]]]) -> TestSetResult:
    ordered = [sorted(members, key=lambda row: str(row["image_id"])) for _, members in sorted(rows.items())]
    ids = [tuple(row["image_id"] for row in members) for members in ordered]
    if len(set(ids)) != 1:
        raise DataError(f"the seeds of {regime} were scored on different pictures of {test_set}; run it again")
    return TestSetResult(
        regime=regime,
        test_set=test_set,
        image_ids=ids[0],
        labels=np.array([row["label"] for row in ordered[0]], np.int64),
        top1=np.array([[row["top1"] for row in members] for members in ordered], np.int64),
        in_top5=np.array([[row["label"] in row["top5"] for row in members] for members in ordered], bool),
        seeds=tuple(sorted(rows)),
    )


def _regime_facts(regime: Regime, trainings: Mapping[tuple[str, int], dict[str, Any]]) -> RegimeFacts:
    if not regime.trained:
        return RegimeFacts(regime.slug, regime.label, 0, 0)
    facts = trainings[regime.slug, 0]
    return RegimeFacts(regime.slug, regime.label, facts["real"], facts["synthetic"], tuple(facts["notes"]))


def _curve(facts: Mapping[str, Any]) -> LearningCurve:
    log = facts["log"]
    return LearningCurve(
        regime=facts["regime"],
        seed=facts["seed"],
        steps=tuple(range(1, len(log["losses"]) + 1)),
        losses=tuple(log["losses"]),
        val_steps=tuple(log["val_steps"]),
        val_accuracies=tuple(log["val_accuracies"]),
        chosen_step=log["chosen_step"],
    )


def _facts(config: ReportSlice, trainings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Provenance of the trainings; what differs between them is listed with all its values."""
    training, lora = config.adapters.training, config.adapters.lora

    def values(key: str) -> str:
        return ", ".join(sorted({str(facts[key]) for facts in trainings})) or "-"

    return (
        ("Classifier", f"{config.adapters.model} (weights {values('model_digest')})"),
        ("Text of a class", config.adapters.class_prompt),
        (
            "LoRA",
            f"r {lora.r}, alpha {lora.lora_alpha:g}, dropout {lora.lora_dropout:g}, "
            f"{', '.join(lora.target_modules)} of {' and '.join(lora.towers)} tower",
        ),
        (
            "Training",
            f"{training.steps} steps of {training.batch_size} pictures, learning rate "
            f"{training.learning_rate:g}, real weight {training.real_weight:g}",
        ),
        ("Augmentation", training.augmentation),
        ("Seeds", str(config.adapters.seeds)),
        ("Device and number format", f"{values('device')}, {values('dtype')}"),
    )
