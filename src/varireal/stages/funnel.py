"""The shortfall: per class and setting, how many edits were wanted, made and accepted, and why the rest is missing."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from varireal.paths import setting
from varireal.plaintext import one_line
from varireal.schemas import FUNNEL
from varireal.stages.outcomes import Outcome

Row = Mapping[str, Any]
Key = tuple[str, str, str]  # class_id, attribute, feasibility

UNATTEMPTED = "no_candidate"


class Funnel:
    """Counts candidates and items, one group of tables at a time; both arms of a shard come one after the other."""

    def __init__(self) -> None:
        self._made: Counter[Key] = Counter()
        self._accepted: Counter[Key] = Counter()
        self._lost: dict[Key, Counter[str]] = {}
        self._last: dict[tuple[Key, str, int], tuple[bool, int, str]] = {}
        self._halves: set[str] = set()
        self._pairs: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        """Count a candidate of the group."""
        row = outcome.candidate
        key = (row["class_id"], row["attribute"], row["feasibility"])
        self._made[key] += bool(row["image"])
        accepted = bool(outcome.verdict["accepted"])
        if accepted:
            self._note_pair(row["attribute"], row["pair_id"])
        item = (key, row["image_id"], row["k"])
        now = (accepted, row["round"], outcome.code)
        self._last[item] = max(self._last.get(item, now), now)

    def _note_pair(self, attribute: str, pair_id: str) -> None:
        """An item is accepted once at most, so a pair that is seen again has both of its arms."""
        self._pairs.setdefault(attribute, 0)
        if pair_id in self._halves:
            self._halves.remove(pair_id)
            self._pairs[attribute] += 1
        else:
            self._halves.add(pair_id)

    def end_group(self, *, last_arm: bool) -> None:
        """Settle the items of the group: all their rounds have been added.

        Args:
            last_arm: whether both arms of the shard have been added now.
        """
        for (key, _, _), (accepted, _, code) in self._last.items():
            if accepted:
                self._accepted[key] += 1
            else:
                self._lost.setdefault(key, Counter())[code] += 1
        self._last = {}
        if last_arm:
            self._halves = set()

    def pairs(self) -> dict[str, int]:
        """Pairs of which both arms were accepted, by attribute."""
        return dict(self._pairs)

    def rows(
        self, classes: Mapping[str, str], settings: Sequence[tuple[str, str]], wanted: Mapping[str, int]
    ) -> list[dict[str, Any]]:
        """One row per class and setting.

        Args:
            classes: class id to display name, in the order of the rows.
            settings: (attribute, feasibility), in the order of the rows of a class.
            wanted: edits per setting, by class id.
        """
        return [
            self._row(class_id, name, attribute, feasibility, wanted.get(class_id, 0))
            for class_id, name in classes.items()
            for attribute, feasibility in settings
        ]

    def _row(self, class_id: str, name: str, attribute: str, feasibility: str, wanted: int) -> dict[str, Any]:
        key = (class_id, attribute, feasibility)
        lost = Counter(self._lost.get(key, {}))
        short = wanted - self._accepted[key]
        lost[UNATTEMPTED] += short - lost.total()
        return {
            "class_id": class_id,
            "class_name": name,
            "attribute": attribute,
            "feasibility": feasibility,
            "wanted": wanted,
            "made": self._made[key],
            "accepted": self._accepted[key],
            "short": short,
            "reasons": json.dumps({code: n for code, n in sorted(lost.items()) if n}),
        }


def sums_by_setting(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Sums per setting, by its name, and of everything under ``all``; see ``totals``."""
    return {name: totals(members) for name, members in by_setting(rows).items()} | {"all": totals(rows)}


def totals(rows: Iterable[Row]) -> dict[str, Any]:
    """Sums of some rows: wanted, made, accepted, short and the reasons as a mapping, most frequent first."""
    sums: dict[str, Any] = dict.fromkeys(("wanted", "made", "accepted", "short"), 0)
    reasons: Counter[str] = Counter()
    for row in rows:
        for name in sums:
            sums[name] += row[name]
        reasons.update(json.loads(row["reasons"]))
    return sums | {"reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))}


def by_setting(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by the name of their setting, in order."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(setting(row["attribute"], row["feasibility"]), []).append(row)
    return grouped


def lines(rows: Sequence[Row]) -> tuple[str, ...]:
    """What a person reads at the end: a line per setting, below it the classes that are short, and a total."""
    written = []
    for name, members in by_setting(rows).items():
        written.append(_line(name, totals(members)))
        written += [f"  {_line(one_line(row['class_name']), totals([row]))}" for row in members if row["short"]]
    return (*written, _line("all settings", totals(rows)))


def _line(name: str, sums: Row) -> str:
    text = f"{name}: {sums['accepted']} of {sums['wanted']} accepted"
    if not sums["short"]:
        return text
    reasons = ", ".join(f"{one_line(code)} {count}" for code, count in sums["reasons"].items())
    return f"{text}, {sums['short']} short: {reasons}"


def _no_formula(text: str) -> str:
    """A spreadsheet would run a cell that starts like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def as_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV with a header, the columns of ``FUNNEL``."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FUNNEL.names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "class_name": _no_formula(row["class_name"])} for row in rows)
    return buffer.getvalue()
