r"""Priors: the pictures that edits of one setting start from, made once per prompt and shared by all photos.

By hand::

    varireal priors --config results/pets/config/edits.json --images results/pets/images.parquet \\
        --prompts results/pets/prompts/*.yaml --attribute background --feasibility feasible \\
        --output results/pets/priors/background/feasible.parquet \\
        --store results/pets/store/priors-background-feasible.sqlite
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from varireal import names
from varireal.attributes import problem_text
from varireal.backends import read_machine
from varireal.config.slices import EditsSlice, slice_digest
from varireal.core.pictures import encode_png
from varireal.core.registry import blame
from varireal.editors.base import DrawsPriors, PoolEntry
from varireal.errors import BackendError, VariRealError
from varireal.metrics.receipts import flat_reason
from varireal.names import EditStatus
from varireal.prompts.gathering import class_files, remember
from varireal.running import job_record
from varireal.running.logs import progress, tell_failure
from varireal.stages.candidates import PER_GROUP, batch_size, make_editor
from varireal.stages.common import Summary, Tally, setting_prompts, train_classes
from varireal.store import tables
from varireal.store.items import ItemStore, open_store, pack, unpack
from varireal.store.schemas import PRIORS

logger = logging.getLogger(__name__)

Row = dict[str, Any]


def run(
    config: EditsSlice,
    *,
    images: Path,
    prompts: Sequence[Path],
    attribute: str,
    feasibility: str,
    output: Path,
    store: Path,
    machine: Path | None = None,
    prompts_digest: str = "",
) -> Summary:
    """Write the pool of one setting.

    Args:
        config: the slice of the stage edits.
        images: table of images.
        prompts: prompt files of all classes, or the gathered file that stands for them.
        attribute: background or texture.
        feasibility: feasible or infeasible.
        output: table of prior pictures to write.
        store: item store of this job.
        machine: slice of what models run on.
        prompts_digest: digest of the setting's prompts in the workflow, under which their texts are kept.

    Raises:
        DataError: a table is damaged, or more pictures failed than the budget allows.
        BackendError: the editor cannot run here, or draws from no pool.
    """
    label = f"priors {attribute}/{feasibility}"
    files = class_files(prompts)
    remember(files, attribute, feasibility, prompts_digest)
    editor = make_editor(config, read_machine(machine))
    wanted = _wanted(config, editor, images, files, attribute, feasibility)
    with open_store(store) as stored:
        missing = [entry for entry in wanted if stored.get(entry.prior_id) is None]
        size = batch_size(config, editor)
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        failed: dict[str, str] = {}
        job_record.expect(len(wanted), each=size)
        for batch in progress(batches, logger, label, len(batches)):
            job_record.permit()
            failed |= _make(editor, batch, stored)
        rows = [_row(entry, failed) for entry in wanted]
        tally = Tally("prior_id", frozenset({EditStatus.FAILED}), rows)
        tally.check(label, config.max_failed_fraction)
        full = _with_pictures(rows, stored)
        tables.write(output, full, PRIORS, stage="priors", digest=slice_digest(config), group=PER_GROUP)
    return Summary(tally.counts, len(missing) - len(failed))


def _wanted(
    config: EditsSlice, editor: Any, images: Path, prompts: Sequence[Path], attribute: str, feasibility: str
) -> list[PoolEntry]:
    """Every picture of the pool once, however many classes share it."""
    if not isinstance(editor, DrawsPriors):
        raise BackendError(f"the editor {config.edits.backend!r} draws from no pool of prior pictures")
    class_names = train_classes(images)
    by_class = setting_prompts(prompts, class_names, attribute=attribute, feasibility=feasibility)
    entries: dict[str, PoolEntry] = {}
    for class_id in sorted(class_names.keys() & by_class.keys()):
        for prompt in by_class[class_id]:
            pool = editor.pool(prompt, class_names[class_id], config.seed)
            entries.update((entry.prior_id, entry) for entry in pool)
    return list(entries.values())


def _make(editor: Any, batch: Sequence[PoolEntry], stored: ItemStore) -> dict[str, str]:
    """Make and keep the pictures of a batch; return the reasons of those that could not be made, by id."""
    try:
        pictures = editor.make_priors(batch)
    except VariRealError:
        raise
    except Exception as error:  # noqa: BLE001 - one prompt must not end the stage
        if len(batch) > 1:
            tell_failure(logger, "a batch of %d prior pictures failed, so each is made alone", len(batch), error=error)
            return {key: reason for entry in batch for key, reason in _make(editor, [entry], stored).items()}
        tell_failure(logger, "making a prior picture of %r failed", batch[0].text, error=error)
        return {batch[0].prior_id: problem_text(error) + blame("editors", str(editor.name))}
    failed = {}
    for entry, picture in zip(batch, pictures, strict=True):
        reason = flat_reason(picture, np.ones(picture.shape[:2], bool))
        if reason:
            failed[entry.prior_id] = reason
            continue
        logger.debug("computed prior %s (%s)", entry.prior_id, entry.text)
        stored.put(entry.prior_id, pack({}, encode_png(picture)))
    return failed


def _row(entry: PoolEntry, failed: dict[str, str]) -> Row:
    reason = failed.get(entry.prior_id, "")
    return {
        "prior_id": entry.prior_id,
        "text": entry.text,
        "number": entry.number,
        "seed": entry.seed,
        "status": str(EditStatus.FAILED) if reason else names.OK,
        "reason": reason,
    }


def _with_pictures(rows: Sequence[Row], stored: ItemStore) -> Iterator[Row]:
    for row in rows:
        value = stored.get(row["prior_id"])
        yield row if value is None else {**row, "image": unpack(value)[1]}
