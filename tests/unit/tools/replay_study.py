"""A study of two photos whose edits the real stage made, with everything that a replay looks for."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from varireal.config.generate import write_text
from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import encode_png
from varireal.core.seeds import shard_of
from varireal.datasets.decoding import file_sha256
from varireal.exports.base import with_recipe
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.segmenters.quality import encode_mask
from varireal.stages import edits
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS

SHARDS = 3
CLASSES = {"gull": "Gull"}


class Study:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "results" / "s"
        self.paths = StudyPaths(str(self.root))
        rng = np.random.default_rng(3)
        self.mask = np.zeros((48, 56), bool)
        self.mask[14:34, 12:40] = True
        self.photos = []
        for number in range(2):
            path = folder / "photos" / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encode_png(rng.integers(60, 200, (48, 56, 3), np.uint8)))
            self.photos.append(path)
        self.write_tables()
        self.write_prompts("hot pink")
        self.configure()

    @property
    def ids(self):
        return [f"gull-{number}.color.infeasible.k0.r0" for number in range(2)]

    def write_tables(self) -> None:
        shape = {"width": 56, "height": 48, "phash": "0" * 16, "status": "ok", "reason": ""}
        rows = [
            {"image_id": f"gull-{number}", "class_id": "gull", "class_name": "Gull", "split": "train", **shape}
            | {"path": str(path), "sha256": file_sha256(path)}
            for number, path in enumerate(self.photos)
        ]
        tables.write(Path(self.paths.images), rows, IMAGES, stage="images", digest="x")
        for index in range(SHARDS):
            masks = [
                {"image_id": row["image_id"], "status": "ok", "reason": "", "backend": "provided"}
                | {"mask": encode_mask(self.mask)}
                for row in rows
                if shard_of(row["image_id"], SHARDS) == index
            ]
            path = Path(self.paths.masks(shard_name(index, SHARDS)))
            tables.write(path, masks, MASKS, stage="masks", digest="x")

    def write_prompts(self, name: str) -> None:
        path = Path(self.paths.prompts("gull"))
        path.unlink(missing_ok=True)
        prompts = [Prompt("gull.color.infeasible.1", "gull", "color", "infeasible", name, "All of it.")]
        write_class_file(path, ClassInfo("gull", "Gull"), prompts, origin="test")

    def configure(self, **block) -> None:
        raw = {"study": {"max_failed_fraction": 1.0}, "images": {"demo": {}}, "edits": block}
        slices = stage_slices(parse_config(raw), CLASSES)
        self.edits = slices["edits"]
        for stage in ("edits", "machine"):
            write_text(text=slice_text(slices[stage]), output=Path(self.paths.config(stage)))

    def make(self) -> "Study":
        for index in range(SHARDS):
            shard = shard_name(index, SHARDS)
            edits.run(
                self.edits,
                images=Path(self.paths.images),
                masks=Path(self.paths.masks(shard)),
                prompts=[Path(self.paths.prompts("gull"))],
                attribute="color",
                feasibility="infeasible",
                round_=0,
                shard=shard,
                output=Path(self.paths.edits("color", "infeasible", 0, shard)),
                store=Path(self.paths.store(f"edits-color-infeasible-round0-{shard}")),
            )
        return self

    def table(self, number: int) -> Path:
        shard = shard_name(shard_of(f"gull-{number}", SHARDS), SHARDS)
        return Path(self.paths.edits("color", "infeasible", 0, shard))

    def row(self, number: int):
        return next(r for r in tables.read(self.table(number), EDITS) if r["candidate_id"] == self.ids[number])

    def exported(self, number: int, path: Path) -> Path:
        row = self.row(number)
        made = tables.origin(self.table(number), EDITS)
        path.write_bytes(with_recipe(row["image"], row, study="s", made=made))
        return path


def as_jpeg(source: Path, target: Path) -> Path:
    """A copy by another program, with the metadata and a little loss."""
    with Image.open(io.BytesIO(source.read_bytes())) as image:
        image.save(target, "JPEG", quality=100, subsampling=0, xmp=image.info["XML:com.adobe.xmp"].encode())
    return target
