import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from varireal import tables
from varireal.errors import DataError
from varireal.tables import column

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


def test_count_reads_no_rows(tmp_path):
    write(tmp_path / "t.parquet", [{"name": str(n), "size": n} for n in range(150)])
    assert tables.count(tmp_path / "t.parquet", SCHEMA) == 150


@pytest.mark.parametrize("left_out", [False, True])
def test_pandas_is_left_out_where_that_is_asked_and_can_be_imported_still(left_out):
    script = (
        "import sys, pyarrow as pa; from varireal import tables\n"
        f"if {left_out}: tables.leave_out_pandas()\n"
        "pa.Table.from_pylist([{'a': 1}]); print('pandas' in sys.modules)\n"
        "import pandas; print(pandas.DataFrame({'a': ['b']}).a[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(not left_out), "b"]
