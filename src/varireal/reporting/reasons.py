"""What a reason code means, for a person; and the rows of the table ``FUNNEL`` in sums."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from varireal.core.paths import setting
from varireal.metrics import measures

Row = Mapping[str, Any]

COUNTS = ("wanted", "made", "accepted", "short")


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
    "not_applicable": ("not applicable", "What was to be changed cannot be changed in this photo."),
    "flat_image": ("flat picture", "The editor gave a picture of one colour."),
    "nsfw": ("unsafe picture", "The editor's safety checker held the picture back."),
    "mask_failed": ("mask failed", "The segmenter stopped with an error."),
    "judge_failed": ("judge failed", "The judge gave no verdict that can be used."),
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
}


def reason_code(reason: str) -> str:
    """Return the code of a reason that may carry a detail (``unknown_prompt: the word is ...``)."""
    return reason.partition(":")[0].strip()


def reason_text(code: str) -> ReasonText:
    """Explain a reason code; a code that is not known is shown in plain words."""
    if code in _TEXTS:
        return ReasonText(*_TEXTS[code])
    for row in measures.gated().values():
        if row.reason == code:
            return ReasonText(row.label, row.sentence)
    words = code.replace("_", " ").strip() or "no reason given"
    return ReasonText(words, f"Not accepted: {words}.")


def reasons_of(row: Row) -> list[tuple[str, int]]:
    """Code and number of the items lost to it, most frequent first."""
    return _most_first(json.loads(row["reasons"]))


def by_setting(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by the name of their setting, in order."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(setting(row["attribute"], row["feasibility"]), []).append(row)
    return grouped


def totals(rows: Iterable[Row]) -> dict[str, Any]:
    """Sums of some rows: wanted, made, accepted, short and the reasons as a mapping, most frequent first."""
    sums: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    reasons: Counter[str] = Counter()
    for row in rows:
        sums.update({name: row[name] for name in COUNTS})
        reasons.update(json.loads(row["reasons"]))
    return {**sums, "reasons": dict(_most_first(reasons))}


def sums_by_setting(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Sums per setting, by its name, and of everything under ``all``; see ``totals``."""
    return {name: totals(members) for name, members in by_setting(rows).items()} | {"all": totals(rows)}


def lost(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Label and number of what was lost to each reason, most frequent first; several codes may share a label."""
    labels: Counter[str] = Counter()
    for code, count in reasons.items():
        labels[reason_text(code).label] += count
    return _most_first(labels)


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
