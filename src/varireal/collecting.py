"""``varireal store gc``: the only thing that deletes. It lists first, and touches item stores only."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from varireal import tables
from varireal.errors import DataError
from varireal.logs import SUMMARY
from varireal.schemas import EDITS
from varireal.store import ItemStore

logger = logging.getLogger(__name__)


def run(*, study: Path, delete: bool) -> int:
    """List, or delete, what the stores of edits hold that no table of the study needs any more.

    Masks and looked-at files are small and are kept. A store whose table does not exist is left alone: its job has
    not finished.

    Raises:
        DataError: the folder is not a study, or a table is damaged.
    """
    folder = study / "store"
    if not folder.is_dir():
        raise DataError(f"{study} has no folder 'store'; expected the folder of a study such as results/demo")
    verb = "deleted" if delete else "would delete"
    total = 0
    for store, table in _pairs(study, folder):
        needed = {row["params_digest"] for row in tables.read(table, EDITS, ["params_digest"])}
        count = _collect(store, needed, delete=delete)
        total += count
        if count:
            logger.log(SUMMARY, "%s %d items of %s that %s does not use", verb, count, store, table)
    hint = "" if delete or not total else "; run again with --delete to do it"
    logger.log(SUMMARY, "%s %d items in all%s", verb, total, hint)
    return 0


def _pairs(study: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    for table in sorted((study / "edits").glob("*/*/round*/*.parquet")):
        attribute, feasibility, round_ = table.parts[-4:-1]
        store = folder / f"edits-{attribute}-{feasibility}-{round_}-{table.stem}.sqlite"
        if store.is_file():
            yield store, table


def _collect(path: Path, needed: set[str], *, delete: bool) -> int:
    try:
        with closing(ItemStore(path)) as store:
            return store.keep_only(needed) if delete else sum(key not in needed for key in store.all_keys())
    except sqlite3.OperationalError as error:
        raise DataError(
            f"{path} is in use by a running job ({error}); try again when the workflow has ended"
        ) from error
