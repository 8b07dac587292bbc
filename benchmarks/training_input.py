"""CPU time of one training view at 224 px: the published pipeline (torchvision on PIL) beside ours, one thread.

python benchmarks/training_input.py [FOLDER OF PHOTOS]

Without photos, rendered birds take their place. Pictures are saved as JPEG with a longest side of 500 px first.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from common import ROOT, save
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms

from varireal.classifiers.augment import Augmenter
from varireal.classifiers.batches import PictureCache
from varireal.classifiers.pools import Picture
from varireal.config.images import DEMO_CLASSES
from varireal_demo.birds_source import demo_specs, render_demo

SIZE, SIDE, PICTURES, ROUNDS = 224, 500, 24, 15
EPOCHS = 10  # the published settings visit each picture far more often
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def published() -> Callable[[Image.Image], torch.Tensor]:
    return transforms.Compose(
        [
            transforms.RandAugment(),
            transforms.RandomResizedCrop(SIZE, scale=(0.25, 1.0), interpolation=Image.Resampling.BICUBIC),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([lambda im: im.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2)))], p=0.2),
            transforms.RandomApply([ImageOps.solarize], p=0.2),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def write_pictures(source: Path, folder: Path) -> str:
    """Save JPEGs of 500 px into the folder; say what they show."""
    photos = sorted(source.rglob("*.jpg"))[:PICTURES] if source.is_dir() else []
    if photos:
        pictures = [Image.open(path).convert("RGB") for path in photos]
    else:
        specs = demo_specs(seed=1, species=[c for c, _ in DEMO_CLASSES], train=3, val=1, test=1)[:PICTURES]
        # The renderer makes squares; a 4:3 cut has the shape of a photo.
        pictures = [Image.fromarray(render_demo(spec, 512)[0]).crop((0, 64, 512, 448)) for spec in specs]
    for number, picture in enumerate(pictures):
        scale = SIDE / max(picture.size)
        small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
        small.save(folder / f"{number:03d}.jpg", quality=90)
    return "photos" if photos else "rendered"


def cases(jpegs: list[bytes]) -> dict[str, Callable[[], object]]:
    """Each makes one view of every picture."""
    theirs = published()
    pils = [Image.open(io.BytesIO(data)).convert("RGB") for data in jpegs]
    arrays = [np.asarray(pil) for pil in pils]
    rngs = [np.random.default_rng(n) for n in range(len(jpegs))]
    ours = {preset: Augmenter(preset, SIZE, MEAN, STD) for preset in ("published", "color_safe", "none")}
    return {
        "theirs_in_memory": lambda: torch.stack([theirs(pil) for pil in pils]),
        "ours_in_memory": lambda: ours["published"].batch(arrays, rngs),
        "theirs_from_jpeg": lambda: torch.stack([theirs(decoded(data)) for data in jpegs]),
        "ours_from_jpeg": lambda: from_jpeg(jpegs, ours["published"], rngs),
        "ours_color_safe_in_memory": lambda: ours["color_safe"].batch(arrays, rngs),
        "ours_test_in_memory": lambda: ours["none"].preprocess(arrays),
    }


def decoded(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


def from_jpeg(jpegs: list[bytes], augmenter: Augmenter, rngs: list[np.random.Generator]) -> None:
    """EPOCHS views of every picture as a training makes them, through its cache; the time is divided by EPOCHS."""
    cache = PictureCache()
    pictures = [Picture(str(n), 0, lambda data=data: np.asarray(decoded(data))) for n, data in enumerate(jpegs)]
    for _ in range(EPOCHS):
        augmenter.batch([cache(picture) for picture in pictures], rngs)


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "photos"
    with tempfile.TemporaryDirectory() as folder:
        kind = write_pictures(source, Path(folder))
        jpegs = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    runs = cases(jpegs)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(ROUNDS + 1):
        for name, run in runs.items():  # alternating, so that other load on the machine meets all alike
            start = time.process_time()
            run()
            if round_:  # the first warms up
                views = EPOCHS if name == "ours_from_jpeg" else 1
                seconds[name].append((time.process_time() - start) / len(jpegs) / views)
    each = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = {
        where: statistics.median(
            theirs / ours for theirs, ours in zip(seconds[f"theirs_{where}"], seconds[f"ours_{where}"], strict=True)
        )
        for where in ("in_memory", "from_jpeg")
    }
    save(
        "training_input",
        {
            "pictures": f"{len(jpegs)} {kind}, longest side {SIDE} px, JPEG quality 90",
            "view_px": SIZE,
            "views_per_picture_from_jpeg": EPOCHS,
            "cpu_ms_per_view": {name: round(1000 * value, 2) for name, value in each.items()},
            "times_faster": {where: round(ratio, 2) for where, ratio in ratios.items()},
        },
    )


if __name__ == "__main__":
    main()
