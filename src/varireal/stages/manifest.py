"""The manifest of every candidate: sorted by id, whatever the number of candidates, with a bounded number in memory.

Rows are taken in any order, sorted in runs that lie in temporary files, and merged: an external merge sort (Knuth
1998, "The Art of Computer Programming", volume 3, section 5.4).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from varireal.errors import DataError
from varireal.schemas import MANIFEST

_PACK = 1024  # rows that are turned into columns at once
_RUN = 32_768  # rows of a run: about 40 MB
_PART = 4096  # rows of a part of the result
_KEY = "candidate_id"


class Manifest:
    """Takes rows, and gives them back as sorted tables.

    Args:
        folder: where the runs lie while they are needed; on the disk of the results, because a small one often holds
            the system's temporary files. The files have no name there, so nothing is left when the process is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[dict[str, Any]] = []
        self._packed: list[pa.Table] = []
        self._runs: list[IO[bytes]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self._rows.append(row)
        if len(self._rows) == _PACK:
            self._pack()
            if sum(map(len, self._packed)) >= _RUN:
                self._spill()

    def parts(self) -> Iterator[pa.Table]:
        """Yield all rows in the order of ``candidate_id``, in parts of the same size.

        Raises:
            DataError: two rows have the same id.
        """
        self._pack()
        last = pa.concat_tables(self._packed).sort_by(_KEY)
        self._packed = []
        sources = [*(_read_run(run) for run in self._runs), iter(last.to_batches(_PACK))]
        previous = ""
        for part in _parts(_merged([source for source in map(_Head, sources) if source.ids]), _PART):
            previous = _checked(part, previous)
            yield part
        for run in self._runs:
            run.close()
        self._runs = []

    def _pack(self) -> None:
        self._packed.append(pa.Table.from_pylist(self._rows, schema=MANIFEST))
        self._rows = []

    def _spill(self) -> None:
        """Write what is in memory as a sorted run."""
        table = pa.concat_tables(self._packed).sort_by(_KEY)
        self._packed = []
        self._folder.mkdir(parents=True, exist_ok=True)
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (lives until the rows are given back)
        with pa.ipc.new_stream(run, MANIFEST) as writer:
            writer.write_table(table, _PACK)
        run.flush()
        self._runs.append(run)


def _read_run(run: IO[bytes]) -> Iterator[pa.RecordBatch]:
    run.seek(0)
    with pa.ipc.open_stream(run) as reader:
        yield from reader


class _Head:
    """The rows of a run that come next."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.ids: pa.Array = pa.array([], pa.string())
        self._rows: pa.RecordBatch | None = None
        self._next()

    def _next(self) -> None:
        self._rows = next(self._batches, None)
        self.ids = pa.array([], pa.string()) if self._rows is None else self._rows[_KEY]

    @property
    def last(self) -> str:
        """Largest id of those at hand."""
        return str(self.ids[-1].as_py())

    def take(self, bound: str) -> list[pa.RecordBatch]:
        """The rows at hand up to an id, which are no more here after that."""
        count = int(pc.sum(pc.less_equal(self.ids, bound)).as_py() or 0)
        if self._rows is None or not count:
            return []
        taken = self._rows.slice(0, count)
        self._rows, self.ids = self._rows.slice(count), self.ids.slice(count)
        if not len(self.ids):
            self._next()
        return [taken]


def _merged(heads: list[_Head]) -> Iterator[pa.Table]:
    """Yield the rows of sorted runs in order: each time those that no later row of any run can come before."""
    while heads:
        bound = min(head.last for head in heads)
        taken = [batch for head in heads for batch in head.take(bound)]
        yield pa.Table.from_batches(taken).sort_by(_KEY)
        heads = [head for head in heads if len(head.ids)]


def _parts(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Cut a stream of tables into parts of ``size`` rows; the last one is what is left."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        while sum(map(len, held)) >= size:
            whole = pa.concat_tables(held)
            yield whole.slice(0, size).combine_chunks()
            held = [whole.slice(size)]
    rest = pa.concat_tables(held) if held else None
    if rest:
        yield rest.combine_chunks()


def _checked(part: pa.Table, previous: str) -> str:
    """The last id of a sorted part, after looking for ids that are there twice."""
    for candidate_id in part[_KEY].to_pylist():
        if candidate_id == previous:
            raise DataError(f"two candidates are called {previous!r}; delete the edits and run again")
        previous = candidate_id
    return previous
