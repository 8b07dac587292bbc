"""What an editor is, what it may be besides, and asking one: every failure is a result, every answer is looked at."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from varireal import names
from varireal.attributes import problem_text
from varireal.core.files import one_line
from varireal.core.registry import blame
from varireal.errors import VariRealError
from varireal.names import EditStatus
from varireal.records import Array, EditRequest, EditResult, MadeWith, Prompt
from varireal.running.logs import tell_failure
from varireal.running.stopping import StoppedError


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


logger = logging.getLogger(__name__)

Answered = tuple[EditResult, int]  # with the number of requests that the editor was given at once


def answers(editor: Editor, requests: list[EditRequest]) -> list[Answered]:
    """What an editor makes of requests, one result each; a bug of it on one item ends as a failed item.

    Raises:
        VariRealError: a model or server cannot be used, which is no fault of an item.
        StoppedError: a signal has come; ``done`` are the results that there are, by the request's number.
    """
    if not requests:
        return []
    try:
        given = list(editor.edit(requests))
    except VariRealError:
        raise
    except StoppedError as stopped:
        stopped.done = {number: (result, len(requests)) for number, result in stopped.done.items()}
        raise
    except Exception as error:  # noqa: BLE001 - a backend's bug on one item must not end the stage
        if len(requests) > 1:
            why = "the editor failed at a batch of %d, so each is given to it alone"
            tell_failure(logger, why, len(requests), error=error)
            return _one_by_one(editor, requests)
        tell_failure(logger, "the editor failed at %r", requests[0].prompt.name, error=error)
        return [(_failed_by(editor, problem_text(error)), 1)]
    if len(given) != len(requests):
        reason = f"the editor gave {len(given)} results for {len(requests)} items"
        return [(_failed_by(editor, reason), len(requests))] * len(requests)
    return [(_usable(editor, result), len(requests)) for result in given]


def _one_by_one(editor: Editor, requests: list[EditRequest]) -> list[Answered]:
    results: list[Answered] = []
    for request in requests:
        try:
            results += answers(editor, [request])
        except StoppedError as stopped:
            stopped.done = dict(enumerate([*results, *stopped.done.values()]))
            raise
    return results


def _usable(editor: Editor, result: Any) -> EditResult:
    """The answer, if it is one that tables can hold, whatever an editor of another package gives."""
    if not isinstance(result, EditResult):
        return _failed_by(editor, f"the editor gave {type(result).__name__}, expected a records.EditResult")
    if result.status not in _STATUSES:
        reason = f"the editor gave the status {result.status!r}, expected one of {', '.join(_STATUSES)}"
        return _failed_by(editor, f"{reason} (its reason: {result.reason})" if result.reason else reason)
    given: Any = result  # its fields may hold anything
    if not isinstance(given.reason, str) or not isinstance(given.made_with, MadeWith | None):
        return _failed_by(editor, "the editor gave a reason that is no text, or a made_with that is no MadeWith")
    if result.status != names.OK and not result.reason.strip():
        return replace(result, reason="the editor gave no reason" + blame("editors", editor.name))
    return result


_STATUSES = tuple(map(str, EditStatus))


def _failed_by(editor: Editor, reason: str) -> EditResult:
    """A failed item, with the package of an editor of another package."""
    return EditResult(EditStatus.FAILED, one_line(reason) + blame("editors", editor.name))
