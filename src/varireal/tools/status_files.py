"""How far each job of a study is: from its record, else from its table, else from its store. Light."""

import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from varireal.core.files import error_text
from varireal.core.stages import STAGES
from varireal.names import OK
from varireal.running.job_record import ENDED, FAILED, RUNNING, STOPPED, Records, StoreState, read_store, state_of
from varireal.study.jobs import Job

WAITING = "waiting"
# Stages whose stores have one key per item, as a rule: a hosted editor keeps its receipts there too, and a second
# segmenter a second mask.
ACCEPTED, REFUSED = "accepted", "not accepted"


@dataclass(slots=True)
class JobState:
    """How far a job is.

    Attributes:
        job: which.
        state: ended, running, silent, failed, stopped or waiting.
        done: items that are done; None when that is not known.
        total: items that it has; None when that is not known.
        counts: rows per status once it has ended, or accepted and not accepted.
        record: its record; None without one.
        outdated: whether its table was made with another config than the study has now.
        problem: what is wrong with its files, in one line.
    """

    job: Job
    state: str
    done: int | None = None
    total: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    outdated: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a table says.

    Attributes:
        counts: rows per status, or accepted and not accepted.
        config: digest of the slice that made it.
    """

    counts: dict[str, int]
    config: str | None


class Files:
    """Sizes of a study's files, one listing per folder.

    Args:
        root: folder of the study.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._folders: dict[str, dict[str, tuple[int, int]]] = {}

    def forget(self) -> None:
        """Look again from now on."""
        self._folders.clear()

    def find(self, path: str) -> tuple[int, int] | None:
        """Bytes and time of change of a file below the study; None when it is not there."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._listed(folder)
        return self._folders[folder].get(name)

    def names(self, folder: str) -> list[str]:
        """Names of the files of a folder."""
        self.find(f"{folder}/")
        return sorted(self._folders[folder])

    def _listed(self, folder: str) -> dict[str, tuple[int, int]]:
        sizes = {}
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                for entry in entries:
                    try:
                        stat = entry.stat()
                    except OSError:
                        continue
                    sizes[entry.name] = (stat.st_size, stat.st_mtime_ns)
        except OSError:
            return {}
        return sizes


class Gatherer:
    """States of jobs; what did not change since the last look is not read again.

    Args:
        root: folder of the study.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = Files(root)
        self.records: dict[str, dict[str, Any]] = {}
        self.now = time.time()
        self._reader = Records(root)
        self._counted: dict[str, tuple[tuple[int, int], TableFacts | str]] = {}

    def look(self) -> None:
        """Read what is new."""
        self.files.forget()
        self.records = self._reader.look()
        self.now = time.time()

    def job(self, job: Job, digest: str | None) -> JobState:
        """How far a job is.

        Args:
            job: which.
            digest: of its stage's slice as it is now.
        """
        record = self.records.get(job.name)
        stamp = self.files.find(job.output)
        if stamp is None:
            return self._unfinished(job, record)
        if record is not None and record["state"] == ENDED and record.get("size") in (None, stamp[0]):
            counts = record.get("counts")
            if isinstance(counts, dict):
                outdated = digest is not None and record.get("config") != digest
                total = sum(counts.values())
                return JobState(job, ENDED, total, total, counts, record, outdated)
        return self._by_table(job, stamp, record, digest)

    def _unfinished(self, job: Job, record: Mapping[str, Any] | None) -> JobState:
        stored: StoreState | None = None
        if job.store and self.files.find(f"store/{job.store}.sqlite") is not None:
            stored = read_store(self.root / "store" / f"{job.store}.sqlite")
        problem = stored.problem if stored else ""
        items = stored.items if stored and STAGES[job.stage].keyed else 0
        if record is None:
            return JobState(job, WAITING, items, None, problem=problem)
        state = state_of(dict(record), self.now)
        if state == ENDED:  # its table was taken away, to be made again
            return JobState(job, WAITING, items, None, record=record, problem=problem)
        return JobState(job, state, record.get("done"), record.get("total"), record=record, problem=problem)

    def _by_table(
        self, job: Job, stamp: tuple[int, int], record: Mapping[str, Any] | None, digest: str | None
    ) -> JobState:
        """A finished job without a record that fits: its table is read."""
        if record is not None and record["state"] in (RUNNING, FAILED, STOPPED):
            state = state_of(dict(record), self.now)
            if state == RUNNING:  # writes its output now
                return JobState(job, state, record.get("done"), record.get("total"), record=record)
        if not job.output.endswith(".parquet"):
            return JobState(job, ENDED, None, None)
        if self._counted.get(job.output, ((), None))[0] != stamp:
            self._counted[job.output] = (stamp, read_table_facts(self.root / job.output))
        counts = self._counted[job.output][1]
        if isinstance(counts, str):
            return JobState(job, FAILED, problem=f"{job.output}: {counts}")
        total = sum(counts.counts.values())
        outdated = digest is not None and counts.config not in (None, digest)
        return JobState(job, ENDED, total, total, counts.counts, None, outdated)


def read_table_facts(path: Path) -> TableFacts | str:
    """Rows per status of a table, or accepted and not accepted; a text when it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            config = json.loads((schema.metadata or {}).get(b"varireal", b"{}")).get("config")
            column = next((name for name in ("status", "accepted") if name in schema.names), None)
            if column is None:
                return TableFacts({OK: file.metadata.num_rows}, config)
            counted = Counter(file.read(columns=[column]).column(column).to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"cannot be read ({error_text(error, 120)})"
    if column == "accepted":
        return TableFacts({ACCEPTED: counted[True], REFUSED: counted[False]}, config)
    return TableFacts({str(status): count for status, count in counted.items()}, config)


def count_splits(path: Path) -> dict[str, int] | None:
    """Photos per split, from the table of images; None when it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        values = pq.read_table(path, columns=["split"]).column("split").to_pylist()
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
    return dict(Counter(values))
