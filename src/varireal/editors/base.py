"""What an editor is, and what it may be besides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from varireal.records import Array, EditRequest, EditResult, Prompt


def composite(original: Array, edited: Array, region: Array) -> Array:
    """Take the edited pixels inside the region and the original bytes everywhere else.

    Args:
        original: (H, W, 3) uint8 photo.
        edited: (H, W, 3) uint8 edit.
        region: (H, W) bool, True where the edit may differ.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        ValueError: the shapes or the types do not fit.
    """
    if original.dtype != np.uint8 or edited.dtype != np.uint8:
        raise ValueError(f"photo and edit must be uint8, found {original.dtype} and {edited.dtype}")
    if original.shape != edited.shape or region.shape != original.shape[:2]:
        raise ValueError(f"sizes differ: photo {original.shape}, edit {edited.shape}, region {region.shape}")
    return np.where(region.astype(bool)[..., None], edited, original)


class Editor(Protocol):
    """Puts prompts into photos.

    An editor may also have ``batch_size``, the number of requests that it likes to get together (1 without it),
    ``on_gpu``, true when the CPU is free while it edits, ``close``, which is called at the end of a job, and
    ``attributes``, the names of those that it can make (any without it).

    Attributes:
        name: config name of the backend.
        version: raised whenever the same request would give other bytes, of the picture or of its mask.
        revision: revision of the model behind it, None without a model.
    """

    name: str
    version: int
    revision: str | None

    def check(self, prompt: Prompt) -> None:
        """Refuse a prompt that ``edit`` could not follow, without drawing anything.

        Raises:
            UnknownPromptError: a word of the prompt is unknown; the message names it and the nearest known ones.
        """
        ...

    def edit(self, requests: Sequence[EditRequest]) -> list[EditResult]:
        """Make one result per request, in order; an item that fails is a status, never an exception.

        An editor that moves, covers or replaces the object gives its mask in the edit: ``EditResult.mask``.
        """
        ...


@runtime_checkable
class HasParams(Protocol):
    """An editor whose settings differ by attribute or arm, so that changing one does not make the others again."""

    def params(self, prompt: Prompt) -> str:
        """Everything of its settings that pictures of a prompt depend on, as JSON."""
        ...


@runtime_checkable
class NamesModels(Protocol):
    """An editor that can say which models its pictures come from."""

    def models(self, attribute: str) -> dict[str, str]:
        """Name and revision of the models of edits of an attribute, by their place in the config."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """An editor that does something once for all prompts of a job, before the first edit."""

    def prepare(self, wanted: Iterable[tuple[Prompt, str]]) -> None:
        """Get ready for prompts with the display names of their photos' classes."""
        ...


@dataclass(frozen=True, slots=True)
class PoolEntry:
    """One prior picture of a pool.

    Attributes:
        prior_id: digest of everything that it depends on.
        text: the prompt that it is made from.
        number: which of the prompt's pictures.
        seed: of its noise.
        job: what the editor needs to make it.
    """

    prior_id: str
    text: str
    number: int
    seed: int
    job: Any


@runtime_checkable
class DrawsPriors(Protocol):
    """An editor whose edits start from prior pictures that a study makes once and all photos share."""

    def pool(self, prompt: Prompt, class_name: str, seed: int) -> list[PoolEntry]:
        """The pictures that edits of a prompt draw from, given the study's seed; empty when they draw from none."""
        ...

    def make_priors(self, entries: Sequence[PoolEntry]) -> list[Array]:
        """Pictures of entries of one setting's pool, (S, S, 3) uint8, in order."""
        ...
