"""What a gallery is made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from varireal.records import Array

Row = Mapping[str, Any]
Photos = Callable[[str], "GalleryPhoto"]

ACCEPTED, REJECTED, FAILED = "accepted", "rejected", "failed"


@dataclass(frozen=True, slots=True)
class GalleryPhoto:
    """One photo of the study.

    Attributes:
        image_id: identity of the photo.
        split: the split that it belongs to.
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) bool, True on the object; None when there is none.
        mask_status: ``ok`` or a value of ``names.MaskStatus``.
        mask_reason: one sentence for a person; empty when ok.
    """

    image_id: str
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
        mask: (H, W) bool, the object in the edit; None when its outline is the photo's.
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
    mask: Array | None = None


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """What the page says about the study as a whole.

    Attributes:
        study: name of the study.
        title: heading of the page.
        subtitle: one line below it, may be empty.
        facts: names and values of the provenance, in the order of display.
        funnel: rows of the table ``FUNNEL``, one per class and setting.
        downloads: label and path relative to the page.
        scores: rows of the table ``FEASIBILITY``, one per setting; empty when no model judged.
        drawn: how the pairs of the gallery were drawn, in one line; empty when it shows all of them.
    """

    study: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    funnel: Sequence[Row]
    downloads: tuple[tuple[str, str], ...]
    scores: Sequence[Row] = ()
    drawn: str = ""


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What ``write_gallery`` wrote: page files, candidates, and the size of ``index.html`` in bytes."""

    pages: int
    candidates: int
    index_bytes: int
