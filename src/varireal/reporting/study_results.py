"""Everything that a report says of the classifiers: what it is, and reading it from the predictions and training logs.

All numbers come from the predictions.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from varireal.config.adapters import CLIP, AdaptersConfig
from varireal.config.regimes import MAIN_FAMILY, Regime, chosen_regimes, comparisons
from varireal.config.slices import ReportSlice
from varireal.core.paths import ADAPTER_FILES, StudyPaths
from varireal.core.registry import has_zero_shot
from varireal.errors import DataError
from varireal.statistics.accuracy import answer
from varireal.statistics.prediction_measures import load_measure
from varireal.statistics.records import Answers, DifferenceRow, StatisticsSettings, TestSetResult
from varireal.store import tables
from varireal.store.schemas import PREDICTIONS


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """How one seed of one regime was trained.

    Attributes:
        regime: slug.
        seed: the seed.
        steps: optimiser step of each loss, ascending.
        losses: training loss at those steps.
        val_steps: steps after which the val pictures were scored; 0 is zero-shot.
        val_accuracies: top-1 on val, fractions; empty without a val split.
        chosen_step: step whose weights are the adapter.
    """

    regime: str
    seed: int
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    val_steps: tuple[int, ...]
    val_accuracies: tuple[float, ...]
    chosen_step: int


@dataclass(frozen=True, slots=True)
class RegimeFacts:
    """What a regime was trained on.

    Attributes:
        slug: name in paths and tables.
        label: name for people, such as ``real + synthetic · color · feasible``.
        real: different real pictures; 0 when none.
        synthetic: different synthetic (or control) pictures; 0 when none.
        notes: sentences a reader must know, such as classes without an accepted edit.
    """

    slug: str
    label: str
    real: int
    synthetic: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StudyResults:
    """Everything about the classifiers of a study.

    Attributes:
        answers: what the statistics found.
        predictions: by (regime, test set), for confusion matrices and hard examples.
        regimes: by slug, in the order of display.
        curves: learning curves.
        class_names: display name by class number.
        augmentation: name of the preset that was on.
        checkpoint: whose weights the adapters are: ``last`` or ``val``; empty for a learner that has no such choice.
        facts: names and values of the training's provenance, in the order of display.
        main_family: the family of comparisons whose rows answer the study's question.
    """

    answers: Answers
    predictions: Mapping[tuple[str, str], TestSetResult]
    regimes: Mapping[str, RegimeFacts]
    curves: tuple[LearningCurve, ...]
    class_names: tuple[str, ...]
    augmentation: str
    facts: tuple[tuple[str, str], ...]
    main_family: str
    checkpoint: str = ""

    @property
    def test_sets(self) -> list[str]:
        """Names of the test sets, the plain one first, in the order of their first appearance."""
        names = dict.fromkeys(row.test_set for row in self.answers.accuracies)
        names.update(dict.fromkeys(name for _, name in self.predictions))
        names.update(dict.fromkeys(row.test_set for row in self.answers.differences))
        return sorted(names, key=lambda name: name != "test")

    @property
    def families(self) -> dict[str, list[DifferenceRow]]:
        """The comparisons by family, in the order of their first appearance."""
        families: dict[str, list[DifferenceRow]] = defaultdict(list)
        for row in self.answers.differences:
            families[row.family].append(row)
        return families

    @property
    def tested(self) -> tuple[list[str], list[str]]:
        """Slugs of the regimes and names of the test sets that have an accuracy, in the order of display."""
        rows = self.answers.accuracies
        slugs = dict.fromkeys((*self.regimes, *(row.regime for row in rows)))
        return (
            [slug for slug in slugs if any(row.regime == slug for row in rows)],
            [name for name in self.test_sets if any(row.test_set == name for row in rows)],
        )

    @property
    def curves_by_regime(self) -> dict[str, list[LearningCurve]]:
        """The learning curves by regime, in the order of display; a regime without any is left out."""
        slugs = dict.fromkeys((*self.regimes, *(curve.regime for curve in self.curves)))
        by_regime = {slug: [curve for curve in self.curves if curve.regime == slug] for slug in slugs}
        return {slug: curves for slug, curves in by_regime.items() if curves}

    def steps(self, slug: str) -> tuple[int, ...]:
        """Steps that the weights of a regime's adapters had seen, by seed; empty where nothing was trained."""
        return tuple(curve.chosen_step for curve in sorted(self.curves_of(slug), key=lambda curve: curve.seed))

    def curves_of(self, slug: str) -> list[LearningCurve]:
        """The learning curves of a regime."""
        return [curve for curve in self.curves if curve.regime == slug]

    def differ_in_steps(self, a: str, b: str) -> bool:
        """Whether the adapters of two regimes had unequal training: some pair of seeds ends at different steps."""
        of_a, of_b = ({curve.seed: curve.chosen_step for curve in self.curves_of(slug)} for slug in (a, b))
        return any(of_a[seed] != of_b[seed] for seed in of_a.keys() & of_b.keys())

    def label(self, slug: str) -> str:
        """Name of a regime for people; its slug when nothing is known of it."""
        return self.regimes[slug].label if slug in self.regimes else slug

    def class_label(self, number: int) -> str:
        """Display name of a class; its number when it has none."""
        return self.class_names[number] if 0 <= number < len(self.class_names) else f"class {number}"


_COLUMNS = ["test_set", "image_id", "label", "top1", "top5"]


def read_results(config: ReportSlice, study: Path) -> StudyResults | None:
    """Everything about the classifiers; None when the config trains none.

    Raises:
        BackendError: a measure of another package cannot be used.
        DataError: a table is damaged, or two regimes were scored on different pictures.
    """
    chosen = chosen_regimes(config.adapters.regimes, config.attributes, config.adapters.all_of)
    zero_shot = has_zero_shot(config.adapters.learner)
    regimes = [regime for regime in chosen if regime.trained or zero_shot]
    if not regimes:
        return None
    paths = StudyPaths(str(study))
    trainings = {
        (regime.slug, seed): _training(Path(paths.adapter(regime.slug, seed)))
        for regime in regimes
        if regime.trained
        for seed in range(config.adapters.seeds)
    }
    measures = [load_measure(name) for name in config.statistics.measures]
    columns = [*_COLUMNS, "probabilities"] if measures else _COLUMNS
    predictions = _predictions(regimes, config.adapters.seeds, paths, columns)
    settings = StatisticsSettings(
        level=config.statistics.level,
        margin=config.statistics.margin_points / 100,
        resamples=config.statistics.resamples,
        seed=config.seed,
    )
    return StudyResults(
        answers=answer(predictions, comparisons(regimes), settings, measures),
        predictions=predictions,
        regimes={regime.slug: _regime_facts(regime, trainings) for regime in regimes},
        curves=tuple(_curve(facts) for facts in trainings.values()),
        class_names=tuple(config.classes[class_id] for class_id in sorted(config.classes)),
        augmentation=config.adapters.training.augmentation if config.adapters.learner == CLIP else "",
        facts=_training_facts(config, list(trainings.values())),
        main_family=MAIN_FAMILY,
        checkpoint=config.adapters.training.checkpoint if config.adapters.learner == CLIP else "",
    )


def _training(folder: Path) -> dict[str, Any]:
    path = folder / ADAPTER_FILES[2]
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the stage adapters again") from error
    return facts


def _predictions(
    regimes: Sequence[Regime], seeds: int, paths: StudyPaths, columns: Sequence[str]
) -> dict[tuple[str, str], TestSetResult]:
    results: dict[tuple[str, str], TestSetResult] = {}
    for regime in regimes:
        by_set: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for seed in range(seeds if regime.trained else 1):
            for row in tables.read(Path(paths.predictions(regime.slug, seed)), PREDICTIONS, columns):
                by_set[row["test_set"]][seed].append(row)
        results |= {(regime.slug, name): _result(regime.slug, name, rows) for name, rows in by_set.items()}
    return results


def _result(regime: str, test_set: str, rows: Mapping[int, list[dict[str, Any]]]) -> TestSetResult:
    ordered = [sorted(members, key=lambda row: str(row["image_id"])) for _, members in sorted(rows.items())]
    ids = [tuple(row["image_id"] for row in members) for members in ordered]
    if len(set(ids)) != 1:
        raise DataError(f"the seeds of {regime} were scored on different pictures of {test_set}; run it again")
    scores = [[row.get("probabilities") for row in members] for members in ordered]
    return TestSetResult(
        regime=regime,
        test_set=test_set,
        image_ids=ids[0],
        labels=np.array([row["label"] for row in ordered[0]], np.int64),
        top1=np.array([[row["top1"] for row in members] for members in ordered], np.int64),
        in_top5=np.array([[row["label"] in row["top5"] for row in members] for members in ordered], bool),
        seeds=tuple(sorted(rows)),
        probabilities=None if scores[0][0] is None else np.array(scores, np.float32),
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


def _training_facts(config: ReportSlice, trainings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Provenance of the trainings; what differs between them is listed with all its values."""

    def values(key: str) -> str:
        return ", ".join(sorted({str(facts[key]) for facts in trainings})) or "-"

    if config.adapters.learner == CLIP:
        learner = _clip_facts(config.adapters, values("model_digest"))
    else:
        about = {name: str(value) for facts in trainings[:1] for name, value in facts["about"].items()}
        learner = (("Learner", values("learner")), *about.items())
    return (
        *learner,
        ("Seeds", str(config.adapters.seeds)),
        ("Device and number format", f"{values('device')}, {values('dtype')}"),
    )


def _clip_facts(config: AdaptersConfig, weights: str) -> tuple[tuple[str, str], ...]:
    training, lora = config.training, config.lora
    return (
        ("Classifier", f"{config.model} (weights {weights})"),
        ("Text of a class", config.class_prompt),
        (
            "LoRA",
            f"r {lora.r}, alpha {lora.lora_alpha:g}, dropout {lora.lora_dropout:g}, "
            f"{', '.join(lora.target_modules)} of {' and '.join(lora.towers)} tower",
        ),
        (
            "Training",
            f"{training.steps} steps of {training.batch_size} pictures, learning rate "
            f"{training.learning_rate:g}, real weight {training.real_weight:g}; "
            + ("the last step's weights" if training.checkpoint == "last" else "the best step's weights, by val"),
        ),
        ("Augmentation", training.augmentation),
    )
