r"""Verdicts: which candidates are accepted, and why the others are not.

By hand::

    varireal verdicts --config results/demo/config/verdicts.json \
        --edits results/demo/edits/color/feasible/round0/00000-of-00001.parquet \
        --output results/demo/verdicts/color/feasible/round0/00000-of-00001.parquet
"""

from collections import Counter
from pathlib import Path

from varireal import tables
from varireal.config.slices import VerdictsSlice, slice_digest
from varireal.judges.base import Judge
from varireal.registry import load_backend
from varireal.schemas import EDITS, VERDICTS
from varireal.stages.summary import Summary


def run(
    config: VerdictsSlice,
    *,
    edits: Path,
    masks: Path | None = None,
    output: Path,
    store: Path | None = None,
    machine: Path | None = None,
) -> Summary:
    """Judge every candidate of a table.

    Args:
        config: the stage's slice.
        edits: table of candidates.
        output: table of verdicts to write.

    Raises:
        DataError: the table is damaged.
        BackendError: the judge cannot run here.
    """
    judge: Judge = load_backend("judges", config.verdicts.judge)()
    columns = [name for name in EDITS.names if name != "image"]
    candidates = tables.read(edits, EDITS, columns)
    verdicts = judge.judge(candidates, config.verdicts.gates)
    rows = [
        {
            "candidate_id": candidate["candidate_id"],
            "judge": judge.name,
            "accepted": verdict.accepted,
            "reasons": list(verdict.reasons),
        }
        for candidate, verdict in zip(candidates, verdicts, strict=True)
    ]
    facts = {"gates": config.verdicts.gates.model_dump(mode="json")}
    tables.write(output, rows, VERDICTS, stage="verdicts", digest=slice_digest(config), facts=facts)
    return Summary(dict(Counter("accepted" if row["accepted"] else "not accepted" for row in rows)))
