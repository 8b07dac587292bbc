"""Masks by name: Grounding DINO finds the object's box, SAM 2 its outline. Both are models of transformers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from varireal.backends import BackendContext
from varireal.config.masks import GroundedSam2Masks
from varireal.errors import BackendError
from varireal.models.catalog import model_identity
from varireal.names import MaskStatus
from varireal.records import Array, MaskResult
from varireal.segmenters.grounded_models import Boxes, objects_among, usable_boxes
from varireal.segmenters.quality import refine_mask

if TYPE_CHECKING:
    from varireal.segmenters.grounded_models import Grounding, Outline

# What ends a label for Grounding DINO (full stop, question mark), what its tokenizer reads as a token of its own
# ([SEP]), and whatever breaks a line.
_BREAKS = re.compile(r"[.?\[\]\s\x00-\x1f\x7f]+")
_FIELDS = re.compile(r"\{(noun|class)\}")


def detector_text(template: str, noun: str, class_name: str) -> str:
    """One label for the detector, without a full stop at its end, which its processor adds.

    Published (VariReal, ``grounding_mask.py``): article, noun of the data set, class, full stop.

    Args:
        template: text with ``{class}`` and perhaps ``{noun}``.
        noun: what all classes are; may be empty.
        class_name: display name, any text; characters that the detector would read as syntax become spaces.
    """
    values = {"noun": _plain(noun), "class": _plain(class_name)}
    return " ".join(_FIELDS.sub(lambda field: values[field[1]], template).split())


def _plain(text: str) -> str:
    return _BREAKS.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))


_CALLS = 4  # batches' worth of photos that are asked for at once: they are dealt into batches by their shapes


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The boxes whose masks are wanted, how many objects there are, and the status that follows."""

    boxes: Boxes
    objects: int
    status: MaskStatus = MaskStatus.OK
    reason: str = ""


class GroundedSam2Segmenter:
    """Finds the object that its class names.

    The score of a mask is the geometric mean of the box's score and SAM 2's estimate of its mask's overlap with the
    truth: one of them near 0 makes it low. A box of 0.52 with a mask of 0.95 has 0.70.

    Models are loaded when the first photo comes.

    Args:
        settings: its block of the config.
        context: device and memory, and the noun of the study.
    """

    name = "grounded_sam2"
    version = 1
    uses_given = False
    uses_names = True

    def __init__(self, settings: GroundedSam2Masks, context: BackendContext) -> None:
        self._settings = settings
        self._context = context

    @classmethod
    def from_config(cls, settings: GroundedSam2Masks, context: BackendContext) -> "GroundedSam2Segmenter":
        """The backend of a study."""
        return cls(settings, context)

    @cached_property
    def revision(self) -> str:
        """Both models with their revisions.

        Raises:
            BackendError: a local model is not there.
        """
        detector = model_identity(self._settings.detector, "masks.grounded_sam2.detector")
        segmenter = model_identity(self._settings.segmenter, "masks.grounded_sam2.segmenter")
        return f"{detector} {segmenter}"

    @property
    def batch_size(self) -> int:
        """Photos to be given at once."""
        return self._models.batch * _CALLS

    def segment(
        self, images: Sequence[Array], given: Sequence[Array | None], class_names: Sequence[str]
    ) -> list[MaskResult]:
        """Return one mask per image; given masks are not looked at. See ``Segmenter.segment``.

        Raises:
            BackendError: a model cannot be loaded.
        """
        if len(given) != len(images):
            raise ValueError(f"got {len(given)} masks for {len(images)} images")
        texts = [detector_text(self._settings.prompt, self._context.noun, name) for name in class_names]
        chosen = [
            self._choose(boxes, image, text)
            for boxes, image, text in zip(self._models.detect(images, texts), images, texts, strict=True)
        ]
        wanted = [number for number, choice in enumerate(chosen) if len(choice.boxes)]
        outlines = self._models.outline(
            [images[number] for number in wanted], [chosen[number].boxes.corners for number in wanted]
        )
        results = [MaskResult(None, choice.status, choice.reason, None, choice.objects) for choice in chosen]
        for number, outline in zip(wanted, outlines, strict=True):
            results[number] = self._result(chosen[number], outline)
        return results

    def _choose(self, detected: Boxes, image: Array, text: str) -> _Chosen:
        settings = self._settings
        height, width = image.shape[:2]
        boxes = usable_boxes(detected, height, width)
        if not len(boxes):
            limit = f"no box scores above {settings.box_threshold:g}"
            return _Chosen(boxes, 0, MaskStatus.NOT_FOUND, f"Nothing like {text!r} was found: {limit}.")
        objects = objects_among(boxes, overlap=settings.overlap, margin=settings.margin)
        if len(objects) <= settings.max_objects or settings.several != "status":
            taken = objects if settings.several == "union" else objects[[0]]
            return _Chosen(taken, len(objects))
        scores = ", ".join(f"{score:.2f}" for score in objects.scores[:5])
        reason = (
            f"{len(objects)} objects like {text!r} were found (scores {scores}), more than {settings.max_objects}."
        )
        return _Chosen(objects[[0]], len(objects), MaskStatus.SEVERAL, reason)

    def _result(self, choice: _Chosen, outline: "Outline") -> MaskResult:
        mask = refine_mask(outline.mask, self._settings.refine)
        score = float(np.sqrt(choice.boxes.scores.min() * outline.iou))
        return MaskResult(mask, choice.status, choice.reason, score, choice.objects)

    @cached_property
    def _models(self) -> "Grounding":
        """Imported and loaded when there is something to segment, which takes the better part of a minute."""
        try:
            from varireal.segmenters.grounded_models import Grounding
        except ImportError as error:
            raise BackendError(
                f"the segmenters backend {self.name!r} cannot be imported ({error}); run: pip install "
                "'varireal[diffusion]'"
            ) from error
        return Grounding(self._settings, self._context.machine)
