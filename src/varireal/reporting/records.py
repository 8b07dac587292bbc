"""What a gallery is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from varireal.records import Array
from varireal.statistics.records import Answers, TestSetResult

# What the pages about the classifiers are made from; all numbers in them come from the predictions.


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


# What classifiers confuse: counts, the hardest classes, and pictures that most seeds got wrong.

FULL_CLASSES = 25
"""Up to so many classes a whole matrix can be read."""
HARDEST_CLASSES = 20
"""Above that, the matrix holds the hardest so many classes."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A picture that more than half of the seeds got wrong.

    Attributes:
        image_id: the picture.
        predicted: the wrong class that most seeds named.
        wrong: seeds that were wrong.
        seeds: all seeds.
    """

    image_id: str
    predicted: int
    wrong: int
    seeds: int


def counts(result: TestSetResult, classes: int) -> Array:
    """Return (C, C) int64: how often each true class (row) was given each class (column), over all seeds."""
    table = np.zeros((classes, classes), np.int64)
    labels = np.broadcast_to(result.labels, result.top1.shape)
    np.add.at(table, (labels.ravel(), result.top1.ravel()), 1)
    return table


def accuracies(table: Array) -> Array:
    """Return (C,) float64: the accuracy of each true class of a table of counts; nan for a class without pictures."""
    pictures = table.sum(axis=1)
    shares: Array = np.full(len(table), np.nan)
    np.divide(np.diag(table), pictures, out=shares, where=pictures > 0)
    return shares


def hardest(table: Array, limit: int) -> list[int]:
    """Return the classes with the lowest accuracy, lowest first; those without an error or a picture are left out."""
    shares = accuracies(table)
    order = sorted((share, number) for number, share in enumerate(shares.tolist()) if share < 1)
    return [number for _, number in order[:limit]]


def confused_pairs(table: Array, limit: int) -> list[tuple[int, int, int]]:
    """Return (true, predicted, count) of the most frequent confusions, most frequent first."""
    wrong = table.copy()
    np.fill_diagonal(wrong, 0)
    found = [(-int(wrong[pair]), int(pair[0]), int(pair[1])) for pair in zip(*np.nonzero(wrong), strict=True)]
    return [(true, predicted, -count) for count, true, predicted in sorted(found)[:limit]]


def shown_classes(table: Array) -> tuple[list[int], bool]:
    """Return the classes that a matrix shows in order, and whether they are all that have pictures."""
    present = [int(number) for number in np.flatnonzero(table.sum(axis=1) + table.sum(axis=0))]
    if len(present) <= FULL_CLASSES:
        return present, True
    return hardest(table, HARDEST_CLASSES) or present[:HARDEST_CLASSES], False


def matrix_of(table: Array) -> tuple[list[int], Array, bool]:
    """Return what a matrix shows: its classes, (K, K + 1) shares of each true class, and whether it is whole.

    The last column is the share that went to classes that are not shown; rows sum to 1.
    """
    shown, whole = shown_classes(table)
    pictures = np.maximum(table.sum(axis=1)[shown], 1)
    inside = table[np.ix_(shown, shown)]
    rest = table.sum(axis=1)[shown] - inside.sum(axis=1)
    return shown, np.column_stack((inside, rest)) / pictures[:, None], whole


def misses(result: TestSetResult, label: int) -> list[Miss]:
    """Return the pictures of a class that more than half of the seeds got wrong, those of most seeds first."""
    seeds = len(result.seeds)
    found = []
    for place in np.flatnonzero(result.labels == label).tolist():
        said = result.top1[:, place]
        wrong = said[said != label]
        if 2 * len(wrong) > seeds:
            found.append(Miss(result.image_ids[place], int(np.bincount(wrong).argmax()), len(wrong), seeds))
    return sorted(found, key=lambda miss: (-miss.wrong, miss.image_id))


def telling_regime(results: StudyResults, test_set: str) -> str | None:
    """Return the regime whose errors say most about the question on a test set; None without predictions.

    It is the one with the lowest accuracy among those that the main comparisons are made of, else among all that were
    trained, else among all.
    """
    accuracy = {
        regime: float(result.correct.mean())
        for (regime, name), result in results.predictions.items()
        if name == test_set and result.top1.size
    }
    main = {
        slug
        for row in results.answers.differences
        if row.family == results.main_family and row.test_set == test_set
        for slug in (row.a, row.b)
    }
    trained = {slug for slug, regime in results.regimes.items() if regime.real + regime.synthetic}
    for wanted in (main, trained, set(accuracy)):
        found = sorted((accuracy[slug], slug) for slug in wanted & set(accuracy))
        if found:
            return found[0][1]
    return None


def test_sets(results: StudyResults) -> list[str]:
    """Return the names of the test sets, the plain one first, in the order of their first appearance."""
    names = dict.fromkeys(row.test_set for row in results.answers.accuracies)
    names.update(dict.fromkeys(name for _, name in results.predictions))
    names.update(dict.fromkeys(row.test_set for row in results.answers.differences))
    return sorted(names, key=lambda name: name != "test")


test_sets.__test__ = False  # type: ignore[attr-defined]  # no test for pytest


def regime_label(results: StudyResults, slug: str) -> str:
    """Return the name of a regime for people; its slug when nothing is known of it."""
    return results.regimes[slug].label if slug in results.regimes else slug


def class_label(results: StudyResults, number: int) -> str:
    """Return the display name of a class; its number when it has none."""
    return results.class_names[number] if 0 <= number < len(results.class_names) else f"class {number}"


ACCEPTED, REJECTED, FAILED = "accepted", "rejected", "failed"


@dataclass(frozen=True, slots=True)
class GalleryPhoto:
    """One photo of the study.

    Attributes:
        image_id: identity of the photo.
        class_id: slug of its class.
        class_name: display name of its class.
        split: the split that it belongs to.
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, True on the object; None when there is none.
        mask_status: ``ok`` or a value of ``names.MaskStatus``.
        mask_reason: one sentence for a person; empty when ok.
    """

    image_id: str
    class_id: str
    class_name: str
    split: str
    image: Array
    mask: Array | None
    mask_status: str
    mask_reason: str


@dataclass(frozen=True, slots=True)
class GalleryCandidate:
    """One attempt at an edit.

    Attributes:
        candidate_id: identity of the attempt.
        image_id: the photo.
        class_id: slug of the class.
        class_name: display name of the class.
        attribute: what the edit changes.
        feasibility: the arm of the pair.
        k: number of the edit of this photo and attribute.
        round: number of the attempt, from 0.
        prompt_id: identity of the prompt.
        prompt_name: a few words.
        prompt_description: one sentence, may be empty.
        seed: seed of the attempt; both arms of a pair share it.
        backend: the editor.
        outcome: ``accepted``, ``rejected`` (made, but a gate said no) or ``failed`` (not made).
        reasons: codes, each with an optional detail after a colon; empty when accepted.
        receipt: measured values by name; None where not measured.
        image: (H, W, 3) uint8 sRGB, of the photo's size; None when it was not made.
    """

    candidate_id: str
    image_id: str
    class_id: str
    class_name: str
    attribute: str
    feasibility: str
    k: int
    round: int
    prompt_id: str
    prompt_name: str
    prompt_description: str
    seed: int
    backend: str
    outcome: str
    reasons: tuple[str, ...]
    receipt: Mapping[str, float | None]
    image: Array | None


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """What became of the edits of one class and setting.

    Attributes:
        class_id: slug of the class.
        class_name: display name of the class.
        attribute: what the edits change.
        feasibility: the arm.
        wanted: edits that the config asks for.
        made: candidates that an editor made, over all rounds.
        accepted: edits that were accepted.
        short: edits that are still missing.
        reasons: code and number of candidates lost to it, most frequent first.
    """

    class_id: str
    class_name: str
    attribute: str
    feasibility: str
    wanted: int
    made: int
    accepted: int
    short: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """How feasible the accepted pictures of a setting are, by a model that judged them.

    Attributes:
        attribute: what the edits change.
        feasibility: the arm.
        pictures: accepted pictures.
        unknown: those without a usable answer.
        raw: mean of the judge's own score; None when all are unknown.
        words: the same on a grey picture.
        value: share of feasible pictures, calibrated and corrected; None without a review.
        low: lower end of its interval.
        high: upper end of its interval.
        reviewed: pictures that a person reviewed.
        note: why it is not calibrated; empty when it is.
    """

    attribute: str
    feasibility: str
    pictures: int
    unknown: int
    raw: float | None
    words: float | None
    value: float | None
    low: float | None
    high: float | None
    reviewed: int
    note: str


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """What the page says about the study as a whole.

    Attributes:
        study: name of the study.
        title: heading of the page.
        subtitle: one line below it, may be empty.
        facts: names and values of the provenance, in the order of display.
        funnel: one row per class and setting.
        downloads: label and path relative to the page.
        scores: feasibility score of each setting; empty when no model judged.
        drawn: how the pairs of the gallery were drawn, in one line; empty when it shows all of them.
    """

    study: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    funnel: tuple[FunnelRow, ...]
    downloads: tuple[tuple[str, str], ...]
    scores: tuple["ScoreRow", ...] = ()
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What ``write_gallery`` wrote: page files, candidates, and the size of ``index.html`` in bytes."""

    pages: int
    candidates: int
    index_bytes: int
