"""What a job says of itself while it runs and when it has ended: one small file beside its log.

``varireal status`` reads these files, so that it needs no scheduler, and 5,000 finished jobs cost 5,000 short reads.
They are no results: measured times and names of machines are in them. The module holds the record of the one job that
a process runs; without one (in tests, by hand) every function here does nothing.
"""

import contextlib
import json
import os
import socket
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from varireal.core.files import error_text

RUNNING, ENDED, FAILED, STOPPED = "running", "ended", "failed", "stopped"
SECONDS, GPU_SECONDS = "seconds", "gpu_seconds"

_BETWEEN_WRITES = 10.0  # most seconds between two signs of life
_FIRST_WRITES, _SHARE = 1.0, 6  # a young job gives one more often: somebody may be looking, and it may end soon
_WINDOW = 12  # signs of life that the rate is taken from: two minutes, and less of a young job

Check = Callable[[float], None]


class Accounts(Protocol):
    """What an item store offers: amounts that are kept with the items."""

    path: Path
    spent: dict[str, float]
    due: Callable[[], Mapping[str, float]]
    settled: Callable[[], None]


def uses_gpu() -> bool:
    """Whether this process has a GPU in use; nothing is imported to find out."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return bool(cuda is not None and cuda.is_available() and cuda.is_initialized())


def add_amounts(sums: dict[str, float], amounts: Mapping[str, float]) -> None:
    """Add amounts to sums of the same names, in place."""
    for name, value in amounts.items():
        sums[name] = sums.get(name, 0.0) + value


class JobRecord:
    """The record of a job.

    Args:
        path: its file; None to keep it in memory only.
        facts: what is known at the start: stage, config, output, store.
    """

    def __init__(self, path: Path | None, facts: Mapping[str, Any]) -> None:
        self.path = path
        self.checks: list[Check] = []
        self.usd_limited = False
        self.spending: Callable[[], str] | None = None
        self.total: int | None = None
        self.done = 0
        self.part = 0.0
        self._facts = {**facts, "state": RUNNING, "host": socket.gethostname(), "pid": os.getpid()}
        self._each = 1
        self._told = False
        self._store: Accounts | None = None
        self._asked = time.monotonic()
        self._due = {SECONDS: 0.0, GPU_SECONDS: 0.0}
        self._before: dict[str, float] = {}
        self._paid: dict[str, float] = {}
        self._marks: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self._lock = threading.Lock()
        self._over = threading.Event()

    def begin(self) -> None:
        """Write the file, and give a sign of life every few seconds until the end."""
        self._facts["started"] = time.time()
        earlier = None if self.path is None else read_record(self.path)  # of attempts without a store to keep it in
        self._before = {} if earlier is None else {name: float(value) for name, value in earlier["spent"].items()}
        self._write()
        if self.path is not None:
            threading.Thread(target=self._live, daemon=True).start()

    def expect(self, total: int, each: int = 1) -> None:
        """Say how many items the job has; ``each`` are in one step of the loop that ``tick`` is called from."""
        self.total, self._each, self._told = total, each, True

    def tick(self, done: int, total: int) -> None:
        """Note the place in a loop; what the loop leaves out, because it is known, counts as done."""
        if not self._told and (self.total is None or total > self.total):
            self.total = total
        items = self.total or 0
        self.part = 0.0
        self.done = max(0, items - (total - done) * self._each)
        if not self._marks:
            self._marks.append((time.monotonic(), self.done))

    def within(self, share: float, *, begins: bool = False) -> None:
        """Note how far the one item under way is, from 0 to 1: a training takes minutes, and people ask meanwhile.

        Args:
            share: of the item.
            begins: whether that much was done before this job, so that it says nothing of the rate.
        """
        self.part = share
        if begins:
            self._marks.clear()
            self._marks.append((time.monotonic(), self.done + share))

    def attach(self, store: Accounts) -> None:
        """From now on the store keeps what the job spends, in the transactions of its items."""
        if self._store is None:
            self._store = store
            self._before = dict(store.spent)
            store.due, store.settled = self._take, self._settle

    @property
    def keeps_items(self) -> bool:
        """Whether what it finished is in an item store, so that it goes on there; else it starts afresh."""
        return self._store is not None

    @property
    def amounts(self) -> dict[str, float]:
        """What the job has spent in all its attempts."""
        amounts = dict(self._before if self._store is None else self._store.spent)
        add_amounts(amounts, self._now())
        for name, value in self._paid.items():  # the answers are kept a moment after they came
            amounts[name] = max(amounts.get(name, 0.0), self._before.get(name, 0.0) + value)
        return amounts

    def pay(self, amounts: Mapping[str, float]) -> None:
        """Count what an answer cost that came just now; the store counts it when it is kept."""
        add_amounts(self._paid, amounts)

    def end(self, state: str, **facts: Any) -> None:
        """Write the last state."""
        self._over.set()
        with self._lock:
            self._facts |= {"state": state, **facts}
            self.part = 0.0
            if state == ENDED:
                self.done = self.total = self.total or 0
        self._write()

    def _now(self) -> dict[str, float]:
        """Seconds since they were last asked for; with a GPU when one is in use now, its loading included."""
        passed = max(0.0, time.monotonic() - self._asked)
        return {SECONDS: self._due[SECONDS] + passed, GPU_SECONDS: self._due[GPU_SECONDS] + passed * uses_gpu()}

    def _take(self) -> Mapping[str, float]:
        self._due = self._now()
        self._asked = time.monotonic()
        return self._due

    def _settle(self) -> None:
        self._due = {SECONDS: 0.0, GPU_SECONDS: 0.0}

    def _live(self) -> None:
        began = time.monotonic()
        while not self._over.wait(min(_BETWEEN_WRITES, max(_FIRST_WRITES, (time.monotonic() - began) / _SHARE))):
            self._marks.append((time.monotonic(), self.done + self.part))
            self._write()

    def _rate(self) -> float | None:
        """Items per second, lately."""
        if len(self._marks) < 2:
            return None
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start else None

    def _write(self) -> None:
        """Replace the file; a full disk or a read-only folder must not end a job because of it."""
        if self.path is None:
            return
        with self._lock, contextlib.suppress(OSError):
            now = {"seen": time.time(), "done": self.done, "total": self.total, "rate": self._rate()}
            now |= {"part": self.part} if self.part else {}
            text = json.dumps({**self._facts, **now, "spent": self.amounts}, sort_keys=True)
            part = self.path.with_name(f".{self.path.name}.part")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(self.path)


def read_record(path: Path | str) -> dict[str, Any] | None:
    """A job's record; None where there is none that can be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a third of the time of Path.read_bytes, 5,000 times
            record = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("spent"), dict) else None


_current: JobRecord | None = None


def current() -> JobRecord | None:
    """The record of the job that this process runs."""
    return _current


@contextmanager
def recorded(record: JobRecord) -> Iterator[JobRecord]:
    """Make it the current record while the block runs; how the block ends is its last state."""
    global _current
    _current = record
    record.begin()
    try:
        yield record
        record.end(ENDED)
    except Exception as error:
        record.end(FAILED, error=error_text(error, 500))
        raise
    except BaseException as error:
        record.end(STOPPED, error=error_text(error, 500))
        raise
    finally:
        _current = None


def tick(done: int, total: int) -> None:
    """Note the place in a loop of the job."""
    if _current is not None:
        _current.tick(done, total)


def within(share: float, *, begins: bool = False) -> None:
    """Note how far the one item under way is; see ``JobRecord.within``."""
    if _current is not None:
        _current.within(share, begins=begins)


def expect(total: int, each: int = 1) -> None:
    """Say how many items the job has; see ``JobRecord.expect``."""
    if _current is not None:
        _current.expect(total, each)


def tell(**facts: Any) -> None:
    """Add facts to the record."""
    if _current is not None:
        _current._facts |= facts


def attach(store: Accounts) -> None:
    """Let a store keep what the job spends."""
    if _current is not None:
        _current.attach(store)


def pay(amounts: Mapping[str, float]) -> None:
    """Count what an answer cost that came just now."""
    if _current is not None:
        _current.pay(amounts)


def say_spending(words: Callable[[], str]) -> None:
    """Let the job's lines of progress say what models cost that it asks over a network."""
    if _current is not None:
        _current.spending = words


def spending() -> str:
    """What such models have cost, for people; empty when none was asked."""
    return "" if _current is None or _current.spending is None else _current.spending()


def usd_limited() -> bool:
    """Whether the study limits what hosted models may cost."""
    return _current is not None and _current.usd_limited


def permit(usd: float = 0.0) -> None:
    """Call it before something is computed or asked: with a budget, this is where a job stops.

    Args:
        usd: what is about to be spent besides what is already counted, in US dollars.

    Raises:
        BudgetSpentError: the study's budget is reached.
    """
    if _current is not None:
        for check in _current.checks:
            check(usd)


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
        paths = [
            f"{folder}/{name}"
            for folder, _, names in os.walk(self._logs)
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        ]
        records = {path[len(self._logs) + 1 : -len(".json")]: self._look_at(path) for path in paths}
        return {name: record for name, record in records.items() if record is not None}

    def _look_at(self, path: str) -> dict[str, Any] | None:
        try:
            stat = os.stat(path)  # noqa: PTH116 - 5,000 times
        except OSError:
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = (stamp, sound(read_record(path)))
        return self._read[path][1]


def sound(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """A record whose numbers are numbers, so that nothing that follows has to ask; None for any other."""
    if record is None or record.get("state") not in _STATES or not isinstance(record.get("stage"), str):
        return None
    numbers = [record.get("seen"), record.get("started"), *record["spent"].values()]
    numbers += [
        record[name] for name in ("done", "part", "total", "rate", "size", "computed") if record.get(name) is not None
    ]
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
    store = read_store(root / "store" / Path(record["store"]).name)
    if store is None or not store.spent:
        return spent
    return {name: max(spent.get(name, 0.0), store.spent.get(name, 0.0)) for name in spent | store.spent}


def gpu_hours(amounts: dict[str, float]) -> float:
    """Hours with a GPU."""
    return amounts.get(GPU_SECONDS, 0.0) / 3600


def folder_bytes(folder: str) -> int:
    """Bytes of all files below a folder; what vanishes meanwhile is not counted."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(f"{parent}/{name}").st_size  # noqa: PTH116 - 100,000 times
    return total
