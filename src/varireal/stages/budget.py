"""The failure budget: a bad item is a row; too many of them end the stage with a table of reasons."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from varireal import names
from varireal.errors import DataError

_EXAMPLES = 5


def check_budget(
    rows: Sequence[Mapping[str, Any]], *, stage: str, id_column: str, failures: frozenset[str], allowed: float
) -> None:
    """End the stage when too large a share of its items failed.

    Args:
        rows: what the stage made, with ``status`` and ``reason``.
        stage: its name, for the message.
        id_column: column of the ids that are shown as examples.
        failures: the statuses that count; expected outcomes, such as an unusable mask, do not.
        allowed: largest share, 0..1.

    Raises:
        DataError: the share is larger; the message has the counts by status and five example ids.
    """
    failed = [row for row in rows if row["status"] in failures]
    if not rows or len(failed) <= allowed * len(rows):
        return
    counts = ", ".join(f"{status} {count}" for status, count in Counter(row["status"] for row in failed).most_common())
    examples = ", ".join(str(row[id_column]) for row in failed[:_EXAMPLES])
    raise DataError(
        f"{stage}: {len(failed)} of {len(rows)} items failed ({counts}), more than study.max_failed_fraction "
        f"{allowed:g} allows; the first: {failed[0]['reason'] or failed[0]['status']}; examples: {examples}"
    )


def count_statuses(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Rows per status, ok first."""
    counts = Counter(str(row["status"]) for row in rows)
    return {status: counts[status] for status in sorted(counts, key=lambda s: (s != names.OK, s))}
