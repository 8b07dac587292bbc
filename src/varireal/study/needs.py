"""What one job asks for: memory, minutes, GPUs and CPUs, by stage, backend and the number of items in a shard.

Facts about the study only; partitions, accounts and kinds of GPU are facts about a machine and belong into a profile.
Asking for too much costs waiting in a queue, asking for too little costs a second start: a job that is stopped by its
time limit goes on where it was, with a longer one. So the limits are generous. Nothing here makes anything run again.

Light: it is imported while Snakemake parses.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from varireal.config.model import Config
from varireal.core.registry import known_backend, needs_gpu
from varireal.core.stages import STAGES
from varireal.datasets.sources import image_source
from varireal.names import TRAIN

LONGEST = 24 * 60  # minutes; longer jobs are refused by many partitions, and go on after a retry anyway
SHORTEST = 30
_STARTING = 15  # minutes to start Python, read models from a shared disk and compile them
_SAFETY = 2.0

_MEGABYTES_OF_MODELS = 24_000  # with a GPU; models wait in memory for their turn
_MEGABYTES_OF_MEASURING = 500  # the receipt alone: no model, no server
_BYTES_PER_ITEM = 4096  # pictures are never held; a row of facts is


class Needs(NamedTuple):
    """What a job asks the scheduler for.

    Attributes:
        mem_mb: megabytes of memory.
        runtime: minutes.
        gpu: number of GPUs.
        threads: CPUs.
    """

    mem_mb: int
    runtime: int
    gpu: int = 0
    threads: int = 1

    def again(self, attempt: int) -> "Needs":
        """For the attempt of that number: more memory and time each time, in case one of them was the reason."""
        return self._replace(mem_mb=self.mem_mb * attempt, runtime=min(self.runtime * attempt, LONGEST))


def train_photos(config: Config) -> int:
    """Photos that may be edited; at most so many, because those without a split get theirs later.

    Raises:
        ConfigError: the folder or list of photos cannot be used.
    """
    return sum(item.split in (None, TRAIN) for item in image_source(config.images).items())


def stage_needs(config: Config, stage: str, photos: int) -> Needs:
    """What a job of masks, priors, edits or verdicts asks for.

    Args:
        config: the study's.
        stage: name of the stage.
        photos: train photos of the whole study.
    """
    used = config.backends(stage)
    gpu = int(any(needs_gpu(*backend) for backend in used))
    items = _items(config, stage, photos)
    memory = _MEGABYTES_OF_MODELS if gpu else STAGES[stage].megabytes
    if used == [("judges", "receipt")]:
        memory = _MEGABYTES_OF_MEASURING
    return Needs(memory + items * _BYTES_PER_ITEM // 2**20, _minutes(items, used), gpu, 2 if gpu else 1)


def classifier_needs(config: Config, stage: str, runs: Sequence[str]) -> Needs:
    """What a job of adapters or predictions asks for; it holds the training pictures of all its runs.

    Args:
        config: the study's.
        stage: adapters or predictions.
        runs: the trainings of the job.
    """
    gpu = int(config.adapters.wants_gpu)
    minutes = STAGES[stage].minutes * max(len(runs), 1)
    return Needs(24_000 if gpu else 4000, _rounded(minutes), gpu, 4 if gpu else 1)


def _items(config: Config, stage: str, photos: int) -> int:
    """Items of one job."""
    if STAGES[stage].per == "pool":
        return 2000  # a pool has some pictures for each prompt, whatever the number of photos
    in_shard = math.ceil(photos / config.study.shards)
    return in_shard if STAGES[stage].per == "shard" else in_shard * config.edits.per_image


def _minutes(items: int, used: Sequence[tuple[str, str]]) -> int:
    seconds = sum(known_backend(*backend).seconds for backend in used)
    return _rounded(_STARTING + _SAFETY * items * seconds / 60)


def _rounded(minutes: float) -> int:
    """Full half hours, so that a photo more changes no request; schedulers fill gaps better with few lengths."""
    return min(max(math.ceil(minutes / 30) * 30, SHORTEST), LONGEST)
