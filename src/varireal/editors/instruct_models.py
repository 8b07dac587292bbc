"""Loading an editing pipeline once per job, and where its parts lie when the GPU is too small for all of them."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

import diffusers
import torch

from varireal.config.instruct import InstructEdits
from varireal.editors.instruct_kinds import KEY, Kind
from varireal.models.device import Device
from varireal.models.loading_diffusers import load_part

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
            self._device.told,
            sum(self.weights.values()) / _GIB,
            where,
        )
