"""What the page says about the study as a whole: where it comes from, what was asked for, and the files beside it."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varireal.config.slices import ReportSlice, slice_digest
from varireal.core.paths import StudyPaths
from varireal.core.provenance import package_versions
from varireal.errors import DataError
from varireal.reporting.records import GalleryFacts, Row
from varireal.store import tables
from varireal.store.schemas import FEASIBILITY, FUNNEL

SCORES = "feasibility.parquet"


def gallery_facts(config: ReportSlice, *, study: Path, funnel: Path, output: Path, drawn: str) -> GalleryFacts:
    """What the page says about the study as a whole.

    Args:
        config: the slice of the stage report.
        study: folder of the study.
        funnel: table of what became of the items; other files of the data set lie beside it.
        output: folder of the page.
        drawn: how the shown pairs were drawn; empty when all are shown.

    Raises:
        DataError: a file is damaged.
    """
    return GalleryFacts(
        study=config.study,
        title=config.report.title,
        subtitle=f"Study {config.study}: feasible and infeasible edits of {config.noun} photos",
        facts=(*_facts(config, funnel), *_asked(study, config)),
        funnel=tables.read(funnel, FUNNEL),
        downloads=_downloads(funnel.parent, output),
        scores=_scores(funnel.with_name(SCORES)),
        drawn=drawn,
    )


def _asked(study: Path, config: ReportSlice) -> tuple[tuple[str, str], ...]:
    """What a language model wrote and cost, when one was asked."""
    if not config.asked:
        return ()
    paths = StudyPaths(str(study))
    usage = Path(paths.prompts_usage)
    try:
        records = [json.loads(Path(paths.prompts_record(name)).read_text("utf-8")) for name in config.classes]
        return prompt_facts(records, json.loads(usage.read_text("utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{usage.parent} is damaged ({error}); run the stage prompts again") from error


def _scores(path: Path) -> list[dict[str, Any]]:
    """The feasibility score of the accepted pictures; the table is there when a model judged."""
    rows = tables.read(path, FEASIBILITY) if path.exists() else []
    return [row for row in rows if row["population"] == "accepted"]


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
        *((("Feasibility score of each setting (CSV)", "feasibility.csv"),) if (dataset / SCORES).exists() else ()),
    )
    return tuple((label, os.path.relpath(dataset / name, output)) for label, name in wanted)


def prompt_facts(records: Sequence[Row], usage: Row) -> tuple[tuple[str, str], ...]:
    """Names and values for the page.

    Args:
        records: of the stage prompts, one per class.
        usage: calls, tokens and price by model.
    """
    settings = [item for record in records for item in record.get("settings", {}).items()]
    facts = [("Prompts", _usage(usage)), ("Prompts written", _written(settings))]
    votes = _votes(settings)
    if votes.total():
        facts.append(("Second opinion on prompts", _opinion(settings, votes)))
    return tuple(facts)


def _usage(usage: Row) -> str:
    parts = [
        f"{model}: {spent['calls']:,} calls, {spent['tokens_sent']:,} tokens sent, "
        f"{spent['tokens_answered']:,} answered" + ("" if spent["usd"] is None else f", ${spent['usd']:.2f}")
        for model, spent in usage["models"].items()
    ]
    return "; ".join(parts) or "none was asked for"


def _written(settings: Iterable[tuple[str, Row]]) -> str:
    sums: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for _, outcome in settings:
        sums.update({name: outcome[name] for name in ("wanted", "accepted", "short")})
        refused.update(outcome["refused"])
    text = f"{sums['accepted']:,} of {sums['wanted']:,} wanted"
    if sums["short"]:
        text += f", {sums['short']:,} short"
    if refused:
        text += f"; refused: {', '.join(f'{code} {count:,}' for code, count in refused.most_common())}"
    return text


def _votes(settings: Iterable[tuple[str, Row]], attribute: str = "") -> Counter[tuple[str, str]]:
    """(arm, vote) -> count, of all attributes or of one."""
    votes: Counter[tuple[str, str]] = Counter()
    for name, outcome in settings:
        edited, _, arm = name.partition("/")
        if attribute in ("", edited):
            votes.update({(arm, vote): count for vote, count in outcome["votes"].items()})
    return votes


def _opinion(settings: Sequence[tuple[str, Row]], votes: Counter[tuple[str, str]]) -> str:
    total, agreed = votes.total(), _agreed(votes)
    text = f"agrees on {agreed:,} of {total:,} ({100 * agreed / total:.1f} %)"
    kappa = kappa_of(votes)
    if kappa is not None:
        text += f", Cohen's kappa {kappa[0]:.2f} [{kappa[1]:.2f}, {kappa[2]:.2f}]"
    unknown = sum(count for (_, vote), count in votes.items() if vote == "unknown")
    if unknown:
        text += f"; {unknown:,} without a usable vote are left out of kappa"
    parts = []
    for attribute in dict.fromkeys(name.partition("/")[0] for name, _ in settings):
        of_attribute = _votes(settings, attribute)
        parts.append(f"{attribute} {100 * _agreed(of_attribute) / max(1, of_attribute.total()):.0f} %")
    return f"{text}; {', '.join(parts)}"


def _agreed(votes: Mapping[tuple[str, str], int]) -> int:
    return sum(count for (arm, vote), count in votes.items() if arm == vote)


def kappa_of(votes: Mapping[tuple[str, str], int]) -> tuple[float, float, float] | None:
    """Cohen's kappa of writer and judge with its 95 % interval, by statsmodels; None when it is not defined."""
    arms = ("feasible", "infeasible")
    table = np.array([[votes.get((arm, vote), 0) for vote in arms] for arm in arms], float)
    if not table.sum() or (table.sum(0) == table.sum()).any() or (table.sum(1) == table.sum()).any():
        return None
    # it loads pandas, which takes seconds: only where there are two opinions
    from statsmodels.stats.inter_rater import cohens_kappa

    kappa = cohens_kappa(table)
    return float(kappa.kappa), float(kappa.kappa_low), float(kappa.kappa_upp)
