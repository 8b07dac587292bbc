"""Prior pictures: scenes and textures from a prompt alone, made in batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from varireal.arrays import Array
from varireal.editors.diffusion.encoding import Guided, TextCache
from varireal.editors.diffusion.graph import embeddings, generators
from varireal.editors.diffusion.wording import PriorJob
from varireal.models.memory import Ladder

_ON = 255


class PriorMaker:
    """Makes prior pictures with any text-to-image pipeline of diffusers.

    Stable Diffusion 1/2 and SDXL read weighted embeddings that are encoded once per text; other models read the plain
    text, which their own pipelines encode.

    Args:
        pipes: has ``prior`` and ``text_parts``.
        ladder: runs the batches.
        size: side of the pictures in pixels.
    """

    def __init__(self, pipes: Any, ladder: Ladder, size: int) -> None:
        self._pipes, self._ladder, self._size = pipes, ladder, size
        self._texts = TextCache(lambda: pipes.text_parts("prior"), truncate=True, zeros=False)

    def make(self, jobs: Sequence[PriorJob]) -> list[Array]:
        """One (size, size, 3) uint8 picture per job, in order; the jobs share one recipe."""
        if not jobs:
            return []
        if not hasattr(self._pipes.prior, "unet"):
            return self._ladder.run(self._plain, jobs)
        negative = jobs[0].recipe.negative
        self._texts.prepare([job.text for job in jobs])
        guided = [self._texts.guided(job.text, negative) for job in jobs]
        return self._ladder.run(self._embedded, list(zip(jobs, guided, strict=True)))

    def _embedded(self, part: Sequence[tuple[PriorJob, Guided]]) -> list[Array]:
        pipe = self._pipes.prior
        return self._called([job for job, _ in part], **embeddings([guided for _, guided in part], pipe))

    def _plain(self, jobs: Sequence[PriorJob]) -> list[Array]:
        return self._called(jobs, prompt=[job.text.plain for job in jobs])

    def _called(self, jobs: Sequence[PriorJob], **text: Any) -> list[Array]:
        recipe = jobs[0].recipe
        made = self._pipes.prior(
            **text,
            height=self._size,
            width=self._size,
            num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
            generator=generators([job.seed for job in jobs]),
            output_type="np",
        ).images
        return [np.clip(np.rint(np.asarray(picture) * _ON), 0, _ON).astype(np.uint8) for picture in made]
