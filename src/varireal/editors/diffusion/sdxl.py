"""The published recipes on SDXL: background, colour and texture edits, and the baselines without a mask."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from varireal.attributes import BACKGROUND, COLOR, OBJECT, attribute_row
from varireal.backends import BackendContext
from varireal.config.edits import SdxlEdits
from varireal.core.seeds import stable_int
from varireal.editors.base import PoolEntry
from varireal.editors.diffusion.canvas import SdxlCanvas, cast
from varireal.editors.diffusion.encoding import TextCache, Weighted, plain_text
from varireal.editors.diffusion.graph import CanvasEdit, composed, run_background, run_object, run_plain
from varireal.editors.diffusion.pipelines import MODELS, Pipelines, PriorMaker, SafetyChecker
from varireal.editors.diffusion.wording import SdxlTexts, flat_color
from varireal.errors import BackendError, UnknownPromptError
from varireal.models.catalog import model_identity
from varireal.models.device import Ladder, find_device, memory_plan, quiet
from varireal.names import OK, EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith, Prompt

_ON = 255
_UNIT = 2.0**63  # ``stable_int`` is below it
_WINDOW = 4  # batches that the stage hands over at once, so that pictures of one shape fill them


class SdxlEditor:
    """Edits with Stable Diffusion XL.

    Args:
        settings: the block ``edits.sdxl``.
        context: noun and machine.

    Raises:
        BackendError: an option cannot be had with these models.
    """

    name = "sdxl"
    version = 2

    def __init__(self, settings: SdxlEdits, context: BackendContext) -> None:
        if settings.speed.step_cache:
            raise BackendError("edits.sdxl.speed.step_cache: SDXL has no step cache; use a few-step scheduler")
        quiet()
        self._settings, self._machine = settings, context.machine
        self._wording = SdxlTexts(settings, context.noun)
        self._device = find_device(context.machine)
        self._plan = memory_plan(self._device.memory_gb, context.machine.batch_size)
        self._pipes = Pipelines(settings, self._device, self._plan, compiled=context.machine.compile)
        offload, tile = self._pipes.memory_steps
        self._ladder = Ladder(self._plan.batch, offload=offload, tile=tile)
        self._priors = PriorMaker(self._pipes, self._ladder, settings.size)
        self._caches: dict[str, TextCache] = {}
        self._pools: dict[tuple[Prompt, str, int], list[PoolEntry]] = {}
        self.batch_size = self._plan.batch * _WINDOW if self._plan.batch > 1 else 1
        which = "inpaint" if self._wording.plain is None else "plain"
        self.revision: str | None = model_identity(getattr(settings.models, which), f"{MODELS}.{which}")

    @classmethod
    def from_config(cls, settings: SdxlEdits, context: BackendContext) -> "SdxlEditor":
        """The editor of a config."""
        return cls(settings, context)

    @property
    def on_gpu(self) -> bool:
        """Whether it leaves the CPU free for other work while it edits."""
        return self._device.on_gpu

    def check(self, prompt: Prompt) -> None:
        """Refuse a colour that has no RGB; every other prompt can be tried.

        Raises:
            UnknownPromptError: the message names the word.
        """
        if self._flat(prompt):
            flat_color(prompt)

    def params(self, prompt: Prompt) -> str:
        """Everything of the settings that pictures of this prompt's setting depend on, as JSON."""
        return json.dumps([self._wording.params(prompt), self.models(prompt.attribute)], sort_keys=True)

    def models(self, attribute: str) -> dict[str, str]:
        """Name and revision of the models of edits of an attribute, by their place in the config."""
        used = self._wording.used_models(attribute)
        return {f"{MODELS}.{name}": model_identity(ref, f"{MODELS}.{name}") for name, ref in used.items()}

    def prepare(self, wanted: Iterable[tuple[Prompt, str]]) -> None:
        """Encode the texts of (prompt, class name) at once, so that the encoders are loaded once and let go."""
        texts: dict[str, list[Weighted]] = {}
        for prompt, class_name in wanted:
            wording = self._wording.text(prompt, class_name)
            texts.setdefault(wording.encoders, []).extend([wording.text, plain_text(wording.negative or "")])
        for which, members in texts.items():
            self._cache(which).prepare([*members, plain_text("")])

    def pool(self, prompt: Prompt, class_name: str, seed: int) -> list[PoolEntry]:
        """The prior pictures that edits of a prompt draw from; empty when each edit has its own or needs none."""
        if not self._wording.needs_prior(prompt):
            return []
        key = (prompt, class_name, seed)
        if key not in self._pools:
            revision = model_identity(self._settings.models.prior, f"{MODELS}.prior")
            self._pools[key] = self._wording.pool(prompt, class_name, seed, revision)
        return self._pools[key]

    def make_priors(self, entries: Sequence[PoolEntry]) -> list[Array]:
        """Pictures of entries of one setting's pool, (S, S, 3) uint8, in order."""
        with torch.inference_mode():
            return self._priors.make([entry.job for entry in entries])

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Make one result per request, in order; batches are made of requests of one setting and shape."""
        results: dict[int, EditResult] = {}
        buckets: dict[tuple[Any, ...], list[tuple[int, CanvasEdit]]] = {}
        with torch.inference_mode():
            for number, request in enumerate(requests):
                try:
                    job = self._job(request)
                except UnknownPromptError as error:
                    results[number] = EditResult(EditStatus.UNKNOWN_PROMPT, str(error))
                    continue
                key = (request.prompt.attribute, request.prompt.feasibility, job.canvas.outer, job.guided.length)
                buckets.setdefault(key, []).append((number, job))
            for (name, *_), members in buckets.items():
                made = self._made(name, [job for _, job in members])
                for (number, job), (picture, batch) in zip(members, made, strict=True):
                    results[number] = self._result(requests[number], job, picture, batch)
        return [results[number] for number in range(len(requests))]

    def _made(self, name: str, jobs: list[CanvasEdit]) -> list[tuple[Array, int]]:
        """Canvases, each with the number of pictures in its call."""
        fresh = [job.prior_job for job in jobs if job.prior_job is not None]
        pictures = iter(self._priors.make(fresh))
        ready = [job if job.prior_job is None else replace(job, prior=next(pictures)) for job in jobs]
        settings, pipes = self._settings, self._pipes

        def work(part: Sequence[CanvasEdit]) -> list[tuple[Array, int]]:
            if self._wording.plain is not None:
                made = run_plain(pipes.plain, part, self._wording.plain, settings)
            elif attribute_row(name).region == BACKGROUND:
                made = run_background(pipes, part, settings.speed, size=settings.size)
            else:
                made = run_object(pipes, part, settings.speed)
            return [(picture, len(part)) for picture in made]

        return self._ladder.run(work, ready)

    def _result(self, request: EditRequest, job: CanvasEdit, picture: Array, batch: int) -> EditResult:
        flagged = None if self._checker is None else self._checker.flag(picture)
        marks, step = self._wording.marks, self._ladder.step
        how = MadeWith(batch, self._device.dtype_name, self._device.label, step, marks, flagged)
        if flagged:
            return EditResult(EditStatus.NSFW, "the safety checker flagged the picture", made_with=how)
        everything = np.ones(request.mask.shape, bool)
        if self._wording.plain is not None:
            return EditResult(OK, image=cast(job.canvas.back(picture), "round"), region=everything, made_with=how)
        object_ = request.mask.astype(bool)
        allowed = {BACKGROUND: ~object_, OBJECT: object_}.get(
            attribute_row(request.prompt.attribute).region, everything
        )
        target = None if job.rgb is None else (job.rgb[0] / _ON, job.rgb[1] / _ON, job.rgb[2] / _ON)
        region = everything if job.recipe.whole else allowed
        return EditResult(OK, image=composed(job, picture), region=region, target_rgb=target, made_with=how)

    def _job(self, request: EditRequest) -> CanvasEdit:
        prompt, wording = request.prompt, self._wording
        recipe = wording.recipe(prompt) if wording.plain is None else None
        square = recipe is not None and recipe.letterbox == "square"
        height, width = request.mask.shape
        canvas = SdxlCanvas.of((height, width), self._settings.size, square=square)
        edit_text = wording.text(prompt, request.class_name)
        seeds = recipe.seeds if recipe is not None else ()
        own_prior = wording.needs_prior(prompt) and request.prior is None
        noise = stable_int("own prior", request.seed)
        return CanvasEdit(
            canvas=canvas,
            image=canvas.place(request.image),
            mask=canvas.place_mask(request.mask),
            recipe=recipe,
            guided=self._cache(edit_text.encoders).guided(edit_text.text, edit_text.negative),
            seed=seeds[request.seed % len(seeds)] if seeds else request.seed,
            corner=(stable_int("row", request.seed) / _UNIT, stable_int("column", request.seed) / _UNIT),
            prior=request.prior,
            prior_job=wording.prior_job(prompt, request.class_name, noise) if own_prior else None,
            rgb=flat_color(prompt) if self._flat(prompt) else None,
        )

    def _flat(self, prompt: Prompt) -> bool:
        return COLOR in attribute_row(prompt.attribute).needs and self._wording.plain is None

    def _cache(self, which: str) -> TextCache:
        if which not in self._caches:
            truncate = self._settings.preset == "paper" or self._wording.plain is not None
            self._caches[which] = TextCache(lambda: self._pipes.text_parts(which), truncate=truncate)
        return self._caches[which]

    @cached_property
    def _checker(self) -> SafetyChecker | None:
        ref = self._settings.models.safety_checker
        return None if ref is None else SafetyChecker(ref, self._device)
