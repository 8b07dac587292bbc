"""What a stage says at its end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a stage for the last line of its log.

    Attributes:
        counts: rows or items per status.
        computed: items computed now rather than found in the store; None where there is no store.
        lines: more lines for the screen.
    """

    counts: dict[str, int]
    computed: int | None = None
    lines: tuple[str, ...] = ()
