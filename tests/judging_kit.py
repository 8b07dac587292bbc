"""Candidates with pictures, and the stage run on them by a model."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.core.pictures import encode_png
from varireal.metrics.measures import RECEIPT_FIELDS
from varireal.segmenters.quality import encode_mask
from varireal.stages import verdicts
from varireal.store import tables
from varireal.store.schemas import EDITS, MASKS, VERDICTS

BLANK = {field.name: "" if pa.types.is_string(field.type) else 0 for field in EDITS if not field.nullable}
PASSES = {"changed_fraction": 0.9, "leak_max": 0.0, "leak_mean": 0.0, "seam_score": 0.1, "silhouette_iou": 0.9}
PASSES |= {"color_distance": 1.0, "hue_distance": 1.0, "edge_ssim": 0.9}
FAST = {"longest_wait_seconds": 0.01, "timeout_seconds": 2.0, "tries": 3}


def picture(number, height=48, width=64):
    """A picture that depends on its number alone: a disc on a plain ground."""
    rng = np.random.default_rng(number)
    ground, disc = rng.integers(0, 256, (2, 3), dtype=np.uint8)
    image = np.tile(ground, (height, width, 1))
    image[disc_mask(height, width)] = disc
    return encode_png(image)


def disc_mask(height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 4) ** 2


def candidate(number, attribute="color", feasibility="feasible", name="hot pink", **facts):
    return {
        **BLANK,
        "candidate_id": f"gull-{number}.{attribute}.{feasibility}.k0.r0",
        "image_id": f"gull-{number}",
        "class_id": "gull",
        "class_name": "Herring gull",
        "attribute": attribute,
        "feasibility": feasibility,
        "prompt_name": name,
        "status": "ok",
        "image": picture(number),
        **dict.fromkeys(RECEIPT_FIELDS),
        **PASSES,
        **facts,
    }


def slices(judge="vlm", model=None, url=None, machine=None, masks=None, **verdict):
    """The slices of the stage and of the machine."""
    block = {"judge": judge, **verdict}
    if model is not None:
        block["vlm"] = {"model": {"id": str(model)}, **verdict.get("vlm", {})}
    if url is not None:
        server = {"base_url": url, "traffic": FAST} | verdict.get("openai", {}).get("server", {})
        block["openai"] = {"model": "m", **verdict.get("openai", {}), "server": server}
    raw = {"verdicts": block, "machine": {"device": "cpu", **(machine or {})}, "masks": masks or {}}
    made = stage_slices(parse_config(raw), {})
    return made["verdicts"], made["machine"]


def judge_all(folder: Path, candidates, config=None, **options):
    """Run the stage in a folder; return its summary and its rows."""
    part, machine = config or slices(**options)
    folder.mkdir(parents=True, exist_ok=True)
    edits, masks, output = folder / "edits.parquet", folder / "masks.parquet", folder / "verdicts.parquet"
    tables.write(edits, candidates, EDITS, stage="edits", digest="x")
    found = [
        {"image_id": image_id, "status": "ok", "reason": "", "backend": "x", "mask": encode_mask(disc_mask())}
        for image_id in dict.fromkeys(one["image_id"] for one in candidates)
    ]
    tables.write(masks, found, MASKS, stage="masks", digest="x")
    (folder / "machine.json").write_text(slice_text(machine))
    store = folder / "store" / "verdicts-color-feasible-round0-00000-of-00001.sqlite"
    paths = {"edits": edits, "masks": masks, "output": output, "store": store, "machine": folder / "machine.json"}
    return in_thread(verdicts.run, part, **paths), tables.read(output, VERDICTS)


def command(folder: Path, candidates, config):
    """What judges candidates in a process of its own, as the workflow does."""
    part, machine = config
    tables.write(folder / "edits.parquet", candidates, EDITS, stage="edits", digest="x")
    (folder / "verdicts.json").write_text(slice_text(part))
    (folder / "machine.json").write_text(slice_text(machine))
    files = {"config": "verdicts.json", "edits": "edits.parquet", "machine": "machine.json"}
    files |= {"store": "verdicts.sqlite", "output": "verdicts.parquet", "log": "job.log"}
    return ["verdicts", *(word for name, file in files.items() for word in (f"--{name}", str(folder / file)))]


def in_thread(function, *args, **kwargs):
    """In a thread of its own: a browser test may have left an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args, **kwargs).result()
