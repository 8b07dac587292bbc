"""The item store: what was computed once is never computed again, and a kill at any moment loses one item at most.

One SQLite file per writer. Its rollback journal is what survives ``kill -9`` and power loss; write-ahead logging is
avoided because it needs shared memory, which network file systems do not have. Keys are digests of everything that an
item depends on; values are bytes.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from varireal.errors import DataError
from varireal.running import job_record
from varireal.running.room import AGAIN, DiskFullError

_BUSY_SECONDS = 5.0
_SPEND = "INSERT INTO spending VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET amount = amount + ?2"


class ItemStore:
    """Reads and writes the items of one job.

    Looking a key up falls back to the files of other shard counts, so changing ``shards`` recomputes nothing.

    Attributes:
        spent: what making the items has taken, by name, in all attempts; it is written in the items' transactions.
        due: what has been spent since it was last written.
        settled: called when that is on disk.

    Raises:
        DataError: from every method: the file is damaged, locked, or the disk is full.
    """

    def __init__(self, path: Path, fallbacks: list[Path] | None = None) -> None:
        self.path = path
        self._fallback_paths = fallbacks or []
        self._fallbacks: list[sqlite3.Connection] | None = None
        self.due: Callable[[], Mapping[str, float]] = dict
        self.settled: Callable[[], None] = lambda: None
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS spending (what TEXT PRIMARY KEY, amount REAL NOT NULL)"
            )
            self.spent: dict[str, float] = dict(self._connection.execute("SELECT what, amount FROM spending"))

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None."""
        with self._explained():
            value = _value(self._connection, key)
            others = self._others() if value is None else []
            return next((found for other in others if (found := _value(other, key)) is not None), value)

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; it is on disk when this returns."""
        self.put_many([(key, value)])

    def put_many(self, items: Sequence[tuple[str, bytes]], spent: Mapping[str, float] | None = None) -> None:
        """Keep several values in one transaction; all of them are on disk when this returns.

        Args:
            items: keys and values.
            spent: what they have cost besides time, by name.
        """
        with self._explained():
            due = {name: amount for name, amount in {**self.due(), **(spent or {})}.items() if amount}
            if not items and not due:
                return
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back when the disk is full
                self._connection.executemany("INSERT OR REPLACE INTO items VALUES (?, ?)", items)
                self._connection.executemany(_SPEND, list(due.items()))
            for name, amount in due.items():
                self.spent[name] = self.spent.get(name, 0.0) + amount
            self.settled()

    def values(self, most: int | None = None) -> Iterator[bytes]:
        """All values of this file; with ``most`` only those of so many bytes, and no others are read."""
        with self._explained():
            small = "SELECT value FROM items WHERE ?1 IS NULL OR length(value) <= ?1"
            for (value,) in self._connection.execute(small, (most,)):
                yield bytes(value)

    def drop(self, key: str) -> None:
        """Forget a key of this file, if it is there."""
        with self._explained():
            self._connection.execute("DELETE FROM items WHERE key = ?", (key,))

    def all_keys(self) -> list[str]:
        """All keys of this file, sorted."""
        with self._explained():
            return [key for (key,) in self._connection.execute("SELECT key FROM items ORDER BY key")]

    def keep_only(self, keys: set[str]) -> int:
        """Delete every other key of this file and give the space back; return how many were deleted."""
        doomed = [key for key in self.all_keys() if key not in keys]
        with self._explained():
            if doomed:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany("DELETE FROM items WHERE key = ?", [(key,) for key in doomed])
                self._connection.execute("COMMIT")
                self._connection.execute("VACUUM")
        return len(doomed)

    def close(self) -> None:
        """Close the files; the last of what was spent is written first, unless the disk is full."""
        with suppress(DataError):
            self.put_many([])
        self._connection.close()
        for other in self._fallbacks or ():
            other.close()

    def _others(self) -> list[sqlite3.Connection]:
        if self._fallbacks is None:
            uris = [f"{path.absolute().as_uri()}?mode=rw" for path in self._fallback_paths]
            self._fallbacks = [sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS) for uri in uris]
        return self._fallbacks

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise DiskFullError(f"the disk of {self.path} is full; make room there, {AGAIN}") from error
            raise DataError(
                f"the item store {self.path} cannot be used ({error}); end the other job if that is the reason, "
                "or move the file away to start afresh"
            ) from error


def _value(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM items WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


@contextmanager
def open_store(path: Path, *, redealt: bool = False) -> Iterator[ItemStore]:
    """Open the store at ``path``; files of the same name with another shard count are its fallbacks.

    A name ends in a shard, ``edits-color-feasible-round0-00000-of-00002.sqlite``, or not.

    Args:
        path: the file.
        redealt: items also move between the files of one count (a training does when another is added before it), so
            those are fallbacks too. For few and costly items: each miss looks into every file.

    Raises:
        DataError: the file is not a database.
    """
    stem, _, total = path.stem.rpartition("-of-")
    others: list[Path] = []
    if stem and total.isdigit():
        prefix = stem[: -len("00000")]
        found = sorted(path.parent.glob(f"{prefix}?????-of-?????.sqlite"))
        others = [p for p in found if p != path and (redealt or not p.stem.endswith(total))]
    with closing(ItemStore(path, others)) as store:
        job_record.attach(store)
        yield store


def pack(facts: dict[str, Any], data: bytes) -> bytes:
    """One value out of JSON-able facts and bytes such as a picture."""
    return json.dumps(facts).encode() + b"\n" + data


def unpack(value: bytes) -> tuple[dict[str, Any], bytes]:
    """Facts and bytes of a packed value."""
    facts, _, data = value.partition(b"\n")
    return json.loads(facts), data
