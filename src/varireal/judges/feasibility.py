"""The feasibility score of a study: calibrated where a person reviewed pictures, and by setting with intervals.

A curve turns the judge's score into a probability, by a person's answers: Platt's logistic curve, or any rising one.
How feasible the pictures of a setting are is the judge's calibrated mean, corrected by what the person said of some.

The estimate is prediction-powered (Angelopoulos et al. 2023, "Prediction-powered inference", Science 382:669) with
its power tuning (Angelopoulos, Duchi & Zrnic 2023, "PPI++", arXiv:2311.01453): the share that a person found
feasible among the reviewed pictures of the setting, plus ``t`` times the difference of the calibrated judge's means
over all pictures and over the reviewed ones. It is right on average whatever the judge is worth, because pictures
are drawn for review at random; ``t`` is what makes its error smallest: 0 for a judge that knows nothing there, near
1 for a good one. The judge is calibrated on the same reviews; so that it does not look better than it is, each
reviewed picture is judged by a fit to the others (Zrnic & Candes 2024, "Cross-prediction-powered inference", PNAS
121:e2322083121).

Where a setting has too few reviewed pictures, those of all settings correct it: the judge's mean is put between its
means over the pictures that the person found infeasible and feasible (Rogan & Gladen 1978, American Journal of
Epidemiology 107:71, with probabilities in place of a test's yes and no). This assumes that the judge errs alike in
all settings, which nobody can check; where it tells feasible from infeasible badly, the interval is wide.

The interval is a bootstrap over the reviewed pictures, drawn within their settings: each draw fits the calibration
afresh and takes its own correction, so the judge's error and the uncertainty about it are both in it. The spread of
the pictures themselves is added as normal noise. Two things that a plain bootstrap leaves out with few reviewed
pictures are put back: two imagined pictures of either answer are among those drawn from (Agresti & Coull 1998, The
American Statistician 52:119), because answers that all agree would otherwise look certain; and the spread is widened
from the normal to Student's t with as many degrees of freedom as there are reviewed pictures, less one.
"""

import csv
import io
import logging
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from varireal.config.verdicts import ReviewConfig
from varireal.core.seeds import stable_int
from varireal.judges.answers import sigmoid
from varireal.judges.reviewed import Review, item_code, read_reviews
from varireal.records import Array
from varireal.store import tables
from varireal.store.schemas import FEASIBILITY, VERDICTS

logger = logging.getLogger(__name__)

Row = dict[str, Any]

JUDGED, ACCEPTED = "judged", "accepted"
LEAST_EACH = 3  # of both answers, for any calibration
FOLDS = 5
LEAST_OWN = 5  # reviewed pictures of a setting, for a correction of its own
_STEPS, _HALVINGS, _DONE = 60, 12, 1e-10
_LEAST_CURVATURE = 1e-9
_IMAGINED = 2  # of either answer
_LEAST_APART = 1e-3
_BINS = 256  # a curve is averaged over so many groups of pictures with like scores


@dataclass(frozen=True, slots=True)
class Platt:
    """``P(feasible) = 1 / (1 + exp(-(slope * score + intercept)))``.

    Attributes:
        slope: (B,) of each fit.
        intercept: (B,) of each fit.
    """

    slope: Array
    intercept: Array

    def at(self, scores: Array) -> Array:
        """(B, N) probabilities at (N,) scores."""
        return _sigmoid(self.slope[:, None] * scores + self.intercept[:, None])


def fit_platt(scores: Array, labels: Array, weights: Array) -> Platt:
    """Fit the curve to weighted answers, one fit per row of weights.

    Platt (1999, "Probabilistic outputs for support vector machines") with his smoothed targets, which keep the curve
    from becoming a step when few answers are perfectly separated; Newton's method with step halving as Lin, Lin & Weng
    (2007, Machine Learning 68:267).

    Args:
        scores: (N,) log-odds.
        labels: (N,) bool.
        weights: (B, N) how often each answer counts.
    """
    yes = (weights * labels).sum(1, keepdims=True)
    no = weights.sum(1, keepdims=True) - yes
    targets = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))
    slope, intercept = np.zeros(len(weights)), np.log((yes + 1) / (no + 1))[:, 0]
    loss = _loss(scores, targets, weights, slope, intercept)
    for _ in range(_STEPS):
        step = _newton(scores, targets, weights, slope, intercept)
        scale, better = np.ones(len(weights)), np.zeros(len(weights), bool)
        for _ in range(_HALVINGS):
            trial = slope + scale * step[0], intercept + scale * step[1]
            value = _loss(scores, targets, weights, *trial)
            better = value <= loss
            if better.all():
                break
            scale = np.where(better, scale, scale / 2)
        slope = np.where(better, trial[0], slope)
        intercept = np.where(better, trial[1], intercept)
        gain, loss = loss - np.where(better, value, loss), np.where(better, value, loss)
        if float(gain.max()) < _DONE:
            break
    return Platt(slope, intercept)


def _newton(scores: Array, targets: Array, weights: Array, slope: Array, intercept: Array) -> tuple[Array, Array]:
    p = _sigmoid(slope[:, None] * scores + intercept[:, None])
    error, curve = weights * (targets - p), weights * p * (1 - p)
    gradient = (error * scores).sum(1), error.sum(1)
    a, b, c = (curve * scores**2).sum(1), (curve * scores).sum(1), curve.sum(1)
    a, c = a + _LEAST_CURVATURE, c + _LEAST_CURVATURE
    determinant = a * c - b * b
    return (c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant


def _loss(scores: Array, targets: Array, weights: Array, slope: Array, intercept: Array) -> Array:
    x = slope[:, None] * scores + intercept[:, None]
    loss: Array = (weights * (np.logaddexp(0, x) - targets * x)).sum(1)
    return loss


def _sigmoid(x: Array) -> Array:
    probabilities: Array = np.exp(-np.logaddexp(0, -x))
    return probabilities


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Rising curves, straight between the scores that were reviewed and level beyond them.

    Attributes:
        curves: places and values of each fit.
    """

    curves: tuple[tuple[Array, Array], ...]

    def at(self, scores: Array) -> Array:
        """(B, N) probabilities at (N,) scores."""
        return np.stack([np.interp(scores, places, values) for places, values in self.curves])


def fit_isotonic(scores: Array, labels: Array, weights: Array) -> Isotonic:
    """Fit rising curves by weighted least squares (pool adjacent violators), one fit per row of weights.

    Values are kept as far from 0 and 1 as so many answers can tell: ``1 / (n + 2)``.

    Args:
        scores: (N,) log-odds.
        labels: (N,) bool.
        weights: (B, N) how often each answer counts.
    """
    places, where = np.unique(scores, return_inverse=True)
    curves = []
    for row in weights:
        total = np.bincount(where, row, len(places))
        yes = np.bincount(where, row * labels, len(places))
        seen = total > 0
        values = scipy.optimize.isotonic_regression(yes[seen] / total[seen], weights=total[seen]).x
        edge = 1 / (row.sum() + 2)
        curves.append((places[seen], np.clip(values, edge, 1 - edge)))
    return Isotonic(tuple(curves))


FITS = {"platt": fit_platt, "isotonic": fit_isotonic}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Pictures that a person reviewed and the judge has a score for.

    Attributes:
        scores: (n,) log-odds of the judge.
        labels: (n,) bool, what the person said.
        settings: (n,) int, number of the setting.
    """

    scores: Array
    labels: Array
    settings: Array


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """Share of feasible pictures in a setting.

    Attributes:
        value: the estimate.
        low: lower end of its interval.
        high: upper end.
        correction: ``setting`` (by its own reviewed pictures) or ``pooled`` (by those of all settings).
    """

    value: float
    low: float
    high: float
    correction: str


def why_uncalibrated(reviewed: Reviewed, minimum: int) -> str:
    """Why there is no calibration; empty when there is one."""
    count, yes = len(reviewed.labels), int(reviewed.labels.sum())
    if count < minimum:
        return f"{count} reviewed pictures have a score, {minimum} are needed"
    if min(yes, count - yes) < LEAST_EACH:
        return f"{yes} of {count} reviewed pictures are feasible; {LEAST_EACH} of either answer are needed"
    return ""


class Calibration:
    """A calibration fitted to all reviewed pictures, and its bootstrap.

    Args:
        reviewed: enough of them; see ``why_uncalibrated``.
        config: how.
        seed: of the study, for the resamples.
    """

    def __init__(self, reviewed: Reviewed, config: ReviewConfig, seed: int) -> None:
        self._reviewed, self._config, self._seed = reviewed, config, seed
        rng = np.random.default_rng(stable_int("feasibility", seed))
        folds = _folds(reviewed, rng)
        whole, draws = np.ones((1, len(reviewed.labels))), _draws(reviewed, config.resamples, rng)
        self._point, self._drawn = (_Fits(reviewed, weights, folds, config.calibration) for weights in (whole, draws))

    def at(self, scores: Array) -> Array:
        """(N,) calibrated probabilities at (N,) scores."""
        probabilities: Array = self._point.curve.at(scores)[0]
        return probabilities

    def estimate(self, scores: Array, members: Array, name: str) -> ShareEstimate:
        """The share of feasible pictures.

        Args:
            scores: (N,) scores of all pictures, at least one.
            members: (n,) bool, which of the reviewed pictures are among them.
            name: of the setting, for its own seed.
        """
        rng = np.random.default_rng(stable_int("feasibility", self._seed, name))
        noise = rng.normal(0, float(self.at(scores).std()) / np.sqrt(len(scores)), self._config.resamples)
        count = int(members.sum())
        if count < LEAST_OWN:
            yes = int(self._reviewed.labels.sum())
            count = min(yes, len(members) - yes)
            value = self._pooled(self._point, _mean_at(self._point.curve, scores))
            draws = self._pooled(self._drawn, _mean_at(self._drawn.curve, scores) + noise)
            return _estimate(float(value[0]), draws, count, self._config.level, "pooled")
        value = self._corrected(self._point, scores, members, np.zeros(1), None)
        draws = self._corrected(self._drawn, scores, members, noise, rng)
        return _estimate(float(value[0]), draws, count, self._config.level, "setting")

    def _corrected(
        self, fits: "_Fits", scores: Array, members: Array, noise: Array, rng: np.random.Generator | None
    ) -> Array:
        """(B,) estimates from a setting's own reviews; with a generator, imagined ones are among those drawn."""
        weights, labels, judged = (
            fits.weights[:, members],
            self._reviewed.labels[members],
            fits.out_of_fold[:, members],
        )
        count = weights.sum(1)
        mean_y, mean_f = (weights * labels).sum(1) / count, (weights * judged).sum(1) / count
        tuned = _tuning(weights, labels, judged, len(scores))
        if rng is not None:
            mean_y = _with_imagined(mean_y, int(members.sum()), rng)
        values: Array = mean_y + tuned * (_mean_at(fits.curve, scores) + noise - mean_f)
        return values

    def _pooled(self, fits: "_Fits", means: Array) -> Array:
        """(B,) estimates from the judge's mean and from all reviews."""
        labels = self._reviewed.labels
        ends: list[Array] = []
        for members in (~labels, labels):
            weights = fits.weights[:, members]
            count = weights.sum(1)
            total = (weights * fits.out_of_fold[:, members]).sum(1)
            missing = np.full(len(total), float(len(ends)))  # a draw without one of the answers
            ends.append(np.divide(total, count, out=missing, where=count > 0))
        apart = np.maximum(ends[1] - ends[0], _LEAST_APART)  # a judge that tells nothing apart gives 0 or 1
        values: Array = np.clip((means - ends[0]) / apart, 0, 1)
        return values


class _Fits:
    """Curves fitted with one set of weights per row, and what they say of the reviewed pictures that they did not see.

    Attributes:
        weights: (B, n).
        curve: fitted to all.
        out_of_fold: (B, n) probability of each reviewed picture by a fit to the other folds.
    """

    def __init__(self, reviewed: Reviewed, weights: Array, folds: Array, method: str) -> None:
        fit: Any = FITS[method]
        self.weights = weights
        self.curve = fit(reviewed.scores, reviewed.labels, weights)
        self.out_of_fold = np.empty_like(weights)
        for fold in np.unique(folds):
            members = folds == fold
            others = fit(reviewed.scores, reviewed.labels, weights * ~members)
            self.out_of_fold[:, members] = others.at(reviewed.scores[members])


def _tuning(weights: Array, labels: Array, judged: Array, pictures: int) -> Array:
    """(B,) weight of the judge that makes the error smallest: cov(person, judge) / ((1 + n / N) var(judge))."""
    count = weights.sum(1)
    off_y = labels - ((weights * labels).sum(1) / count)[:, None]
    off_f = judged - ((weights * judged).sum(1) / count)[:, None]
    covariance, variance = (weights * off_y * off_f).sum(1), (weights * off_f**2).sum(1)
    best = np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0)
    tuned: Array = np.clip(best / (1 + count / pictures), 0, 1)
    return tuned


def _with_imagined(mean: Array, count: int, rng: np.random.Generator) -> Array:
    """(B,) shares when imagined pictures of either answer are among those drawn from."""
    imagined = rng.binomial(count + 2 * _IMAGINED, 2 * _IMAGINED / (count + 2 * _IMAGINED), len(mean))
    yes = rng.binomial(imagined, 0.5)
    shares: Array = (mean * (count + 2 * _IMAGINED - imagined) + yes) / (count + 2 * _IMAGINED)
    return shares


def _folds(reviewed: Reviewed, rng: np.random.Generator) -> Array:
    """(n,) number of the fold of each reviewed picture, spread evenly over settings and answers."""
    order = np.lexsort((rng.random(len(reviewed.labels)), reviewed.labels, reviewed.settings))
    folds = np.empty(len(order), int)
    folds[order] = np.arange(len(order)) % FOLDS
    return folds


def _draws(reviewed: Reviewed, resamples: int, rng: np.random.Generator) -> Array:
    """(B, n) how often each reviewed picture is drawn: as many of each setting as there are."""
    weights = np.zeros((resamples, len(reviewed.labels)))
    for setting in np.unique(reviewed.settings):
        members = np.flatnonzero(reviewed.settings == setting)
        weights[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), resamples)
    return weights


def _mean_at(curves: Any, scores: Array) -> Array:
    """(B,) mean of each curve over the pictures, taken over groups of like scores."""
    ordered = np.sort(scores)
    groups: Sequence[Array] = np.array_split(ordered, min(_BINS, len(ordered)))
    centres = np.array([group.mean() for group in groups])
    shares = np.array([len(group) for group in groups]) / len(ordered)
    means: Array = curves.at(centres) @ shares
    return means


def _estimate(value: float, draws: Array, count: int, level: float, correction: str) -> ShareEstimate:
    tail = (1 - level) / 2
    centre = float(draws.mean())
    student, normal = scipy.stats.t.ppf(1 - tail, count - 1), scipy.stats.norm.ppf(1 - tail)
    wider = float(student / normal) * np.sqrt(count / (count - 1))
    low, high = centre + (np.quantile(draws, [tail, 1 - tail]) - centre) * wider
    share = min(max(value, 0.0), 1.0)
    return ShareEstimate(share, max(0.0, min(share, float(low))), min(1.0, max(share, float(high))), correction)


@dataclass(frozen=True, slots=True)
class _ReviewedPicture:
    """A picture that has a score and was reviewed."""

    setting: tuple[str, str]
    accepted: bool
    logit: float
    feasible: bool


class _Scores:
    """What a judge said of the pictures of one setting: 17 bytes of each, for there may be a million."""

    def __init__(self) -> None:
        self.logits, self.words, self.accepted = array("d"), array("d"), array("b")

    def add(self, row: Row) -> None:
        """Add a picture; what is unknown becomes NaN."""
        self.logits.append(math.nan if row["feasible_logit"] is None else row["feasible_logit"])
        self.words.append(math.nan if row["p_feasible_words"] is None else row["p_feasible_words"])
        self.accepted.append(row["accepted"])

    def of(self, population: str) -> tuple[Array, Array]:
        """(N,) log-odds and (N,) probabilities by the words alone, with NaN, of a population."""
        chosen = np.array(self.accepted, bool) if population == ACCEPTED else slice(None)
        return np.array(self.logits)[chosen], np.array(self.words)[chosen]


class FeasibilityScore:
    """The judge's scores of a study, and the person's answers about some of its pictures.

    Args:
        config: where the answers are, and how they are used.
        seed: of the study, for the bootstrap.
        groups: attribute, arm and tables of verdicts of all rounds.

    Raises:
        DataError: a table or the file of answers is damaged.
    """

    def __init__(self, config: ReviewConfig, seed: int, groups: Iterable[tuple[str, str, Sequence[Path]]]) -> None:
        self._config = config
        self._scores: dict[tuple[str, str], _Scores] = {}
        self._known: list[_ReviewedPicture] = []  # in the order of the tables
        self.strangers = self._read(groups)
        reviewed = self._reviewed()
        self.problem = why_uncalibrated(reviewed, config.minimum) if config.path else "nobody reviewed any picture"
        self._calibration = Calibration(reviewed, config, seed) if not self.problem else None
        if self.strangers:
            logger.warning(
                "%s: %d reviewed pictures are not among those that were judged", config.path, self.strangers
            )

    def _read(self, groups: Iterable[tuple[str, str, Sequence[Path]]]) -> int:
        """Take what is needed from the tables; return how many reviewed pictures are not in them."""
        reviews: dict[str, Review] | None = None
        left: set[str] = set()
        for attribute, feasibility, verdicts in groups:
            setting = (attribute, feasibility)
            for row in (row for path in verdicts for row in _judged(path)):
                self._scores.setdefault(setting, _Scores()).add(row)
                if reviews is None:  # a study without judged pictures does not look at the file
                    reviews = read_reviews(Path(self._config.path)) if self._config.path else {}
                    left = set(reviews)
                code = item_code(row["candidate_id"]) if reviews else ""
                if code in left:
                    left.remove(code)
                    logit, feasible = row["feasible_logit"], reviews[code].feasible
                    if logit is not None:
                        self._known.append(_ReviewedPicture(setting, row["accepted"], logit, feasible))
        return len(left)

    @property
    def judged(self) -> bool:
        """Whether a model judged anything."""
        return bool(self._scores)

    def p_feasible(self, logit: float | None) -> float | None:
        """Calibrated probability that a picture is feasible; None without a score or a calibration."""
        if logit is None or self._calibration is None:
            return None
        return float(self._calibration.at(np.array([logit]))[0])

    def rows(self) -> list[Row]:
        """One row per setting and population; none when no model judged."""
        return [self._row(setting, population) for setting in self._scores for population in (ACCEPTED, JUDGED)]

    def _reviewed(self) -> Reviewed:
        numbers = {setting: number for number, setting in enumerate(self._scores)}
        return Reviewed(
            np.array([known.logit for known in self._known], float),
            np.array([known.feasible for known in self._known], bool),
            np.array([numbers[known.setting] for known in self._known], int),
        )

    def _row(self, setting: tuple[str, str], population: str) -> Row:
        logits, words = self._scores[setting].of(population)
        scores = logits[~np.isnan(logits)]
        members = [known.setting == setting and (known.accepted or population == JUDGED) for known in self._known]
        row: Row = {
            "attribute": setting[0],
            "feasibility": setting[1],
            "population": population,
            "pictures": len(logits),
            "unknown": len(logits) - len(scores),
            "p_feasible_raw": _mean([sigmoid(score) for score in scores.tolist()]),
            "p_feasible_words": _mean(words[~np.isnan(words)]),
            "reviewed": sum(members),
            "reviewed_feasible": sum(
                known.feasible and member for known, member in zip(self._known, members, strict=True)
            ),
            "calibration": "none" if self._calibration is None else self._config.calibration,
            "note": self.problem,
        }
        if self._calibration is None or not len(scores):
            return row
        estimate = self._calibration.estimate(scores, np.array(members, bool), f"{'/'.join(setting)} {population}")
        return row | {
            "p_feasible": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "level": self._config.level,
            "correction": estimate.correction,
        }


def _judged(verdicts: Path) -> Iterator[Row]:
    """Rows of a table of verdicts that a model said something of."""
    columns = ["candidate_id", "accepted", "judge_model", "feasible_logit", "p_feasible_words"]
    rows = tables.stream(verdicts, VERDICTS, columns, at_once=1024)
    return (row for row in rows if row["judge_model"] is not None)


def _mean(values: Sequence[float] | Array) -> float | None:
    return float(np.mean(values)) if len(values) else None


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV with a header, the columns of ``FEASIBILITY``."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FEASIBILITY.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
