"""``varireal replay``: make one candidate again and say whether it is the same picture."""

import json
import logging
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from varireal.logs import SUMMARY
from varireal.parallel import single_thread

logger = logging.getLogger(__name__)

SAME, OTHER = 0, 1  # exit codes; 2 is that of an error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a replay found.

    Attributes:
        candidate: its id.
        comparison: the two pictures compared, as a dictionary of ``comparing.Comparison``.
        changes: what differs, each with ``what``, ``then`` and ``now``.
        notes: what the study says otherwise today.
        files: what was written.
    """

    candidate: str
    comparison: dict[str, Any]
    changes: list[dict[str, str]]
    notes: list[str]
    files: list[str]


def run(*, candidate: str, study: Path, output: Path | None, ask: bool, json_: bool) -> int:
    """Make a candidate again.

    Args:
        candidate: its id, or a picture that carries its recipe.
        study: folder of the study.
        output: folder for the picture then, the picture now and their difference; None writes nothing.
        ask: allow an editor behind a server, which may cost money.
        json_: print the answer as JSON.

    Returns:
        0 when the pictures are equal or within tolerance, 1 when they differ.

    Raises:
        ConfigError: no such candidate or study.
        DataError: it cannot be made again.
        BackendError: the editor cannot run here.
    """
    # as in a job of the workflow: the number of threads must not change a pixel; before numpy is loaded
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    single_thread()
    from varireal.replaying.answering import answer

    found = answer(candidate, study, output=output, ask=ask)
    if json_:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    else:
        for line in lines(found):
            logger.log(SUMMARY, "%s", line)
    return OTHER if found.comparison["verdict"] == "different" else SAME


def lines(answer: Answer) -> list[str]:
    """The answer for people."""
    said = [f"{answer.candidate}: {_verdict(answer.comparison)}"]
    title = "what differs" if answer.comparison["verdict"] != "equal" else "not as on record, without effect"
    if answer.changes:
        said.append(f"{title}:")
        said += [f"  {c['what']}: {c['then'] or 'none'} -> {c['now'] or 'none'}" for c in answer.changes]
    elif answer.comparison["verdict"] != "equal":
        said.append("everything on record is as it was; the machine itself computes otherwise")
    said += [f"note: {note}" for note in answer.notes]
    said += [f"wrote {path}" for path in answer.files]
    return said


def _verdict(found: dict[str, Any]) -> str:
    if found["verdict"] == "equal":
        return "bit-equal: every pixel is the same"
    if found["reason"]:
        return f"different: {found['reason']}"
    share = f"{found['differing_pixels']} of {found['edited_pixels']} edited pixels"
    return (
        f"{found['verdict']}: {share} differ, by at most {found['max_levels']} levels, {found['mean_levels']:.3g} on "
        f"average; PSNR {found['psnr']:.1f} dB"
    )
