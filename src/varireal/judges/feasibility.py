"""The feasibility score of a study: calibrated where a person reviewed pictures, and by setting with intervals."""

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
class _Reviewed:
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
        self._known: list[_Reviewed] = []  # in the order of the tables
        self.strangers = self._read(groups)
        reviewed = self._reviewed()
        self.problem = why_uncalibrated(reviewed, config.minimum) if config.path else "nobody reviewed any picture"
        how = Settings(config.calibration, config.minimum, config.resamples, config.level, seed)
        self._calibration = Calibration(reviewed, how) if not self.problem else None
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
                    self._note(setting, row, reviews[code])
        return len(left)

    def _note(self, setting: tuple[str, str], row: Row, review: Review) -> None:
        if row["feasible_logit"] is not None:
            self._known.append(_Reviewed(setting, row["accepted"], row["feasible_logit"], review.feasible))

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
        own = [known.setting == setting and (known.accepted or population == JUDGED) for known in self._known]
        row: Row = {
            "attribute": setting[0],
            "feasibility": setting[1],
            "population": population,
            "pictures": len(logits),
            "unknown": len(logits) - len(scores),
            "p_feasible_raw": _mean([sigmoid(score) for score in scores.tolist()]),
            "p_feasible_words": _mean(words[~np.isnan(words)]),
            "reviewed": sum(own),
            "reviewed_feasible": sum(known.feasible for known, is_own in zip(self._known, own, strict=True) if is_own),
            "calibration": "none" if self._calibration is None else self._config.calibration,
            "note": self.problem,
        }
        if self._calibration is None or not len(scores):
            return row
        estimate = self._calibration.estimate(scores, np.array(own, bool), f"{'/'.join(setting)} {population}")
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
