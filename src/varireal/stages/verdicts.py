r"""Verdicts: which candidates are accepted, and why the others are not.

By hand::

    varireal verdicts --config results/demo/config/verdicts.json \
        --edits results/demo/edits/color/feasible/round0/00000-of-00001.parquet \
        --masks results/demo/masks/00000-of-00001.parquet \
        --store results/demo/store/verdicts-color-feasible-round0-00000-of-00001.sqlite \
        --output results/demo/verdicts/color/feasible/round0/00000-of-00001.parquet
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from varireal.backends import BackendContext, make_backend, read_machine
from varireal.config.slices import MachineSlice, VerdictsSlice, slice_digest
from varireal.core.files import one_line
from varireal.core.registry import asking, blame, is_built_in, outside_packages
from varireal.errors import ConfigError
from varireal.judges.base import Verdict
from varireal.judges.gates import ReceiptJudge
from varireal.judges.questions import questions_digest
from varireal.names import JUDGE_FAILED
from varireal.running import job_record
from varireal.running.logs import progress
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import EDITS, MASKS, VERDICTS, measures_in, with_measures

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_AT_ONCE = 1024  # rows without their pictures


def run(
    config: VerdictsSlice,
    *,
    edits: Path,
    masks: Path | None = None,
    output: Path,
    store: Path | None = None,
    machine: Path | None = None,
) -> Summary:
    """Judge every candidate of a table: by its receipt, and where that is passed by what needs its picture.

    Args:
        config: the stage's slice.
        edits: table of candidates.
        masks: masks of the shard, needed where the object is segmented again.
        output: table of verdicts to write.
        store: item store of this job, needed where a model is asked; without one nothing is opened.
        machine: slice of what models run on, and of the server that is asked.

    Raises:
        DataError: a table is damaged.
        ConfigError: the store or the masks are needed and not given.
        BackendError: a model cannot run here, a server does not answer, or the budget is spent.
    """
    judged = list(_by_receipt(config, edits))
    more: dict[str, Row] = {}
    computed: int | None = None
    news: tuple[str, ...] = ()
    if _needs_pictures(config):
        still = {one.candidate_id for one in judged if one.verdict.accepted}
        seen, computed, news = _by_picture(config, edits, still, masks, store, read_machine(machine))
        more = {candidate_id: row for candidate_id, (_, row) in seen.items()}
        judged = [one._replace(verdict=seen.get(one.candidate_id, (one.verdict,))[0]) for one in judged]
    rows = (_row(config, one) | more.get(one.candidate_id, {}) for one in judged)
    tables.write(output, rows, VERDICTS, stage="verdicts", digest=slice_digest(config), facts=_facts(config))
    counts = Counter("accepted" if one.verdict.accepted else "not accepted" for one in judged)
    return Summary(dict(counts), computed, (*_lines(more.values()), *news))


class _Judged(NamedTuple):
    """What is held of every candidate of the job: little, so that a job may be long."""

    candidate_id: str
    params_digest: str
    verdict: Verdict


def _row(config: VerdictsSlice, judged: _Judged) -> Row:
    return {
        "candidate_id": judged.candidate_id,
        "params_digest": judged.params_digest,
        "judge": config.verdicts.judge,
        "accepted": judged.verdict.accepted,
        "reasons": list(judged.verdict.reasons),
    }


def _needs_pictures(config: VerdictsSlice) -> bool:
    return config.verdicts.asks or config.segmenting is not None


def _by_receipt(config: VerdictsSlice, edits: Path) -> Iterator[_Judged]:
    """The receipt's verdicts; those of another package's judge where one is chosen, which looks at rows alone."""
    verdicts = config.verdicts
    judge = ReceiptJudge() if verdicts.asks else make_backend("judges", verdicts.judge, verdicts, BackendContext())
    built_in = is_built_in("judges", verdicts.judge)
    schema = with_measures(EDITS, measures_in([edits]))
    columns = [name for name in schema.names if name not in ("image", "edit_mask")]
    job_record.expect(tables.count(edits, schema))
    for batch in tables.batches(edits, schema, columns, at_once=_AT_ONCE):
        candidates = batch.to_pylist()
        with asking("judges", verdicts.judge, "judging"):
            judged = list(judge.judge(candidates, verdicts.gates))
            if len(judged) != len(candidates):
                raise ValueError(f"it gave {len(judged)} verdicts for {len(candidates)} candidates")
        for row, given in zip(candidates, judged, strict=True):
            verdict = given if built_in else _usable(given, verdicts.judge)
            yield _Judged(row["candidate_id"], row["params_digest"], verdict)


def _usable(given: Any, judge: str) -> Verdict:
    """The verdict, if it is one that the table can hold, whatever a judge of another package gives."""
    fields: Any = given
    if not isinstance(given, Verdict):
        wrong = f"the judge gave {type(given).__name__}, expected a judges.base.Verdict"
    elif not isinstance(fields.accepted, bool | np.bool_):
        wrong = f"the judge gave accepted {given.accepted!r}, expected True or False"
    elif not isinstance(fields.reasons, tuple | list) or not all(
        isinstance(one, str) and one.strip() for one in fields.reasons
    ):
        wrong = f"the judge gave the reasons {given.reasons!r}, expected texts such as 'code: detail'"
    elif given.accepted == bool(given.reasons):
        wrong = (
            f"the judge gave accepted {given.accepted} with {len(given.reasons)} reasons, expected one or the other"
        )
    else:
        return Verdict(bool(given.accepted), tuple(map(one_line, given.reasons)))
    return Verdict(False, (f"{JUDGE_FAILED}: {one_line(wrong)}{blame('judges', judge)}",))


def _by_picture(
    config: VerdictsSlice,
    edits: Path,
    wanted: set[str],
    masks: Path | None,
    store: Path | None,
    machine: MachineSlice,
) -> tuple[dict[str, tuple[Verdict, Row]], int, tuple[str, ...]]:
    """Verdict and columns of the wanted candidates, how much of it was worked out now, and what it cost."""
    if not wanted:
        return {}, 0, ()
    if store is None:
        raise ConfigError("--store is missing: what a model says is kept there, so that it is not asked again")
    from varireal.judges.panel import Panel  # here, so that judging by receipts loads no picture code

    judged: dict[str, tuple[Verdict, Row]] = {}
    with open_store(store) as items, closing(Panel(config, lambda: _read_masks(masks), items, machine)) as panel:
        rows = (row for row in tables.stream(edits, EDITS) if row["candidate_id"] in wanted)
        for batch in _batches(progress(rows, logger, "judged", len(wanted)), panel.pictures):
            ids = [row["candidate_id"] for row in batch]
            judged |= dict(zip(ids, panel.verdicts(batch), strict=True))
        return judged, panel.computed, panel.news


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def _read_masks(masks: Path | None) -> dict[str, bytes]:
    """PNG of the mask that edits were made with, by image id; an edit with another outline has a mask of its own."""
    if masks is None:
        raise ConfigError("--masks is missing: the object is segmented again in each edit and compared with its mask")
    rows = tables.read(masks, MASKS, ["image_id", "mask", "smoothed"])
    return {row["image_id"]: data for row in rows if (data := row["smoothed"] or row["mask"])}


def _facts(config: VerdictsSlice) -> dict[str, Any]:
    verdicts = config.verdicts
    looks = [] if config.segmenting is None else [("segmenters", config.segmenting.backend)]
    facts: dict[str, Any] = {
        "gates": verdicts.gates.for_keys(),
        **outside_packages([("judges", verdicts.judge), *looks]),
    }
    if verdicts.asks:
        facts["asked"] = {
            "judge": verdicts.judge,
            "model": getattr(verdicts, verdicts.judge).model_dump(mode="json")["model"],
            "questions": verdicts.questions.model_dump(mode="json"),
            "texts": questions_digest(verdicts.questions),
            "gates": verdicts.answer_gates.model_dump(mode="json"),
        }
    if config.segmenting is not None:
        facts["silhouette"] = verdicts.silhouette.model_dump(mode="json")
    return facts


def _lines(rows: Iterable[Row]) -> tuple[str, ...]:
    asked = [row for row in rows if row.get("unknown") is not None]
    unknown = sum(bool(row["unknown"]) for row in asked)
    if not unknown:
        return ()
    return (f"{unknown} of {len(asked)} candidates have a question without a usable answer (column unknown)",)
