r"""Report: the page that shows every photo, mask, pair of edits, prompt, receipt and reason.

By hand::

    varireal report --config results/demo/config/report.json --images results/demo/images.parquet \
        --study results/demo --funnel results/demo/dataset/funnel.parquet \
        --copy results/demo/report.html --output results/demo/report
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from varireal import tables
from varireal.config.slices import ReportSlice, slice_digest
from varireal.errors import DataError
from varireal.paths import StudyPaths
from varireal.provenance import package_versions
from varireal.reporting.gallery import FunnelRow, GalleryFacts, write_gallery
from varireal.reporting.prompt_facts import prompt_facts
from varireal.reporting.records import ScoreRow
from varireal.reporting.single import write_single_page
from varireal.running import job_record
from varireal.running.room import Room
from varireal.schemas import FEASIBILITY, FUNNEL
from varireal.stages.gallery_source import Candidates, Photos, Spool
from varireal.stages.results import read_results
from varireal.stages.shown import Shown, choose_pairs
from varireal.stages.summary import Summary

Row = Mapping[str, Any]

_SCORES = "feasibility.parquet"


def run(
    config: ReportSlice,
    *,
    study: Path,
    images: Path,
    funnel: Path,
    copy: Path,
    output: Path,
) -> Summary:
    """Write the report folder.

    Args:
        config: the stage's slice.
        study: folder of the study, with its masks, edits and verdicts.
        images: table of images.
        funnel: what became of the items, per class and setting.
        copy: the page in one file to write, for Snakemake's own report.
        output: folder to write; ``index.html`` in it is the page.

    Raises:
        DataError: a table is damaged or does not belong to its neighbour.
    """
    paths, report = StudyPaths(str(study)), config.report
    shown = choose_pairs(
        paths, attributes=config.attributes, shards=config.shards, rounds=config.rounds, limit=report.max_pairs
    )
    job_record.permit()
    results = read_results(config, study)
    facts = _gallery_facts(config, study=study, funnel=funnel, output=output, drawn=shown.sentence)
    with Room(output, len(shown.pairs), copies=1), Spool(output.parent) as spool:
        candidates = _candidates(config, paths, shown, spool)
        photos = Photos(images, config.reading, candidates.images, spool, tests=results is not None)
        for path in paths.every_mask(config.shards):
            photos.take_masks(Path(path))
        summary = write_gallery(
            output,
            facts,
            photos,
            candidates,
            page_size=report.page_size,
            thumbnail_px=report.thumbnail_px,
            results=results,
        )
    write_single_page(output, copy)
    where = f"the report is {output / 'index.html'}: open it in a browser"
    return Summary({"candidates": summary.candidates, "pages": summary.pages}, lines=(where, *_drawn(shown)))


def _candidates(config: ReportSlice, paths: StudyPaths, shown: Shown, spool: Spool) -> Candidates:
    """The candidates of the shown pairs, with one table open at a time."""
    candidates, size = Candidates(spool, shown.pairs), (config.attributes, config.shards, config.rounds)
    for edits, verdicts in zip(paths.every_edit(*size), paths.every_verdict(*size), strict=True):
        candidates.take(Path(edits), Path(verdicts))
    return candidates


def _drawn(shown: Shown) -> tuple[str, ...]:
    if not shown.sentence:
        return ()
    return (f"it shows {len(shown.pairs):,} of {shown.total:,} pairs, drawn evenly; report.max_pairs says how many",)


def _gallery_facts(config: ReportSlice, *, study: Path, funnel: Path, output: Path, drawn: str) -> GalleryFacts:
    return GalleryFacts(
        study=config.study,
        title=config.report.title,
        subtitle=f"Study {config.study}: feasible and infeasible edits of {config.noun} photos",
        facts=(*_facts(config, funnel), *_asked(study, config)),
        funnel=tuple(_funnel_row(row) for row in tables.read(funnel, FUNNEL)),
        downloads=_downloads(funnel.parent, output),
        scores=_scores(funnel.with_name(_SCORES)),
        drawn=drawn,
    )


def _asked(study: Path, config: ReportSlice) -> tuple[tuple[str, str], ...]:
    """What a language model wrote and cost, when one was asked."""
    paths = StudyPaths(str(study))
    usage = Path(paths.prompts_usage)
    if not config.asked:
        return ()
    records = [Path(paths.prompts_record(class_id)) for class_id in config.classes]
    try:
        found = [json.loads(path.read_text("utf-8")) for path in records]
        return prompt_facts(found, json.loads(usage.read_text("utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{usage.parent} is damaged ({error}); run the stage prompts again") from error


def _funnel_row(row: Row) -> FunnelRow:
    reasons = sorted(json.loads(row["reasons"]).items(), key=lambda item: (-item[1], item[0]))
    values = {name: row[name] for name in FUNNEL.names if name != "reasons"}
    return FunnelRow(**values, reasons=tuple(reasons))


def _scores(path: Path) -> tuple[ScoreRow, ...]:
    """The feasibility score of the accepted pictures; the table is there when a model judged."""
    if not path.exists():
        return ()
    rows = [row for row in tables.read(path, FEASIBILITY) if row["population"] == "accepted"]
    same = ("attribute", "feasibility", "pictures", "unknown", "low", "high", "reviewed", "note")
    return tuple(
        ScoreRow(
            raw=row["p_feasible_raw"],
            words=row["p_feasible_words"],
            value=row["p_feasible"],
            **{name: row[name] for name in same},
        )
        for row in rows
    )


def _facts(config: ReportSlice, funnel: Path) -> tuple[tuple[str, str], ...]:
    origin = tables.origin(funnel, FUNNEL)
    packages = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    return (
        ("Study", config.study),
        ("Seed", str(config.seed)),
        ("Attributes", ", ".join(config.attributes)),
        ("Config of the data set", str(origin.get("config", ""))),
        ("Config of the report", slice_digest(config)),
        ("Packages", packages),
    )


def _downloads(dataset: Path, output: Path) -> tuple[tuple[str, str], ...]:
    wanted = (
        ("Data card", "README.md"),
        ("Manifest of every candidate (Parquet)", "manifest.parquet"),
        ("Counts per class and setting (CSV)", "funnel.csv"),
        ("Counts per class and setting (Parquet)", "funnel.parquet"),
        *((("Feasibility score of each setting (CSV)", "feasibility.csv"),) if (dataset / _SCORES).exists() else ()),
    )
    return tuple((label, os.path.relpath(dataset / name, output)) for label, name in wanted)
