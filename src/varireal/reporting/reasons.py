"""What a reason code means, for a person."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

# What the page says about prompts that a language model wrote: cost, second opinion, what is missing.

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


class ReasonText(NamedTuple):
    """A reason in a few words for lists and chips, and in one sentence for explanations."""

    label: str
    sentence: str


_TEXTS = {
    "no_mask": ("no mask", "No usable mask was found in the photo, so nothing could be edited."),
    "no_prompt": ("no prompt", "There was no prompt left for this item."),
    "unknown_prompt": ("unknown prompt", "The editor does not know a word of the prompt."),
    "image_unreadable": ("photo unreadable", "The photo could not be read."),
    "edit_failed": ("editor failed", "The editor stopped with an error."),
    "mask_not_found": ("object not found", "The detector found nothing of this class in the photo."),
    "mask_several_objects": ("several objects", "The detector found more objects of this class than one edit is for."),
    "mask_empty": ("mask empty", "The mask is empty."),
    "mask_tiny": ("mask tiny", "The mask covers too little of the photo."),
    "mask_whole_image": ("mask fills photo", "The mask covers nearly the whole photo."),
    "mask_many_parts": ("mask in parts", "The mask falls into many parts."),
    "mask_touches_border": ("mask at border", "The mask hugs the border of the photo."),
    "mask_low_score": ("mask uncertain", "The segmenter is not sure enough of the mask."),
    "mask_missing": ("mask missing", "The data set names a mask that is not there."),
    "mask_unreadable": ("mask unreadable", "The mask file could not be read."),
    "flat_image": ("flat picture", "The editor gave a picture of one colour."),
    "nsfw": ("unsafe picture", "The editor's safety checker held the picture back."),
    "mask_failed": ("mask failed", "The segmenter stopped with an error."),
    "change_inside": ("too little change", "Too little changed inside the region that was edited."),
    "leak": ("leak", "Pixels outside the edited region changed."),
    "seam": ("visible seam", "The border of the edit can be seen as a seam."),
    "silhouette": ("outline lost", "The object's outline could not be found again in the edit."),
    "color": ("wrong colour", "The colour is too far from the one that was asked for."),
    "hue": ("wrong hue", "The hue is too far from the one that was asked for."),
    "present": ("not shown", "The judge does not see what was put in."),
    "present_unknown": ("judge unclear", "The judge said neither yes nor no about what was put in."),
    "feasibility": ("wrong arm", "The judge does not agree that the picture is as feasible as its arm."),
    "feasibility_unknown": ("judge unclear", "The judge said neither yes nor no about feasibility."),
    "yes_bias": ("judge says yes", "The judge says yes to a question and to its opposite."),
    "yes_bias_unknown": ("judge unclear", "The judge's leaning towards yes could not be measured."),
    "score": ("low score", "Too few of the judge's answers are as expected."),
    "outline": ("outline moved", "The object segmented again in the edit overlaps its mask too little."),
    "outline_cut": ("object cut", "The object segmented again in the edit is smaller than its mask."),
    "outline_grown": ("object grown", "The object segmented again in the edit is larger than its mask."),
    "outline_objects": ("object doubled", "More objects were found in the edit than one."),
    "outline_missing": ("object lost", "The object could not be segmented again in the edit."),
    "edges": ("detail lost", "The drawing of the object was lost under the edit."),
}


def reason_code(reason: str) -> str:
    """Return the code of a reason that may carry a detail (``unknown_prompt: the word is ...``)."""
    return reason.partition(":")[0].strip()


def reason_text(code: str) -> ReasonText:
    """Explain a reason code; a code that is not known is shown in plain words."""
    if code in _TEXTS:
        return ReasonText(*_TEXTS[code])
    words = code.replace("_", " ").strip() or "no reason given"
    return ReasonText(words, f"Not accepted: {words}.")
