"""``varireal store gc``: the only thing that deletes. It lists first, and touches item stores only."""

import logging
from contextlib import closing
from pathlib import Path

from varireal.core.paths import store_name
from varireal.errors import DataError
from varireal.running.logs import SUMMARY
from varireal.store import tables
from varireal.store.items import ItemStore
from varireal.store.schemas import EDITS, PRIORS

logger = logging.getLogger(__name__)


def run(*, study: Path, delete: bool) -> int:
    """List, or delete, the pictures in stores of edits and priors that no table of the study needs any more.

    Masks, answers and looked-at files are small and are kept. A store whose table does not exist is left alone: its
    job has not finished.

    Raises:
        DataError: the folder is not a study, or a table is damaged.
    """
    folder = study / "store"
    if not folder.is_dir():
        raise DataError(f"{study} has no folder 'store'; expected the folder of a study such as results/demo")
    total = 0
    for name, members in sorted(_tables(study).items()):
        needed = {row["params_digest"] for table in members for row in tables.read(table, EDITS, ["params_digest"])}
        for store in sorted(folder.glob(f"{name}-?????-of-?????.sqlite")):
            if _unfinished(store, name, members):
                continue
            total += _collect(store, needed, delete=delete)
    for table in sorted((study / "priors").glob("*/*.parquet")):
        store = folder / f"{store_name(table.relative_to(study).as_posix())}.sqlite"
        if store.exists():
            needed = {row["prior_id"] for row in tables.read(table, PRIORS, ["prior_id"])}
            total += _collect(store, needed, delete=delete)
    hint = "" if delete or not total else "; run again with --delete to do it"
    logger.log(SUMMARY, "%s %d items in all%s", _verb(delete), total, hint)
    return 0


def _tables(study: Path) -> dict[str, list[Path]]:
    """Tables of edits by the name that their stores share, whatever the shard count."""
    members: dict[str, list[Path]] = {}
    for table in sorted((study / "edits").glob("*/*/round*/*.parquet")):
        attribute, feasibility, round_ = table.parts[-4:-1]
        members.setdefault(f"edits-{attribute}-{feasibility}-{round_}", []).append(table)
    return members


def _unfinished(store: Path, name: str, members: list[Path]) -> bool:
    """Whether the store's own job has not written its table yet, while jobs of the same shard count have."""
    shard = store.stem.removeprefix(f"{name}-")
    total = shard.partition("-of-")[2]
    shards = {table.stem for table in members}
    return shard not in shards and any(other.endswith(f"-of-{total}") for other in shards)


def _collect(path: Path, needed: set[str], *, delete: bool) -> int:
    with closing(ItemStore(path)) as store:
        count = store.keep_only(needed) if delete else sum(key not in needed for key in store.all_keys())
    if count:
        logger.log(SUMMARY, "%s %d items of %s", _verb(delete), count, path)
    return count


def _verb(delete: bool) -> str:
    return "deleted" if delete else "would delete"
