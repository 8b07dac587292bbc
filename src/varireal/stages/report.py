r"""Report: the page that shows every photo, mask, pair of edits, prompt, receipt and reason.

By hand::

    varireal report --config results/demo/config/report.json --images results/demo/images.parquet \
        --study results/demo --funnel results/demo/dataset/funnel.parquet \
        --copy results/demo/report.html --output results/demo/report
"""

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varireal.config.regimes import MAIN_FAMILY, Regime, chosen_regimes, comparisons
from varireal.config.slices import ReportSlice, slice_digest
from varireal.core.paths import ADAPTER_FILES, StudyPaths
from varireal.core.provenance import package_versions
from varireal.errors import DataError
from varireal.reporting.gallery import FunnelRow, GalleryFacts, write_gallery
from varireal.reporting.reasons import prompt_facts
from varireal.reporting.records import LearningCurve, RegimeFacts, ScoreRow, StudyResults
from varireal.reporting.single import write_single_page
from varireal.running import job_record
from varireal.running.room import Room
from varireal.stages.common import Summary
from varireal.stages.report_source import Candidates, Photos, Shown, Spool, choose_pairs
from varireal.statistics.accuracy import answer
from varireal.statistics.records import StatisticsSettings, TestSetResult
from varireal.store import tables
from varireal.store.schemas import FEASIBILITY, FUNNEL, PREDICTIONS

# What the report says of the classifiers, read from the predictions and from the logs of the trainings.

_COLUMNS = ["regime", "seed", "test_set", "image_id", "label", "top1", "top5"]


def read_results(config: ReportSlice, study: Path) -> StudyResults | None:
    """Everything about the classifiers; None when the config trains none.

    Raises:
        DataError: a table is damaged, or two regimes were scored on different pictures.
    """
    regimes = chosen_regimes(config.adapters.regimes, config.attributes)
    if not regimes:
        return None
    paths = StudyPaths(str(study))
    trainings = {
        (regime.slug, seed): _training(Path(paths.adapter(regime.slug, seed)))
        for regime in regimes
        if regime.trained
        for seed in range(config.adapters.seeds)
    }
    predictions = _predictions(regimes, config.adapters.seeds, paths)
    settings = StatisticsSettings(
        level=config.statistics.level,
        margin=config.statistics.margin_points / 100,
        resamples=config.statistics.resamples,
        seed=config.seed,
    )
    return StudyResults(
        answers=answer(predictions, comparisons(regimes), settings),
        predictions=predictions,
        regimes={regime.slug: _regime_facts(regime, trainings) for regime in regimes},
        curves=tuple(_curve(facts) for facts in trainings.values()),
        class_names=tuple(config.classes[class_id] for class_id in sorted(config.classes)),
        augmentation=config.adapters.training.augmentation,
        facts=_training_facts(config, list(trainings.values())),
        main_family=MAIN_FAMILY,
    )


def _training(folder: Path) -> dict[str, Any]:
    path = folder / ADAPTER_FILES[2]
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the stage adapters again") from error
    return facts


def _predictions(regimes: Sequence[Regime], seeds: int, paths: StudyPaths) -> dict[tuple[str, str], TestSetResult]:
    found = {}
    for regime in regimes:
        numbers = range(seeds) if regime.trained else range(1)
        by_set: dict[str, dict[int, list[dict[str, Any]]]] = defaultdict(dict)
        for seed in numbers:
            for row in tables.read(Path(paths.predictions(regime.slug, seed)), PREDICTIONS, _COLUMNS):
                by_set[row["test_set"]].setdefault(seed, []).append(row)
        for test_set, rows in by_set.items():
            found[regime.slug, test_set] = _result(regime.slug, test_set, rows)
    return found


def _result(regime: str, test_set: str, rows: Mapping[int, list[dict[str, Any]]]) -> TestSetResult:
    ordered = [sorted(members, key=lambda row: str(row["image_id"])) for _, members in sorted(rows.items())]
    ids = [tuple(row["image_id"] for row in members) for members in ordered]
    if len(set(ids)) != 1:
        raise DataError(f"the seeds of {regime} were scored on different pictures of {test_set}; run it again")
    return TestSetResult(
        regime=regime,
        test_set=test_set,
        image_ids=ids[0],
        labels=np.array([row["label"] for row in ordered[0]], np.int64),
        top1=np.array([[row["top1"] for row in members] for members in ordered], np.int64),
        in_top5=np.array([[row["label"] in row["top5"] for row in members] for members in ordered], bool),
        seeds=tuple(sorted(rows)),
    )


def _regime_facts(regime: Regime, trainings: Mapping[tuple[str, int], dict[str, Any]]) -> RegimeFacts:
    if not regime.trained:
        return RegimeFacts(regime.slug, regime.label, 0, 0)
    facts = trainings[regime.slug, 0]
    return RegimeFacts(regime.slug, regime.label, facts["real"], facts["synthetic"], tuple(facts["notes"]))


def _curve(facts: Mapping[str, Any]) -> LearningCurve:
    log = facts["log"]
    return LearningCurve(
        regime=facts["regime"],
        seed=facts["seed"],
        steps=tuple(range(1, len(log["losses"]) + 1)),
        losses=tuple(log["losses"]),
        val_steps=tuple(log["val_steps"]),
        val_accuracies=tuple(log["val_accuracies"]),
        chosen_step=log["chosen_step"],
    )


def _training_facts(config: ReportSlice, trainings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Provenance of the trainings; what differs between them is listed with all its values."""
    training, lora = config.adapters.training, config.adapters.lora

    def values(key: str) -> str:
        return ", ".join(sorted({str(facts[key]) for facts in trainings})) or "-"

    return (
        ("Classifier", f"{config.adapters.model} (weights {values('model_digest')})"),
        ("Text of a class", config.adapters.class_prompt),
        (
            "LoRA",
            f"r {lora.r}, alpha {lora.lora_alpha:g}, dropout {lora.lora_dropout:g}, "
            f"{', '.join(lora.target_modules)} of {' and '.join(lora.towers)} tower",
        ),
        (
            "Training",
            f"{training.steps} steps of {training.batch_size} pictures, learning rate "
            f"{training.learning_rate:g}, real weight {training.real_weight:g}",
        ),
        ("Augmentation", training.augmentation),
        ("Seeds", str(config.adapters.seeds)),
        ("Device and number format", f"{values('device')}, {values('dtype')}"),
    )


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
