"""The stage edits with models that follow an instruction, on this machine and hosted."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from image_server import ImageServer
from varireal import tables
from varireal.asking.meter import BudgetReachedError
from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.datasets.decoding import file_sha256
from varireal.editors.instruct_frame import may_change
from varireal.errors import BackendError
from varireal.pictures import decode_png, encode_png
from varireal.prompting.files import write_class_file
from varireal.records import ClassInfo, Prompt
from varireal.schemas import EDITS, IMAGES, MASKS
from varireal.segmenters.quality import encode_mask
from varireal.stages import edits

SHARD = "00000-of-00001"
NAMES = {"background": "coral reef", "color": "hot pink", "texture": "knitted wool"}
FAST = {"longest_wait_seconds": 0.01, "timeout_seconds": 5.0, "tries": 2}


class Study:
    """Three photos with masks, and a prompt for every attribute."""

    def __init__(self, folder):
        self.folder = folder
        rng = np.random.default_rng(0)
        self.mask = np.zeros((60, 80), bool)
        self.mask[15:45, 20:60] = True
        self.photos = [rng.integers(60, 200, (60, 80, 3), np.uint8) for _ in range(3)]
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

    def run(self, attribute, block, **machine):
        """In a thread of its own: a browser test may have left an event loop in this one."""
        raw = {"study": {"max_failed_fraction": 0.5}, "images": {"demo": {}}, "edits": block, "machine": machine}
        slices = stage_slices(parse_config(raw), {"gull": "herring gull"})
        path = self.folder / "machine.json"
        path.write_text(slice_text(slices["machine"]))
        output = self.folder / f"{attribute}.parquet"

        def stage():
            return edits.run(
                slices["edits"],
                images=self.folder / "images.parquet",
                masks=self.folder / "masks.parquet",
                prompts=[self.folder / "gull.yaml"],
                attribute=attribute,
                feasibility="feasible",
                round_=0,
                shard=SHARD,
                output=output,
                store=self.folder / f"edits-{attribute}.sqlite",
                machine=path,
            )

        with ThreadPoolExecutor(1) as pool:
            summary = pool.submit(stage).result()
        return summary, tables.read(output, EDITS)

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


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


@pytest.fixture
def local(tiny_model):
    """The block of edits for a model of this machine."""
    settings = {"model": {"id": str(tiny_model("flux_kontext"))}, "steps": 2, "size": 64}
    return lambda **more: {"backend": "instruct", "instruct": settings | more}


def hosted(host, **more):
    where = {"base_url": host.url, "traffic": FAST} | more.pop("server", {})
    return {"backend": "openai_images", "openai_images": {"size": "192x128", "server": where} | more}


@pytest.mark.parametrize("attribute", NAMES)
def test_a_local_model_edits_every_attribute_and_a_second_run_loads_none(study, local, attribute, monkeypatch):
    summary, rows = study.run(attribute, local(), device="cpu")
    study.check(attribute, rows)
    assert summary.computed == 3
    assert rows[0]["backend_version"].startswith("1 flux_kontext")
    assert (rows[0]["dtype"], rows[0]["device"], rows[0]["marks"]) == ("float32", "cpu", [])
    told = tables.origin(study.folder / f"{attribute}.parquet", EDITS)["models"]["color"]
    assert told["edits.instruct.model"].startswith("flux_kontext")
    written = (study.folder / f"{attribute}.parquet").read_bytes()

    def never(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("varireal.editors.instruct_models.load_part", never)
    summary, _ = study.run(attribute, local(), device="cpu")
    assert summary.computed == 0
    assert (study.folder / f"{attribute}.parquet").read_bytes() == written


def test_the_batch_of_the_machine_changes_no_key(study, local):
    study.run("color", local(), device="cpu")
    summary, _ = study.run("color", local(), device="cpu", batch_size=3)
    assert summary.computed == 0
    summary, _ = study.run("color", local(texture="Cover it with {name}."), device="cpu")
    assert summary.computed == 0
    summary, rows = study.run("color", local(color="Paint it {name}."), device="cpu", batch_size=3)
    assert (summary.computed, {row["batch_size"] for row in rows}) == (3, {3})


def test_a_model_that_cannot_be_used_ends_the_stage_in_one_line(study, local, tiny_model):
    with pytest.raises(BackendError, match=r"^edits\.instruct\.model: .*StableDiffusionXLPipeline.*not supported"):
        study.run("color", local(model={"id": str(tiny_model("sdxl"))}), device="cpu")


@pytest.mark.parametrize("attribute", NAMES)
def test_a_hosted_model_edits_every_attribute_and_a_second_run_sends_nothing(study, attribute):
    with ImageServer() as server:
        summary, rows = study.run(attribute, hosted(server))
        study.check(attribute, rows)
        assert (summary.computed, len(server.forms)) == (3, 3)
        assert NAMES[attribute] in server.forms[0]["prompt"]
        assert (rows[0]["backend_version"], rows[0]["device"]) == ("1 gpt-image-1", "hosted")
        summary, _ = study.run(attribute, hosted(server, server={"usd_per_image": 0.1}))
        assert (summary.computed, len(server.forms)) == (0, 3)


def test_the_budget_ends_the_stage_and_what_was_bought_is_used(study):
    def block(server, usd):
        priced = {"usd_per_image": 0.04, "budget": {"usd": usd}, "traffic": FAST | {"concurrency": 1}}
        return hosted(server, server=priced)

    with ImageServer() as server:
        with pytest.raises(BudgetReachedError, match="raise it and run the same command again"):
            study.run("color", block(server, 0.1))
        assert len(server.forms) == 2
        _, rows = study.run("color", block(server, 0.2))
        assert len(server.forms) == 3
        study.check("color", rows)


def test_refusals_are_rows(study):
    def script(form, number):
        if number:
            return None
        return 400, {"error": {"message": "no", "code": "content_policy_violation"}}, {}

    with ImageServer(script=script) as server:
        block = hosted(server, server={"traffic": FAST | {"concurrency": 1}})
        summary, rows = study.run("color", block)
    assert summary.counts == {"ok": 2, "edit_failed": 1}
    assert rows[0]["reason"].startswith("refused: ")
