"""What a gallery is made from."""

from collections.abc import Mapping
from dataclasses import dataclass

from varireal.arrays import Array

ACCEPTED, REJECTED, FAILED = "accepted", "rejected", "failed"


@dataclass(frozen=True, slots=True)
class GalleryPhoto:
    """One photo of the study.

    Attributes:
        image_id: identity of the photo.
        class_id: slug of its class.
        class_name: display name of its class.
        split: the split that it belongs to.
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, True on the object; None when there is none.
        mask_status: ``ok`` or a value of ``names.MaskStatus``.
        mask_reason: one sentence for a person; empty when ok.
    """

    image_id: str
    class_id: str
    class_name: str
    split: str
    image: Array
    mask: Array | None
    mask_status: str
    mask_reason: str


@dataclass(frozen=True, slots=True)
class GalleryCandidate:
    """One attempt at an edit.

    Attributes:
        candidate_id: identity of the attempt.
        image_id: the photo.
        class_id: slug of the class.
        class_name: display name of the class.
        attribute: what the edit changes.
        feasibility: the arm of the pair.
        k: number of the edit of this photo and attribute.
        round: number of the attempt, from 0.
        prompt_id: identity of the prompt.
        prompt_name: a few words.
        prompt_description: one sentence, may be empty.
        seed: seed of the attempt; both arms of a pair share it.
        backend: the editor.
        outcome: ``accepted``, ``rejected`` (made, but a gate said no) or ``failed`` (not made).
        reasons: codes, each with an optional detail after a colon; empty when accepted.
        receipt: measured values by name; None where not measured.
        image: (H, W, 3) uint8 sRGB, of the photo's size; None when it was not made.
    """

    candidate_id: str
    image_id: str
    class_id: str
    class_name: str
    attribute: str
    feasibility: str
    k: int
    round: int
    prompt_id: str
    prompt_name: str
    prompt_description: str
    seed: int
    backend: str
    outcome: str
    reasons: tuple[str, ...]
    receipt: Mapping[str, float | None]
    image: Array | None


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """What became of the edits of one class and setting.

    Attributes:
        class_id: slug of the class.
        class_name: display name of the class.
        attribute: what the edits change.
        feasibility: the arm.
        wanted: edits that the config asks for.
        made: candidates that an editor made, over all rounds.
        accepted: edits that were accepted.
        short: edits that are still missing.
        reasons: code and number of candidates lost to it, most frequent first.
    """

    class_id: str
    class_name: str
    attribute: str
    feasibility: str
    wanted: int
    made: int
    accepted: int
    short: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """How feasible the accepted pictures of a setting are, by a model that judged them.

    Attributes:
        attribute: what the edits change.
        feasibility: the arm.
        pictures: accepted pictures.
        unknown: those without a usable answer.
        raw: mean of the judge's own score; None when all are unknown.
        words: the same on a grey picture.
        value: share of feasible pictures, calibrated and corrected; None without a review.
        low: lower end of its interval.
        high: upper end of its interval.
        reviewed: pictures that a person reviewed.
        note: why it is not calibrated; empty when it is.
    """

    attribute: str
    feasibility: str
    pictures: int
    unknown: int
    raw: float | None
    words: float | None
    value: float | None
    low: float | None
    high: float | None
    reviewed: int
    note: str


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """What the page says about the study as a whole.

    Attributes:
        study: name of the study.
        title: heading of the page.
        subtitle: one line below it, may be empty.
        facts: names and values of the provenance, in the order of display.
        funnel: one row per class and setting.
        downloads: label and path relative to the page.
        scores: feasibility score of each setting; empty when no model judged.
        drawn: how the pairs of the gallery were drawn, in one line; empty when it shows all of them.
    """

    study: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    funnel: tuple[FunnelRow, ...]
    downloads: tuple[tuple[str, str], ...]
    scores: tuple["ScoreRow", ...] = ()
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What ``write_gallery`` wrote: page files, candidates, and the size of ``index.html`` in bytes."""

    pages: int
    candidates: int
    index_bytes: int
