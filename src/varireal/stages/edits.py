r"""Edits: the candidates of one setting, round and shard, each with its receipt.

By hand::

    varireal edits --config results/demo/config/edits.json --images results/demo/images.parquet \
        --masks results/demo/masks/00000-of-00001.parquet --prompts results/demo/prompts/*.yaml \
        --attribute color --feasibility feasible --round 0 --shard 00000-of-00001 \
        --output results/demo/edits/color/feasible/round0/00000-of-00001.parquet \
        --store results/demo/store/edits-color-feasible-round0-00000-of-00001.sqlite
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from varireal.backends import read_machine
from varireal.config.slices import EditsSlice, slice_digest
from varireal.core.paths import parse_shard
from varireal.errors import ConfigError
from varireal.names import EditStatus
from varireal.prompts.deal import Deals
from varireal.prompts.gathering import class_files, remember
from varireal.running.logs import progress
from varireal.running.room import Room
from varireal.stages.candidates import CandidateMaker, PriorPool
from varireal.stages.common import Item, Summary, Tally, settled_items, shard_photos, wanted_items
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import EDITS, MASKS, measure_columns, with_measures

logger = logging.getLogger(__name__)

_MASK_COLUMNS = ("image_id", "status", "reason", "mask", "smoothed")

FAILURES = frozenset({EditStatus.FAILED, EditStatus.FLAT, EditStatus.IMAGE_UNREADABLE, EditStatus.UNKNOWN_PROMPT})


def run(
    config: EditsSlice,
    *,
    images: Path,
    masks: Path,
    prompts: Sequence[Path],
    attribute: str,
    feasibility: str,
    round_: int,
    shard: str,
    earlier_edits: Sequence[Path] = (),
    earlier_verdicts: Sequence[Path] = (),
    priors: Sequence[Path] = (),
    output: Path,
    store: Path,
    machine: Path | None = None,
    prompts_digest: str = "",
) -> Summary:
    """Write the candidates of one setting, round and shard.

    Args:
        config: the stage's slice.
        images: table of images.
        masks: masks of the shard.
        prompts: prompt files of all classes, or the gathered file that stands for them.
        attribute: what is edited, one of the config's.
        feasibility: feasible or infeasible.
        round_: number of the round.
        shard: name of the shard.
        earlier_edits: candidates of the earlier rounds of the same setting and shard.
        earlier_verdicts: verdicts on them.
        priors: the setting's pool of prior pictures, at most one table, where the editor draws from one.
        output: table of candidates to write.
        store: item store of this job.
        machine: slice of what models run on.
        prompts_digest: digest of the setting's prompts in the workflow, under which their texts are kept.

    Raises:
        DataError: a table is damaged, or more items failed than the budget allows.
        ConfigError: a prompt file is damaged.
        BackendError: the editor cannot run here.
        DiskFullError: what is kept and one more item would not fit on the disk.
    """
    _check_call(config, attribute, round_, earlier_edits, earlier_verdicts)
    files = class_files(prompts)
    remember(files, attribute, feasibility, prompts_digest)
    items = _all_items(config, images, shard, store, files, (attribute, feasibility), round_)
    settled = settled_items(earlier_edits, earlier_verdicts)
    items = [item for item in items if (item.photo["image_id"], item.k) not in settled]
    if not items:
        tables.write(output, [], _schema(config, attribute), stage="edits", digest=slice_digest(config))
        return Summary({}, 0)
    with Room(output.parent, len(items)) as room, open_store(store) as stored:
        mask_rows = {row["image_id"]: row for row in tables.stream(masks, MASKS, _MASK_COLUMNS)}
        pool = PriorPool(priors[0]) if priors else None
        maker = CandidateMaker(config, mask_rows, stored, room, machine=read_machine(machine), priors=pool)
        with closing(maker):
            return _write(config, maker, items, output)


def _write(config: EditsSlice, maker: CandidateMaker, items: Sequence[Item], output: Path) -> Summary:
    """Make the candidates, then write their table from the store, few pictures in memory at a time."""
    label = f"{items[0].attribute}/{items[0].feasibility}"
    candidates, tally = [], Tally("candidate_id", FAILURES)
    for item, candidate in zip(items, progress(maker.make(items), logger, label, len(items)), strict=True):
        candidates.append(candidate)
        tally.add(candidate.row or {"status": candidate.status, "candidate_id": item.candidate_id})
    tally.check(f"edits {label}", config.max_failed_fraction)
    rows, stamp = maker.rows(items, candidates), slice_digest(config)
    schema = _schema(config, items[0].attribute)
    tables.write(output, rows, schema, stage="edits", digest=stamp, facts=maker.facts)
    return Summary(tally.counts, sum(candidate.new for candidate in candidates))


def _schema(config: EditsSlice, attribute: str) -> pa.Schema:
    return with_measures(EDITS, measure_columns(config.measures.get(attribute, {})))


def _check_call(
    config: EditsSlice, attribute: str, round_: int, edits: Sequence[Path], verdicts: Sequence[Path]
) -> None:
    if attribute not in config.edits.attributes:
        raise ConfigError(f"attribute {attribute!r} is not in the config; it has {', '.join(config.edits.attributes)}")
    if not len(edits) == len(verdicts) == round_:
        raise ConfigError(
            f"round {round_} needs the edits and the verdicts of the {round_} rounds before it; "
            f"found {len(edits)} and {len(verdicts)}"
        )


def _all_items(
    config: EditsSlice,
    images: Path,
    shard: str,
    store: Path,
    prompts: Sequence[Path],
    setting: tuple[str, str],
    round_: int,
) -> list[Item]:
    """The shard's items; the deals of the setting are remembered beside the store, for all of its jobs."""
    attribute, feasibility = setting
    facts: dict[str, Any] = {
        "attribute": attribute,
        "feasibility": feasibility,
        "per_image": config.edits.per_image,
        "seed": config.seed,
    }
    photos = shard_photos(images, *parse_shard(shard))
    deals = Deals(store.with_name(f"deals-{attribute}-{feasibility}.txt"), prompts, **facts)
    return wanted_items(photos.rows, deals.dealt(photos.members), round_=round_, **facts)
