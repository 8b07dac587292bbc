"""The failure budget: a bad item is a row; too many of them end the stage with a table of reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from varireal import names
from varireal.errors import DataError

_EXAMPLES = 5


class Tally:
    """Counts the rows of a stage by status while they are made; of those that failed it keeps the first few.

    Args:
        id_column: column of the ids that are shown as examples.
        failures: the statuses that count; expected outcomes, such as an unusable mask, do not.
    """

    def __init__(self, id_column: str, failures: frozenset[str]) -> None:
        self._id_column, self._failures = id_column, failures
        self._counts: Counter[str] = Counter()
        self._examples: list[str] = []
        self._first = ""

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a row, which has ``status``, the id, and ``reason`` when it failed."""
        status = str(row["status"])
        self._counts[status] += 1
        if status in self._failures and len(self._examples) < _EXAMPLES:
            self._first = self._first or row["reason"] or status
            self._examples.append(str(row[self._id_column]))

    @property
    def counts(self) -> dict[str, int]:
        """Rows per status, ok first."""
        return _ok_first(self._counts)

    def check(self, stage: str, allowed: float) -> None:
        """End the stage when too large a share of its items failed.

        Args:
            stage: its name, for the message.
            allowed: largest share, 0..1.

        Raises:
            DataError: the share is larger; the message has the counts by status and five example ids.
        """
        failed = Counter({status: count for status, count in self._counts.items() if status in self._failures})
        total = self._counts.total()
        if not total or failed.total() <= allowed * total:
            return
        counts = ", ".join(f"{status} {count}" for status, count in failed.most_common())
        raise DataError(
            f"{stage}: {failed.total()} of {total} items failed ({counts}), more than study.max_failed_fraction "
            f"{allowed:g} allows; the first: {self._first}; examples: {', '.join(self._examples)}"
        )


def check_budget(
    rows: Sequence[Mapping[str, Any]], *, stage: str, id_column: str, failures: frozenset[str], allowed: float
) -> None:
    """End the stage when too large a share of its rows failed; see ``Tally``.

    Raises:
        DataError: as ``Tally.check``.
    """
    tally = Tally(id_column, failures)
    for row in rows:
        tally.add(row)
    tally.check(stage, allowed)


def count_statuses(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rows per status, ok first."""
    return _ok_first(Counter(str(row["status"]) for row in rows))


def _ok_first(counts: Counter[str]) -> dict[str, int]:
    return {status: counts[status] for status in sorted(counts, key=lambda s: (s != names.OK, s))}
