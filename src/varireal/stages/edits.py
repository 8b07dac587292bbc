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
from contextlib import ExitStack
from pathlib import Path

from varireal import tables
from varireal.backends import read_machine
from varireal.config.slices import EditsSlice, slice_digest
from varireal.errors import ConfigError
from varireal.logs import progress
from varireal.names import EditStatus
from varireal.paths import parse_shard
from varireal.prompting.seen import remember
from varireal.running.room import Room
from varireal.schemas import EDITS, IMAGES, MASKS
from varireal.stages.budget import check_budget, count_statuses
from varireal.stages.candidates import Work, with_images
from varireal.stages.items import Item, in_shard, setting_prompts, settled_items, train_photos, wanted_items
from varireal.stages.pool import Pool
from varireal.stages.summary import Summary
from varireal.store import open_store

logger = logging.getLogger(__name__)

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
        prompts: prompt files of all classes.
        attribute: background, color or texture.
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
    remember(prompts, attribute, feasibility, prompts_digest)
    items = _wanted(config, images, prompts, attribute=attribute, feasibility=feasibility, round_=round_)
    settled = settled_items(earlier_edits, earlier_verdicts)
    open_items = [i for i in in_shard(items, *parse_shard(shard)) if (i.photo["image_id"], i.k) not in settled]
    stamp = slice_digest(config)
    if not open_items:
        tables.write(output, [], EDITS, stage="edits", digest=stamp)
        return Summary({}, 0)
    with Room(output.parent, len(open_items)) as room, open_store(store) as kept, ExitStack() as ending:
        by_image = {row["image_id"]: row for row in tables.read(masks, MASKS)}
        pool = Pool(priors[0]) if priors else None
        work = Work(config, by_image, kept, room, machine=read_machine(machine), priors=pool)
        ending.callback(work.close)
        done = list(progress(work.candidates(open_items), logger, f"{attribute}/{feasibility}", len(open_items)))
        rows = [candidate.row for candidate in done]
        label, allowed = f"edits {attribute}/{feasibility}", config.max_failed_fraction
        check_budget(rows, stage=label, id_column="candidate_id", failures=FAILURES, allowed=allowed)
        tables.write(output, with_images(done, kept), EDITS, stage="edits", digest=stamp, facts=work.facts)
    return Summary(count_statuses(rows), sum(candidate.new for candidate in done))


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


def _wanted(
    config: EditsSlice, images: Path, prompts: Sequence[Path], *, attribute: str, feasibility: str, round_: int
) -> list[Item]:
    photos = train_photos(images, IMAGES)
    return wanted_items(
        photos,
        setting_prompts(prompts, photos, attribute=attribute, feasibility=feasibility),
        attribute=attribute,
        feasibility=feasibility,
        per_image=config.edits.per_image,
        round_=round_,
        seed=config.seed,
    )
