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
from varireal.core.registry import is_built_in, needs_gpu
from varireal.datasets.sources import file_source
from varireal.names import TINY, TRAIN

LONGEST = 24 * 60  # minutes; longer jobs are refused by many partitions, and go on after a retry anyway
SHORTEST = 30
_STARTING = 15  # minutes to start Python, read models from a shared disk and compile them
_SAFETY = 2.0

# Seconds for one item on a card or core of the slower half. Procedural edits took 0.02 to 0.08 s at 256 pixels
# (benchmarks/results/edits.json), and grow with the pixels.
_SECONDS = {
    "segmenters": {"provided": 0.1, "grabcut": 3.0, "grounded_sam2": 1.0, "matting": 2.0},
    "editors": {"procedural": 1.0, "sdxl": 15.0, "instruct": 30.0, "openai_images": 30.0},
    "judges": {"receipt": 0.5, "vlm": 5.0, "openai": 10.0},
}
_UNKNOWN_SECONDS = 15.0  # a backend of another package

# Megabytes without items: Python, its libraries, one photo at work; with a GPU also models that wait for their turn.
_MEGABYTES = {"images": 1500, "prompts": 600, "masks": 1000, "priors": 1500, "edits": 1500, "verdicts": 1000}
_MEGABYTES_OF_MODELS = 24_000
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
    if config.images.source == "demo":
        return len(config.images.demo.species) * config.images.demo.train
    return sum(item.split in (None, TRAIN) for item in file_source(config.images).items())


def backends(config: Config, stage: str) -> list[tuple[str, str]]:
    """The backends that a job of a stage uses: kind and name."""
    looks = config.verdicts.silhouette.segmenter
    return {
        "masks": [("segmenters", name) for name in config.masks.chain],
        "priors": [("editors", config.edits.backend)],
        "edits": [("editors", config.edits.backend)],
        "verdicts": [("judges", config.verdicts.judge), *([("segmenters", looks)] if looks else [])],
    }.get(stage, [])


def stage_needs(config: Config, stage: str, photos: int) -> Needs:
    """What a job of masks, priors, edits or verdicts asks for.

    Args:
        config: the study's.
        stage: name of the stage.
        photos: train photos of the whole study.
    """
    used = backends(config, stage)
    gpu = int(any(needs_gpu(*backend) for backend in used))
    items = _items(config, stage, photos)
    memory = _MEGABYTES_OF_MODELS if gpu else _MEGABYTES[stage]
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
    gpu = int(config.adapters.model != TINY)
    minutes = {"adapters": 240, "predictions": 60}[stage] * max(len(runs), 1)
    return Needs(24_000 if gpu else 4000, _rounded(minutes), gpu, 4 if gpu else 1)


def _items(config: Config, stage: str, photos: int) -> int:
    """Items of one job."""
    if stage == "priors":
        return 2000  # a pool has some pictures for each prompt, whatever the number of photos
    in_shard = math.ceil(photos / config.study.shards)
    return in_shard if stage == "masks" else in_shard * config.edits.per_image


def _minutes(items: int, used: Sequence[tuple[str, str]]) -> int:
    seconds = sum(_SECONDS[kind][name] if is_built_in(kind, name) else _UNKNOWN_SECONDS for kind, name in used)
    return _rounded(_STARTING + _SAFETY * items * seconds / 60)


def _rounded(minutes: float) -> int:
    """Full half hours, so that a photo more changes no request; schedulers fill gaps better with few lengths."""
    return min(max(math.ceil(minutes / 30) * 30, SHORTEST), LONGEST)
