"""``varireal verdicts sample``: pictures for a person to review, blind and at random, so that the judge is judged."""

import csv
import io
import logging
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from varireal.config.slices import DatasetSlice, read_slice
from varireal.core.files import one_line, write_whole
from varireal.core.paths import StudyPaths
from varireal.core.seeds import stable_int
from varireal.errors import ConfigError, DataError
from varireal.judges.questions import plain_name
from varireal.judges.reviewed import FEASIBLE_COLUMN, ITEM_COLUMN, PRESENT_COLUMN, item_code
from varireal.running.logs import SUMMARY
from varireal.store import tables
from varireal.store.schemas import EDITS, VERDICTS

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_COLUMNS = (ITEM_COLUMN, "picture", "class_name", "attribute", "put_in", FEASIBLE_COLUMN, PRESENT_COLUMN)


def run(*, study: Path, output: Path, count: int) -> int:
    """Write a CSV to fill in, and the pictures in a folder beside it.

    As many pictures of each setting, drawn at random among those that a model has a score for; a larger count keeps
    what a smaller one drew. Neither the arm nor the judge's answers are shown, and the order mixes everything.

    Args:
        study: folder of the study.
        output: CSV to write; the pictures go to a folder of its name.
        count: pictures in all.

    Raises:
        ConfigError: the file is there already, or the folder is no study.
        DataError: a table is damaged, or no model judged.
    """
    if output.exists():
        raise ConfigError(f"{output} is there already, and may hold a person's answers; choose another name")
    config = read_slice(study / "config" / "dataset.json", DatasetSlice)
    chosen = _chosen(config, StudyPaths(str(study)), count)
    folder = output.with_suffix("")
    rows = []
    for row in _pictures(chosen):
        code = item_code(row["candidate_id"])
        write_whole(folder / f"{code}.png", row["image"])
        rows.append(_row(row, code, f"{folder.name}/{code}.png"))
    rows.sort(key=lambda row: row[ITEM_COLUMN])
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(output, buffer.getvalue())
    logger.log(
        SUMMARY,
        "%d pictures to review: fill in %s of %s with yes or no (and %s, if you like), then set "
        "verdicts.reviewed.path to it",
        len(rows),
        FEASIBLE_COLUMN,
        output,
        PRESENT_COLUMN,
    )
    return 0


def _chosen(config: DatasetSlice, paths: StudyPaths, count: int) -> dict[Path, set[str]]:
    """Ids by table of edits."""
    size = (config.attributes, config.shards, config.rounds)
    scored: dict[tuple[str, str], list[tuple[int, str, Path]]] = defaultdict(list)
    for edits, verdicts in zip(paths.every_edit(*size), paths.every_verdict(*size), strict=True):
        attribute, feasibility = Path(edits).parts[-4:-2]
        if not Path(verdicts).exists():
            continue
        for row in tables.read(Path(verdicts), VERDICTS, ["candidate_id", "feasible_logit"]):
            if row["feasible_logit"] is not None:
                drawn = stable_int("review", config.seed, row["candidate_id"])
                scored[attribute, feasibility].append((drawn, row["candidate_id"], Path(edits)))
    if not scored:
        raise DataError(
            f"{paths.root} has no verdict of a model; set verdicts.judge to vlm or openai, and run the workflow first"
        )
    each = math.ceil(count / len(scored))
    chosen: dict[Path, set[str]] = defaultdict(set)
    for members in scored.values():
        for _, candidate_id, place in sorted(members)[:each]:
            chosen[place].add(candidate_id)
    return chosen


def _pictures(chosen: dict[Path, set[str]]) -> Iterator[Row]:
    columns = ["candidate_id", "class_name", "attribute", "prompt_name", "image"]
    for path, ids in chosen.items():
        yield from (row for row in tables.stream(path, EDITS, columns) if row["candidate_id"] in ids)


def _row(row: Row, code: str, picture: str) -> Row:
    return {
        ITEM_COLUMN: code,
        "picture": picture,
        "class_name": _cell(row["class_name"]),
        "attribute": row["attribute"],
        "put_in": _cell(plain_name(row["prompt_name"])),
        FEASIBLE_COLUMN: "",
        PRESENT_COLUMN: "",
    }


def _cell(text: str) -> str:
    """A spreadsheet would run a cell that starts like a formula."""
    line = one_line(text)
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line
