"""Results of made-up classifiers, for the tests of the report: numbers that are known, names that are hostile."""

from dataclasses import replace
from itertools import product

import numpy as np

from varireal.reporting.study_results import LearningCurve, RegimeFacts, StudyResults
from varireal.statistics.records import (
    AccuracyRow,
    Answers,
    DifferenceRow,
    Finding,
    Interval,
    Power,
    StatisticsSettings,
    TestSetResult,
)

HOSTILE = '</script><b>"x\'" $a_b$ & 50 %'
MAIN = "feasible - infeasible"


def difference(finding=Finding.UNDECIDED, value=0.01, test_set="test", half=0.02, seeds=3, images=90, **changes):
    """One row of the main family."""
    row = DifferenceRow(
        name=f"real+synthetic, color: {MAIN}",
        family=MAIN,
        a="color-feasible",
        b="color-infeasible",
        test_set=test_set,
        images=images,
        seeds=seeds,
        difference=Interval(value, value - half, value + half),
        mcnemar_p=0.25,
        p=0.02,
        p_holm=0.04,
        margin=0.003,
        tost_p=0.5,
        tost_p_holm=1.0,
        finding=finding,
        power=Power(smallest=0.031, seeds_needed=40, images_needed=9000),
    )
    return replace(row, **changes)


def predictions(regime, test_set, classes, per_class, seeds, right):
    """Every class with the same number of pictures; class 0 is the hardest."""
    rng = np.random.default_rng([len(regime), len(test_set), classes])
    labels = np.repeat(np.arange(classes), per_class)
    chance = np.where(labels == 0, right / 3, right)
    top1 = np.array([np.where(rng.random(len(labels)) < chance, labels, (labels + 1) % classes) for _ in range(seeds)])
    ids = tuple(f"{test_set}-{number:05d}" for number in range(len(labels)))
    return TestSetResult(regime, test_set, ids, labels, top1, np.ones_like(top1, bool), tuple(range(seeds)))


def accuracy(result):
    """The row of a result, with an interval of two points to either side."""
    right = result.correct
    per_class = {int(n): float(right[:, result.labels == n].mean()) for n in np.unique(result.labels)}
    worst = min(per_class, key=per_class.get)
    top1 = float(right.mean())
    return AccuracyRow(
        regime=result.regime,
        test_set=result.test_set,
        images=len(result.image_ids),
        seeds=len(result.seeds),
        top1=Interval(top1, max(0, top1 - 0.02), min(1, top1 + 0.02)),
        top5=float(result.in_top5.mean()),
        macro=float(np.mean(list(per_class.values()))),
        worst_class=worst,
        worst_accuracy=per_class[worst],
        per_class=per_class,
        by_seed=tuple(right.mean(axis=1).tolist()),
    )


def curve(regime, seed, steps=40):
    """A curve that falls, and accuracies that rise."""
    every = tuple(range(1, steps + 1))
    val = tuple(range(0, steps + 1, 10))
    return LearningCurve(
        regime=regime,
        seed=seed,
        steps=every,
        losses=tuple(2.0 / (1 + 0.1 * step) + 0.01 * seed for step in every),
        val_steps=val,
        val_accuracies=tuple(min(1.0, 0.4 + 0.1 * place + 0.01 * seed) for place in range(len(val))),
        chosen_step=val[-2] if len(val) > 1 else 0,
    )


def study(
    *,
    classes=4,
    per_class=6,
    seeds=3,
    test_sets=("test", "test_background"),
    regimes=("zero-shot", "real", "color-feasible", "color-infeasible"),
    differences=None,
    **changes,
):
    """Results of a whole study."""
    found = {
        (regime, name): predictions(
            regime, name, classes, per_class, 1 if regime == "zero-shot" else seeds, 0.5 + 0.3 / (1 + place)
        )
        for (place, regime), name in product(enumerate(regimes), test_sets)
    }
    if differences is None:
        findings = (Finding.HIGHER, Finding.UNDECIDED, Finding.LOWER, Finding.EQUIVALENT)
        differences = (
            *(
                difference(findings[place % 4], (0.031, 0.01, -0.027, 0.0)[place % 4], name)
                for place, name in enumerate(test_sets)
            ),
            difference(
                family="use",
                name=HOSTILE,
                a="color-feasible",
                b="real",
                difference=Interval(0.05, 0.01, 0.09),
                mcnemar_p=None,
                finding=Finding.HIGHER,
                power=Power(None, None, None),
            ),
        )
    names = (HOSTILE, *(f"Class {number}" for number in range(1, classes)))
    results = StudyResults(
        answers=Answers(tuple(accuracy(one) for one in found.values()), differences, StatisticsSettings()),
        predictions=found,
        regimes={
            slug: RegimeFacts(
                slug,
                slug.replace("-", " · "),
                0 if slug == "zero-shot" else 40,
                20 if "color" in slug else 0,
                (f"{HOSTILE} has no accepted edit.",) if slug == "color-infeasible" else (),
            )
            for slug in regimes
        },
        curves=tuple(curve(slug, seed) for slug in regimes if slug != "zero-shot" for seed in range(seeds)),
        class_names=names,
        augmentation="none",
        facts=(("Model", "tiny"), ("Optimiser", HOSTILE)),
        main_family=MAIN,
    )
    return replace(results, **changes)
