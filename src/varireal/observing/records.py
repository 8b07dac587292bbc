"""The jobs' records and stores of a study, read as they are: damaged or half made, while jobs write. Light."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from varireal.running.job_record import ENDED, FAILED, GPU_SECONDS, RUNNING, STOPPED, read_record

SILENT = "silent"  # no sign of life: killed, or its machine is lost
_SILENCE = 120.0  # seconds without a sign of life; a job gives one every ten
_STATES = (RUNNING, ENDED, FAILED, STOPPED)


@dataclass(frozen=True, slots=True)
class StoreState:
    """What an item store holds.

    Attributes:
        items: keys; None when it could not be read.
        spent: amounts by name.
        problem: why it could not be read, one line.
    """

    items: int | None
    spent: dict[str, float]
    problem: str = ""


def read_store(path: Path) -> StoreState | None:
    """Count the keys of a store without reading a value; None when there is no store.

    It is opened for reading alone, and never waits for a writer longer than a moment.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)) as connection:
            (items,) = connection.execute("SELECT count(*) FROM items").fetchone()
            known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'spending'").fetchone()
            spent = dict(connection.execute("SELECT what, amount FROM spending")) if known else {}
    except sqlite3.OperationalError as error:
        busy = "locked" in str(error) or "busy" in str(error)
        return StoreState(None, {}, f"{path.name} is being written just now" if busy else f"{path.name}: {error}")
    except sqlite3.DatabaseError as error:
        return StoreState(None, {}, f"{path.name} is damaged ({error})")
    return StoreState(items, spent)


class Records:
    """The records of a study's jobs by the name of their log, re-read only when they change.

    Args:
        root: folder of the study.
    """

    def __init__(self, root: Path) -> None:
        self._logs = f"{root}/logs"
        self._read: dict[str, tuple[tuple[int, int], dict[str, Any] | None]] = {}

    def look(self) -> dict[str, dict[str, Any]]:
        """Name such as ``edits/color/feasible/round0/00000-of-00001`` to record."""
        found: dict[str, dict[str, Any]] = {}
        for entry in _files(self._logs):
            name = entry.path[len(self._logs) + 1 : -len(".json")]
            try:
                stat = entry.stat()
            except OSError:
                continue
            stamp = (stat.st_mtime_ns, stat.st_size)
            if name not in self._read or self._read[name][0] != stamp:
                self._read[name] = (stamp, _sound(read_record(entry.path)))
            record = self._read[name][1]
            if record is not None:
                found[name] = record
        return found


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Records below a folder."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith(".json"):
            if not entry.name.startswith("."):
                yield entry
        elif not entry.name.endswith(".log") and entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)


def _sound(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """A record whose numbers are numbers, so that nothing that follows has to ask."""
    if record is None or record.get("state") not in _STATES or not isinstance(record.get("stage"), str):
        return None
    numbers = [record.get("seen"), record.get("started"), *record["spent"].values()]
    numbers += [record[name] for name in ("done", "total", "rate", "size", "computed") if record.get(name) is not None]
    numbers += list(record["counts"].values()) if isinstance(record.get("counts"), dict) else []
    return record if all(isinstance(number, int | float) for number in numbers) else None


def state_of(record: dict[str, Any], now: float) -> str:
    """The state in the record, or ``silent`` when it says running but there is no sign of life."""
    state: str = record["state"]
    if state == RUNNING and now - record["seen"] > _SILENCE:
        return SILENT
    return state


def amounts_of_job(root: Path, record: dict[str, Any], now: float) -> dict[str, float]:
    """What a job has spent: its record says it, and of a job that was killed its store knows more."""
    spent: dict[str, float] = record["spent"]
    if state_of(record, now) != SILENT or not record.get("store"):
        return spent
    kept = read_store(root / "store" / Path(record["store"]).name)
    if kept is None or not kept.spent:
        return spent
    return {name: max(spent.get(name, 0.0), kept.spent.get(name, 0.0)) for name in spent | kept.spent}


def gpu_hours(amounts: dict[str, float]) -> float:
    """Hours with a GPU."""
    return amounts.get(GPU_SECONDS, 0.0) / 3600


def folder_bytes(folder: str) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile is not counted."""
    total = 0
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return 0
    for entry in entries:
        try:
            total += folder_bytes(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
        except OSError:
            continue
    return total
