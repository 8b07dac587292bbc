"""Tables of a small study, made without running its stages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from varireal import names
from varireal.config.slices import DatasetSlice
from varireal.config.study import DatasetConfig
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import encode_png
from varireal.core.seeds import candidate_seed, shard_of
from varireal.metrics.measures import RECEIPT_FIELDS
from varireal.segmenters.quality import encode_mask
from varireal.stages.dataset import Summary
from varireal.stages.dataset import run as run_stage
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS, VERDICTS

Row = dict[str, Any]
Says = Callable[[Row], list[str]]


@dataclass
class Study:
    """A study on disk.

    Attributes:
        root: its folder.
        classes: class id to display name.
        photos: train photos per class.
        says: what the judge says of a row of edits: reasons, none when it accepts. A first reason that is an edit
            status means that the candidate was not made.
    """

    root: Path
    classes: dict[str, str] = field(default_factory=lambda: {"egret": "Snowy egret", "gull": "Gull"})
    photos: int = 2
    attributes: tuple[str, ...] = ("color", "texture")
    per_image: int = 1
    rounds: int = 2
    shards: int = 1
    license: str = "cc-by-4.0"
    exports: tuple[str, ...] = ()
    prompt: str = "hot pink"
    says: Says = lambda row: []

    @property
    def config(self) -> DatasetSlice:
        return DatasetSlice(
            study="demo",
            seed=22,
            noun="bird",
            classes=self.classes,
            attributes=self.attributes,
            shards=self.shards,
            rounds=self.rounds,
            per_image=self.per_image,
            dataset=DatasetConfig(license=self.license, exports=self.exports),
        )

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(str(self.root))

    @property
    def dataset(self) -> Path:
        return Path(self.paths.dataset)

    @property
    def settings(self) -> list[tuple[str, str]]:
        return [(a, f) for a in self.attributes for f in names.FEASIBILITIES]

    @property
    def shard_names(self) -> list[str]:
        return [shard_name(i, self.shards) for i in range(self.shards)]

    @property
    def edits(self) -> list[Path]:
        return [Path(path) for path in self.paths.every_edit(self.attributes, self.shards, self.rounds)]

    @property
    def verdicts(self) -> list[Path]:
        return [Path(path) for path in self.paths.every_verdict(self.attributes, self.shards, self.rounds)]

    @property
    def masks(self) -> list[Path]:
        return [Path(self.paths.masks(s)) for s in self.shard_names]

    def images(self) -> list[Row]:
        return [
            {
                "image_id": f"{class_id}-{number}",
                "class_id": class_id,
                "class_name": name,
                "split": "train" if number < self.photos else "test",
                "path": f"photos/{class_id}/{number}.png",
                "width": 12,
                "height": 10,
                "sha256": f"{number:064d}",
                "phash": "0" * 16,
                "status": "ok",
                "reason": "",
            }
            for class_id, name in self.classes.items()
            for number in range(self.photos + 1)
        ]

    def write(self) -> "Study":
        """Write every table of the study."""
        tables.write(Path(self.paths.images), self.images(), IMAGES, stage="images", digest="d-images")
        train = [row for row in self.images() if row["split"] == "train"]
        for index, path in enumerate(self.masks):
            own = [row for row in train if shard_of(row["image_id"], self.shards) == index]
            tables.write(path, [mask_row(row) for row in own], MASKS, stage="masks", digest="d-masks")
        for attribute, feasibility in self.settings:
            for index, shard in enumerate(self.shard_names):
                own = [row for row in train if shard_of(row["image_id"], self.shards) == index]
                self._write_rounds(own, attribute, feasibility, shard)
        return self

    def _write_rounds(self, photos: list[Row], attribute: str, feasibility: str, shard: str) -> None:
        items = [(photo, k) for photo in photos for k in range(self.per_image)]
        for round_ in range(self.rounds):
            edits = [self.edit(photo, attribute, feasibility, k, round_) for photo, k in items]
            verdicts = [
                {
                    "candidate_id": e["candidate_id"],
                    "params_digest": e["params_digest"],
                    "judge": "receipt",
                    "reasons": self.says(e),
                }
                for e in edits
            ]
            for edit, verdict in zip(edits, verdicts, strict=True):
                verdict["accepted"] = not verdict["reasons"]
                code = verdict["reasons"][0].partition(":")[0] if verdict["reasons"] else ""
                if code in list(names.EditStatus):
                    edit |= {"status": code, "reason": "It was not made.", "image": None}
            pair = (attribute, feasibility, round_, shard)
            tables.write(Path(self.paths.edits(*pair)), edits, EDITS, stage="edits", digest="d-edits")
            tables.write(Path(self.paths.verdicts(*pair)), verdicts, VERDICTS, stage="verdicts", digest="d-verdicts")
            items = [item for item, verdict in zip(items, verdicts, strict=True) if not verdict["accepted"]]

    def edit(self, photo: Row, attribute: str, feasibility: str, k: int, round_: int) -> Row:
        image_id = photo["image_id"]
        candidate_id = f"{image_id}.{attribute}.{feasibility}.k{k}.r{round_}"
        seed = candidate_seed(22, image_id, attribute, k, round_)
        return {
            "candidate_id": candidate_id,
            "image_id": image_id,
            "class_id": photo["class_id"],
            "class_name": photo["class_name"],
            "attribute": attribute,
            "feasibility": feasibility,
            "k": k,
            "round": round_,
            "pair_id": f"{image_id}.{attribute}.k{k}",
            "prompt_id": f"p-{feasibility}",
            "prompt_name": self.prompt,
            "prompt_description": "",
            "seed": seed,
            "backend": "procedural",
            "backend_version": "1",
            "params_digest": "ab" * 16,
            "status": "ok",
            "reason": "",
            "image": picture(candidate_id),
            **dict.fromkeys(RECEIPT_FIELDS, 0.5),
        }

    def run(self) -> Summary:
        """Run the stage on the tables."""
        return run_stage(
            self.config,
            study=self.root,
            images=Path(self.paths.images),
            output=self.dataset,
            manifest=self.dataset / "manifest.parquet",
            funnel=self.dataset / "funnel.parquet",
            card=self.dataset / "README.md",
        )

    def data_files(self) -> list[Path]:
        return sorted((self.dataset / "data").glob("*.parquet"))


def picture(identity: str) -> bytes:
    """A small picture that depends on the identity alone."""
    rng = np.random.default_rng(list(identity.encode()))
    return encode_png(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8))


def mask_row(photo: Row) -> Row:
    mask = np.zeros((10, 12), bool)
    mask[2:7, 3:9] = True
    return {
        "image_id": photo["image_id"],
        "status": "ok",
        "reason": "",
        "mask": encode_mask(mask),
        "bbox": [3, 2, 6, 5],
        "area_fraction": 0.25,
        "backend": "provided",
    }
