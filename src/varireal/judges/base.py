"""What every judge is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from varireal.config.verdicts import GatesByAttribute


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one candidate.

    Attributes:
        accepted: True only if every gate passed.
        reasons: ``code: detail`` for each gate that failed; empty when accepted.
    """

    accepted: bool
    reasons: tuple[str, ...]


class Judge(Protocol):
    """Judges candidates.

    Attributes:
        name: the key that selects it in the config.
        version: raised whenever the same candidate may get another verdict.
        revision: the pinned revision of a model, None for a judge without weights.
    """

    name: str
    version: int
    revision: str | None

    def judge(self, candidates: Sequence[Mapping[str, Any]], gates: GatesByAttribute) -> list[Verdict]:
        """Return one verdict per row of edits, in order; a verdict never depends on its neighbours."""
        ...
