"""A study whose masks are made: real photos and mask files, and a segmenter whose answers are known."""

import numpy as np
from PIL import Image

from varireal.config.model import parse_config
from varireal.config.slices import stage_slices
from varireal.core.pictures import encode_png
from varireal.datasets.decoding import file_sha256
from varireal.records import MaskResult
from varireal.stages import masks as stage
from varireal.store import tables
from varireal.store.schemas import IMAGES, MASKS

HEIGHT, WIDTH = 40, 50
OBJECT = np.zeros((HEIGHT, WIDTH), bool)
OBJECT[10:30, 12:40] = True
SPECK = np.zeros((HEIGHT, WIDTH), bool)
SPECK[5:7, 5:9] = True
ALL = {"study": {"max_failed_fraction": 1.0}}


class Finder:
    """Answers what it is told to, in the order of the photos, and notes what it was asked."""

    name, version, revision, batch_size, uses_names = "finder", 1, "r7", 1, False

    def __init__(self, answers=(), uses_given=False, **other):
        self.answers = list(answers)
        self.uses_given = uses_given
        self.asked, self.batches, self.class_names = [], [], []
        vars(self).update(other)

    def segment(self, images, given, class_names):
        self.batches.append(len(images))
        self.class_names += class_names
        results = []
        for image, mask in zip(images, given, strict=True):
            answer = self.answers[len(self.asked)] if len(self.asked) < len(self.answers) else OBJECT
            self.asked.append((image, mask))
            if isinstance(answer, Exception):
                raise answer
            results.append(answer if isinstance(answer, MaskResult) else MaskResult(answer, "ok", "", 0.875))
        return results


class Study:
    """Train photos, each a file, and the table of them."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        self._patch = monkeypatch
        self.rows = []

    def add(self, count=1, split="train", mask=None):
        rng = np.random.default_rng(len(self.rows))
        for _ in range(count):
            number = len(self.rows)
            path = self.folder / f"photo{number}.png"
            path.write_bytes(encode_png(rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)))
            self.rows.append(self.row(f"gull-{number}", path, split, mask))
        return self

    def row(self, image_id, path, split, mask):
        return {
            "image_id": image_id,
            "class_id": "gull",
            "class_name": "gull",
            "split": split,
            "path": str(path),
            "width": WIDTH,
            "height": HEIGHT,
            "sha256": file_sha256(path),
            "phash": "0" * 16,
            "mask_path": None if mask is None else str(mask),
            "status": "ok",
            "reason": "",
        }

    def mask_file(self, name, mask=OBJECT):
        path = self.folder / name
        Image.fromarray(mask).save(path)
        return path

    def use(self, segmenter, *fallback):
        self._patch.setattr(stage, "make_chain", lambda config, context: [segmenter, *fallback])
        return segmenter

    def config(self, raw):
        return stage_slices(parse_config(raw), {"gull": "gull"})["masks"]

    def run(self, raw=ALL, shard="00000-of-00001", machine=None):
        tables.write(self.folder / "images.parquet", self.rows, IMAGES, stage="images", digest="x")
        output = self.folder / "masks" / f"{shard}.parquet"
        summary = stage.run(
            self.config(raw),
            images=self.folder / "images.parquet",
            shard=shard,
            output=output,
            store=self.folder / "store" / f"masks-{shard}.sqlite",
            machine=machine,
        )
        return summary, tables.read(output, MASKS)

    def output(self, shard="00000-of-00001"):
        return self.folder / "masks" / f"{shard}.parquet"
