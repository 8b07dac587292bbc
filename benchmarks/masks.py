"""Masks per second by grounded_sam2: batches against one photo at a time, with the same weights in one process.

python benchmarks/masks.py            # full size on a GPU, tiny without one
python benchmarks/masks.py --size full --photos 32

Random weights of the real sizes, no download. From photos in memory to masks in memory: resizing, both models, and
the masks brought to the photos' sizes. Photos have six shapes, as data sets of photographs do.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import mask_models
import numpy as np
import torch
from common import save

from varireal.backends import BackendContext
from varireal.config.machine import MachineConfig, ModelRef
from varireal.config.masks import GroundedSam2Masks
from varireal.models.device import find_device
from varireal.records import Array, MaskResult
from varireal.segmenters.base import segment_all
from varireal.segmenters.grounded_sam2 import GroundedSam2Segmenter

SHAPES = ((683, 1024), (768, 1024), (1024, 768), (1024, 683), (1024, 1024), (576, 1024))
NAMES = ("Abyssinian", "great Pyrenees", "Boeing 737-800", "Audi S4 Sedan 2012", "black-footed albatross")


def photos(count: int, share: int) -> list[Array]:
    """Smooth noise, (H, W, 3) uint8, sorted by shape as the stage does."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        height, width = (side // share for side in SHAPES[number % len(SHAPES)])
        small = rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        made.append(np.ascontiguousarray(small.repeat(8, 0).repeat(8, 1)[:height, :width]))
    return sorted(made, key=lambda image: image.shape[1] / image.shape[0])


def segmenter(places: dict[str, Path], batch: int | None) -> GroundedSam2Segmenter:
    settings = GroundedSam2Masks(
        detector=ModelRef(id=str(places["grounding_dino"])),
        segmenter=ModelRef(id=str(places["sam2"])),
        box_threshold=0.0,
        text_threshold=0.0,
        several="best",
    )
    return GroundedSam2Segmenter.from_config(settings, BackendContext(MachineConfig(batch_size=batch), "pet"))


def timed(made: GroundedSam2Segmenter, images: Sequence[Array], rounds: int) -> tuple[float, list[MaskResult]]:
    """Photos per second, the median of the rounds after one that is not counted, and the masks."""
    names = [NAMES[number % len(NAMES)] for number in range(len(images))]
    rates, results = [], []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        results = segment_all(made, images, [None] * len(images), names)
        rates.append(len(images) / (time.perf_counter() - start))
    if all(result.mask is None for result in results):
        raise RuntimeError(f"no photo has a mask, so nothing was outlined: {results[0].reason}")
    return statistics.median(rates[1:]), results


def peak_gb() -> float | None:
    """Most GPU memory since the last call, in GiB."""
    if not torch.cuda.is_available():
        return None
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return round(peak, 2)


def least_overlap(first: Sequence[MaskResult], second: Sequence[MaskResult]) -> float:
    """Smallest intersection over union of the masks of two runs."""
    pairs = [(one.mask, other.mask) for one, other in zip(first, second, strict=True)]
    shares = [(a & b).sum() / max(1, (a | b).sum()) for a, b in pairs if a is not None and b is not None]
    return round(float(min(shares)), 4)


def measure(args: argparse.Namespace, places: dict[str, Path]) -> dict[str, object]:
    images = photos(args.photos, 1 if args.size == "full" else 8)
    single = segmenter(places, 1)
    peak_gb()
    one_rate, one = timed(single, images, args.rounds)
    one_peak = peak_gb()
    del single
    batched = segmenter(places, args.batch)
    many_rate, many = timed(batched, images, args.rounds)
    return {
        "batch": batched._models.batch,
        "photos": len(images),
        "photos_per_second": {"one at a time": round(one_rate, 2), "in batches": round(many_rate, 2)},
        "times_faster": round(many_rate / one_rate, 2),
        "peak_gpu_gib": {"one at a time": one_peak, "in batches": peak_gb()},
        "photos_without_a_mask": [sum(result.mask is None for result in results) for results in (one, many)],
        "least_iou_of_both_ways": least_overlap(one, many),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("full", "tiny"), default="full" if torch.cuda.is_available() else "tiny")
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=None, help="photos in a call; by the memory when left out")
    args = parser.parse_args()
    device = find_device(MachineConfig())
    if not device.on_gpu:
        torch.set_num_threads(1)
        args.batch = args.batch or 8
    with tempfile.TemporaryDirectory() as folder:
        make = mask_models.write if args.size == "full" else mask_models.write_tiny
        figures = measure(args, make(Path(folder)))
    about = {"device": device.told, "products_in": device.dtype_name, "models": args.size}
    save("masks", {**about, "full_size_millions_of_parameters": mask_models.millions(), **figures})


if __name__ == "__main__":
    main()
