"""The judge without a model: what was measured on the candidate, against the gates of the config."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from varireal import names
from varireal.config.verdicts import Gates, GatesByAttribute
from varireal.judges.base import Verdict

# gate: (reason code, receipt column, +1 when the gate is a lower bound and -1 when it is an upper one)
_GATES: dict[str, tuple[str, str, int]] = {
    "min_changed": ("change_inside", "changed_fraction", 1),
    "max_leak": ("leak", "leak_max", -1),
    "max_seam": ("seam", "seam_score", -1),
    "min_silhouette_iou": ("silhouette", "silhouette_iou", 1),
    "max_color_distance": ("color", "color_distance", -1),
    "max_hue_distance": ("hue", "hue_distance", -1),
    "min_edge_ssim": ("edges", "edge_ssim", 1),
}


class ReceiptJudge:
    """Accepts a candidate whose receipt passes every gate."""

    name = "receipt"
    version = 1
    revision: str | None = None

    def judge(self, candidates: Sequence[Mapping[str, Any]], gates: GatesByAttribute) -> list[Verdict]:
        """Return one verdict per row of edits; see ``Judge.judge``."""
        return [self._one(candidate, getattr(gates, candidate["attribute"])) for candidate in candidates]

    def _one(self, candidate: Mapping[str, Any], gates: Gates) -> Verdict:
        if candidate["status"] != names.OK:
            return Verdict(False, (f"{candidate['status']}: {candidate['reason']}",))
        reasons = tuple(_failures(candidate, gates))
        return Verdict(not reasons, reasons)


def _failures(candidate: Mapping[str, Any], gates: Gates) -> Iterator[str]:
    for gate, (code, column, sign) in _GATES.items():
        limit = getattr(gates, gate)
        if limit is None:
            continue
        value = candidate[column]
        if value is None:
            # a hue distance of None means that the asked colour has no hue; any other gap is a missing measurement
            if gate != "max_hue_distance":
                yield f"{code}: {column} was not measured, so the gate {gate} cannot pass"
        elif not sign * value >= sign * limit:  # written so that NaN fails
            side = "below" if sign > 0 else "above"
            yield f"{code}: {column} {value:.3g} is {side} the gate {limit:g}"
