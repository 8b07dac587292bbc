"""A person's answers: the CSV that ``varireal verdicts sample`` makes and a person fills in. Light."""

import csv
from dataclasses import dataclass
from pathlib import Path

from varireal.core.files import one_line
from varireal.core.seeds import digest
from varireal.errors import ConfigError, DataError

FEASIBLE_COLUMN, PRESENT_COLUMN, ITEM_COLUMN, ID_COLUMN = "feasible", "present", "item", "candidate_id"
_ANSWERS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Review:
    """A person's answers about one picture.

    Attributes:
        feasible: whether the picture shows something feasible.
        present: whether what was put in is there; None when not said.
    """

    feasible: bool
    present: bool | None = None


def item_code(candidate_id: str) -> str:
    """What stands for a candidate in a review: its own id tells the arm."""
    return digest("review", candidate_id, size=6)


def review_digest(path: str) -> str:
    """Digest of the file.

    Raises:
        ConfigError: there is no such file.
    """
    try:
        return digest(Path(path).read_bytes(), size=8)
    except OSError as error:
        raise ConfigError(
            f"verdicts.reviewed.path: {path} cannot be read ({error.strerror}); 'varireal verdicts sample' makes one "
            "to fill in, null leaves the feasibility score uncalibrated"
        ) from error


def read_reviews(path: Path) -> dict[str, Review]:
    """Reviews by ``item_code``; rows without an answer are left out.

    Args:
        path: CSV with the column ``feasible`` and one of ``item`` and ``candidate_id``; ``present`` may be there.

    Raises:
        DataError: it cannot be read, an answer is none of yes and no, or one picture has two different answers.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            if FEASIBLE_COLUMN not in columns or not columns & {ITEM_COLUMN, ID_COLUMN}:
                raise DataError(
                    f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; expected {FEASIBLE_COLUMN}, and "
                    f"{ITEM_COLUMN} or {ID_COLUMN}"
                )
            return _reviews(path, reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from error


def _reviews(path: Path, reader: "csv.DictReader[str]") -> dict[str, Review]:
    reviews: dict[str, Review] = {}
    for row in reader:
        place = f"{path}, line {reader.line_num}"
        feasible = _answer(row.get(FEASIBLE_COLUMN), place, FEASIBLE_COLUMN)
        code, candidate_id = ((row.get(column) or "").strip() for column in (ITEM_COLUMN, ID_COLUMN))
        if not code and candidate_id:
            code = item_code(candidate_id)
        if feasible is None:
            continue
        if not code:
            raise DataError(f"{place}: an answer without {ITEM_COLUMN} or {ID_COLUMN}; the row belongs to no picture")
        review = Review(feasible, _answer(row.get(PRESENT_COLUMN), place, PRESENT_COLUMN))
        if reviews.setdefault(code, review).feasible != feasible:
            raise DataError(f"{place}: another row says the opposite about the same picture; keep one of them")
    return reviews


def _answer(text: str | None, place: str, column: str) -> bool | None:
    word = (text or "").strip().lower()
    if not word:
        return None
    if word not in _ANSWERS:
        raise DataError(f"{place}: {column} is {one_line(word)[:40]!r}; expected yes or no, or nothing")
    return _ANSWERS[word]
