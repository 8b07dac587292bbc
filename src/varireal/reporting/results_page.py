"""Everything that a report says about the classifiers: files for papers, and what the tabs show."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from varireal.files import write_whole
from varireal.reporting.errors_view import Photos, errors_view
from varireal.reporting.figures import write_figures
from varireal.reporting.latex import accuracies_latex
from varireal.reporting.results_records import StudyResults
from varireal.reporting.results_tables import write_tables
from varireal.reporting.results_view import results_view
from varireal.reporting.stale import FIGURES, TABLES, remove_stale_files
from varireal.reporting.training_view import training_view


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """What the template needs of the classifiers.

    Attributes:
        results: the tab of results.
        training: the tab of training.
        errors: the tab of errors, one entry per test set.
        tables: what a table holds, with format and address of each of its files.
        figures: the same of the figures.
    """

    results: dict[str, Any]
    training: dict[str, Any]
    errors: list[dict[str, Any]]
    tables: list[tuple[str, list[tuple[str, str]]]]
    figures: list[tuple[str, list[tuple[str, str]]]]

    def files(self, *stems: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return some of the figures and tables by the names of their files without ending."""
        figures = [(f"Figure: {label}", files) for label, files in self.figures]
        return [(label, files) for label, files in (*figures, *self.tables) if Path(files[0][1]).stem in stems]


def write_results(folder: Path, results: StudyResults, photos: Photos) -> ResultsPage:
    """Write the tables and figures of a report, and return what its page shows of them.

    Args:
        folder: the folder of the report.
        results: everything about the classifiers.
        photos: looks up a test picture by its id.
    """
    tables = write_tables(folder / TABLES, results)
    if results.answers.accuracies:
        write_whole(folder / TABLES / "accuracies.tex", accuracies_latex(results))
        tables.insert(2, (tables[0][0], "accuracies.tex"))
    figures = write_figures(folder / FIGURES, results)
    written = {TABLES: tables, FIGURES: figures}
    remove_stale_files(folder, {f"{name}/{file}" for name, files in written.items() for _, file in files})
    return ResultsPage(
        results=results_view(results),
        training=training_view(results),
        errors=errors_view(results, photos),
        tables=_grouped(TABLES, tables),
        figures=_grouped(FIGURES, figures),
    )


def _grouped(folder: str, files: Iterable[tuple[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return label and its files, as format and address relative to the page."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for label, name in files:
        kind = Path(name).suffix.removeprefix(".")
        text = {"parquet": "Parquet", "tex": "LaTeX"}.get(kind, kind.upper())
        groups.setdefault(label, []).append((text, quote(f"{folder}/{name}")))
    return list(groups.items())
