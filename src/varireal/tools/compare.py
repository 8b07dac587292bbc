"""`varireal compare`: what differs between two studies, as text, as JSON or as a page.

Text and page show the same sections, which are made once.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from varireal.core.files import write_whole
from varireal.errors import ConfigError
from varireal.reporting.answer import accuracy_text, counted, difference_text, test_set_text
from varireal.reporting.document import render_page
from varireal.statistics.records import Finding
from varireal.tools.compare_study import MOST_DECODED, AccuracyComparison, Shared, StudyComparison, compare_studies

_LONGEST = 60  # characters of a value in a line
_WIDE = 200
_ACCURACY_COLUMNS = ("regime", "test set", "A", "B", "common pictures", "B less A", "finding")
_FINDINGS = {
    Finding.HIGHER: "B is higher",
    Finding.LOWER: "A is higher",
    Finding.EQUIVALENT: "equivalent within the margin",
    Finding.UNDECIDED: "could not tell",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the comparison, for people.

    Attributes:
        title: what was compared.
        sentence: what came out, in short.
        columns: heads of the table's columns.
        rows: cells.
    """

    title: str
    sentence: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def numbers(self) -> frozenset[int]:
        """Columns that hold numbers alone."""
        digits = [[cell.replace(",", "").isdigit() or cell == "-" for cell in row] for row in self.rows]
        return frozenset(place for place in range(len(self.columns)) if digits and all(row[place] for row in digits))


def run(*, a: Path, b: Path, page: Path | None = None, json_: bool = False, most: int = MOST_DECODED) -> int:
    """Compare two studies.

    Args:
        a: folder of a study.
        b: folder of another, or of another version of it.
        page: HTML file to write as well.
        json_: print JSON.
        most: pairs of pictures with other bytes that are looked at.

    Raises:
        ConfigError: the page would have no name of an HTML file.
        DataError: a folder is no study, or a table is damaged.
    """
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(f"--page {page}: expected the name of an HTML file, such as compared.html")
    if most < 0:
        raise ConfigError(f"--most {most}: expected 0 or more pairs")
    comparison = compare_studies(a, b, most_decoded=most)
    if json_:
        sys.stdout.write(json.dumps(asdict(comparison), indent=2, ensure_ascii=False, default=str) + "\n")
    else:
        _print(comparison)
    if page is not None:
        title, parts = f"{comparison.a} and {comparison.b}", sections(comparison)
        write_whole(page, render_page("compare.html.j2", title=title, notes=comparison.notes, sections=parts))
    return 0


def _print(comparison: StudyComparison) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE, soft_wrap=True)
    console.print(f"A is {escape(comparison.a)}\nB is {escape(comparison.b)}")
    for section in sections(comparison):
        console.print(f"\n[bold]{section.title}[/bold]: {escape(section.sentence)}")
        if section.rows:
            table = Table(box=None, pad_edge=False, header_style="bold")
            for number, name in enumerate(section.columns):
                table.add_column(name, justify="right" if number in section.numbers else "left")
            for row in section.rows:
                table.add_row(*map(escape, row))
            console.print(table)
    for note in comparison.notes:
        console.print(f"\nnote: {escape(note)}")


def sections(comparison: StudyComparison) -> list[Section]:
    """All parts, in the order in which one thing follows from another."""
    return [
        _config(comparison),
        _shared("Photos", comparison.photos),
        _shared("Prompts", comparison.prompts),
        _pictures(comparison),
        _acceptance(comparison),
        _accuracies(comparison.accuracies),
    ]


def _config(comparison: StudyComparison) -> Section:
    rows = tuple((change.key, _value(change.a), _value(change.b)) for change in comparison.config)
    sentence = "the same" if not rows else "1 key differs" if len(rows) == 1 else f"{len(rows):,} keys differ"
    return Section("Config", sentence, ("key", "A", "B"), rows)


def _value(json_: str) -> str:
    text = json_ or "-"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _shared(title: str, parts: Sequence[Shared]) -> Section:
    rows = tuple(
        (part.what, f"{part.both:,}", f"{part.only_a:,}", f"{part.only_b:,}", _examples(part)) for part in parts
    )
    other = sum(part.only_a + part.only_b for part in parts)
    same = f"all {sum(part.both for part in parts):,} are in both" if parts else "none were compared"
    columns = ("of", "in both", "only A", "only B", "such as")
    return Section(title, f"{other:,} are in one study alone" if other else same, columns, rows)


def _examples(part: Shared) -> str:
    sides = (("A", part.examples_a), ("B", part.examples_b))
    return "; ".join(f"{name}: {', '.join(examples)}" for name, examples in sides if examples)


def _pictures(comparison: StudyComparison) -> Section:
    names = ("equal", "alike", "other", "not_looked_at", "only_a", "only_b")
    sums = {name: sum(getattr(one, name) for one in comparison.settings) for name in names}
    rows = tuple((one.setting, *(f"{getattr(one, name):,}" for name in names)) for one in comparison.settings)
    if not rows:
        sentence = "not compared"
    elif not any(sums[name] for name in ("equal", "alike", "other", "not_looked_at")):
        sentence = "no edit of one study is of the same photo, setting and number as one of the other"
    else:
        sentence = (
            f"{sums['equal']:,} equal to the byte, {sums['alike']:,} alike, {sums['other']:,} other pictures of the "
            "same photo, setting and number"
        )
    columns = ("setting", "equal", "alike", "other", "not looked at", "only A", "only B")
    return Section("Edits", sentence, columns, rows)


def _acceptance(comparison: StudyComparison) -> Section:
    def share(one: Any, number: int) -> str:
        wanted, accepted = one.wanted[number], one.accepted[number]
        return (
            "-" if wanted is None else f"{accepted:,}/{wanted:,}" + (f" ({accepted / wanted:.0%})" if wanted else "")
        )

    rows = tuple(
        (
            *(one.setting, share(one, 0), share(one, 1)),
            *(f"{count:,}" for count in (one.accepted_both, one.accepted_a, one.accepted_b)),
        )
        for one in comparison.settings
    )
    turned = sum(one.accepted_a + one.accepted_b for one in comparison.settings)
    sentence = f"{counted(turned, 'candidate')} that both studies have were accepted by one of them alone"
    columns = ("setting", "accepted A", "accepted B", "candidates accepted by both", "by A alone", "by B alone")
    return Section("Acceptance", sentence if rows else "not compared", columns, rows)


def _accuracies(rows: Sequence[AccuracyComparison]) -> Section:
    cells = tuple(tuple(_accuracy_cells(row)) for row in rows)
    paired = [row.difference for row in rows if row.difference is not None]
    decided = sum(row.finding in (Finding.HIGHER, Finding.LOWER) for row in paired)
    same = sum(row.same for row in rows)
    if not paired:
        sentence = "compared as they are; nothing could be paired" if cells else "not compared"
        return Section("Accuracies", sentence, _ACCURACY_COLUMNS, cells)
    sentence = (
        f"{decided:,} of {counted(len(paired), 'paired comparison')} found a difference and {same:,} the same "
        "answers (intervals over pictures and seeds, Holm's correction over all of them)"
    )
    return Section("Accuracies", sentence, _ACCURACY_COLUMNS, cells)


def _accuracy_cells(row: AccuracyComparison) -> Iterator[str]:
    yield from (
        row.regime,
        test_set_text(row.test_set),
        accuracy_text(row.a),
        accuracy_text(row.b),
        f"{row.pictures:,}",
    )
    if row.difference is None:
        yield from ("-", "not paired")
    elif row.same:
        yield from ("-", "the same answers")
    else:
        yield from (difference_text(row.difference.difference), _FINDINGS[row.difference.finding])
