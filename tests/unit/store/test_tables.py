import subprocess
import sys
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from varireal.errors import DataError
from varireal.store import tables
from varireal.store.tables import column

SCHEMA = pa.schema(
    [column("name", pa.string(), "who", nullable=False), column("size", pa.int64(), "how large, in px")]
)


def write(path, rows):
    return tables.write(path, rows, SCHEMA, stage="edits", digest="abc", facts={"note": 1})


def test_round_trip_with_metadata(tmp_path):
    path = tmp_path / "a" / "t.parquet"
    rows = [{"name": "x", "size": 1}, {"name": "y", "size": None}]
    assert write(path, rows) == 2
    assert tables.read(path, SCHEMA) == rows
    assert tables.read(path, SCHEMA, ["size"]) == [{"size": 1}, {"size": None}]
    origin = tables.origin(path, SCHEMA)
    assert (origin["stage"], origin["config"], origin["note"]) == ("edits", "abc", 1)
    assert pq.read_schema(path).field("size").metadata[b"doc"] == b"how large, in px"


def test_same_rows_same_bytes(tmp_path):
    rows = [{"name": str(n), "size": n} for n in range(200)]
    write(tmp_path / "a.parquet", rows)
    write(tmp_path / "b.parquet", iter(rows))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_stream_gives_all_rows_in_order(tmp_path):
    rows = [{"name": str(n), "size": n} for n in range(150)]
    write(tmp_path / "t.parquet", rows)
    assert list(tables.stream(tmp_path / "t.parquet", SCHEMA, at_once=7)) == rows


@pytest.mark.parametrize(
    ("row", "what"),
    [({"name": None, "size": 1}, "'name' has empty"), ({"size": 1}, "'name' has empty"), ({"nam": "x"}, "nam")],
)
def test_a_row_that_does_not_fit_leaves_no_file(tmp_path, row, what):
    path = tmp_path / "t.parquet"
    with pytest.raises(DataError, match=what):
        write(path, [row])
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_table(tmp_path):
    path = tmp_path / "t.parquet"
    write(path, [{"name": "old", "size": 1}])
    with pytest.raises(DataError):
        write(path, [{"name": "new", "size": 1}, {"name": "bad", "size": "big"}])
    assert tables.read(path, SCHEMA) == [{"name": "old", "size": 1}]


def test_reader_names_file_and_column(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"name": ["x"], "size": ["big"]}), path)
    with pytest.raises(DataError, match=r"t\.parquet: column 'size' is string, expected int64"):
        tables.read(path, SCHEMA)
    pq.write_table(pa.table({"name": ["x"]}), path)
    with pytest.raises(DataError, match="column 'size' is missing"):
        tables.read(path, SCHEMA)


def test_reader_explains_missing_and_broken_files(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        tables.read(tmp_path / "none.parquet", SCHEMA)
    (tmp_path / "junk.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        tables.read(tmp_path / "junk.parquet", SCHEMA)


class Spied(pq.ParquetFile):
    """Notes what is read, as (row groups, columns)."""

    seen: ClassVar[list] = []

    def read(self, columns=None):
        self.seen.append((list(range(self.num_row_groups)), columns))
        return super().read(columns)

    def iter_batches(self, size, row_groups=None, columns=None):
        self.seen.append((row_groups, columns))
        return super().iter_batches(size, row_groups=row_groups, columns=columns)


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_only_wanted_rows_are_picked_and_only_their_row_groups_are_read(tmp_path, monkeypatch, at_once):
    rows = [{"name": f"n{n % 100}", "size": n} for n in range(300)]
    write(tmp_path / "t.parquet", rows)
    monkeypatch.setattr(tables.pq, "ParquetFile", Spied)
    monkeypatch.setattr(Spied, "seen", [])
    path, wanted = tmp_path / "t.parquet", {"n3", "n63", "n99", "other"}
    found = list(tables.picked(path, SCHEMA, ("size",), key="name", wanted=wanted, at_once=at_once))
    assert found == [{"size": n} for n in (3, 63, 99, 103, 163, 199, 203, 263, 299)]
    assert Spied.seen == [([0, 1, 2, 3, 4], ["name"]), *(([n], ["size"]) for n in range(5))]
    Spied.seen.clear()
    assert list(tables.picked(path, SCHEMA, ("size",), key="size", wanted={130}, at_once=at_once)) == [{"size": 130}]
    assert Spied.seen == [([0, 1, 2, 3, 4], ["size"]), ([2], ["size"])]
    assert list(tables.picked(path, SCHEMA, ("size",), key="name", wanted=set())) == []


def test_rows_that_are_not_picked_never_become_values(tmp_path):
    write(tmp_path / "t.parquet", [{"name": "kept" if n == 70 else "not", "size": n} for n in range(150)])
    made = []

    class Batch:
        def __init__(self, batch):
            self._batch = batch

        def __len__(self):
            return len(self._batch)

        def filter(self, own):
            kept = self._batch.filter(own)
            made.append(len(kept))
            return kept

    class Watched(pq.ParquetFile):
        def iter_batches(self, *args, **options):
            return map(Batch, super().iter_batches(*args, **options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables.pq, "ParquetFile", Watched)
        rows = list(tables.picked(tmp_path / "t.parquet", SCHEMA, ("name",), key="name", wanted={"kept"}))
    assert (rows, made) == ([{"name": "kept"}], [1])


@pytest.mark.parametrize("inside", [False, True])
def test_rows_with_large_pictures_lie_in_small_groups(tmp_path, inside):
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if inside else pa.binary()
    schema = pa.schema([column("image", kind, "picture")])
    pictures = [bytes([n]) * 6_000_000 for n in range(7)]
    rows = [{"image": {"bytes": data, "path": "x"} if inside else data} for data in pictures]
    tables.write(tmp_path / "t.parquet", rows, schema, stage="edits", digest="x")
    facts = pq.ParquetFile(tmp_path / "t.parquet").metadata
    assert [facts.row_group(n).num_rows for n in range(facts.num_row_groups)] == [3, 3, 1]
    assert list(tables.stream(tmp_path / "t.parquet", schema)) == rows


def test_count_reads_no_rows(tmp_path):
    write(tmp_path / "t.parquet", [{"name": str(n), "size": n} for n in range(150)])
    assert tables.count(tmp_path / "t.parquet", SCHEMA) == 150


@pytest.mark.parametrize("left_out", [False, True])
def test_pandas_is_left_out_where_that_is_asked_and_can_be_imported_still(left_out):
    script = (
        "import sys, pyarrow as pa; from varireal.store import tables\n"
        f"if {left_out}: tables.leave_out_pandas()\n"
        "pa.Table.from_pylist([{'a': 1}]); print('pandas' in sys.modules)\n"
        "print(pa.table({'a': ['b']}).to_pandas().a[0])\n"
        "import pandas; print(pandas.DataFrame({'a': ['c']}).a[0], pa.Table.from_pandas(pandas.DataFrame({'d': [1]})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:4] == [str(not left_out), "b", "c", "pyarrow.Table"]
