"""One budget for the jobs of a stage, each of which keeps its answers in a store of its own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from varireal.asking.meter import Meter


class Ledger:
    """Adds to a job's meter what the other jobs have spent.

    Jobs that run at the same time see one another's spending whenever they look, so together they can pass the budget
    by what they spend between two looks.

    Args:
        path: the job's own store; those beside it whose names start with the same word are the others.
        meter: the job's meter, with its own spending in it.
        most: bytes of the largest value that can tell of spending; None when any can.
    """

    def __init__(self, path: Path, meter: Meter, most: int | None = None) -> None:
        self._path, self._meter, self._most = path, meter, most
        self._seen: dict[Path, tuple[int, int]] = {}
        self._rows: dict[Path, int] = {}

    def look(self) -> None:
        """Count what the others have spent since the last look; nothing when there is no budget."""
        if not self._meter.limited:
            return
        word = self._path.stem.partition("-")[0]
        for path in sorted(self._path.parent.glob(f"{word}-*.sqlite")):
            if path == self._path:
                continue
            state = path.stat()
            now = (state.st_size, state.st_mtime_ns)
            if self._seen.get(path) != now:
                self._seen[path] = now
                self._count(path)

    def _count(self, path: Path) -> None:
        for row, value in _new_values(path, self._rows.get(path, 0), self._most):
            self._rows[path] = row
            paid = value.get("paid") if isinstance(value, dict) else None
            if paid:
                self._meter.add(paid)


def _new_values(path: Path, after: int, most: int | None) -> list[tuple[int, Any]]:
    """Row number and value of what came into a store after a row; nothing while another job has it locked."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            rows = connection.execute(
                "SELECT rowid, value FROM items WHERE rowid > ?1 AND (?2 IS NULL OR length(value) <= ?2) "
                "ORDER BY rowid",
                (after, most),
            ).fetchall()
    except sqlite3.DatabaseError:
        return []
    return [(row, _read(value)) for row, value in rows]


def _read(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None
