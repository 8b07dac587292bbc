"""What the pages about the classifiers are made from; all numbers in them come from the predictions."""

from collections.abc import Mapping
from dataclasses import dataclass

from varireal.statistics.records import Answers, TestSetResult


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
