"""Remove what an earlier report left in its folder; files of others are never touched."""

import re
from collections.abc import Collection
from pathlib import Path

from varireal.reporting.scripts import script_name

TABLES, FIGURES = "tables", "figures"

_OWN = {
    TABLES: re.compile(r"(accuracies|differences|per_seed|per_class|confusion|learning_curves)\.(csv|parquet|tex)"),
    FIGURES: re.compile(r"(forest|accuracy|learning_accuracy|learning_loss|(forest|confusion)-[a-z0-9-]+)\.(svg|png)"),
}


def remove_stale_data(data: Path, *, pages: int, chunks: int, counts: int) -> None:
    """Remove data files that a larger gallery left.

    Args:
        data: folder of the data files.
        pages: page files that were written now.
        chunks: index files that were written now.
        counts: files of counts by class that were written now.
    """
    written = {"page": pages, "detail": pages, "index": chunks, "counts": counts}
    for kind, count in written.items():
        keep = {script_name(kind, number) for number in range(count)}
        for path in data.glob(f"{kind}-[0-9][0-9][0-9][0-9][0-9].js"):
            if path.name not in keep:
                path.unlink()


def remove_stale_files(folder: Path, written: Collection[str]) -> None:
    """Remove tables and figures of an earlier report that this one does not have.

    Args:
        folder: folder of the report.
        written: addresses relative to it that were written now, such as ``figures/forest.svg``.
    """
    for name, own in _OWN.items():
        for path in (folder / name).glob("*"):
            if own.fullmatch(path.name) and f"{name}/{path.name}" not in written:
                path.unlink()
