r"""Report: the page that shows every photo, mask, pair of edits, prompt, receipt and reason.

By hand::

    varireal report --config results/demo/config/report.json --images results/demo/images.parquet \
        --study results/demo --funnel results/demo/dataset/funnel.parquet \
        --copy results/demo/report.html --output results/demo/report
"""

import heapq
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varireal import names, tables
from varireal.config.images import ReadingConfig
from varireal.config.slices import ReportSlice, slice_digest
from varireal.datasets.decoding import RejectedImageError
from varireal.datasets.photos import read_photo
from varireal.errors import DataError
from varireal.metrics.receipts import RECEIPT_FIELDS
from varireal.paths import StudyPaths
from varireal.pictures import decode_png
from varireal.provenance import package_versions
from varireal.reporting.gallery import (
    FunnelRow,
    GalleryCandidate,
    GalleryFacts,
    GalleryPhoto,
    write_gallery,
)
from varireal.reporting.prompt_facts import prompt_facts
from varireal.reporting.records import ScoreRow
from varireal.reporting.single import write_single_page
from varireal.schemas import EDITS, FEASIBILITY, FUNNEL, IMAGES, MASKS, VERDICTS
from varireal.segmenters.quality import decode_mask
from varireal.stages.results import read_results
from varireal.stages.summary import Summary

Row = Mapping[str, Any]

_SCORES = "feasibility.parquet"
_NO_PHOTO = 128  # grey in place of a photo that cannot be read any more


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
    paths, size = StudyPaths(str(study)), (config.attributes, config.shards, config.rounds)
    photos = _Photos(images, [Path(path) for path in paths.every_mask(config.shards)], config.reading)
    rows = tables.read(funnel, FUNNEL)
    facts = GalleryFacts(
        study=config.study,
        title=config.report.title,
        subtitle=f"Study {config.study}: feasible and infeasible edits of {config.noun} photos",
        facts=(*_facts(config, funnel), *_asked(study, config)),
        funnel=tuple(_funnel_row(row) for row in rows),
        downloads=_downloads(funnel.parent, output),
        scores=_scores(funnel.with_name(_SCORES)),
    )
    summary = write_gallery(
        output,
        facts,
        photos,
        _candidates(paths.every_edit(*size), paths.every_verdict(*size)),
        page_size=config.report.page_size,
        thumbnail_px=config.report.thumbnail_px,
        results=read_results(config, study),
    )
    write_single_page(output, copy)
    where = f"the report is {output / 'index.html'}: open it in a browser"
    return Summary({"candidates": summary.candidates, "pages": summary.pages}, lines=(where,))


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


class _Photos:
    """Photos of the gallery by id, read when they are asked for."""

    def __init__(self, images: Path, masks: Sequence[Path], reading: ReadingConfig) -> None:
        self._images = {row["image_id"]: row for row in tables.read(images, IMAGES)}
        self._masks = {row["image_id"]: row for path in masks for row in tables.read(path, MASKS)}
        self._reading = reading

    def __call__(self, image_id: str) -> GalleryPhoto:
        if image_id not in self._images:
            raise DataError(f"the table of images has no row {image_id} that the edits name; run the workflow again")
        row, mask = self._images[image_id], self._masks.get(image_id)
        try:
            picture, problem = read_photo(row, self._reading).image, ""
        except RejectedImageError as error:
            # the page must show what was made of a photo that is gone since
            picture, problem = np.full((row["height"], row["width"], 3), _NO_PHOTO, np.uint8), str(error)
        data = None if mask is None else mask["smoothed"] or mask["mask"]
        return GalleryPhoto(
            image_id=image_id,
            class_id=row["class_id"],
            class_name=row["class_name"],
            split=row["split"],
            image=picture,
            mask=None if data is None else decode_mask(data),
            mask_status="image_unreadable" if problem else "mask_missing" if mask is None else mask["status"],
            mask_reason=problem or ("" if mask is None else mask["reason"]),
        )


def _candidates(edits: Sequence[str], verdicts: Sequence[str]) -> Iterator[GalleryCandidate]:
    """All candidates in the order of the gallery; each table is in that order already."""
    streams = [_judged(Path(one), Path(other)) for one, other in zip(edits, verdicts, strict=True)]
    return heapq.merge(*streams, key=lambda c: (c.class_id, c.image_id, c.attribute, c.k, c.feasibility, c.round))


def _judged(edits: Path, verdicts: Path) -> Iterator[GalleryCandidate]:
    said = {row["candidate_id"]: row for row in tables.read(verdicts, VERDICTS)}
    for row in tables.stream(edits, EDITS):
        if row["candidate_id"] not in said:
            raise DataError(
                f"{verdicts} has no verdict on {row['candidate_id']} of {edits}; run the stage verdicts again"
            )
        yield _candidate(row, said[row["candidate_id"]])


def _candidate(row: Row, verdict: Row) -> GalleryCandidate:
    made = row["status"] == names.OK
    return GalleryCandidate(
        candidate_id=row["candidate_id"],
        image_id=row["image_id"],
        class_id=row["class_id"],
        class_name=row["class_name"],
        attribute=row["attribute"],
        feasibility=row["feasibility"],
        k=row["k"],
        round=row["round"],
        prompt_id=row["prompt_id"],
        prompt_name=row["prompt_name"],
        prompt_description=row["prompt_description"],
        seed=row["seed"],
        backend=row["backend"],
        outcome="accepted" if verdict["accepted"] else "rejected" if made else "failed",
        reasons=tuple(verdict["reasons"]),
        receipt={name: row[name] for name in RECEIPT_FIELDS},
        image=decode_png(row["image"]) if made else None,
    )


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
