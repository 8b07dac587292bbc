"""What the page says about prompts that a language model wrote: cost, second opinion, what is missing."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Record = Mapping[str, Any]


def prompt_facts(records: Sequence[Record], usage: Record) -> tuple[tuple[str, str], ...]:
    """Names and values for the page.

    Args:
        records: of the stage prompts, one per class.
        usage: calls, tokens and price by model.
    """
    settings = [(name, found) for record in records for name, found in record.get("settings", {}).items()]
    facts = [("Prompts", _usage(usage)), ("Prompts written", _written(settings))]
    judged = _votes(settings)
    if sum(judged.values()):
        facts.append(("Second opinion on prompts", _opinion(settings, judged)))
    return tuple(facts)


def _usage(usage: Record) -> str:
    parts = [
        f"{model}: {spent['calls']:,} calls, {spent['tokens_sent']:,} tokens sent, "
        f"{spent['tokens_answered']:,} answered" + ("" if spent["usd"] is None else f", ${spent['usd']:.2f}")
        for model, spent in usage["models"].items()
    ]
    return "; ".join(parts) or "none was asked for"


def _written(settings: Iterable[tuple[str, Record]]) -> str:
    wanted = accepted = short = 0
    refused: Counter[str] = Counter()
    for _, found in settings:
        wanted += found["wanted"]
        accepted += found["accepted"]
        short += found["short"]
        refused.update(found["refused"])
    text = f"{accepted:,} of {wanted:,} wanted"
    if short:
        text += f", {short:,} short"
    if refused:
        text += f"; refused: {', '.join(f'{code} {count:,}' for code, count in refused.most_common())}"
    return text


def _votes(settings: Iterable[tuple[str, Record]], attribute: str = "") -> Counter[tuple[str, str]]:
    """(arm, vote) -> count, of all attributes or of one."""
    votes: Counter[tuple[str, str]] = Counter()
    for name, found in settings:
        own, _, arm = name.partition("/")
        if attribute in ("", own):
            votes.update({(arm, vote): count for vote, count in found["votes"].items()})
    return votes


def _opinion(settings: Sequence[tuple[str, Record]], votes: Counter[tuple[str, str]]) -> str:
    total = sum(votes.values())
    agreed = sum(count for (arm, vote), count in votes.items() if arm == vote)
    text = f"agrees on {agreed:,} of {total:,} ({100 * agreed / total:.1f} %)"
    kappa = kappa_of(votes)
    if kappa is not None:
        text += f", Cohen's kappa {kappa[0]:.2f} [{kappa[1]:.2f}, {kappa[2]:.2f}]"
    unknown = sum(count for (_, vote), count in votes.items() if vote == "unknown")
    if unknown:
        text += f"; {unknown:,} without a usable vote are left out of kappa"
    parts = []
    for attribute in dict.fromkeys(name.partition("/")[0] for name, _ in settings):
        own = _votes(settings, attribute)
        share = sum(count for (arm, vote), count in own.items() if arm == vote)
        parts.append(f"{attribute} {100 * share / max(1, sum(own.values())):.0f} %")
    return f"{text}; {', '.join(parts)}"


def kappa_of(votes: Mapping[tuple[str, str], int]) -> tuple[float, float, float] | None:
    """Cohen's kappa of writer and judge with its 95 % interval, by statsmodels; None when it is not defined."""
    arms = ("feasible", "infeasible")
    table = np.array([[votes.get((arm, vote), 0) for vote in arms] for arm in arms], float)
    if not table.sum() or (table.sum(0) == table.sum()).any() or (table.sum(1) == table.sum()).any():
        return None
    # it loads pandas, which takes seconds: only where there are two opinions
    from statsmodels.stats.inter_rater import cohens_kappa

    found = cohens_kappa(table)
    return float(found.kappa), float(found.kappa_low), float(found.kappa_upp)
