"""The judge that is a vision-language model of transformers, on this machine."""

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import torch

from varireal.config.judging import VlmJudging
from varireal.config.machine import BackendContext, MachineConfig
from varireal.errors import BackendError
from varireal.judges.base import Answer, Asked
from varireal.judges.forward import Chat, Plain, Sharing, Shown, same_answers
from varireal.judges.pictures import shown_picture
from varireal.judges.reading import from_masses
from varireal.models.device import Device, find_device
from varireal.models.identity import model_identity
from varireal.models.loading import load_processor, load_transformers
from varireal.models.memory import Ladder

logger = logging.getLogger(__name__)

_KEY = "verdicts.vlm.model"
# What a picture with its questions takes beside the weights, in GiB: keys and values of 3,000 tokens (LLaVA-NeXT) and
# of 8 questions after them in a model of 7 billion weights.
_PICTURE_GB, _MOST, _ON_CPU = 3.5, 16, 4
_AT_ONCE = 16


class VlmJudge:
    """Answers questions about pictures with the probability of yes as the first word.

    Args:
        settings: the model.
        machine: what it runs on.
    """

    name = "vlm"
    version = 1
    pictures = _AT_ONCE

    def __init__(self, settings: VlmJudging, machine: MachineConfig) -> None:
        self._settings, self._machine = settings, machine
        self.model = settings.model.id
        self.identity = json.dumps([settings.quantize, settings.long_side, *settings.later_for_keys()])

    @classmethod
    def from_config(cls, settings: VlmJudging, context: BackendContext) -> "VlmJudge":
        """The judge of a study; nothing is loaded before the first question."""
        return cls(settings, context.machine)

    @cached_property
    def revision(self) -> str | None:
        """Which weights; asking for it loads no model."""
        return model_identity(self._settings.model, _KEY)

    def ask(self, asked: Sequence[Asked]) -> Iterator[tuple[Answer, ...]]:
        """Yield the answers about each picture; see ``AskedJudge.ask``.

        Raises:
            BackendError: the model cannot be loaded, or one picture alone is too much for the memory.
        """
        with ThreadPoolExecutor(2) as pool:
            decoded = pool.map(lambda one: shown_picture(one.picture, self._settings.long_side), asked)
            shown = [Shown(picture, one.texts) for picture, one in zip(decoded, asked, strict=True)]
        size = max(1, self._ladder.batch)
        for start in range(0, len(shown), size):
            yield from self._answers(shown[start : start + size])

    @property
    def news(self) -> tuple[str, ...]:
        """Nothing: a model of one's own costs no money."""
        return ()

    def close(self) -> None:
        """Let go of the model."""
        self.__dict__.pop("_chat", None)
        self.__dict__.pop("_way", None)

    def _answers(self, shown: Sequence[Shown]) -> list[tuple[Answer, ...]]:
        try:
            return self._ladder.run(self._pass, shown)
        except torch.OutOfMemoryError as error:
            raise BackendError(
                f"{_KEY}: one picture with {len(shown[0].texts)} questions is too much for the GPU's memory; set "
                "verdicts.vlm.quantize to 8bit or 4bit, a smaller long_side, or another model"
            ) from error

    def _pass(self, shown: Sequence[Shown]) -> list[tuple[Answer, ...]]:
        with torch.inference_mode():
            masses = self._way.run(self._chat, self._way.prepare(self._chat, shown), shown)
        answers = iter([from_masses(yes, no) for yes, no in masses])
        return [tuple(next(answers) for _ in one.texts) for one in shown]

    @cached_property
    def _chat(self) -> Chat:
        device = find_device(self._machine)
        quantized = self._quantized(device)
        from transformers import AutoModelForImageTextToText, AutoProcessor

        processor = load_processor(AutoProcessor, self._settings.model, _KEY)
        model = load_transformers(AutoModelForImageTextToText, self._settings.model, _KEY, device=device, **quantized)
        logger.info("%s on %s in %s", self.model, device.told, device.dtype_name)
        return Chat(model, processor, device, _KEY)

    def _quantized(self, device: Device) -> dict[str, Any]:
        bits = self._settings.quantize
        if bits == "none":
            return {}
        if not device.on_gpu:
            raise BackendError(f"verdicts.vlm.quantize is '{bits}', which needs a GPU; use none")
        if find_spec("bitsandbytes") is None:
            raise BackendError(
                f"verdicts.vlm.quantize is '{bits}', which needs bitsandbytes; run: pip install bitsandbytes"
            )
        from transformers import BitsAndBytesConfig

        config = BitsAndBytesConfig(
            load_in_8bit=bits == "8bit", load_in_4bit=bits == "4bit", bnb_4bit_compute_dtype=device.dtype
        )
        return {"quantization_config": config, "device_map": {"": device.name}}

    @cached_property
    def _way(self) -> Plain | Sharing:
        """How questions are passed: sharing what they have in common, where that gives the same numbers."""
        with torch.inference_mode():
            return Sharing() if same_answers(self._chat) else Plain()

    @cached_property
    def _ladder(self) -> Ladder:
        return Ladder(self._machine.batch_size or self._fitting(), offload=None, tile=None)

    def _fitting(self) -> int:
        device = self._chat.device
        if not device.on_gpu:
            return _ON_CPU
        free = 0.9 * device.memory_gb - self._chat.model.get_memory_footprint() / (1 << 30)
        return max(1, min(_MOST, int(free / _PICTURE_GB)))
