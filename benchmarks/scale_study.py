"""The study of the scale benchmark: tiny photos, an editor that does next to nothing, and tables of jobs not run.

Run by ``scale.py`` in processes of their own, so that what they load does not count as the memory of a job.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from varireal.config.model import parse_config
from varireal.core.paths import shard_name
from varireal.core.seeds import candidate_seed, shard_of
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo
from varireal.store.schemas import EDITS, MASKS, VERDICTS
from varireal.study.layout import Layout

STUDY = "results/scale"
SIDE, PER_CLASS, PER_IMAGE, PROMPTS = 32, 100, 5, 10
ATTRIBUTES, ARMS, ROUNDS = ("background", "color", "texture"), ("feasible", "infeasible"), 2
UNCHANGED_EVERY = 5  # every so many edits change nothing and are rejected

EDITOR = f'''"""An editor for benchmarks: it inverts the region, or leaves the photo as it is."""

from varireal.records import EditResult


class NothingEditor:
    name, version, revision = "nothing", 1, None

    def check(self, prompt):
        pass

    def edit(self, requests):
        return [self._one(request) for request in requests]

    def _one(self, request):
        region = ~request.mask if request.prompt.attribute == "background" else request.mask
        image = request.image.copy()
        if request.seed % {UNCHANGED_EVERY}:
            image[region] = 255 - image[region]
        return EditResult("ok", image=image, region=region)
'''


def write_editor(folder: Path) -> None:
    """Write the editor as an installed package would be found: a module, and an entry point in its metadata."""
    facts = folder / "varireal_nothing-1.dist-info"
    facts.mkdir(parents=True)
    (folder / "varireal_nothing.py").write_text(EDITOR)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: varireal-nothing\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[varireal.editors]\nnothing = varireal_nothing:NothingEditor\n")


def config(shards: int) -> dict[str, object]:
    """The study's config; only the gate of visible change is left."""
    open_gates = dict.fromkeys(
        ("max_leak", "max_seam", "min_silhouette_iou", "max_color_distance", "max_hue_distance", "min_edge_ssim")
    )
    return {
        "study": {"name": "scale", "shards": shards, "max_failed_fraction": 0.0},
        "images": {
            "source": "csv",
            "noun": "thing",
            "csv": {"path": "photos.csv"},
            "test_fraction": 0,
            "val_fraction": 0,
        },
        "prompts": {"bank": {"path": "bank.yaml"}},
        "masks": {"backend": "provided"},
        "edits": {"backend": "nothing", "per_image": PER_IMAGE, "rounds": ROUNDS},
        "verdicts": {"gates": {attribute: {"min_changed": 0.5, **open_gates} for attribute in ATTRIBUTES}},
        "adapters": {"regimes": []},
    }


def classes_of(items: int) -> int:
    """Classes of a study with about so many items."""
    return max(1, round(items / (PER_CLASS * PER_IMAGE * len(ATTRIBUTES) * len(ARMS))))


def make(folder: Path, classes: int, shards: int) -> None:
    """Write photos, their list, a bank of prompts and the stages' slices of the config."""
    rng = np.random.default_rng(0)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:24, 8:24] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    with (folder / "photos.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "class", "split", "mask"))
        for number in range(classes):
            (folder / f"photos/{number:04d}").mkdir(parents=True)
            for photo in range(PER_CLASS):
                path = f"photos/{number:04d}/{photo:04d}.png"
                cv2.imwrite(str(folder / path), rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8))
                split = "test" if photo == PER_CLASS - 1 and number == 0 else "train"
                writer.writerow((path, f"thing {number:04d}", split, "mask.png"))
    bank = {
        "dataset": "scale",
        "noun": "thing",
        "shared": {a: {f: [f"{f} {a} {n}" for n in range(PROMPTS)] for f in ARMS} for a in ATTRIBUTES},
    }
    (folder / "bank.yaml").write_text(yaml.safe_dump(bank))
    write_slices(folder, shards)


def write_slices(folder: Path, shards: int) -> None:
    """Write the slices and the prompt files; to be run in the folder, because the config's paths are relative."""
    layout = Layout(parse_config(config(shards)))
    for stage in ("images", "prompts", "masks", "edits", "verdicts", "dataset", "report", "machine"):
        path = folder / layout.paths.config(stage)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(layout.slice(stage))
    for class_id, prompts in layout.bank_prompts.items():
        info = ClassInfo(class_id, layout.classes[class_id])
        write_class_file(folder / layout.paths.prompts(class_id), info, prompts, origin="bank")


def fill(folder: Path, shards: int) -> None:
    """Write the tables of the jobs that were not run, as the stages write them, out of rows of the jobs that were."""
    study = folder / STUDY
    photos = pq.read_table(study / "images.parquet").select(["image_id", "class_id", "class_name", "sha256", "split"])
    by_shard: dict[int, list[dict[str, str]]] = {index: [] for index in range(shards)}
    for row in photos.to_pylist():
        if row["split"] == "train":
            by_shard[shard_of(row["image_id"], shards)].append(row)
    for index, rows in by_shard.items():
        shard = f"{shard_name(index, shards)}.parquet"
        _fill_masks(study / "masks" / shard, rows)
        for attribute in ATTRIBUTES:
            for arm in ARMS:
                _fill_setting(study, shard, attribute, arm, rows)


def _template(folder: Path) -> pa.Table:
    return pq.read_table(next(iter(sorted(folder.glob("*.parquet")))))


def _fill_masks(path: Path, rows: list[dict[str, str]]) -> None:
    if path.exists():
        return
    table = _template(path.parent)
    ids = pa.array([row["image_id"] for row in rows], pa.string())
    _write(path, _repeated(table, np.zeros(len(rows), int), {"image_id": ids}), MASKS)


def _fill_setting(study: Path, shard: str, attribute: str, arm: str, photos: list[dict[str, str]]) -> None:
    """Write edits and verdicts of all rounds; which edits are rejected follows from the seeds, as in the editor."""
    wanted = [(photo, k) for photo in photos for k in range(PER_IMAGE)]
    wanted.sort(key=lambda item: (item[0]["class_id"], item[0]["image_id"], item[1]))
    for round_ in range(ROUNDS):
        place = f"{attribute}/{arm}/round{round_}"
        edits, verdicts = study / "edits" / place / shard, study / "verdicts" / place / shard
        seeds = [candidate_seed(22, photo["image_id"], attribute, k, round_) for photo, k in wanted]
        if not edits.exists():
            template = _template(study / f"edits/{attribute}/{arm}/round0")
            said = _template(study / f"verdicts/{attribute}/{arm}/round0")
            accepted = said["accepted"].to_pylist()
            rows = [accepted.index(False), accepted.index(True)]
            takes = np.array([rows[bool(seed % UNCHANGED_EVERY)] for seed in seeds], int)
            own = dict(_own_columns(wanted, seeds, attribute, arm, round_))
            _write(edits, _repeated(template, takes, own), EDITS)
            _write(verdicts, _repeated(said, takes, {"candidate_id": own["candidate_id"]}), VERDICTS)
        wanted = [item for item, seed in zip(wanted, seeds, strict=True) if seed % UNCHANGED_EVERY == 0]


def _own_columns(
    wanted: list[tuple[dict[str, str], int]], seeds: list[int], attribute: str, arm: str, round_: int
) -> Iterator[tuple[str, pa.Array]]:
    ids = [(photo["image_id"], k) for photo, k in wanted]
    yield "candidate_id", pa.array([f"{i}.{attribute}.{arm}.k{k}.r{round_}" for i, k in ids], pa.string())
    yield "pair_id", pa.array([f"{i}.{attribute}.k{k}" for i, k in ids], pa.string())
    for name in ("image_id", "class_id", "class_name"):
        yield name, pa.array([photo[name] for photo, _ in wanted], pa.string())
    yield "source_sha256", pa.array([photo["sha256"] for photo, _ in wanted], pa.string())
    yield "k", pa.array([k for _, k in wanted], pa.int64())
    yield "round", pa.array([round_] * len(wanted), pa.int64())
    yield "seed", pa.array(seeds, pa.int64())


def _repeated(table: pa.Table, rows: np.ndarray, own: dict[str, pa.Array]) -> pa.Table:
    made = table.take(pa.array(rows, pa.int64()))
    for name, values in own.items():
        place = made.schema.get_field_index(name)
        made = made.set_column(place, made.schema.field(place), values)
    return made


def _write(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = table.select(schema.names)
    pq.write_table(whole, path, row_group_size=64, compression="zstd")


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    {"make": make, "slices": write_slices, "fill": fill}[what](Path.cwd(), *map(int, numbers))
