import csv
import hashlib
import io
import json
import re
import shutil

import pytest
from dataset_study import Study, picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from varireal.core.marks import read_recipe, unmark_png
from varireal.core.pictures import decode_png
from varireal.core.seeds import stable_int
from varireal.errors import DataError
from varireal.store import tables
from varireal.store.schemas import DATASET, EDITS, FUNNEL, MANIFEST, MASKS, VERDICTS

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True, raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def some_fail(row):
    """egret-0 fails every infeasible gate; gull-1 has no mask for color; gull-0 needs a second round for texture."""
    if row["image_id"] == "egret-0" and row["feasibility"] == "infeasible":
        return ["seam: seam_score 3 is above the gate 2", "leak: leak_max 1 is above the gate 0"]
    if row["image_id"] == "gull-1" and row["attribute"] == "color":
        return ["no_mask: No usable mask."]
    if row["image_id"] == "gull-0" and row["attribute"] == "texture" and row["round"] == 0:
        return ["edges: edge_ssim 0.1 is below the gate 0.3"]
    return []


def read_data(study):
    return [row for path in study.data_files() for row in tables.read(path, DATASET)]


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def load(study, tmp_path):
    return datasets.load_dataset("parquet", data_dir=str(study.dataset), cache_dir=str(tmp_path / "cache"))["train"]


def test_only_the_accepted_candidates_are_rows_of_the_data_set(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    summary = study.run()
    rows = read_data(study)
    assert summary.counts == {"accepted": 12, "rejected": 6, "failed": 4}
    assert sorted(row["candidate_id"] for row in rows) == sorted(
        [
            "egret-0.color.feasible.k0.r0",
            "egret-1.color.feasible.k0.r0",
            "gull-0.color.feasible.k0.r0",
            "egret-1.color.infeasible.k0.r0",
            "gull-0.color.infeasible.k0.r0",
            "egret-0.texture.feasible.k0.r0",
            "egret-1.texture.feasible.k0.r0",
            "gull-0.texture.feasible.k0.r1",
            "gull-1.texture.feasible.k0.r0",
            "egret-1.texture.infeasible.k0.r0",
            "gull-0.texture.infeasible.k0.r1",
            "gull-1.texture.infeasible.k0.r0",
        ]
    )


def test_a_row_holds_the_picture_its_mask_and_what_is_needed_to_make_it_again(tmp_path):
    study = Study(tmp_path / "demo").write()
    study.run()
    row = next(r for r in read_data(study) if r["candidate_id"] == "gull-1.texture.infeasible.k0.r0")
    assert row["image"]["path"] == "gull-1.texture.infeasible.k0.r0.png"
    assert unmark_png(row["image"]["bytes"]) == picture(row["candidate_id"])
    assert row["mask"]["bytes"] == tables.read(study.masks[0], MASKS)[3]["mask"]
    assert row["image_sha256"] == hashlib.sha256(picture(row["candidate_id"])).hexdigest()
    assert (row["label"], row["class_id"], row["class_name"]) == (1, "gull", "Gull")
    assert (row["source_path"], row["source_sha256"]) == ("photos/gull/1.png", f"{1:064d}")
    assert (row["mask_backend"], row["backend"], row["prompt_name"]) == ("provided", "procedural", "hot pink")
    assert row["pair_id"] == "gull-1.texture.k0"


def test_the_smoothed_mask_is_taken_when_there_is_one(tmp_path):
    study = Study(tmp_path / "demo").write()
    rows = tables.read(study.masks[0], MASKS)
    smoothed = [{**row, "smoothed": b"smooth " + row["image_id"].encode()} for row in rows]
    tables.write(study.masks[0], smoothed, MASKS, stage="masks", digest="d-masks")
    study.run()
    assert {row["mask"]["bytes"] for row in read_data(study)} == {row["smoothed"] for row in smoothed}


def test_the_manifest_has_every_candidate_once_with_its_reasons(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    study.run()
    rows = tables.read(study.dataset / "manifest.parquet", MANIFEST)
    made = sorted(row["candidate_id"] for path in study.edits for row in tables.read(path, EDITS))
    assert [row["candidate_id"] for row in rows] == made
    by_id = {row["candidate_id"]: row for row in rows}
    rejected = by_id["egret-0.color.infeasible.k0.r1"]
    assert (rejected["outcome"], rejected["status"]) == ("rejected", "ok")
    assert rejected["reasons"] == ["seam: seam_score 3 is above the gate 2", "leak: leak_max 1 is above the gate 0"]
    assert rejected["image_sha256"] == hashlib.sha256(picture(rejected["candidate_id"])).hexdigest()
    failed = by_id["gull-1.color.feasible.k0.r0"]
    assert (failed["outcome"], failed["status"], failed["image_sha256"]) == ("failed", "no_mask", None)
    assert by_id["gull-0.texture.feasible.k0.r1"]["outcome"] == "accepted"
    assert "image" not in rows[0]


def test_the_shortfall_is_counted_per_class_and_setting_and_not_filled_up(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    summary = study.run()
    rows = tables.read(study.dataset / "funnel.parquet", FUNNEL)
    table = {(r["class_id"], r["attribute"], r["feasibility"]): r for r in rows}
    assert len(rows) == 2 * 4
    numbers = {
        key: (row["wanted"], row["made"], row["accepted"], row["short"], json.loads(row["reasons"]))
        for key, row in table.items()
    }
    assert numbers["egret", "color", "infeasible"] == (2, 3, 1, 1, {"seam": 1})
    assert numbers["gull", "color", "feasible"] == (2, 1, 1, 1, {"no_mask": 1})
    assert numbers["gull", "texture", "feasible"] == (2, 3, 2, 0, {})
    assert summary.lines == (
        "color/feasible: 3 of 4 accepted, 1 short: no_mask 1",
        "  Gull: 1 of 2 accepted, 1 short: no_mask 1",
        "color/infeasible: 2 of 4 accepted, 2 short: no_mask 1, seam 1",
        "  Snowy egret: 1 of 2 accepted, 1 short: seam 1",
        "  Gull: 1 of 2 accepted, 1 short: no_mask 1",
        "texture/feasible: 4 of 4 accepted",
        "texture/infeasible: 3 of 4 accepted, 1 short: seam 1",
        "  Snowy egret: 1 of 2 accepted, 1 short: seam 1",
        "all settings: 12 of 16 accepted, 4 short: no_mask 2, seam 2",
    )
    shortfall = tables.origin(study.dataset / "manifest.parquet", MANIFEST)["shortfall"]
    assert shortfall["all"] == {
        "wanted": 16,
        "made": 18,
        "accepted": 12,
        "short": 4,
        "reasons": {"no_mask": 2, "seam": 2},
    }
    assert shortfall["texture/infeasible"]["reasons"] == {"seam": 1}


def test_the_csv_says_the_same_as_the_table(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail, classes={"a": 'A, "quoted"\nname', "b": "=1+1"}).write()
    study.run()
    text = (study.dataset / "funnel.csv").read_bytes().decode("utf-8")
    rows = tables.read(study.dataset / "funnel.parquet", FUNNEL)
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [
        {name: str(value).replace("=1+1", "'=1+1") for name, value in row.items()} for row in rows
    ]  # a cell that starts like a formula is text in a spreadsheet


def test_an_item_that_has_no_candidate_counts_as_short(tmp_path):
    study = Study(tmp_path / "demo").write()
    for path, schema in ((study.edits[0], EDITS), (study.verdicts[0], VERDICTS)):
        rows = [row for row in tables.read(path, schema) if not row["candidate_id"].startswith("gull-0")]
        tables.write(path, rows, schema, stage="edits", digest="d")
    assert study.run().lines[0] == "color/feasible: 3 of 4 accepted, 1 short: no_candidate 1"


def test_the_parquet_loader_opens_it_and_decodes_pictures_without_a_cast(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    study.run()
    data = load(study, tmp_path)
    assert len(data) == 12
    assert data.features["label"].names == ["egret", "gull"]
    assert set(DATASET.names) == set(data.features)
    for row in data:
        assert isinstance(row["image"], Image.Image)
        assert row["image"].tobytes() == decode_png(picture(row["candidate_id"])).tobytes()
        assert (row["mask"].mode, row["mask"].size) == ("1", (12, 10))
        assert data.features["label"].int2str(row["label"]) == row["class_id"]


def test_the_folder_itself_opens_too_with_the_data_files_only(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    study.run()
    found = datasets.load_dataset(str(study.dataset), cache_dir=str(tmp_path / "cache"))
    assert list(found) == ["train"]
    assert len(found["train"]) == 12
    assert found["train"][0]["image"].size == (12, 10)
    streamed = datasets.load_dataset(str(study.dataset), cache_dir=str(tmp_path / "cache"), streaming=True)["train"]
    assert sorted(row["candidate_id"] for row in streamed) == sorted(found["train"]["candidate_id"])


def test_a_file_without_rows_does_not_disturb_the_loader(tmp_path):
    study = Study(
        tmp_path / "demo", says=lambda row: ["seam"] if row["attribute"] == "color" else [], shards=3
    ).write()
    study.run()
    sizes = [len(tables.read(path, DATASET)) for path in study.data_files()]
    assert len(sizes) == 12
    assert sizes[:6] == [0] * 6
    assert len(load(study, tmp_path)) == sum(sizes) == 8


def test_nothing_accepted_is_written_and_said(tmp_path):
    study = Study(tmp_path / "demo", says=lambda row: ["leak: much"]).write()
    summary = study.run()
    assert summary.lines[-1] == "all settings: 0 of 16 accepted, 16 short: leak 16"
    assert summary.counts == {"rejected": 32}
    assert read_data(study) == []
    assert "**The data set is empty**" in (study.dataset / "README.md").read_text()
    with pytest.raises(ValueError, match="corresponds to no data"):  # what the card warns of
        load(study, tmp_path)


def test_the_code_on_the_card_runs(tmp_path):
    study = Study(tmp_path / "demo", says=some_fail).write()
    study.run()
    card = (study.dataset / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(blocks) == 2
    scope: dict = {}
    for block in blocks:
        exec(block.replace("path/to/this/folder", str(study.dataset)), scope)  # noqa: S102
    assert scope["feasible"]["pair_id"] == scope["infeasible"]["pair_id"]
    assert (scope["feasible"]["feasibility"], scope["infeasible"]["feasibility"]) == ("feasible", "infeasible")
    assert len(scope["pairs"]) == 5
    assert "| complete pairs | color 2, texture 3 |" in card


def test_each_picture_carries_the_mark_and_its_recipe_and_no_path(tmp_path):
    study = Study(tmp_path / "demo", exports=("folders",)).write()
    study.run()
    for row in read_data(study):
        data = row["image"]["bytes"]
        assert b"digitalsourcetype/composite<" in data
        recipe = read_recipe(data)
        same = ("candidate_id", "class_name", "prompt_name", "seed", "backend", "backend_version", "params_digest")
        assert {key: recipe[key] for key in same} == {key: row[key] for key in same}
        assert (recipe["study"], recipe["synthetic"], recipe["source_sha256"]) == ("demo", True, row["source_sha256"])
        assert row["source_path"].encode() not in data
        assert read_recipe(row["mask"]["bytes"]) is None
        setting = f"{row['attribute']}-{row['feasibility']}"
        exported = study.root / "exports" / "folders" / setting / row["class_id"] / f"{row['candidate_id']}.png"
        assert exported.read_bytes() == data


def test_two_runs_write_the_same_bytes(tmp_path):
    found = []
    for place in ("one", "two"):
        study = Study(tmp_path / place / "demo", says=some_fail).write()
        study.run()
        found.append(contents(study.dataset))
    assert sorted(found[0]) == [
        "README.md",
        *(f"data/train-0000{i}-of-00004.parquet" for i in range(4)),
        "funnel.csv",
        "funnel.parquet",
        "manifest.parquet",
    ]
    assert found[0] == found[1]


def test_the_number_of_shards_does_not_change_the_rows(tmp_path):
    found = []
    for shards in (1, 3):
        study = Study(tmp_path / str(shards) / "demo", says=some_fail, photos=5, shards=shards).write()
        lines = study.run().lines
        rows = sorted(read_data(study), key=lambda row: row["candidate_id"])
        found.append((rows, lines, tables.read(study.dataset / "manifest.parquet", MANIFEST)))
        assert len(study.data_files()) == 4 * shards
    assert len(found[0][0]) > 10
    assert found[0] == found[1]


def test_files_of_a_run_with_other_shards_are_removed(tmp_path):
    study = Study(tmp_path / "demo", shards=3).write()
    study.run()
    study.shards = 1
    study.write().run()
    assert [path.name for path in study.data_files()] == [f"train-0000{i}-of-00004.parquet" for i in range(4)]
    assert len(load(study, tmp_path)) == 16


def test_a_foreign_data_file_is_refused_and_kept(tmp_path):
    study = Study(tmp_path / "demo").write()
    foreign = study.dataset / "data" / "train-00000-of-00009.parquet"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"not ours")
    with pytest.raises(DataError, match=r"train-00000-of-00009\.parquet was not written by this stage"):
        study.run()
    assert foreign.read_bytes() == b"not ours"


def rewrite(path, schema, change, stage):
    tables.write(path, change(tables.read(path, schema)), schema, stage=stage, digest="d")


def test_a_candidate_without_verdict_is_an_error(tmp_path):
    study = Study(tmp_path / "demo").write()
    rewrite(study.verdicts[2], VERDICTS, lambda rows: rows[1:], "verdicts")
    message = rf"{study.verdicts[2]} has no verdict on 'egret-0\.color\.infeasible\.k0\.r0' of {study.edits[2]}"
    with pytest.raises(DataError, match=message):
        study.run()


def test_a_verdict_without_candidate_is_an_error(tmp_path):
    study = Study(tmp_path / "demo").write()
    rewrite(study.edits[2], EDITS, lambda rows: rows[:-1], "edits")
    with pytest.raises(DataError, match=r"has a verdict on 'gull-1\.color\.infeasible\.k0\.r0', which is not in"):
        study.run()


def test_a_verdict_on_another_picture_is_an_error(tmp_path):
    """As when a workflow was killed between an edit that was made again and its verdict, and the dates mislead."""
    study = Study(tmp_path / "demo").write()
    rewrite(study.edits[0], EDITS, lambda rows: [rows[0] | {"params_digest": "another"}, *rows[1:]], "edits")
    message = rf"{study.verdicts[0]} judged another picture of .+ delete the verdicts and run again"
    with pytest.raises(DataError, match=message):
        study.run()


def test_two_verdicts_on_one_candidate_are_an_error(tmp_path):
    study = Study(tmp_path / "demo").write()
    rewrite(study.verdicts[0], VERDICTS, lambda rows: [*rows, rows[0] | {"accepted": False}], "verdicts")
    with pytest.raises(DataError, match=r"two verdicts on 'egret-0\.color\.feasible\.k0\.r0'"):
        study.run()


@pytest.mark.parametrize("change", [{"image": None}, {"status": "edit_failed"}])
def test_an_accepted_candidate_without_picture_is_an_error(tmp_path, change):
    study = Study(tmp_path / "demo").write()
    rewrite(study.edits[0], EDITS, lambda rows: [rows[0] | change, *rows[1:]], "edits")
    with pytest.raises(DataError, match=r"'egret-0\.color\.feasible\.k0\.r0' is accepted but has no picture"):
        study.run()


def test_an_item_accepted_in_two_rounds_is_an_error(tmp_path):
    study = Study(tmp_path / "demo", says=lambda row: ["seam"] if row["round"] == 0 else []).write()
    rewrite(
        study.verdicts[0], VERDICTS, lambda rows: [rows[0] | {"accepted": True, "reasons": []}, *rows[1:]], "edits"
    )
    message = r"'egret-0\.color\.feasible\.k0\.r1' is accepted, but 'egret-0\.color\.feasible\.k0\.r0' of the same"
    with pytest.raises(DataError, match=message):
        study.run()


def test_two_candidates_of_one_name_are_an_error(tmp_path):
    study = Study(tmp_path / "demo", says=lambda row: ["seam"]).write()
    name = "egret-0.color.feasible.k0.r0"
    for path, schema in ((study.edits[1], EDITS), (study.verdicts[1], VERDICTS)):
        rewrite(path, schema, lambda rows: [rows[0] | {"candidate_id": name}, *rows[1:]], "edits")
    with pytest.raises(DataError, match=rf"two candidates are called '{name}'"):
        study.run()


@pytest.mark.parametrize("change", [{"image_id": "egret-2"}, {"image_id": "heron-0"}, {"class_id": "gull"}])
def test_only_edits_of_train_photos_of_the_study_are_taken(tmp_path, change):
    study = Study(tmp_path / "demo").write()
    rewrite(study.edits[0], EDITS, lambda rows: [rows[0] | change, *rows[1:]], "edits")
    with pytest.raises(DataError, match="which is not a train photo of class"):
        study.run()


def test_a_table_of_another_setting_is_an_error(tmp_path):
    study = Study(tmp_path / "demo").write()
    shutil.copy(study.edits[4], study.edits[0])
    shutil.copy(study.verdicts[4], study.verdicts[0])
    with pytest.raises(DataError, match=r"is of texture/feasible, expected color/feasible"):
        study.run()


def test_an_edit_number_that_the_config_does_not_ask_for_is_an_error(tmp_path):
    study = Study(tmp_path / "demo", per_image=2).write()
    study.per_image = 1
    with pytest.raises(DataError, match="is edit 1 of its photo, but the config asks for 1 per photo"):
        study.run()


def test_an_accepted_edit_without_mask_is_an_error(tmp_path):
    study = Study(tmp_path / "demo").write()
    rewrite(study.masks[0], MASKS, lambda rows: rows[1:], "masks")
    with pytest.raises(DataError, match=rf"{study.masks[0]} has no mask of 'egret-0', but"):
        study.run()


def test_a_missing_table_is_named(tmp_path):
    study = Study(tmp_path / "demo").write()
    study.edits[3].unlink()
    with pytest.raises(DataError, match=rf"{study.edits[3]} does not exist"):
        study.run()


HOSTILE = {
    "a": "O'Brien's <script>alert(1)</script> | bird\n---\nlicense: mit",
    "b": "{{ 7 * 7 }} {% raw %} $(rm -rf /)",
    "c": "鳥 \u202egnp.exe \x1b[31m",
    "d": "../../etc/passwd",
}


def test_hostile_class_names_and_prompts_are_only_text(tmp_path):
    study = Study(tmp_path / "demo", classes=HOSTILE, prompt="[x](javascript:1) | ![y](http://z) `c`\n# h").write()
    study.says = lambda row: ["seam"] if row["class_id"] in ("a", "c") else []
    lines = study.write().run().lines
    assert all(line.isprintable() for line in lines)
    data = load(study, tmp_path)
    assert set(data["class_name"]) == {HOSTILE["b"], HOSTILE["d"]}
    assert tables.origin(study.data_files()[0], DATASET)["classes"] == HOSTILE
    found = datasets.load_dataset(str(study.dataset), cache_dir=str(tmp_path / "cache2"))
    assert len(found["train"]) == len(data) == 16


def test_the_exports_of_the_config_are_written_beside_the_data_set(tmp_path):
    pytest.importorskip("webdataset")
    pytest.importorskip("pycocotools")
    study = Study(tmp_path / "demo", exports=("folders", "webdataset", "coco"), says=some_fail).write()
    study.run()
    exports = tmp_path / "demo" / "exports"
    assert len(list((exports / "folders").rglob("*.png"))) == 12
    assert [p.name for p in sorted((exports / "webdataset").glob("*.tar"))] == ["train-000000.tar"]
    assert len(list((exports / "coco" / "images").glob("*.png"))) == 12
    assert len(load(study, tmp_path)) == 12


def test_an_export_that_cannot_be_written_stops_the_stage_before_its_work(tmp_path):
    study = Study(tmp_path / "demo", exports=("folders",)).write()
    mine = tmp_path / "demo" / "exports" / "folders" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(DataError, match=r"exports/folders holds 'notes\.txt', which no export wrote"):
        study.run()
    assert mine.read_text() == "mine"
    assert not study.dataset.exists()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), chance=st.integers(0, 100), rounds=st.integers(1, 3), shards=st.integers(1, 2))
def test_a_row_is_in_the_data_set_exactly_when_its_verdict_accepts(tmp_path_factory, seed, chance, rounds, shards):
    def says(row):
        draw = stable_int(seed, row["candidate_id"]) % 100
        return [] if draw < chance else ["no_mask: none"] if draw % 7 == 0 else ["seam: bad"]

    root = tmp_path_factory.mktemp("study")
    study = Study(root / "demo", says=says, attributes=("color",), rounds=rounds, shards=shards).write()
    summary = study.run()
    said = {row["candidate_id"]: row["accepted"] for path in study.verdicts for row in tables.read(path, VERDICTS)}
    rows = read_data(study)
    accepted = {candidate for candidate, verdict in said.items() if verdict}
    assert len(rows) == len(accepted)
    assert {row["candidate_id"] for row in rows} == accepted
    assert {(row["image_id"], row["feasibility"]) for row in rows} == {
        (candidate.split(".")[0], candidate.split(".")[2]) for candidate in accepted
    }
    assert summary.counts.get("accepted", 0) == len(accepted)
    for row in tables.read(study.dataset / "funnel.parquet", FUNNEL):
        assert row["accepted"] + row["short"] == row["wanted"] == 2
        assert sum(json.loads(row["reasons"]).values()) == row["short"]
