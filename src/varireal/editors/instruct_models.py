"""Loading an editing pipeline once per job, and where its parts lie when the GPU is too small for all of them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import diffusers
import torch

from varireal.config.edits import InstructEdits
from varireal.errors import BackendError
from varireal.models.device import Device
from varireal.models.loading import load_part, pipeline_class

KEY = "edits.instruct.model"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a pipeline of diffusers is called; ``KINDS`` has all that are supported.

    Attributes:
        name: its class.
        multiple: of what both sides of a picture are multiples.
        sizes: the least and the most of ``edits.instruct.size``.
        guidance: argument of the guidance; empty where it has none.
        negative: how it gets the negative prompt: as a text, as embeddings, or not at all (models whose guidance is
            distilled into the weights).
        texts: arguments that replace the prompt, in the order in which ``encode_prompt`` gives them; empty where the
            text encoder sees the photo too, so that each edit has a text of its own.
        encoders: components that read the instruction, when they are needed for ``encode_prompt`` alone.
        reader: class whose ``encode_prompt`` reads the instruction where its own cannot do without a transformer.
        together: whether one call edits several photos; where it cannot, a list of photos means one edit that sees
            all of them.
        shaped: whether a call is told height and width.
        area: whether it is told the area as well, because it would scale to its own.
        masked: whether it sees what may change, and has a strength.
        step_cache: whether FirstBlockCache works with it; FLUX Kontext opens no cache context, and the blocks of
            FLUX.2 klein give a list where the cache expects a tensor (diffusers 0.42).
        inpaint: class of the variant that sees what may change; empty where there is none.
    """

    name: str
    multiple: int = 16
    sizes: tuple[int, int] = (64, 2048)
    guidance: str = "guidance_scale"
    negative: Literal["", "text", "embeddings"] = ""
    texts: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    reader: str = ""
    together: bool = True
    shaped: bool = True
    area: bool = False
    masked: bool = False
    step_cache: bool = False
    inpaint: str = ""

    @property
    def fixed(self) -> bool:
        """Whether it edits at one size only."""
        return self.sizes[0] == self.sizes[1]


_KONTEXT = Kind(
    "FluxKontextPipeline",
    texts=("prompt_embeds", "pooled_prompt_embeds"),
    encoders=("text_encoder", "text_encoder_2"),
    area=True,
    inpaint="FluxKontextInpaintPipeline",
)
# It shows the model no more than 1024 x 1024 pixels of the photo, and refuses a side below 64.
_KLEIN = Kind(
    "Flux2KleinPipeline",
    sizes=(128, 1024),
    negative="embeddings",
    texts=("prompt_embeds",),
    encoders=("text_encoder",),
    together=False,
    inpaint="Flux2KleinInpaintPipeline",
)
_QWEN = Kind(
    "QwenImageEditPipeline",
    multiple=32,
    sizes=(1024, 1024),
    guidance="true_cfg_scale",
    negative="text",
    shaped=False,
    step_cache=True,
    inpaint="QwenImageEditInpaintPipeline",
)
KINDS = {
    kind.name: kind
    for kind in (
        _KONTEXT,
        replace(_KONTEXT, name=_KONTEXT.inpaint, masked=True),
        _KLEIN,
        replace(_KLEIN, name=_KLEIN.inpaint, masked=True, together=True),
        # made for four steps without guidance; it reads the photo once and remembers it
        replace(_KLEIN, name="Flux2KleinKVPipeline", guidance="", negative="", inpaint="", reader=_KLEIN.name),
        _QWEN,
        replace(_QWEN, name=_QWEN.inpaint, masked=True),
        replace(_QWEN, name="QwenImageEditPlusPipeline", together=False, inpaint=""),
    )
}


def find_kind(settings: InstructEdits) -> Kind:
    """How the configured model is called; only its index is read.

    Raises:
        BackendError: there is no such model, it is of another class, or cannot do what the config asks of it.
    """
    name = pipeline_class(settings.model, KEY)
    kind = KINDS.get(name)
    if kind is None:
        raise BackendError(
            f"{KEY}: {settings.model.id!r} is a {name}, which is not supported; expected one of {', '.join(KINDS)}"
        )
    if settings.inpaint and not kind.masked:
        if not kind.inpaint:
            raise BackendError(f"edits.instruct.inpaint: {name} has no inpainting variant; set it to false")
        kind = KINDS[kind.inpaint]
    least, most = kind.sizes
    if not least <= settings.size <= most:
        wanted = f"at {least} only" if kind.fixed else f"from {least} to {most}"
        raise BackendError(f"edits.instruct.size: {kind.name} edits {wanted}, found {settings.size}")
    if settings.step_cache and not kind.step_cache:
        able = ", ".join(each.name for each in KINDS.values() if each.step_cache)
        raise BackendError(f"edits.instruct.step_cache: {kind.name} has no step cache; set it to false, or use {able}")
    return kind


logger = logging.getLogger(__name__)

_GIB = 1 << 30
# What one photo of 1024 x 1024 takes beside the weights: two times 4,096 tokens, of the photo and of the picture, in
# a transformer of 12 to 20 billion weights in 16 bits, and decoding by the VAE. Planned, not measured on a card.
_PICTURE_GB = 5.0
_MOST = 8
_SHARE = 0.92  # of the memory; the rest is the driver's, and lost between blocks
_NOT_READING = ("transformer", "vae")

WHOLE, MODELS, LAYERS = "whole", "models", "layers"


def placement(weights: dict[str, int], memory_gb: float) -> str:
    """Where the parts of a pipeline lie: all on the GPU, one model at a time, or one layer at a time.

    Args:
        weights: bytes by part.
        memory_gb: of the GPU in GiB; 0 without one.
    """
    room = (_SHARE * memory_gb - _PICTURE_GB) * _GIB
    if not memory_gb or sum(weights.values()) <= room:
        return WHOLE
    return MODELS if max(weights.values()) <= room else LAYERS


def fitting(weights: dict[str, int], memory_gb: float) -> int:
    """Photos in one call: as many as fit beside the weights; one on the CPU."""
    if not memory_gb:
        return 1
    lying = sum(weights.values()) if placement(weights, memory_gb) == WHOLE else max(weights.values())
    return max(1, min(_MOST, int((_SHARE * memory_gb - lying / _GIB) / _PICTURE_GB)))


class Model:
    """A pipeline that is loaded when it is first used.

    Args:
        settings: which model.
        kind: how it is called.
        device: where it runs.
        compiled: whether its transformer is compiled.
    """

    def __init__(self, settings: InstructEdits, kind: Kind, device: Device, *, compiled: bool = False) -> None:
        self._settings, self._kind, self._device, self._compiled = settings, kind, device, compiled

    @cached_property
    def pipe(self) -> Any:
        """The pipeline, ready to be called; without text encoders where instructions are encoded apart."""
        pipe = self._load(self._kind.name, **dict.fromkeys(self._kind.encoders))
        pipe.set_progress_bar_config(disable=True)
        if self._compiled:
            pipe.transformer.compile_repeated_blocks()
        if self._settings.step_cache:
            pipe.transformer.enable_cache(diffusers.FirstBlockCacheConfig())
        self._place(pipe)
        return pipe

    def encoding(self) -> Any:
        """A pipeline of its text encoders alone; to be let go when the instructions are encoded."""
        return self._load(self._kind.reader or self._kind.name, **dict.fromkeys(_NOT_READING))

    @cached_property
    def weights(self) -> dict[str, int]:
        """Bytes by part of the pipeline."""
        parts = {name: part for name, part in self.pipe.components.items() if isinstance(part, torch.nn.Module)}
        return {name: sum(p.numel() * p.element_size() for p in part.parameters()) for name, part in parts.items()}

    @property
    def memory_steps(self) -> tuple[Callable[[], None] | None, Callable[[], None]]:
        """What can still be done when memory runs short: offload, tile."""
        could = self._device.on_gpu and placement(self.weights, self._device.memory_gb) == WHOLE
        return (self.pipe.enable_model_cpu_offload if could else None), self.pipe.vae.enable_tiling

    def _load(self, name: str, **parts: None) -> Any:
        return load_part(getattr(diffusers, name), self._settings.model, KEY, dtype=self._device.dtype, **parts)

    def _place(self, pipe: Any) -> None:
        self.__dict__["pipe"] = pipe  # ``weights`` looks at it
        where = placement(self.weights, self._device.memory_gb)
        if where == WHOLE:
            pipe.to(self._device.name)
        elif where == MODELS:
            pipe.enable_model_cpu_offload()
        else:
            pipe.enable_group_offload(
                onload_device=torch.device(self._device.name), offload_type="leaf_level", use_stream=True
            )
        logger.info(
            "loaded %s on %s, %.1f GiB of weights, %s at a time",
            self._kind.name,
            self._device.label,
            sum(self.weights.values()) / _GIB,
            where,
        )
