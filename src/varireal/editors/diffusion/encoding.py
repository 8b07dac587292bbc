"""Text embeddings of SDXL and of Stable Diffusion 1/2: encoded once per text, kept, and the encoders let go.

Prompts are templates filled with data, whose parts have weights. They are not written in a weighting syntax and parsed
again: a class called ``C++`` or a description with brackets keeps its meaning. Only the published recipes, which are
to be reproduced, are read by compel's parser.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from varireal.config.edits import MaskedRecipe, PriorRecipe
from varireal.records import Prompt

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Weighted:
    """A text whose parts have weights.

    Attributes:
        parts: (text, weight) in order; a weight of 1 is an ordinary part.
        pooled: what the pooled embedding reads; the published one reads the weighting syntax as text.
        parsed: ``pooled`` is in compel's syntax, and its parser says which parts there are.
    """

    parts: tuple[tuple[str, float], ...]
    pooled: str
    parsed: bool = False

    @property
    def plain(self) -> str:
        """The text alone."""
        return " ".join(text for text, _ in self.parts)


def plain_text(text: str) -> Weighted:
    """A text without weights."""
    return Weighted(((text, 1.0),), text)


def edit_text(recipe: MaskedRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool) -> Weighted:
    """The prompt of an edit.

    Args:
        recipe: its template and weight.
        prompt: what to put in.
        class_name: display name of the photo's class.
        noun: what all classes are; it stands before the class, as published.
        weights: whether the name of the prompt is weighted.
    """
    return _filled(recipe.template, recipe, prompt, class_name=class_name, noun=noun, weights=weights)


def prior_text(
    recipe: MaskedRecipe, prior: PriorRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool
) -> Weighted:
    """The prompt of a prior picture; its name is weighted where the prior's recipe says so as well."""
    weights = weights and prior.weighted
    return _filled(prior.template, recipe, prompt, class_name=class_name, noun=noun, weights=weights)


def _filled(
    template: str, recipe: MaskedRecipe, prompt: Prompt, *, class_name: str, noun: str, weights: bool
) -> Weighted:
    weight = recipe.weight if weights else 1.0
    name = (prompt.name, weight)
    after = [(f": {prompt.description}", 1.0)] if prompt.description else []
    values: Mapping[str, list[tuple[str, float]]] = {
        "class": [(f"{noun} {class_name}".strip(), 1.0)],
        "bare_class": [(class_name, 1.0)],
        "name": [(prompt.name, 1.0)],
        "marked_name": [name],
        "prompt": [name, *after],
    }
    parts: list[tuple[str, float]] = []
    for number, piece in enumerate(_FIELD.split(template)):
        parts += values[piece] if number % 2 else [(piece, 1.0)]
    merged = _merged(parts)
    parsed = recipe.compel_syntax and weights
    pooled = "".join(_marked(*part) if part[1] != 1.0 and parsed else part[0] for part in merged)
    return Weighted(tuple((text.strip(), value) for text, value in merged if text.strip()), pooled, parsed)


def _marked(text: str, weight: float) -> str:
    return f"({text}){weight:g}"


def _merged(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of the same weight as one part: the text encoder sees the same tokens, and fewer joints."""
    merged: list[tuple[str, float]] = []
    for text, weight in parts:
        if merged and merged[-1][1] == weight == 1.0:
            merged[-1] = (merged[-1][0] + text, weight)
        elif text:
            merged.append((text, weight))
    return merged


# its import takes seconds: it waits for the first text
if find_spec("compel") is None:
    raise ImportError("No module named 'compel'", name="compel")

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text as the denoiser reads it.

    Attributes:
        embeds: (1, T, D); T is 77, or a multiple of it for long texts.
        pooled: (1, P); None for Stable Diffusion 1/2.
    """

    embeds: Tensor
    pooled: Tensor | None


@dataclass(frozen=True, slots=True)
class Guided:
    """A text and what guidance leads away from, of equal length."""

    positive: Encoded
    negative: Encoded

    @property
    def length(self) -> int:
        """Tokens; only texts of one length go into one batch, because padding is not neutral."""
        return self.positive.embeds.shape[1]


class TextCache:
    """Encodes texts with a pipeline's encoders, which are loaded when something is not known yet.

    Args:
        load: gives an object with ``tokenizer``, ``text_encoder`` and, for SDXL, ``tokenizer_2``, ``text_encoder_2``.
        truncate: cut at 77 tokens, as published; else long texts are read in chunks.
        zeros: SDXL's unconditional embedding when no negative prompt is used: zeros.
    """

    def __init__(self, load: Callable[[], Any], *, truncate: bool, zeros: bool = True) -> None:
        self._load, self._truncate, self._zeros = load, truncate, zeros
        self._known: dict[Weighted, Encoded] = {}

    def prepare(self, texts: Iterable[Weighted]) -> None:
        """Encode what is not known yet, and let the encoders go."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        if not missing:
            return
        encoder = _Encoder(self._load(), truncate=self._truncate)
        for text in missing:
            encoded = encoder.encode(text)
            pooled = None if encoded.pooled is None else encoded.pooled.cpu()
            self._known[text] = Encoded(encoded.embeds.cpu(), pooled)

    def guided(self, text: Weighted, negative: str | None) -> Guided:
        """Embeddings of a text and of its negative prompt; None means that no negative prompt is used."""
        away = plain_text(negative or "")
        empty = plain_text("")
        self.prepare([text, away, empty])
        positive, other = self._known[text], self._known[away]
        if negative is None and self._zeros and positive.pooled is not None:
            return Guided(positive, Encoded(torch.zeros_like(positive.embeds), torch.zeros_like(positive.pooled)))
        length = max(positive.embeds.shape[1], other.embeds.shape[1])
        filler = self._known[empty].embeds
        return Guided(_padded(positive, length, filler), _padded(other, length, filler))


def _padded(text: Encoded, length: int, filler: Tensor) -> Encoded:
    """A text with chunks of the empty text behind it, as compel pads."""
    chunks = (length - text.embeds.shape[1]) // filler.shape[1]
    return Encoded(torch.cat([text.embeds, *[filler] * chunks], dim=1), text.pooled) if chunks else text


def _flattened(text: Weighted) -> Any:
    """The parts of a text in compel's own class; of a parsed one, those that its parser finds.

    Blends, swaps and conjunctions are no weights: a text that happens to hold one is taken by its own parts.
    """
    from compel import Compel
    from compel.prompt_parser import FlattenedPrompt, Fragment

    if text.parsed:
        first, *more = Compel.parse_prompt_string(text.pooled).prompts
        weights_only = isinstance(first, FlattenedPrompt) and all(
            isinstance(part, Fragment) for part in first.children
        )
        if weights_only and not more:
            return first
    return FlattenedPrompt(list(text.parts) or [("", 1.0)])


class _Encoder:
    def __init__(self, parts: Any, *, truncate: bool) -> None:
        from compel import Compel, ReturnedEmbeddingsType

        second = getattr(parts, "text_encoder_2", None)
        kind = (
            ReturnedEmbeddingsType.LAST_HIDDEN_STATES_NORMALIZED
            if second is None
            else ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED
        )
        common = {"truncate_long_prompts": truncate, "returned_embeddings_type": kind}
        self._compels = [Compel(tokenizer=parts.tokenizer, text_encoder=parts.text_encoder, **common)]
        self._pooled = second is not None
        if second is not None:
            self._compels.append(Compel(tokenizer=parts.tokenizer_2, text_encoder=second, **common))

    @torch.inference_mode()
    def encode(self, text: Weighted) -> Encoded:
        prompt = _flattened(text)
        embeds = [compel.build_conditioning_tensor_for_prompt_object(prompt)[0][0] for compel in self._compels]
        embeds = [one if one.ndim == 3 else one[None] for one in embeds]
        pooled = None
        if self._pooled:
            last = self._compels[-1]
            pooled = last.conditioning_provider.get_pooled_embeddings([text.pooled], device=last.device)
        return Encoded(torch.cat(embeds, dim=-1), pooled)
