"""Embeddings of instructions: encoded once per text, by encoders that are let go before the first edit."""

import gc
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from varireal.models.device import Device

logger = logging.getLogger(__name__)

Tensor = torch.Tensor

# Encoding is done for this many texts ahead. One takes 4 MB (FLUX Kontext) to 12 MB (FLUX.2 klein 9B) in 16 bits, and
# loading the encoders again after as many edits costs little.
_AHEAD = 512


class TextBook:
    """Keeps what ``encode_prompt`` gives for the texts of the next edits.

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
        found = None
        try:
            found = _encode(encoders.to(self._device.name), texts, self._device.name, self._count)
        except torch.OutOfMemoryError:
            if not self._device.on_gpu:
                raise
            logger.warning("the text encoders do not fit onto the GPU; encoding %d texts on the CPU", len(texts))
        if found is None:  # outside of the handler: the error's traceback keeps tensors alive
            found = _encode(encoders.to("cpu"), texts, "cpu", self._count)
        del encoders
        gc.collect()
        if self._device.on_gpu:
            torch.cuda.empty_cache()
        return found


@torch.inference_mode()
def _encode(pipe: Any, texts: Sequence[str], device: str, count: int) -> list[tuple[Tensor, ...]]:
    """One text at a time, so that no text's embedding depends on the others."""
    return [
        tuple(value.cpu() for value in pipe.encode_prompt(prompt=text, device=torch.device(device))[:count])
        for text in texts
    ]
