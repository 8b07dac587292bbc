"""The stages edits and verdicts with an editor whose answers are known."""

import json

import numpy as np
import pytest

from varireal.config.model import parse_config
from varireal.config.slices import stage_slices
from varireal.core.pictures import decode_png, encode_png
from varireal.datasets.decoding import file_sha256
from varireal.errors import DataError
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo, EditResult, Prompt
from varireal.segmenters.quality import encode_mask
from varireal.stages import candidates, edits
from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS, VERDICTS

SHARD = "00000-of-00001"


class Painter:
    """Paints the object; fails, lies or stops where it is told to."""

    name, version, revision = "painter", 1, None

    def __init__(self, calls, misbehave=()):
        self.calls = calls
        self.misbehave = misbehave

    def check(self, prompt):
        pass

    def edit(self, requests):
        results = []
        for request in requests:
            self.calls.append(request)
            if "raise" in self.misbehave:
                raise RuntimeError("boom")
            if "fail" in self.misbehave:
                results.append(EditResult("edit_failed", "no paint"))
                continue
            image = request.image.copy()
            image[request.mask] = (request.seed % 200, 30, 200)
            image[::2] = np.where(request.mask[::2, :, None], image[::2] // 2, image[::2])  # no flat picture
            if "leak" in self.misbehave:
                image[~request.mask] = 0
            results.append(EditResult("ok", image=image, region=request.mask.copy(), target_rgb=(0.5, 0.1, 0.8)))
        return results


class Study:
    """Four photos with masks and prompts."""

    def __init__(self, folder):
        self.folder = folder
        rng = np.random.default_rng(0)
        self.mask = np.zeros((40, 50), bool)
        self.mask[10:30, 12:40] = True
        rows, masks = [], []
        for number in range(4):
            path = folder / f"photo{number}.png"
            path.write_bytes(encode_png(rng.integers(0, 255, (40, 50, 3), np.uint8)))
            image_id = f"gull-{number}"
            rows.append(self.image_row(image_id, path))
            masks.append(
                {
                    "image_id": image_id,
                    "status": "ok",
                    "reason": "",
                    "mask": encode_mask(self.mask),
                    "backend": "provided",
                }
            )
        self.rows, self.masks = rows, masks
        prompts = [Prompt(f"gull.color.feasible.{n}", "gull", "color", "feasible", n) for n in ("red", "blue")]
        write_class_file(folder / "gull.yaml", ClassInfo("gull", "gull"), prompts, origin="bank test")

    def image_row(self, image_id, path):
        return {
            "image_id": image_id,
            "class_id": "gull",
            "class_name": "gull",
            "split": "train",
            "path": str(path),
            "width": 50,
            "height": 40,
            "sha256": file_sha256(path),
            "phash": "0" * 16,
            "status": "ok",
            "reason": "",
        }

    def run(self, round_=0, name="edits", earlier=(), **config):
        tables.write(self.folder / "images.parquet", self.rows, IMAGES, stage="images", digest="x")
        tables.write(self.folder / "masks.parquet", self.masks, MASKS, stage="masks", digest="x")
        raw = {"study": {"max_failed_fraction": 0.5}, **config}
        part = stage_slices(parse_config(raw), {"gull": "gull"})["edits"]
        output = self.folder / f"{name}.parquet"
        summary = edits.run(
            part,
            images=self.folder / "images.parquet",
            masks=self.folder / "masks.parquet",
            prompts=[self.folder / "gull.yaml"],
            attribute="color",
            feasibility="feasible",
            round_=round_,
            shard=SHARD,
            earlier_edits=[e for e, _ in earlier],
            earlier_verdicts=[v for _, v in earlier],
            output=output,
            store=self.folder / f"store-{round_}.sqlite",
        )
        return summary, tables.read(output, EDITS)

    def verdict(self, name, accepted):
        path = self.folder / f"{name}-verdicts.parquet"
        rows = [
            {
                "candidate_id": key,
                "params_digest": "",
                "judge": "receipt",
                "accepted": value,
                "reasons": [] if value else ["seam: x"],
            }
            for key, value in accepted.items()
        ]
        tables.write(path, rows, VERDICTS, stage="verdicts", digest="x")
        return self.folder / f"{name}.parquet", path


@pytest.fixture
def calls():
    return []


@pytest.fixture
def study(tmp_path, calls, monkeypatch):
    monkeypatch.setattr(candidates, "make_editor", lambda *_: Painter(calls))
    return Study(tmp_path)


def test_every_item_becomes_a_row_with_a_receipt(study, calls):
    summary, rows = study.run()
    assert (len(rows), len(calls), summary.computed) == (4, 4, 4)
    for row in rows:
        assert row["status"] == "ok"
        assert row["leak_max"] == 0
        assert row["changed_fraction"] > 0.9
        assert row["prompt_name"] in ("red", "blue")
        assert row["backend"] == "painter"
        assert decode_png(row["image"]).shape == (40, 50, 3)


def test_a_second_run_computes_nothing_and_writes_the_same_bytes(study, calls):
    study.run()
    first = (study.folder / "edits.parquet").read_bytes()
    summary, _ = study.run()
    assert (len(calls), summary.computed) == (4, 0)
    assert (study.folder / "edits.parquet").read_bytes() == first


def test_only_the_changed_photo_is_edited_again(study, calls):
    study.run()
    path = study.folder / "photo2.png"
    path.write_bytes(encode_png(np.full((40, 50, 3), 90, np.uint8)))
    study.rows[2] = study.image_row("gull-2", path)
    summary, _ = study.run()
    assert (len(calls), summary.computed) == (5, 1)


def test_a_changed_mask_is_noticed(study, calls):
    study.run()
    mask = study.mask.copy()
    mask[5:8, 20:30] = True
    study.masks[1]["mask"] = encode_mask(mask)
    summary, _ = study.run()
    assert summary.computed == 1
    assert (calls[-1].mask == mask).all()


def test_pixels_outside_are_the_photo_even_when_the_editor_leaks(study, monkeypatch, calls):
    monkeypatch.setattr(candidates, "make_editor", lambda *_: Painter(calls, ("leak",)))
    _, rows = study.run()
    for number, row in enumerate(rows):
        photo = decode_png((study.folder / f"photo{number}.png").read_bytes())
        assert (decode_png(row["image"])[~study.mask] == photo[~study.mask]).all()


def test_later_rounds_edit_only_what_is_missing(study, calls):
    _, rows = study.run()
    accepted = {row["candidate_id"]: row["image_id"] != "gull-3" for row in rows}
    earlier = study.verdict("edits", accepted)
    summary, again = study.run(1, "more", [earlier])
    assert [row["image_id"] for row in again] == ["gull-3"]
    assert summary.computed == 1
    assert again[0]["seed"] != rows[3]["seed"]
    assert again[0]["prompt_id"] == rows[3]["prompt_id"]


def test_a_round_with_nothing_to_do_makes_no_editor(study, monkeypatch):
    _, rows = study.run()
    earlier = study.verdict("edits", {row["candidate_id"]: True for row in rows})

    def no_editor(config):
        raise AssertionError("the editor was loaded")

    monkeypatch.setattr(candidates, "make_editor", no_editor)
    summary, again = study.run(1, "more", [earlier])
    assert again == []
    assert summary.counts == {}


def test_photos_without_a_mask_end_as_rows_and_are_not_tried_again(study, calls):
    study.masks[0] |= {"status": "mask_tiny", "reason": "too small"}
    _, rows = study.run()
    assert rows[0]["status"] == "no_mask"
    assert "mask_tiny" in rows[0]["reason"]
    assert rows[0]["image"] is None
    assert len(calls) == 3
    earlier = study.verdict("edits", {row["candidate_id"]: False for row in rows})
    _, again = study.run(1, "more", [earlier])
    assert [row["image_id"] for row in again] == ["gull-1", "gull-2", "gull-3"]


def test_a_photo_that_changed_on_disk_is_a_row(study):
    (study.folder / "photo1.png").write_bytes(encode_png(np.zeros((40, 50, 3), np.uint8)))
    _, rows = study.run()
    assert [row["status"] for row in rows] == ["ok", "image_unreadable", "ok", "ok"]
    assert "changed since" in rows[1]["reason"]


def test_more_edits_than_prompts_are_rows(study):
    _, rows = study.run(edits={"per_image": 3})
    assert [row["status"] for row in rows] == ["ok", "ok", "no_prompt"] * 4


@pytest.mark.parametrize("misbehave", ["fail", "raise"])
def test_too_many_failures_end_the_stage_and_are_not_remembered(study, monkeypatch, calls, misbehave):
    monkeypatch.setattr(candidates, "make_editor", lambda *_: Painter(calls, (misbehave,)))
    with pytest.raises(DataError, match="4 of 4 items failed"):
        study.run()
    assert not (study.folder / "edits.parquet").exists()
    monkeypatch.setattr(candidates, "make_editor", lambda *_: Painter(calls))
    summary, _ = study.run()
    assert summary.computed == 4


def test_failures_within_the_budget_are_rows(study, monkeypatch, calls):
    monkeypatch.setattr(candidates, "make_editor", lambda *_: Painter(calls, ("fail",)))
    summary, rows = study.run(study={"max_failed_fraction": 1.0})
    assert summary.counts == {"edit_failed": 4}
    assert {row["reason"] for row in rows} == {"no paint"}


def test_batches_change_no_byte(study, calls):
    study.run()
    one = tables.read(study.folder / "edits.parquet", EDITS)
    (study.folder / "store-0.sqlite").unlink()
    _, many = study.run(edits={"batch_size": 3})
    for row in (*one, *many):
        row.pop("batch_size")
    assert one == many


def test_metadata_names_stage_and_config(study):
    study.run()
    origin = tables.origin(study.folder / "edits.parquet", EDITS)
    assert origin["stage"] == "edits"
    assert json.dumps(origin["written_with"])
