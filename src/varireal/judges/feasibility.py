"""The feasibility score of a study: calibrated where a person reviewed pictures, and by setting with intervals."""

import csv
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from varireal import tables
from varireal.arrays import Array
from varireal.config.judging import ReviewConfig
from varireal.judges.estimates import Calibration, Reviewed, Settings, why_uncalibrated
from varireal.judges.reviewed import Review, item_code, read_reviews
from varireal.judges.scoring import sigmoid
from varireal.schemas import FEASIBILITY, VERDICTS

logger = logging.getLogger(__name__)

Row = dict[str, Any]

JUDGED, ACCEPTED = "judged", "accepted"


@dataclass(frozen=True, slots=True)
class _Picture:
    """What a judge said of one candidate: its score, None when it is unknown."""

    candidate_id: str
    setting: tuple[str, str]
    accepted: bool
    logit: float | None
    words: float | None


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
        self._pictures = [picture for group in groups for picture in _read(*group)]
        self._settings = list(dict.fromkeys(picture.setting for picture in self._pictures))
        self._reviews = read_reviews(Path(config.path)) if config.path and self._pictures else {}
        self._codes = {item_code(p.candidate_id): p for p in self._pictures} if self._reviews else {}
        reviewed = self._reviewed()
        self.problem = why_uncalibrated(reviewed, config.minimum) if config.path else "nobody reviewed any picture"
        how = Settings(config.calibration, config.minimum, config.resamples, config.level, seed)
        self._calibration = Calibration(reviewed, how) if not self.problem else None
        self.strangers = sum(code not in self._codes for code in self._reviews)
        if self.strangers:
            logger.warning(
                "%s: %d reviewed pictures are not among those that were judged", config.path, self.strangers
            )

    @property
    def judged(self) -> bool:
        """Whether a model judged anything."""
        return bool(self._pictures)

    def p_feasible(self, logit: float | None) -> float | None:
        """Calibrated probability that a picture is feasible; None without a score or a calibration."""
        if logit is None or self._calibration is None:
            return None
        return float(self._calibration.at(np.array([logit]))[0])

    def rows(self) -> list[Row]:
        """One row per setting and population; none when no model judged."""
        return [self._row(setting, population) for setting in self._settings for population in (ACCEPTED, JUDGED)]

    def _reviewed(self) -> Reviewed:
        known = self._known(self._pictures)
        numbers = {setting: number for number, setting in enumerate(self._settings)}
        return Reviewed(
            np.array([p.logit for p, _ in known], float),
            np.array([review.feasible for _, review in known], bool),
            np.array([numbers[p.setting] for p, _ in known], int),
        )

    def _known(self, pictures: Iterable[_Picture]) -> list[tuple[_Picture, Review]]:
        """Pictures with a score that a person reviewed, in the order of the tables."""
        if not self._reviews:
            return []
        pairs = [(p, self._reviews.get(item_code(p.candidate_id))) for p in pictures if p.logit is not None]
        return [(p, review) for p, review in pairs if review is not None]

    def _row(self, setting: tuple[str, str], population: str) -> Row:
        pictures = [p for p in self._pictures if p.setting == setting and (p.accepted or population == JUDGED)]
        scores = np.array([p.logit for p in pictures if p.logit is not None], float)
        known = self._known(pictures)
        row: Row = {
            "attribute": setting[0],
            "feasibility": setting[1],
            "population": population,
            "pictures": len(pictures),
            "unknown": len(pictures) - len(scores),
            "p_feasible_raw": _mean([sigmoid(score) for score in scores]),
            "p_feasible_words": _mean([p.words for p in pictures if p.words is not None]),
            "reviewed": len(known),
            "reviewed_feasible": sum(review.feasible for _, review in known),
            "calibration": "none" if self._calibration is None else self._config.calibration,
            "note": self.problem,
        }
        if self._calibration is None or not len(scores):
            return row
        estimate = self._calibration.estimate(scores, self._own(known), f"{'/'.join(setting)} {population}")
        return row | {
            "p_feasible": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "level": self._config.level,
            "correction": estimate.correction,
        }

    def _own(self, known: Sequence[tuple[_Picture, Review]]) -> Array:
        """Which of all reviewed pictures these are."""
        ids = {picture.candidate_id for picture, _ in known}
        return np.array([p.candidate_id in ids for p, _ in self._known(self._pictures)], bool)


def _read(attribute: str, feasibility: str, verdicts: Sequence[Path]) -> Iterable[_Picture]:
    columns = ["candidate_id", "accepted", "judge_model", "feasible_logit", "p_feasible_words"]
    for path in verdicts:
        for row in tables.read(path, VERDICTS, columns):
            if row["judge_model"] is not None:
                score = row["feasible_logit"], row["p_feasible_words"]
                yield _Picture(row["candidate_id"], (attribute, feasibility), row["accepted"], *score)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV with a header, the columns of ``FEASIBILITY``."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FEASIBILITY.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
