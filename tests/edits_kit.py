"""Photos with masks and prompts, and the stage edits run on them by a model that is told what to do."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.core.pictures import decode_png, encode_png
from varireal.datasets.decoding import file_sha256
from varireal.editors.frame import may_change
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.segmenters.quality import encode_mask
from varireal.stages import edits
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS

SHARD = "00000-of-00001"
NAMES = {"background": "coral reef", "color": "hot pink", "texture": "knitted wool"}
FAST = {"longest_wait_seconds": 0.01, "timeout_seconds": 5.0, "tries": 2}


class Study:
    """Some photos with masks, and a prompt for every attribute."""

    def __init__(self, folder, photos=3):
        self.folder = folder
        rng = np.random.default_rng(0)
        self.mask = np.zeros((60, 80), bool)
        self.mask[15:45, 20:60] = True
        self.photos = [rng.integers(60, 200, (60, 80, 3), np.uint8) for _ in range(photos)]
        images, masks = [], []
        for number, photo in enumerate(self.photos):
            path = folder / f"photo{number}.png"
            path.write_bytes(encode_png(photo))
            told = {"image_id": f"gull-{number}", "status": "ok", "reason": ""}
            images.append(
                told
                | {"class_id": "gull", "class_name": "herring gull", "split": "train", "path": str(path)}
                | {"width": 80, "height": 60, "sha256": file_sha256(path), "phash": "0" * 16}
            )
            masks.append(told | {"mask": encode_mask(self.mask), "backend": "provided"})
        tables.write(folder / "images.parquet", images, IMAGES, stage="images", digest="x")
        tables.write(folder / "masks.parquet", masks, MASKS, stage="masks", digest="x")
        prompts = [Prompt(f"gull.{a}.1", "gull", a, "feasible", name, "As seen.") for a, name in NAMES.items()]
        write_class_file(folder / "gull.yaml", ClassInfo("gull", "herring gull"), prompts, origin="bank test")

    def slice(self, block, **machine):
        """The slice of the stage; that of the machine is written."""
        raw = {"study": {"max_failed_fraction": 0.5}, "images": {"demo": {}}, "edits": block, "machine": machine}
        slices = stage_slices(parse_config(raw), {"gull": "herring gull"})
        (self.folder / "machine.json").write_text(slice_text(slices["machine"]))
        return slices["edits"]

    def arguments(self, attribute):
        return {
            "images": self.folder / "images.parquet",
            "masks": self.folder / "masks.parquet",
            "prompts": [self.folder / "gull.yaml"],
            "attribute": attribute,
            "feasibility": "feasible",
            "round_": 0,
            "shard": SHARD,
            "output": self.folder / f"{attribute}.parquet",
            "store": self.folder / f"edits-{attribute}.sqlite",
            "machine": self.folder / "machine.json",
        }

    def run(self, attribute, block, **machine):
        """In a thread of its own: a browser test may have left an event loop in this one."""
        config, arguments = self.slice(block, **machine), self.arguments(attribute)
        with ThreadPoolExecutor(1) as pool:
            summary = pool.submit(lambda: edits.run(config, **arguments)).result()
        return summary, tables.read(arguments["output"], EDITS)

    def command(self, attribute, block, **machine):
        """What runs the stage as a process of its own, as the workflow does."""
        path = self.folder / "edits.json"
        path.write_text(slice_text(self.slice(block, **machine)))
        command = ["edits", "--config", str(path), "--log", str(self.folder / "job.log")]
        for name, value in self.arguments(attribute).items():
            values = value if isinstance(value, list) else [value]
            command += [f"--{name.strip('_')}", *map(str, values)]
        return command

    def check(self, attribute, rows):
        region = may_change(self.mask, attribute)
        assert [row["status"] for row in rows] == ["ok"] * 3
        for row, photo in zip(rows, self.photos, strict=True):
            picture = decode_png(row["image"])
            assert (picture[~region] == photo[~region]).all()
            assert (picture[region] != photo[region]).any()
            assert row["leak_max"] == 0
            assert row["changed_fraction"] > 0.5
            assert (row["color_distance"] is not None) == (attribute == "color")


def hosted(host, **more):
    where = {"base_url": host.url, "traffic": FAST} | more.pop("server", {})
    return {"backend": "openai_images", "openai_images": {"size": "192x128", "server": where} | more}
