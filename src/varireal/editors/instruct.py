"""Editing by a model that follows an instruction: one image-editing pipeline of diffusers, chosen by its folder."""

import gc
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image

from varireal.backends import BackendContext
from varireal.config.edits import EditInstructions, InstructEdits
from varireal.editors.frame import InstructionTexts, Letterbox, may_change, settled, target_rgb, working_shape
from varireal.editors.instruct_models import KEY, Kind, Model, find_kind, fitting
from varireal.errors import BackendError
from varireal.models.catalog import model_identity
from varireal.models.device import Device, Ladder, find_device, quiet
from varireal.names import OK, EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith, Prompt

logger = logging.getLogger(__name__)

Tensor = torch.Tensor

# Encoding is done for this many texts ahead. One takes 4 MB (FLUX Kontext) to 12 MB (FLUX.2 klein 9B) in 16 bits, and
# loading the encoders again after as many edits costs little.
_AHEAD = 512


class TextBook:
    """Keeps what ``encode_prompt`` gives for the texts of the next edits; the encoders are let go before the first.

    Args:
        load: gives a pipeline of the text encoders.
        count: how many of the values of ``encode_prompt`` are wanted, from the first.
        device: where texts are encoded.
        always: texts that every edit needs.
        ahead: how many texts are kept besides these.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        count: int,
        device: Device,
        *,
        always: Sequence[str] = (),
        ahead: int = _AHEAD,
    ) -> None:
        self._load, self._count, self._device, self._always, self._ahead = load, count, device, always, ahead
        self._order: dict[str, int] = {}
        self._known: dict[str, tuple[Tensor, ...]] = {}

    def expect(self, texts: Iterable[str]) -> None:
        """Encode the first of the texts that are to come, in their order."""
        listed = list(texts)
        for text in listed:
            self._order.setdefault(text, len(self._order))
        if listed and listed[0] not in self._known:
            self._turn_to(listed[:1])

    def embeddings(self, texts: Sequence[str]) -> list[Tensor]:
        """The values of ``encode_prompt`` for texts, stacked, on the CPU."""
        if not all(text in self._known for text in texts):
            self._turn_to(list(dict.fromkeys(texts)))
        return [torch.cat([self._known[text][number] for text in texts]) for number in range(self._count)]

    def _turn_to(self, texts: list[str]) -> None:
        """Encode these texts and those that come after them; forget the others."""
        for text in texts:
            self._order.setdefault(text, len(self._order))
        start = min(self._order[text] for text in texts)
        after = [text for text, place in self._order.items() if place >= start and text not in texts]
        wanted = list(dict.fromkeys([*self._always, *texts, *after[: max(0, self._ahead - len(texts))]]))
        self._known = {text: self._known[text] for text in wanted if text in self._known}
        missing = [text for text in wanted if text not in self._known]
        self._known |= zip(missing, self._encoded(missing), strict=True)
        logger.info("encoded %d instructions", len(missing))

    def _encoded(self, texts: Sequence[str]) -> list[tuple[Tensor, ...]]:
        encoders = self._load()
        embeddings = None
        try:
            embeddings = _encode(encoders.to(self._device.name), texts, self._device.name, self._count)
        except torch.OutOfMemoryError:
            if not self._device.on_gpu:
                raise
            logger.warning("the text encoders do not fit onto the GPU; encoding %d texts on the CPU", len(texts))
        if embeddings is None:  # outside of the handler: the error's traceback keeps tensors alive
            embeddings = _encode(encoders.to("cpu"), texts, "cpu", self._count)
        del encoders
        gc.collect()
        if self._device.on_gpu:
            torch.cuda.empty_cache()
        return embeddings


@torch.inference_mode()
def _encode(pipe: Any, texts: Sequence[str], device: str, count: int) -> list[tuple[Tensor, ...]]:
    """One text at a time, so that no text's embedding depends on the others."""
    return [
        tuple(value.cpu() for value in pipe.encode_prompt(prompt=text, device=torch.device(device))[:count])
        for text in texts
    ]


_SEEDS = 1 << 63
_WINDOW = 4  # batches that the stage hands over at once, so that photos of one shape fill them
# What an empty negative prompt is for Qwen-Image, which guides only where there is one.
_NOTHING = " "


@dataclass(frozen=True, slots=True)
class FramedEdit:
    """One edit on the picture that the model sees.

    Attributes:
        frame: where the photo lies.
        image: (h, w, 3) uint8.
        region: (h, w) bool, what may change.
        text: the instruction.
        seed: of its noise.
    """

    frame: Letterbox
    image: Array
    region: Array
    text: str
    seed: int


class InstructEditor:
    """Edits by instruction, and puts what must not change back.

    Args:
        settings: the block ``edits.instruct``.
        context: noun and machine.
    """

    name = "instruct"
    version = 1

    def __init__(self, settings: InstructEdits, context: BackendContext) -> None:
        quiet()
        self._settings, self._machine = settings, context.machine
        self._wording = InstructionTexts(settings, context.noun)
        self._device = find_device(context.machine)

    @classmethod
    def from_config(cls, settings: InstructEdits, context: BackendContext) -> "InstructEditor":
        """The editor of a config; nothing is loaded before the first edit."""
        return cls(settings, context)

    @cached_property
    def revision(self) -> str | None:
        """Which weights; asking for it loads no model.

        Raises:
            BackendError: a local model is not there.
        """
        return model_identity(self._settings.model, KEY)

    @property
    def batch_size(self) -> int:
        """Requests that it likes to get together."""
        return self._ladder.batch * _WINDOW if self._ladder.batch > 1 else 1

    @property
    def on_gpu(self) -> bool:
        """Whether it leaves the CPU free for other work while it edits."""
        return self._device.on_gpu

    def check(self, prompt: Prompt) -> None:
        """Every prompt can be tried: the model reads plain words."""

    def params(self, prompt: Prompt) -> str:
        """Everything of the settings that pictures of a prompt depend on, as JSON; ``revision`` tells the model."""
        shared = self._settings.for_keys(exclude={*EditInstructions.model_fields, "model"})
        return self._wording.params(prompt, shared)

    def models(self, attribute: str) -> dict[str, str]:  # noqa: ARG002 - one model makes all
        """Name and revision of the model of edits of an attribute, by its place in the config."""
        return {KEY: self.revision or ""}

    def prepare(self, wanted: Iterable[tuple[Prompt, str]]) -> None:
        """Get ready for (prompt, class name): encode their instructions while the GPU is still empty.

        Raises:
            BackendError: the model cannot be used.
        """
        if self._kind.texts:
            self._texts.expect(self._wording.text(prompt, class_name) for prompt, class_name in wanted)

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Make one result per request, in order; photos of one shape share a call where the pipeline can.

        Raises:
            BackendError: the model cannot be loaded, or one photo alone is too much for the memory.
        """
        results: dict[int, EditResult] = {}
        buckets: dict[tuple[int, int], list[tuple[int, FramedEdit]]] = {}
        for number, request in enumerate(requests):
            if not request.mask.any():
                results[number] = EditResult(EditStatus.NO_MASK, "the mask is empty")
                continue
            job = self._job(request)
            buckets.setdefault(job.frame.outer, []).append((number, job))
        for members in buckets.values():
            made = self._made([job for _, job in members])
            for (number, job), (picture, batch) in zip(members, made, strict=True):
                results[number] = self._result(requests[number], job, picture, batch)
        return [results[number] for number in range(len(requests))]

    def _made(self, jobs: Sequence[FramedEdit]) -> list[tuple[Array, int]]:
        """Pictures in 0..1, each with the number of photos in its call."""
        pipe = self._model.pipe

        def work(part: Sequence[FramedEdit]) -> list[tuple[Array, int]]:
            with torch.inference_mode():
                made = pipe(**self._arguments(part)).images
            return [(np.asarray(picture, np.float32), len(part)) for picture in made]

        try:
            return self._ladder.run(work, jobs)
        except torch.OutOfMemoryError as error:
            raise BackendError(
                f"{KEY}: one photo at {self._settings.size} is too much for the GPU's memory, even with all but one "
                "model waiting outside; set edits.instruct.size lower, or use a smaller model"
            ) from error

    def _arguments(self, jobs: Sequence[FramedEdit]) -> dict[str, Any]:
        """Arguments of a call of the pipeline."""
        kind, settings = self._kind, self._settings
        height, width = jobs[0].frame.outer
        together = kind.together
        pictures = [Image.fromarray(job.image) for job in jobs]
        arguments: dict[str, Any] = {
            "image": pictures if together else pictures[0],
            "num_inference_steps": settings.steps,
            "generator": [torch.Generator("cpu").manual_seed(job.seed % _SEEDS) for job in jobs],
            "output_type": "np",
            **self._told([job.text for job in jobs]),
        }
        if kind.guidance:
            arguments[kind.guidance] = settings.guidance
        if kind.shaped:
            arguments |= {"height": height, "width": width}
        if kind.area:
            arguments |= {"max_area": height * width, "_auto_resize": False}
        if kind.masked:
            arguments["mask_image"] = [Image.fromarray(job.region.astype(np.uint8) * 255) for job in jobs]
            arguments["strength"] = settings.strength
        return arguments

    def _told(self, texts: list[str]) -> dict[str, Any]:
        """What a call is told to do, and what it is led away from."""
        kind, guided = self._kind, self._settings.guidance > 1
        if not kind.texts:
            negative = [self._settings.negative or _NOTHING] * len(texts) if guided else None
            return {"prompt": texts, "negative_prompt": negative}
        embeddings = dict(zip(kind.texts, self._texts.embeddings(texts), strict=True))
        if guided and kind.negative == "embeddings":
            away = self._texts.embeddings([self._settings.negative] * len(texts))
            embeddings |= {f"negative_{name}": value for name, value in zip(kind.texts, away, strict=True)}
        device = self._model.pipe._execution_device
        return {name: value.to(device) for name, value in embeddings.items()}

    def _result(self, request: EditRequest, job: FramedEdit, picture: Array, batch: int) -> EditResult:
        marks = ("step_cache:first_block",) if self._settings.step_cache else ()
        how = MadeWith(batch, self._device.dtype_name, self._device.label, self._ladder.step, marks)
        if not np.isfinite(picture).all():
            reason = f"the model's picture holds numbers that are none; it overflows in {self._device.dtype_name}"
            return EditResult(EditStatus.FAILED, reason, made_with=how)
        made = job.frame.back(np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8))
        attribute, mask = request.prompt.attribute, request.mask.astype(bool)
        return EditResult(
            OK,
            image=settled(request.image, mask, attribute, made),
            region=may_change(mask, attribute),
            target_rgb=target_rgb(request.prompt),
            made_with=how,
        )

    def _job(self, request: EditRequest) -> FramedEdit:
        height, width = request.mask.shape
        kind, mask = self._kind, request.mask.astype(bool)
        outer = working_shape((height, width), self._settings.size, kind.multiple, exact=not kind.fixed)
        frame = Letterbox.fitted((height, width), outer)
        region = frame.place_region(may_change(mask, request.prompt.attribute))
        text = self._wording.text(request.prompt, request.class_name)
        return FramedEdit(frame, frame.place(request.image), region, text, request.seed)

    @cached_property
    def _kind(self) -> Kind:
        return find_kind(self._settings)

    @cached_property
    def _model(self) -> Model:
        return Model(self._settings, self._kind, self._device, compiled=self._machine.compile)

    @cached_property
    def _texts(self) -> TextBook:
        always = [self._settings.negative] if self._kind.negative == "embeddings" else []
        return TextBook(self._model.encoding, len(self._kind.texts), self._device, always=always)

    @cached_property
    def _ladder(self) -> Ladder:
        # the cache decides for a whole batch at once, so each photo has to be alone to be the same in every batch
        alone = not self._kind.together or self._settings.step_cache
        batch = 1 if alone else self._machine.batch_size or fitting(self._model.weights, self._device.memory_gb)
        offload, tile = self._model.memory_steps
        return Ladder(batch, offload=offload, tile=tile)
