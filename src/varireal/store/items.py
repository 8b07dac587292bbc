"""The item store: what was computed once is never computed again, and a kill at any moment loses one item at most.

One SQLite file per writer. Its rollback journal is what survives ``kill -9`` and power loss; write-ahead logging is
avoided because it needs shared memory, which network file systems do not have. Keys are digests of everything that an
item depends on; values are bytes. Items that come faster than one in a second are gathered in a file beside it, see
``varireal.store.tail``: a machine that dies may lose those of the last second, a killed process none.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from varireal.errors import DataError
from varireal.running import job_record
from varireal.running.room import AGAIN, FULL, DiskFullError, free_bytes
from varireal.store.tail import Tail, read_tail

_BUSY_SECONDS = 5.0
_GATHERED_SECONDS = 1.0
_GATHERED_BYTES, _LARGE_BYTES = 4_000_000, 1_000_000  # of the file beside the store, and of items that it never holds
_MUCH_ROOM = 256_000_000  # bytes; with less on the disk nothing is written twice
_SPEND = "INSERT INTO spending VALUES (?1, ?2) ON CONFLICT (what) DO UPDATE SET amount = amount + ?2"


class ItemStore:
    """Reads and writes the items of one job.

    Looking a key up falls back to the files of other shard counts, so changing ``shards`` recomputes nothing.

    Args:
        path: the file.
        fallbacks: other files to look into.
        owner: whether this process is the store's one writer. Another one may look into it and delete from it at any
            time, but leaves alone what the owner gathers.

    Attributes:
        spent: what making the items has taken, by name, in all attempts; it is written in the items' transactions.
        due: what has been spent since it was last written.
        settled: called when that is on disk.

    Raises:
        DataError: from every method: the file is damaged, locked, or the disk is full.
    """

    def __init__(self, path: Path, fallbacks: list[Path] | None = None, *, owner: bool = False) -> None:
        self.path, self._owner = path, owner
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
            self._tail = Tail(_tail_of(path), _generation(self._connection))
        self._other_tails: dict[str, bytes] = {}
        self._written = float("-inf")
        job_record.add_amounts(self.spent, self._tail.spent)  # of a process that was killed
        self._settle()

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None."""
        if key in self._tail.items:
            return self._tail.items[key]
        with self._explained():
            value = _value(self._connection, key)
            others = self._others() if value is None else []
            values = (_value(other, key) for other in others)
            value = next((one for one in values if one is not None), value)
        return self._other_tails.get(key) if value is None else value

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; a process that is killed has it still, and so has a machine that dies a second later."""
        self.put_many([(key, value)])

    def put_many(self, items: Sequence[tuple[str, bytes]], spent: Mapping[str, float] | None = None) -> None:
        """Keep several values, all or none of them; when a machine dies as in ``put``.

        Args:
            items: keys and values.
            spent: what they have cost besides time, by name; such values are on disk when this returns.
        """
        due = {name: amount for name, amount in {**self.due(), **(spent or {})}.items() if amount}
        if not items and not due:
            return
        if spent or not self._gathers(sum(len(value) for _, value in items)):
            self._flush(items, due)
        else:
            with self._explained():
                self._tail.append(items, due)
        job_record.add_amounts(self.spent, due)
        self.settled()

    def _gathers(self, size: int) -> bool:
        """Whether values of so many bytes go into the file beside the database for now."""
        if not self._owner:
            return False
        soon = time.monotonic() - self._written < _GATHERED_SECONDS
        small = size <= _LARGE_BYTES and self._tail.size + size <= _GATHERED_BYTES
        return soon and small and free_bytes(self.path.parent) > _MUCH_ROOM

    def _flush(self, items: Sequence[tuple[str, bytes]] = (), due: Mapping[str, float] | None = None) -> None:
        """Bring what was gathered into the database, with more if given, and wait until it is on disk."""
        gathered = self._tail if self._owner else None
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back when the disk is full
                keep = "INSERT OR REPLACE INTO items VALUES (?, ?)"
                self._connection.executemany(keep, [*(gathered.items.items() if gathered else ()), *items])
                self._connection.executemany(
                    _SPEND, [*(gathered.spent.items() if gathered else ()), *(due or {}).items()]
                )
                if gathered:  # in the same transaction, so that no record of the file counts twice
                    self._connection.execute(f"PRAGMA user_version = {gathered.generation + 1}")
            if gathered:
                gathered.clear(gathered.generation + 1)
        self._written = time.monotonic()

    def _settle(self) -> None:
        """Bring what was gathered into the database, if the disk has room for it."""
        if self._owner and self._tail:
            with suppress(DiskFullError):
                self._flush()

    def values(self, most: int | None = None) -> Iterator[bytes]:
        """All values of this file; with ``most`` only those of so many bytes, and no others are read."""
        self._settle()
        with self._explained():
            small = "SELECT value FROM items WHERE ?1 IS NULL OR length(value) <= ?1"
            for (value,) in self._connection.execute(small, (most,)):
                yield bytes(value)
        yield from (value for value in self._tail.items.values() if most is None or len(value) <= most)

    def drop(self, key: str) -> None:
        """Forget a key of this file, if it is there."""
        if self._owner and key in self._tail.items:
            self._flush()
        with self._explained():
            self._connection.execute("DELETE FROM items WHERE key = ?", (key,))

    def all_keys(self) -> list[str]:
        """All keys of this file, sorted."""
        with self._explained():
            keys = [key for (key,) in self._connection.execute("SELECT key FROM items ORDER BY key")]
        return sorted({*keys, *self._tail.items}) if self._tail.items else keys

    def keep_only(self, keys: set[str]) -> int:
        """Delete every other key of this file and give the space back; return how many were deleted."""
        self._settle()
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
            self._settle()
        self._tail.close()
        self._connection.close()
        for other in self._fallbacks or ():
            other.close()

    def _others(self) -> list[sqlite3.Connection]:
        if self._fallbacks is None:
            uris = [f"{path.absolute().as_uri()}?mode=rw" for path in self._fallback_paths]
            self._fallbacks = [sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS) for uri in uris]
            for path, other in zip(self._fallback_paths, self._fallbacks, strict=True):
                for items, _ in read_tail(_tail_of(path), _generation(other)):
                    self._other_tails.update(items)
        return self._fallbacks

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise self._full() from error
            raise DataError(
                f"the item store {self.path} cannot be used ({error}); end the other job if that is the reason, "
                "or move the file away to start afresh"
            ) from error
        except OSError as error:
            if error.errno in FULL:
                raise self._full() from error
            raise DataError(f"the item store {self.path} cannot be used ({error}); mend that, {AGAIN}") from error

    def _full(self) -> DiskFullError:
        return DiskFullError(f"the disk of {self.path} is full; make room there, {AGAIN}")


def _tail_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-tail")


def _generation(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


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
        files = sorted(path.parent.glob(f"{prefix}?????-of-?????.sqlite"))
        others = [p for p in files if p != path and (redealt or not p.stem.endswith(total))]
    with closing(ItemStore(path, others, owner=True)) as store:
        job_record.attach(store)
        yield store


def pack(facts: dict[str, Any], data: bytes) -> bytes:
    """One value out of JSON-able facts and bytes such as a picture."""
    return json.dumps(facts).encode() + b"\n" + data


def unpack(value: bytes) -> tuple[dict[str, Any], bytes]:
    """Facts and bytes of a packed value."""
    facts, _, data = value.partition(b"\n")
    return json.loads(facts), data
