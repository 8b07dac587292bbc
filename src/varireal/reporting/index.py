"""The index of a gallery: what the page filters by, as columns of small integers in files of bounded size."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from varireal.reporting.reasons import reason_code
from varireal.reporting.records import FunnelRow, GalleryCandidate
from varireal.reporting.scripts import write_script

CHUNK_CANDIDATES = 20_000
CARD_COLUMNS = ("class", "image", "attribute", "k", "page", "size")
CANDIDATE_COLUMNS = ("arm", "round", "outcome", "combo", "prompt")

Value = TypeVar("Value", bound=Hashable)


class Interned(Generic[Value]):
    """Numbers distinct values in the order of their first appearance."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._numbers: dict[Value, int] = {}
        self._sent = 0

    def __call__(self, value: Value) -> int:
        """Return the number of a value."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def unsent(self) -> list[Value]:
        """Return the values that came since the last call."""
        fresh = self.values[self._sent :]
        self._sent = len(self.values)
        return fresh


class IndexWriter:
    """Writes ``index-*.js``. Small tables (classes, reasons ...) stay here for ``index.html``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.classes = Interned[tuple[str, str]]()
        self.attributes = Interned[str]()
        self.arms = Interned[str]()
        self.outcomes = Interned[str]()
        self.reasons = Interned[str]()
        self._images = Interned[str]()
        self._prompts = Interned[tuple[str, str, str]]()
        self._combos = Interned[tuple[int, ...]]()
        self.chunks = self.cards = self.candidates = 0
        self._clear()

    def _clear(self) -> None:
        self._card_columns: list[list[int]] = [[] for _ in CARD_COLUMNS]
        self._candidate_columns: list[list[int]] = [[] for _ in CANDIDATE_COLUMNS]

    def expect(self, rows: Iterable[FunnelRow]) -> None:
        """Know the classes, attributes and arms of the study, though none of its shown pairs may be of them.

        One that is chosen then leaves nothing, and not everything.
        """
        for row in rows:
            self.classes((row.class_id, row.class_name))
            self.attributes(row.attribute)
            self.arms(row.feasibility)

    def start_card(self, candidate: GalleryCandidate, page: int) -> None:
        """Begin the card of the pair that a candidate belongs to."""
        if len(self._candidate_columns[0]) >= CHUNK_CANDIDATES:
            self.flush()
        row = (
            self.classes((candidate.class_id, candidate.class_name)),
            self._images(candidate.image_id),
            self.attributes(candidate.attribute),
            candidate.k,
            page,
            0,
        )
        _append(self._card_columns, row)
        self.cards += 1

    def add(self, candidate: GalleryCandidate) -> None:
        """Add a candidate to the card that was started last."""
        codes = tuple(dict.fromkeys(self.reasons(reason_code(reason)) for reason in candidate.reasons))
        row = (
            self.arms(candidate.feasibility),
            candidate.round,
            self.outcomes(candidate.outcome),
            self._combos(codes),
            self._prompts((candidate.prompt_id, candidate.prompt_name, candidate.prompt_description)),
        )
        _append(self._candidate_columns, row)
        self._card_columns[-1][-1] += 1
        self.candidates += 1

    def flush(self) -> None:
        """Write the columns held so far, if there are any."""
        if not self._card_columns[0]:
            return
        payload: dict[str, Any] = {
            "images": self._images.unsent(),
            "prompts": self._prompts.unsent(),
            "combos": self._combos.unsent(),
            "cards": dict(zip(CARD_COLUMNS, self._card_columns, strict=True)),
            "candidates": dict(zip(CANDIDATE_COLUMNS, self._candidate_columns, strict=True)),
        }
        write_script(self._folder, "index", self.chunks, payload)
        self.chunks += 1
        self._clear()


def _append(columns: list[list[int]], row: tuple[int, ...]) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value)
