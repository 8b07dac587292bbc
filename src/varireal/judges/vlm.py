"""The judge that is a vision-language model of transformers, on this machine.

It takes the probabilities of the first word of an answer from one forward pass over pictures and questions; nothing is
generated. A chat shows the picture before the question, so all questions about a picture share everything up to the
last token of the picture. ``Sharing`` passes that part once per picture and each question's own few tokens after it;
``Plain`` passes every pair of picture and question whole. Both give the same numbers up to rounding.
"""

import inspect
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig
from varireal.config.verdicts import VlmJudging
from varireal.errors import BackendError
from varireal.judges.answers import answer_tokens, from_masses
from varireal.judges.base import Answer, Asked, shown_picture
from varireal.models.catalog import model_identity
from varireal.models.device import Device, Ladder, find_device
from varireal.models.loading import load_processor, load_transformers

logger = logging.getLogger(__name__)

_KEY = "verdicts.vlm.model"
# What a picture with its questions takes beside the weights, in GiB: keys and values of 3,000 tokens (LLaVA-NeXT) and
# of 8 questions after them in a model of 7 billion weights.
_PICTURE_GB, _MOST, _ON_CPU = 3.5, 16, 4
_AT_ONCE = 16
# How far apart both ways may be, in log-probability of yes and of no.
_SAME, _SAME_IN_16_BITS = 0.01, 0.25
# A picture for finding out how a question is told to the model; its content does not matter.
_ANY_PICTURE = Image.fromarray(np.full((64, 64, 3), 128, np.uint8))


@dataclass(frozen=True, slots=True)
class VlmInput:
    """A decoded picture with its questions."""

    picture: Image.Image
    texts: tuple[str, ...]


@dataclass
class Chat:
    """A model with its processor, and what is known of both.

    Attributes:
        model: an image-text-to-text model in eval mode.
        processor: its processor.
        device: where it runs.
        key: place in the config, for messages.
    """

    model: Any
    processor: Any
    device: Device
    key: str
    _suffixes: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokenizer = self.processor.tokenizer
        tokenizer.padding_side = "left"  # the last token of every row is where the answer begins
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        if not getattr(self.processor, "chat_template", None):
            raise BackendError(f"{self.key}: its processor has no chat template; use a model tuned for chat")
        self.yes, self.no = answer_tokens(tokenizer.get_vocab())
        if not self.yes or not self.no:
            raise BackendError(f"{self.key}: its tokenizer has no single token for yes or for no; use another model")
        config = self.model.config
        number = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        self.image_token: int = -1 if number is None else number
        parameters = inspect.signature(self.model.forward).parameters
        self.cache_name = "cache" if "cache" in parameters else "past_key_values"

    def inputs(self, pairs: Sequence[tuple[Image.Image, str]]) -> dict[str, Tensor]:
        """What the model takes for pairs of picture and question, padded on the left, on the CPU."""
        chats = [
            [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": text}]}]
            for picture, text in pairs
        ]
        return dict(
            self.processor.apply_chat_template(
                chats,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                add_generation_prompt=True,
                processor_kwargs={"padding": True},
            )
        )

    def there(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The inputs on the model's device, floats in its number format, with positions that padding does not move."""
        moved = {
            name: value.to(self.device.name, self.device.dtype if value.is_floating_point() else None)
            for name, value in inputs.items()
        }
        # Qwen's family works out its own, in three axes, and remembers what a picture takes less than its tokens
        return moved if self.own_positions else moved | {"position_ids": text_positions(moved["attention_mask"])}

    @property
    def own_positions(self) -> bool:
        """Whether the model works out positions itself."""
        return hasattr(getattr(self.model, "model", None), "rope_deltas")

    def suffix(self, text: str) -> list[int]:
        """Tokens of a question after the last token of its picture; the same whatever the picture is."""
        if text not in self._suffixes:
            ids = self.inputs([(_ANY_PICTURE, text)])["input_ids"][0].tolist()
            self._suffixes[text] = ids[len(ids) - ids[::-1].index(self.image_token) :]
        return self._suffixes[text]

    def masses(self, logits: Tensor) -> list[tuple[float, float]]:
        """Probability of yes and of no for each row of (R, V) logits."""
        log_p = logits.float().log_softmax(-1)
        pair = torch.stack([log_p[:, self.yes].logsumexp(-1), log_p[:, self.no].logsumexp(-1)], -1).exp()
        return [(float(yes), float(no)) for yes, no in pair.cpu()]


class Plain:
    """Every pair of picture and question as a row of its own."""

    def prepare(self, chat: Chat, shown: Sequence[VlmInput]) -> dict[str, Tensor]:
        """Inputs for all pairs."""
        return chat.inputs([(one.picture, text) for one in shown for text in one.texts])

    def run(self, chat: Chat, prepared: dict[str, Tensor], shown: Sequence[VlmInput]) -> list[tuple[float, float]]:  # noqa: ARG002
        """Probability of yes and of no for each pair."""
        logits = chat.model(**chat.there(prepared), use_cache=False, logits_to_keep=1).logits
        return chat.masses(logits[:, -1])


class Sharing:
    """The part up to the picture's end once per picture, then the questions after it."""

    def prepare(self, chat: Chat, shown: Sequence[VlmInput]) -> dict[str, Tensor]:
        """Inputs for each picture with one and the same question, whose tokens are cut off."""
        text = shown[0].texts[0]
        inputs = chat.inputs([(one.picture, text) for one in shown])
        length = inputs["input_ids"].shape[1]
        cut = length - len(chat.suffix(text))
        if not bool(inputs["input_ids"][:, cut - 1].eq(chat.image_token).all()):
            raise ValueError("the pictures do not end where they should")
        rows = len(shown)
        return {name: value[:, :cut] if value.shape[:2] == (rows, length) else value for name, value in inputs.items()}

    def run(self, chat: Chat, prepared: dict[str, Tensor], shown: Sequence[VlmInput]) -> list[tuple[float, float]]:
        """Probability of yes and of no for each pair of picture and question."""
        first = chat.there(prepared)
        before = chat.model(**first, use_cache=True, logits_to_keep=1)
        cache = getattr(before, chat.cache_name)
        suffixes = [chat.suffix(text) for one in shown for text in one.texts]
        device, longest = first["input_ids"].device, max(map(len, suffixes))
        which = torch.tensor([n for n, one in enumerate(shown) for _ in one.texts], device=device)
        cache.batch_select_indices(which)
        ids = torch.zeros(len(suffixes), longest, dtype=torch.long)
        given = torch.zeros_like(ids)
        for row, suffix in enumerate(suffixes):
            ids[row, longest - len(suffix) :] = torch.tensor(suffix)
            given[row, longest - len(suffix) :] = 1
        mask = torch.cat([first["attention_mask"][which], given.to(device)], 1)
        positions = self._positions(chat, mask, which)[..., -longest:]
        after = chat.model(
            input_ids=ids.to(device),
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **{chat.cache_name: cache},
        )
        return chat.masses(after.logits[:, -1])

    @staticmethod
    def _positions(chat: Chat, mask: Tensor, which: Tensor) -> Tensor:
        positions = text_positions(mask)
        if not chat.own_positions:
            return positions
        deltas: Tensor = chat.model.model.rope_deltas.to(positions.device)[which]
        return (positions + deltas)[None].expand(3, -1, -1)


def text_positions(mask: Tensor) -> Tensor:
    """Position of each token among those of (B, L) that are no padding."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)


def same_answers(chat: Chat) -> bool:
    """Whether sharing gives this model's own numbers, tried on two pictures of noise; False also when it cannot run.

    It would not where a chat shows the question before the picture, or where a question changes how a picture is read.
    """
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)) for shape in ((96, 160, 3), (192, 128, 3))]
    shown = [
        VlmInput(noise[0], ("Is this a photo?", "No?")),
        VlmInput(noise[1], ("Is there anything that can be seen?",)),
    ]
    try:
        whole, shared = (np.log(way.run(chat, way.prepare(chat, shown), shown)) for way in (Plain(), Sharing()))
    except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        logger.warning("questions are passed one by one: sharing a picture does not work with this model (%s)", error)
        return False
    allowed = _SAME if chat.device.dtype == torch.float32 else _SAME_IN_16_BITS
    apart = float(np.abs(whole - shared).max())
    if not apart <= allowed:
        logger.warning("questions are passed one by one: sharing a picture changes this model's answers (%.2g)", apart)
    return apart <= allowed


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
            shown = [VlmInput(picture, one.texts) for picture, one in zip(decoded, asked, strict=True)]
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

    def _answers(self, shown: Sequence[VlmInput]) -> list[tuple[Answer, ...]]:
        try:
            return self._ladder.run(self._pass, shown)
        except torch.OutOfMemoryError as error:
            raise BackendError(
                f"{_KEY}: one picture with {len(shown[0].texts)} questions is too much for the GPU's memory; set "
                "verdicts.vlm.quantize to 8bit or 4bit, a smaller long_side, or another model"
            ) from error

    def _pass(self, shown: Sequence[VlmInput]) -> list[tuple[Answer, ...]]:
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
        logger.info("%s on %s in %s", self.model, device.label, device.dtype_name)
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
