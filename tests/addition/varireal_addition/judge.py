"""The gates, and a limit of its own: how much of the picture the edit may have changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from varireal.judges.base import Verdict
from varireal.judges.gates import ReceiptJudge


class ModestJudge:
    """``verdicts.options``: ``most``, the largest share of the edited region that may have changed."""

    name = "modest"
    version = 1
    revision = None

    def __init__(self, most: float = 1.0) -> None:
        self.most, self._gates = most, ReceiptJudge()

    def judge(self, candidates: Sequence[Mapping[str, Any]], gates: Any) -> list[Verdict]:
        return [
            self._one(candidate, verdict)
            for candidate, verdict in zip(candidates, self._gates.judge(candidates, gates), strict=True)
        ]

    def _one(self, candidate: Mapping[str, Any], verdict: Verdict) -> Verdict:
        share = candidate["changed_fraction"]
        if not verdict.accepted or share <= self.most:
            return verdict
        return Verdict(False, (f"immodest: {share:.0%} of the edited region changed, more than {self.most:.0%}",))
