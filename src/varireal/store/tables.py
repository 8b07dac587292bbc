"""Parquet tables with declared schemas: written whole or not at all, checked when read.

Every table carries the stage's version and the digest of its config slice in its metadata. The same rows give the same
bytes. Readers name the file and the column that differ.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from varireal.core.files import whole_file
from varireal.core.provenance import STAGE_VERSIONS, package_versions
from varireal.errors import DataError

Row = dict[str, Any]
T = TypeVar("T", pa.Table, pa.RecordBatch)

# Rows that are written, and can be read, at once: fewer where they hold large pictures, so that memory is bounded.
_ROWS_PER_GROUP = 64
_BYTES_PER_GROUP = 16_000_000


class _NotHere:
    """An import finder for which pandas is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def leave_out_pandas() -> None:
    """Keep pyarrow, in this process, from loading pandas; whoever imports pandas still gets it.

    pyarrow looks for pandas once, when it is given the first list, and loads it to compare types: 0.3 s and 25 MiB of
    every job, of which no table here has any use. There is no setting for it. What needs pandas, such as ``to_pandas``
    in another package's editor or judge, loads it then.
    """
    finder = _NotHere()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)


def column(name: str, kind: pa.DataType, doc: str, *, nullable: bool = True) -> pa.Field:
    """A column with its meaning in the file's metadata."""
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


def write(
    path: Path,
    rows: Iterable[Row],
    schema: pa.Schema,
    *,
    stage: str,
    digest: str,
    facts: dict[str, Any] | None = None,
    group: int = _ROWS_PER_GROUP,
) -> int:
    """Write rows in batches to a temporary file beside ``path`` and rename it; return the number of rows.

    Args:
        path: the table; its folder is made.
        rows: values by column name; a missing key is null.
        schema: declared columns; types are enforced.
        stage: key of ``STAGE_VERSIONS``.
        digest: digest of the config slice that made the rows.
        facts: more metadata, JSON-able.
        group: rows in a row group, the least that can be read at once; fewer where pictures in them are large.

    Raises:
        DataError: a row does not fit the schema.
    """
    full = _with_origin(schema, stage, digest, facts)
    return _write(path, (_table(batch, full, path) for batch in _batches(rows, group)), full)


def write_parts(
    path: Path,
    parts: Iterable[pa.Table],
    schema: pa.Schema,
    *,
    stage: str,
    digest: str,
    facts: dict[str, Any] | None = None,
) -> int:
    """As ``write``, from tables with the declared columns, each of which becomes a row group.

    Raises:
        DataError: a part does not fit the schema.
    """
    full = _with_origin(schema, stage, digest, facts)
    return _write(path, (_checked(part.replace_schema_metadata(full.metadata), full, path) for part in parts), full)


def _with_origin(schema: pa.Schema, stage: str, digest: str, facts: dict[str, Any] | None) -> pa.Schema:
    origin = {"stage": stage, "version": STAGE_VERSIONS[stage], "config": digest, "written_with": package_versions()}
    metadata = {**(schema.metadata or {}), b"varireal": json.dumps({**origin, **(facts or {})}, sort_keys=True)}
    return schema.with_metadata(metadata)


def _write(path: Path, parts: Iterable[pa.Table], schema: pa.Schema) -> int:
    count = 0
    with whole_file(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for table in parts:
            count += len(table)
            writer.write_table(table)
    return count


def _batches(rows: Iterable[Row], group: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(map(_bytes, row.values()))
        if len(batch) == group or size >= _BYTES_PER_GROUP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bytes(value: Any) -> int:
    """Size of a picture, also of one with its name beside it; 0 of anything else, which is small."""
    if isinstance(value, bytes):
        return len(value)
    return sum(map(_bytes, value.values())) if isinstance(value, dict) else 0


def _table(rows: list[Row], schema: pa.Schema, path: Path) -> pa.Table:
    unknown = sorted({key for row in rows for key in row} - set(schema.names))
    if unknown:
        raise DataError(f"{path}: rows have columns {unknown} that the schema does not declare")
    try:
        table = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{path}: a row does not fit the schema: {error}") from error
    return _checked(table, schema, path)


def _checked(table: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    try:
        table.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{path}: a row does not fit the schema: {error}") from error
    if not table.schema.equals(schema):
        raise DataError(f"{path}: columns {table.schema.names} are not those that the schema declares")
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise DataError(f"{path}: column {field.name!r} has empty values but must not")
    return table


def check(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    """Open a table and compare its columns with the declared ones.

    A column that may be empty may be missing in a table of this package: it was added after the table was written, and
    is read as empty. A table that somebody else made must have all.

    Raises:
        DataError: missing, unreadable, or a column is missing or of another type.
    """
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; run the stage that writes it") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file ({error}); delete it and run again") from error
    present = {field.name: field.type for field in file.schema_arrow}
    ours = b"varireal" in (file.schema_arrow.metadata or {})
    for field in schema:
        if field.name not in present:
            if field.nullable and ours:
                continue
            raise DataError(f"{path}: column {field.name!r} is missing; run the stage that writes it again")
        if present[field.name] != field.type:
            raise DataError(f"{path}: column {field.name!r} is {present[field.name]}, expected {field.type}")
    return file


def read(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> list[Row]:
    """Read a checked table (or some columns of it) as rows.

    Raises:
        DataError: as ``check``.
    """
    return read_columns(path, schema, columns).to_pylist()  # type: ignore[no-any-return]


def read_columns(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """A checked table (or some columns of it), whole.

    Raises:
        DataError: as ``check``.
    """
    wanted = list(columns or schema.names)
    with check(path, schema) as file:
        return _filled(file.read(columns=_there(file, wanted)), schema, wanted)


def _there(file: pq.ParquetFile, columns: Sequence[str]) -> list[str]:
    """Those of the columns that the file has; at least one, because its rows are counted by it."""
    names = file.schema_arrow.names
    return [name for name in columns if name in names] or names[:1]


def _filled(part: T, schema: pa.Schema, columns: Sequence[str]) -> T:
    """What was read, with empty columns for those that were added after the file was written."""
    missing = [name for name in columns if name not in part.schema.names]
    for name in missing:
        field = schema.field(name)
        part = part.append_column(field, pa.nulls(part.num_rows, field.type))
    return part.select(list(columns)) if missing else part


def stream(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None, *, at_once: int = 8) -> Iterator[Row]:
    """Yield the rows of a checked table, ``at_once`` in memory, for tables whose rows hold images.

    Raises:
        DataError: as ``check``.
    """
    for batch in batches(path, schema, columns, at_once=at_once):
        yield from batch.to_pylist()


def batches(
    path: Path, schema: pa.Schema, columns: Sequence[str] | None = None, *, at_once: int
) -> Iterator[pa.RecordBatch]:
    """Yield a checked table (or some columns of it) in parts of at most ``at_once`` rows.

    Raises:
        DataError: as ``check``.
    """
    with check(path, schema) as file:
        wanted = list(columns or schema.names)
        for batch in file.iter_batches(at_once, columns=_there(file, wanted)):
            yield _filled(batch, schema, wanted)


def count(path: Path, schema: pa.Schema) -> int:
    """Rows of a checked table.

    Raises:
        DataError: as ``check``.
    """
    with check(path, schema) as file:
        return int(file.metadata.num_rows)


def picked(
    path: Path, schema: pa.Schema, columns: Sequence[str], *, key: str, wanted: Set[str], at_once: int = 16
) -> Iterator[Row]:
    """Yield the rows of a checked table whose ``key`` is wanted; the others never become values.

    Of a row group without a wanted row nothing but the key is read, and of the others ``at_once`` rows are in memory.

    Raises:
        DataError: as ``check``.
    """
    with check(path, schema) as file:
        chosen = pa.array([value in wanted for value in file.read([key])[key].to_pylist()], pa.bool_())
        end = 0
        for number in range(file.num_row_groups):
            start, end = end, end + file.metadata.row_group(number).num_rows
            if not chosen.slice(start, end - start).true_count:
                continue
            for batch in file.iter_batches(at_once, row_groups=[number], columns=_there(file, columns)):
                part = chosen.slice(start, len(batch))
                start += len(batch)
                if part.true_count:
                    yield from _filled(batch.filter(part), schema, columns).to_pylist()


def origin(path: Path, schema: pa.Schema) -> dict[str, Any]:
    """The ``varireal`` metadata of a checked table.

    Raises:
        DataError: as ``check``.
    """
    metadata = check(path, schema).schema_arrow.metadata or {}
    facts: dict[str, Any] = json.loads(metadata.get(b"varireal", b"{}"))
    return facts
