"""What an editor is."""

from collections.abc import Sequence
from typing import Protocol

from varireal.records import EditRequest, EditResult, Prompt


class Editor(Protocol):
    """Puts prompts into photos.

    Attributes:
        name: config name of the backend.
        version: raised whenever the same request would give other bytes.
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
        """Make one result per request, in order; an item that fails is a status, never an exception."""
        ...
