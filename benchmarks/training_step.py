"""CPU time and memory of one LoRA step of CLIP ViT-B/16: the published way beside ours, same weights, same batch.

python benchmarks/training_step.py [--batch 64] [--rounds 2] [--dense]

Both run in one process on one thread, alternating, in fp32, with 37 class texts and random weights: about ten minutes
at the published batch of 64. Memory is that of one more step each, in a process of its own. ``--dense`` builds the
published update as one full matrix per forward pass.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import open_clip
import torch
import yaml
from common import ROOT, save
from published_step import PublishedStep
from torch._subclasses.fake_tensor import FakeTensorMode
from training_input import MEAN, SIZE, STD

from varireal.classifiers.batches import Batch, picture_weights, weighted_loss
from varireal.classifiers.clip import OPEN_CLIP, Clip
from varireal.classifiers.lora import add_lora, lean_image_features, lean_text_features, lora_parameters
from varireal.classifiers.training import Job, Trainer
from varireal.config.adapters import LoraSettings, TrainingSettings

MODEL, WEIGHT = "ViT-B-16", 0.5
GIB = 1 << 30


def class_texts() -> list[str]:
    prompts = yaml.safe_load((ROOT / "src/varireal/assets/prompts/pets.yaml").read_text("utf-8"))
    return [f"a pet photo of a {name}" for name in prompts["classes"]]


def fresh_clip() -> Clip:
    """Random weights, the same in each call."""
    torch.backends.mha.set_fastpath_enabled(False)  # as load_clip does
    torch.manual_seed(0)
    model = open_clip.create_model(MODEL).eval()
    return Clip(model, OPEN_CLIP, open_clip.get_tokenizer(MODEL), SIZE, MEAN, STD, "random")


def random_batch(size: int) -> Batch:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randn(size, 3, SIZE, SIZE, generator=generator)
    labels = torch.randint(len(class_texts()), (size,), generator=generator)
    return Batch(pictures, labels, size // 2, tuple(str(n) for n in range(size)))


class SameBatch:
    """Stands for the batches of a training."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    def __getitem__(self, step: int) -> Batch:
        return self._batch


def trainer(clip: Clip, batch: Batch) -> Trainer:
    """Ours, with the settings of the published run; LoRA's defaults are the published ones."""
    add_lora(clip, LoraSettings())
    settings = TrainingSettings(
        steps=1000, batch_size=len(batch.labels), learning_rate=1e-4, real_weight=WEIGHT, dtype="fp32"
    )
    none = torch.empty(0, 3, SIZE, SIZE), torch.empty(0, dtype=torch.int64)
    return Trainer(clip, Job("benchmark", 0, settings, class_texts(), *none), SameBatch(batch))


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def resident_mib(field: str) -> float:
    """A figure of this process alone; Linux lets a child start with its parent's ``ru_maxrss``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def one_step(side: str, size: int, *, dense: bool) -> dict[str, float]:
    """A single step in this process: CPU seconds, and resident memory before and at the peak, in MiB."""
    clip, batch = fresh_clip(), random_batch(size)
    if side == "ours":
        work = partial(trainer(clip, batch)._step, 0)
    else:
        theirs = PublishedStep(clip.model, clip.tokens(class_texts()), dense=dense)
        clip.model = None  # theirs is a copy
        work = partial(theirs.step, batch.pictures, batch.labels, batch.real, WEIGHT)
    Path("/proc/self/clear_refs").write_text("5")  # from here on, not the peak of loading
    before = resident_mib("VmRSS")
    seconds = cpu_seconds(work)
    peak = resident_mib("VmHWM")
    return {"cpu_seconds": round(seconds, 2), "before_mib": round(before), "peak_mib": round(peak)}


def in_process(side: str, size: int, *, dense: bool) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", side, "--batch", str(size), *(["--dense"] if dense else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def gpu_estimate(size: int) -> dict[str, object]:
    """Memory of our step under bf16 autocast, from what autograd keeps in a forward pass without data."""
    clip = fresh_clip()
    add_lora(clip, LoraSettings())
    clip.model.train()
    frozen = sum(p.numel() for p in clip.model.parameters() if not p.requires_grad)
    lora = sum(p.numel() for p in lora_parameters(clip).values())
    width, layers, positions = 768, 12, (SIZE // 16) ** 2 + 1
    text_tokens = len(class_texts()) * (int(clip.tokens(class_texts()).argmax(1).max()) + 1)
    kept: dict[int, object] = {}
    sizes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        # Weights and their bf16 copies are counted apart; the number of positions, a prime, does not divide them.
        if tensor.numel() % (size * positions) == 0:
            storage = tensor.untyped_storage()
            kept[storage._cdata], sizes[storage._cdata] = storage, storage.nbytes()
        return tensor

    fake = FakeTensorMode(allow_non_fake_inputs=True)
    pictures = fake.from_tensor(torch.empty(size, 3, SIZE, SIZE))
    with fake, torch.autocast("cpu", torch.bfloat16), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        features = clip.image_features(pictures)
    del features
    images = sum(sizes.values())
    normed = (2 * layers + 2) * size * positions * width * 4  # CUDA's autocast normalises fp32 copies
    texts = (images + normed) * text_tokens * 512 / (size * positions * width)
    working = 4 * size * positions * 4 * width * 2  # backward through one MLP: hidden, its gradient and two copies
    parts = {
        "weights fp32": 4 * (frozen + lora),
        "their bf16 copies": 2 * (frozen + lora),
        "gradients and AdamW of LoRA": 12 * lora,
        "kept for backward, images": images,
        "fp32 copies for layer norm on CUDA": normed,
        "kept for backward, texts": texts,
        "working space of backward": working,
    }
    return {
        "batch": size,
        "dtype": "bf16 autocast",
        "how": "computed, not measured: the bytes autograd keeps in a forward pass of fake tensors, plus the terms "
        "listed; without the CUDA context and the allocator's slack",
        "gib": {name: round(value / GIB, 2) for name, value in parts.items()},
        "total_gib": round(sum(parts.values()) / GIB, 2),
    }


def same_loss(run: Trainer, clip: Clip, theirs: PublishedStep, batch: Batch) -> tuple[float, float]:
    """Loss of both before the first step, when all updates are 0.

    Raises:
        RuntimeError: they differ.
    """
    with torch.no_grad():
        texts, images = lean_text_features(clip, run._tokens), lean_image_features(clip, batch.pictures)
        weights = picture_weights(len(batch.labels), batch.real, WEIGHT)
        ours = weighted_loss(clip.logits(images, texts), batch.labels, weights).item()
        other = theirs.loss(batch.pictures, batch.labels, batch.real, WEIGHT).item()
    print(f"loss with updates of 0: published {other:.6f}, ours {ours:.6f}", flush=True)
    if abs(ours - other) > 1e-3:
        raise RuntimeError("the two steps do not compute the same loss")
    return other, ours


def text_seconds(run: Trainer, clip: Clip, theirs: PublishedStep) -> tuple[float, float]:
    """CPU seconds of the class texts alone, forward and backward."""
    clip.model.train()
    return (
        cpu_seconds(lambda: theirs.texts().square().sum().backward()),
        cpu_seconds(lambda: lean_text_features(clip, run._tokens).square().sum().backward()),
    )


def from_parts(figures: dict[str, object]) -> dict[str, object]:
    """What the measured parts give for other numbers of classes: pets, aircraft, cars."""
    steps, texts = figures["cpu_seconds_per_step"], figures["of_which_texts"]
    found = {}
    for classes in (37, 100, 196):
        seconds = {}
        for side in ("published", "ours"):
            text = texts[side] * classes / len(class_texts())
            seconds[side] = steps[side] - texts[side] + text
        found[f"{classes} classes"] = {
            "cpu_seconds": {side: round(value, 1) for side, value in seconds.items()},
            "step": round(seconds["published"] / seconds["ours"], 2),
        }
    return {"how": "computed: the texts in proportion to the classes", "times_faster": found}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--one", choices=("ours", "published"), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict[str, object]:
    """The alternating part."""
    clip, batch = fresh_clip(), random_batch(args.batch)
    theirs = PublishedStep(clip.model, clip.tokens(class_texts()), dense=args.dense)
    run = trainer(clip, batch)
    losses = same_loss(run, clip, theirs, batch)
    steps: list[tuple[float, float]] = []
    for number in range(args.rounds):
        steps.append(
            (
                cpu_seconds(lambda: theirs.step(batch.pictures, batch.labels, batch.real, WEIGHT)),
                cpu_seconds(lambda n=number: run._step(n)),
            )
        )
        print(f"published {steps[-1][0]:.2f} s, ours {steps[-1][1]:.2f} s", flush=True)
    published_text, our_text = text_seconds(run, clip, theirs)
    published_step, our_step = (statistics.median(column) for column in zip(*steps, strict=True))
    return {
        "batch": args.batch,
        "loss_with_updates_of_0": {"published": losses[0], "ours": losses[1]},
        "cpu_seconds_per_step": {"published": round(published_step, 2), "ours": round(our_step, 2)},
        "of_which_texts": {"published": round(published_text, 2), "ours": round(our_text, 2)},
        "times_faster": {
            "step": round(statistics.median(one / two for one, two in steps), 2),
            "texts": round(published_text / our_text, 2),
        },
    }


def main() -> None:
    torch.set_num_threads(1)
    args = arguments()
    if args.one:
        print(json.dumps(one_step(args.one, args.batch, dense=args.dense)))
        return
    parts = measure(args)
    figures: dict[str, object] = {
        "model": f"{MODEL}, random weights, LoRA r 16 on q and v of both towers, {len(class_texts())} texts, fp32",
        "published_update": "one full matrix" if args.dense else "low-rank path (the cheaper form)",
        **parts,
        "computed_from_parts": from_parts(parts),
        "gpu_estimate_of_ours": gpu_estimate(args.batch),
    }
    alone: dict[str, object] = {}
    figures["single_steps_in_their_own_process"] = alone
    for side in ("ours", "published"):
        alone[f"{side}, batch {args.batch}"] = in_process(side, args.batch, dense=args.dense)
    save("training_step", figures)


if __name__ == "__main__":
    main()
