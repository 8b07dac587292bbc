"""What the tab of results shows, as plain values for the template: texts are written, places are percents."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from varireal.reporting.answer import answer_sentences
from varireal.reporting.axes import Axis, axis, digits_of
from varireal.reporting.confusion import class_label, regime_label, test_sets
from varireal.reporting.results_records import StudyResults
from varireal.reporting.wording import (
    UNNAMED,
    accuracy_range,
    accuracy_text,
    count_text,
    counted,
    difference_range,
    difference_text,
    finding_text,
    level_text,
    margin_text,
    p_text,
    percent,
    sides,
    signed,
    subject,
    test_set_text,
)
from varireal.statistics.records import AccuracyRow, DifferenceRow, Finding

View = dict[str, Any]

_ARMS = ("feasible", "infeasible")
_ENOUGH_SEEDS = 3
_REACH = 20
"""An axis reaches at most so many times the largest difference beyond nothing, however wide an interval is."""


def results_view(results: StudyResults) -> View:
    """Return everything of the tab."""
    families = _families(results)
    named = {family["name"]: (family["first"], family["second"]) for family in families}
    settings = results.answers.settings
    return {
        "answer": answer_sentences(results),
        "published": results.augmentation == "published",
        "main": next((family for family in families if family["main"]), None),
        "families": [family for family in families if not family["main"]],
        "accuracy": _accuracy(results),
        "details": [_details(results, name) for name in test_sets(results)],
        "tests": [_test(row, named[row.family]) for row in results.answers.differences],
        "level": level_text(settings.level),
        "margin": margin_text(settings.margin),
        "alpha": f"{round(1 - settings.level, 6):g}",
        "resamples": f"{settings.resamples:,}",
        "few_seeds": _few_seeds(results),
        "statistics_seed": settings.seed,
    }


def _few_seeds(results: StudyResults) -> int | None:
    """Return the smallest number of seeds of the main comparisons when intervals cannot be relied on with it."""
    seeds = [row.seeds for row in results.answers.differences if row.family == results.main_family]
    return min(seeds) if seeds and min(seeds) < _ENOUGH_SEEDS else None


def _families(results: StudyResults) -> list[View]:
    groups: dict[str, list[DifferenceRow]] = {}
    for row in results.answers.differences:
        groups.setdefault(row.family, []).append(row)
    return [_family(name, rows, main=name == results.main_family) for name, rows in groups.items()]


def _family(name: str, rows: Sequence[DifferenceRow], *, main: bool) -> View:
    names = first, second = sides(rows)
    scale = _scale(rows)
    arms = _ARMS if names == _ARMS else ("", "")
    groups: dict[str, list[View]] = {}
    for row in rows:
        groups.setdefault(row.name if names == UNNAMED else subject(row), []).append(_forest_row(row, scale, names))
    margin = 100 * max(row.margin for row in rows)
    tally = Counter(row.finding for row in rows)
    return {
        "name": name,
        "main": main,
        "first": first,
        "second": second,
        "arms": arms,
        "zero": scale.at(0),
        "margin": margin_text(margin / 100),
        "band": (scale.at(-margin), f"{100 * (scale.share(margin) - scale.share(-margin)):.2f}%"),
        "ticks": scale.labels(digits_of(scale.ticks)),
        "groups": list(groups.items()),
        "count": counted(len(rows), "comparison"),
        "tally": [f"{tally[finding]} {finding_text(finding, names)}" for finding in Finding if tally[finding]],
        "legend": [
            (finding.value, finding_text(finding, names), _arm(finding, arms)) for finding in Finding if tally[finding]
        ],
    }


def _scale(rows: Sequence[DifferenceRow]) -> Axis:
    """Return an axis in points, the same for both signs, with the margin in it."""
    bounds = [abs(100 * x) for row in rows for x in (row.difference.low, row.difference.high)]
    margin = 100 * max(row.margin for row in rows)
    limit = _REACH * max(margin, *(abs(100 * row.difference.value) for row in rows))
    reach = min(max(*bounds, 2 * margin), limit) * 1.02
    return axis((-reach, reach), count=6, tight=True)


def _forest_row(row: DifferenceRow, scale: Axis, names: tuple[str, str]) -> View:
    low, value, high = (100 * x for x in (row.difference.low, row.difference.value, row.difference.high))
    return {
        "test_set": test_set_text(row.test_set),
        "low": scale.at(low),
        "value": scale.at(value),
        "high": scale.at(high),
        "difference": f"{signed(row.difference.value)}",
        "range": difference_range(row.difference),
        "text": difference_text(row.difference),
        "finding": row.finding.value,
        "said": finding_text(row.finding, names),
        "arm": _arm(row.finding, names if names == _ARMS else ("", "")),
        "p_holm": p_text(row.p_holm),
    }


def _arm(finding: Finding, arms: tuple[str, str]) -> str:
    """Return the arm whose colour a finding has; none when it favours none."""
    return {Finding.HIGHER: arms[0], Finding.LOWER: arms[1]}.get(finding, "")


def _accuracy(results: StudyResults) -> View:
    rows = results.answers.accuracies
    sets = [name for name in test_sets(results) if any(row.test_set == name for row in rows)]
    bounds = [100 * x for row in rows for x in (row.top1.low, row.top1.high, *row.by_seed)]
    scale = axis(bounds, floor_at=0.0, top_at=100.0)
    cells = {(row.regime, row.test_set): row for row in rows}
    slugs = dict.fromkeys([*results.regimes, *(row.regime for row in rows)])
    return {
        "sets": [(test_set_text(name), _pictures(rows, name)) for name in sets],
        "ticks": scale.labels(digits_of(scale.ticks)),
        "rows": [
            (regime_label(results, slug), [_cell(cells.get((slug, name)), scale) for name in sets])
            for slug in slugs
            if any((slug, name) in cells for name in sets)
        ],
    }


def _pictures(rows: Sequence[AccuracyRow], test_set: str) -> str:
    counts = sorted({row.images for row in rows if row.test_set == test_set})
    return counted(counts[0], "picture") if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,} pictures"


def _cell(row: AccuracyRow | None, scale: Axis) -> View | None:
    if row is None:
        return None
    return {
        "value": f"{percent(row.top1.value)} %",
        "range": accuracy_range(row.top1),
        "low": scale.at(100 * row.top1.low),
        "at": scale.at(100 * row.top1.value),
        "high": scale.at(100 * row.top1.high),
        "seeds": [scale.at(100 * seed) for seed in row.by_seed],
    }


def _details(results: StudyResults, test_set: str) -> View:
    rows = [row for row in results.answers.accuracies if row.test_set == test_set]
    return {
        "name": test_set_text(test_set),
        "rows": [
            {
                "regime": regime_label(results, row.regime),
                "images": count_text(row.images),
                "seeds": row.seeds,
                "top1": accuracy_text(row.top1),
                "top5": percent(row.top5),
                "macro": percent(row.macro),
                "worst": class_label(results, row.worst_class),
                "worst_accuracy": percent(row.worst_accuracy),
                "by_seed": "  ".join(percent(seed) for seed in row.by_seed),
            }
            for row in rows
        ],
    }


def _test(row: DifferenceRow, names: tuple[str, str]) -> View:
    smallest = row.power.smallest
    return {
        **asdict(row),
        "test_set": test_set_text(row.test_set),
        "images": count_text(row.images),
        "difference": difference_text(row.difference),
        "said": finding_text(row.finding, names),
        "margin": margin_text(row.margin).removesuffix(" points"),
        **{name: p_text(getattr(row, name)) for name in ("p", "p_holm", "mcnemar_p", "tost_p", "tost_p_holm")},
        "smallest": "–" if smallest is None else percent(smallest),
        "seeds_needed": count_text(row.power.seeds_needed),
        "images_needed": count_text(row.power.images_needed),
    }
