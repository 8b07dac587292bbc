"""The editor that ships with the package: image processing on the CPU, driven by the words of the prompt."""

import logging
from collections.abc import Sequence

import numpy as np

from varireal.editors.base import composite
from varireal.editors.regions import background_region
from varireal.errors import UnknownPromptError
from varireal.names import OK, PUBLISHED_ATTRIBUTES, EditStatus
from varireal.records import Array, EditRequest, EditResult, Prompt
from varireal_demo.edit_background import replace_background
from varireal_demo.edit_object import recolor, retexture
from varireal_demo.materials import MATERIALS
from varireal_demo.vocabulary import Plan, understand

logger = logging.getLogger(__name__)


class ProceduralEditor:
    """Recolours objects, makes them of other materials, and puts them into synthesised scenes."""

    name = "procedural"
    version = 1
    revision: str | None = None
    attributes = PUBLISHED_ATTRIBUTES

    def check(self, prompt: Prompt) -> None:
        """Refuse a prompt with a word that is unknown here; nothing is drawn.

        Raises:
            UnknownPromptError: the message names the word and the nearest known ones.
        """
        understand(prompt)

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Make one result per request, in order; the same request gives the same bytes."""
        return [_edit_one(request) for request in requests]


def _edit_one(request: EditRequest) -> EditResult:
    try:
        plan = understand(request.prompt)
    except UnknownPromptError as error:
        return EditResult(EditStatus.UNKNOWN_PROMPT, str(error))
    try:
        return _carry_out(request, plan)
    except Exception as error:
        logger.warning("edit %r failed", request.prompt.name, exc_info=True)
        return EditResult(EditStatus.FAILED, f"{type(error).__name__}: {error}"[:300])


def _carry_out(request: EditRequest, plan: Plan) -> EditResult:
    image, mask = request.image, np.asarray(request.mask).astype(bool)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"the photo must be (H, W, 3) uint8, found {image.shape} {image.dtype}")
    if mask.shape != image.shape[:2]:
        raise ValueError(f"the mask is {mask.shape}, the photo {image.shape[:2]}")
    if not mask.any():
        return EditResult(EditStatus.NO_MASK, "the mask is empty")
    region = background_region(mask) if plan.attribute == "background" else mask
    edited = _draw(image, mask, plan, np.random.default_rng(request.seed))
    target = plan.colors[0].rgb if plan.attribute == "color" else None
    return EditResult(OK, image=composite(image, edited, region), region=region.copy(), target_rgb=target)


def _draw(image: Array, mask: Array, plan: Plan, rng: np.random.Generator) -> Array:
    if plan.attribute == "color":
        return recolor(image, mask, plan.colors[0], rng)
    if plan.material is not None:
        return retexture(image, mask, MATERIALS[plan.material], plan.colors, rng)
    if plan.scene is not None:
        return replace_background(image, mask, plan.scene, rng)
    raise ValueError(f"the plan for {plan.attribute} names nothing to draw")
