"""Which pairs of a study the report shows: all of a small one, of a large one a part that is drawn evenly.

The draw depends on the pairs alone, never on their order: the same study shows the same pairs, and a pair whose
outcome changed moves few others. Few more pairs than are shown are in memory, whatever the study's size.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from varireal import names, tables
from varireal.errors import DataError
from varireal.paths import StudyPaths, shard_name
from varireal.running import stopping
from varireal.schemas import EDITS, VERDICTS
from varireal.seeds import stable_int

_AT_ONCE = 8192  # rows
_HELD = 8  # times the limit: when so many pairs are held, those that cannot be drawn any more are let go
_ACCEPTED, _REJECTED, _FAILED = range(3)  # outcomes of one arm, the worst last

_Ticket = tuple[str, tuple[str, int], int, str]  # class, attribute and outcome, number of the draw, pair


@dataclass(frozen=True, slots=True)
class Shown:
    """The pairs that are shown.

    Attributes:
        pairs: their ``pair_id``.
        total: pairs of the study.
    """

    pairs: frozenset[str]
    total: int

    @property
    def sentence(self) -> str:
        """What the page says of the draw; empty when all pairs are shown."""
        if len(self.pairs) == self.total:
            return ""
        return (
            f"{len(self.pairs):,} of {self.total:,} pairs are shown, drawn by a digest of their names evenly over "
            "classes, attributes and outcomes, so failures are over-represented; Funnel counts all, and the "
            "manifest lists all."
        )


class Draw:
    """Takes the pairs of a study one by one and keeps those that are drawn.

    Every class gets as many pairs as any other, as long as it has so many, and within a class every attribute and
    outcome; which ones, a digest of their names decides. A pair that is not among the drawn of a part of the study is
    not among those of the whole, because more pairs only move it back; so the rest can be let go on the way.

    Args:
        limit: most pairs that are drawn.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tickets: list[_Ticket] = []
        self._order: dict[str, int] = {}  # of the classes, for what is left when all have the same number
        self.total = 0

    def add(self, class_id: str, attribute: str, outcome: int, pair_id: str) -> None:
        """Take a pair; each comes once."""
        self.total += 1
        if class_id not in self._order:
            self._order[class_id] = stable_int("shown", class_id)
        self._tickets.append((class_id, (attribute, outcome), stable_int("shown", pair_id), pair_id))
        if len(self._tickets) >= _HELD * self._limit:
            self._tickets = self._drawn()

    def pairs(self) -> frozenset[str]:
        """Return the drawn pairs of those that were taken."""
        return frozenset(pair_id for *_, pair_id in self._drawn())

    def _drawn(self) -> list[_Ticket]:
        if len(self._tickets) <= self._limit:
            return self._tickets
        places: dict[str, int] = defaultdict(int)
        turns = []
        for class_id, _, ticket in sorted(self._by_rank(), key=lambda ranked: ranked[:2]):
            turns.append((places[class_id], self._order[class_id], ticket))
            places[class_id] += 1
        return [ticket for *_, ticket in sorted(turns)[: self._limit]]

    def _by_rank(self) -> Iterator[tuple[str, tuple[int, int, str], _Ticket]]:
        """Yield class, rank among those of the same attribute and outcome with its number to break ties, ticket."""
        ranks: dict[tuple[str, tuple[str, int]], int] = defaultdict(int)
        for ticket in sorted(self._tickets, key=lambda ticket: ticket[2:]):
            class_id, group, number, pair_id = ticket
            yield class_id, (ranks[class_id, group], number, pair_id), ticket
            ranks[class_id, group] += 1


def choose_pairs(paths: StudyPaths, *, attributes: tuple[str, ...], shards: int, rounds: int, limit: int) -> Shown:
    """Draw the pairs that are shown; no picture is read, and the tables of one shard at a time.

    Raises:
        DataError: a table is damaged, or a candidate has no verdict.
        StoppedError: a signal has come.
    """
    draw = Draw(limit)
    for attribute in attributes:
        for index in range(shards):
            stopping.checkpoint()
            for pair_id, (class_id, outcome) in _pairs(paths, attribute, shard_name(index, shards), rounds).items():
                draw.add(class_id, attribute, outcome, pair_id)
    return Shown(draw.pairs(), draw.total)


def _pairs(paths: StudyPaths, attribute: str, shard: str, rounds: int) -> dict[str, tuple[str, int]]:
    """Class and outcome of each pair: that of its worse arm, whose own is that of its last candidate."""
    pairs: dict[str, tuple[str, int]] = {}
    for feasibility in names.FEASIBILITIES:
        last: dict[str, tuple[str, int]] = {}
        for round_ in range(rounds):
            place = (attribute, feasibility, round_, shard)
            last |= _outcomes(Path(paths.edits(*place)), Path(paths.verdicts(*place)))
        for pair_id, (class_id, outcome) in last.items():
            pairs[pair_id] = (class_id, max(outcome, pairs.get(pair_id, ("", _ACCEPTED))[1]))
    return pairs


def _outcomes(edits: Path, verdicts: Path) -> dict[str, tuple[str, int]]:
    """Class and outcome of the candidates of a table, by pair."""
    said = dict(_columns(verdicts, VERDICTS, "candidate_id", "accepted"))
    found = {}
    rows = _columns(edits, EDITS, "candidate_id", "pair_id", "class_id", "status")
    for candidate_id, pair_id, class_id, status in rows:
        accepted = said.get(candidate_id)
        if accepted is None:
            raise DataError(f"{verdicts} has no verdict on {candidate_id} of {edits}; run the stage verdicts again")
        found[pair_id] = (class_id, _ACCEPTED if accepted else _REJECTED if status == names.OK else _FAILED)
    return found


def _columns(path: Path, schema: pa.Schema, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns of a table, row by row."""
    for batch in tables.batches(path, schema, columns, at_once=_AT_ONCE):
        yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)
