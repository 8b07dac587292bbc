"""An edit that carries its own mask: an editor of another package moves the object, and everything behind follows."""

import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from varireal.config.model import parse_config
from varireal.config.slices import slice_text, stage_slices
from varireal.core.marks import read_recipe
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import decode_png, encode_png
from varireal.datasets.decoding import file_sha256
from varireal.exports.base import open_dataset
from varireal.prompts.class_file import write_class_file
from varireal.records import ClassInfo, EditRequest, EditResult, Prompt
from varireal.reporting.confusions import outline
from varireal.segmenters.quality import decode_mask, encode_mask
from varireal.stages import dataset, edits, report, verdicts
from varireal.stages.candidates import Edit, measured
from varireal.stages.common import Item
from varireal.store import tables
from varireal.store.items import open_store
from varireal.store.schemas import DATASET, EDITS, IMAGES, MANIFEST, MASKS, VERDICTS
from varireal.tools.replay import answer

pycocotools = pytest.importorskip("pycocotools.coco")
datasets = pytest.importorskip("datasets")

SHARD, CLASSES = shard_name(0, 1), {"gull": "Gull"}
ARMS = {"feasible": "moved", "infeasible": "kept"}
SHIFT = 30  # pixels to the right, in the arm whose prompt says so

MODULE = '''
import numpy as np
from varireal.records import EditResult


class Mover:
    """Moves the object to the right where the prompt says so, else only paints what is around it."""

    name, version, revision = "mover", 1, None

    def __init__(self, shift=30):
        self.shift = shift

    def check(self, prompt):
        pass

    def edit(self, requests):
        return [self._one(request) for request in requests]

    def _one(self, request):
        mask, moves = request.mask, request.prompt.name == "moved"
        ground = np.random.default_rng(request.seed).integers(150, 190, request.image.shape, np.uint8)
        if not moves:
            image = np.where(mask[..., None], request.image, ground)
            return EditResult("ok", image=image, region=~mask)
        there = np.roll(mask, self.shift, 1)
        image = np.where(there[..., None], np.roll(request.image, self.shift, 1), ground)
        return EditResult("ok", image=image, region=np.ones_like(mask), mask=there)
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An installed package with an editor."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "moving_objects.py").write_text(MODULE)
    info = folder / "moving_objects-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moving-objects\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[varireal.editors]\nmover = moving_objects:Mover\n")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("moving_objects", None)


class Study:
    """Two photos of a red disc, and the stages from the edits to the report run on them."""

    def __init__(self, folder):
        self.root = folder / "results" / "s"
        self.paths = StudyPaths(str(self.root))
        self.mask = np.zeros((96, 128), np.uint8)
        cv2.circle(self.mask, (44, 48), 22, 1, -1)
        self.mask = self.mask.astype(bool)
        raw = {
            "study": {"name": "s", "max_failed_fraction": 0.0},
            "images": {"demo": {}},
            "edits": {"backend": "mover", "attributes": ["background"], "rounds": 1},
            "verdicts": {
                "gates": {"background": {"max_seam": None}},
                "silhouette": {"segmenter": "grabcut", "min_iou": 0.9},
            },
            "dataset": {"exports": ["coco", "webdataset", "folders"]},
            "adapters": {"regimes": []},
        }
        self.slices = stage_slices(parse_config(raw), CLASSES)
        for name in ("edits", "machine"):
            path = Path(self.paths.config(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(slice_text(self.slices[name]))
        self.write_inputs(folder)
        self.table = {arm: Path(self.paths.edits("background", arm, 0, SHARD)) for arm in ARMS}
        self.judged = {arm: Path(self.paths.verdicts("background", arm, 0, SHARD)) for arm in ARMS}

    def write_inputs(self, folder):
        rng, images, masks = np.random.default_rng(0), [], []
        for number in range(2):
            photo = rng.integers(60, 100, (96, 128, 3), np.uint8)
            photo[self.mask] = rng.integers((170, 0, 0), (250, 60, 60), (int(self.mask.sum()), 3), np.uint8)
            path = folder / f"photo{number}.png"
            path.write_bytes(encode_png(photo))
            row = {"image_id": f"gull-{number}", "status": "ok", "reason": ""}
            masks.append(row | {"mask": encode_mask(self.mask), "backend": "provided"})
            images.append(
                row
                | {"class_id": "gull", "class_name": "Gull", "split": "train", "path": str(path), "width": 128}
                | {"height": 96, "sha256": file_sha256(path), "phash": "0" * 16}
            )
        tables.write(Path(self.paths.images), images, IMAGES, stage="images", digest="x")
        tables.write(Path(self.paths.masks(SHARD)), masks, MASKS, stage="masks", digest="x")
        prompts = [Prompt(f"gull.{arm}", "gull", "background", arm, name) for arm, name in ARMS.items()]
        write_class_file(Path(self.paths.prompts("gull")), ClassInfo("gull", "Gull"), prompts, origin="test")

    def store(self, stage, arm):
        return Path(self.paths.store(f"{stage}-background-{arm}-round0-{SHARD}"))

    def edit(self, arm):
        return edits.run(
            self.slices["edits"], images=Path(self.paths.images), masks=Path(self.paths.masks(SHARD)),
            prompts=[Path(self.paths.prompts("gull"))], attribute="background", feasibility=arm, round_=0,
            shard=SHARD, output=self.table[arm], store=self.store("edits", arm),
        )  # fmt: skip

    def judge(self, arm):
        return verdicts.run(
            self.slices["verdicts"], edits=self.table[arm], masks=Path(self.paths.masks(SHARD)),
            output=self.judged[arm], store=self.store("verdicts", arm),
        )  # fmt: skip

    def collect(self):
        made = Path(self.paths.dataset)
        return dataset.run(
            self.slices["dataset"], study=self.root, images=Path(self.paths.images), output=made,
            manifest=made / "manifest.parquet", funnel=made / "funnel.parquet", card=made / "README.md",
        )  # fmt: skip


@pytest.fixture(scope="module")
def study(site, tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("study"))
    for arm in ARMS:
        made.edit(arm)
        made.judge(arm)
    made.collect()
    return made


@pytest.fixture
def moved(study):
    return np.roll(study.mask, SHIFT, 1)


def rows_of(study, arm):
    return [row for row in dataset_rows(study) if row["feasibility"] == arm]


def dataset_rows(study):
    files = sorted((Path(study.paths.dataset) / "data").glob("*.parquet"))
    return [row for path in files for row in tables.read(path, DATASET)]


def test_the_table_of_edits_has_it_where_the_outline_is_another_one(study, moved):
    for row in tables.read(study.table["feasible"], EDITS):
        assert np.array_equal(decode_mask(row["edit_mask"]), moved)
        assert len(row["edit_mask_sha256"]) == 64
        assert row["silhouette_iou"] > 0.9  # of the object where it is now
    for row in tables.read(study.table["infeasible"], EDITS):
        assert row["edit_mask"] is row["edit_mask_sha256"] is None


def test_a_second_run_takes_it_from_the_store(study):
    before = study.table["feasible"].read_bytes()
    assert study.edit("feasible").computed == 0
    assert study.table["feasible"].read_bytes() == before


def test_the_silhouette_is_compared_with_it(study):
    for arm in ARMS:
        for row in tables.read(study.judged[arm], VERDICTS):
            assert row["accepted"], row["reasons"]
            assert row["segmented_iou"] > 0.9
            assert 0.9 < row["segmented_area_ratio"] < 1.1


def test_without_its_mask_the_moved_object_is_refused(study, tmp_path):
    """The test of the test: it is the edit's mask that lets it pass."""
    rows = [row | {"edit_mask": None} for row in tables.read(study.table["feasible"], EDITS)]
    plain = tmp_path / "edits.parquet"
    tables.write(plain, rows, EDITS, stage="edits", digest="x")
    arguments = {"masks": Path(study.paths.masks(SHARD)), "store": tmp_path / "s.sqlite"}
    verdicts.run(study.slices["verdicts"], edits=plain, output=tmp_path / "v.parquet", **arguments)
    for row in tables.read(tmp_path / "v.parquet", VERDICTS):
        assert row["segmented_iou"] < 0.5
        assert [reason.partition(":")[0] for reason in row["reasons"]] == ["outline"]


def test_data_set_and_manifest_have_both_masks(study, moved):
    for row in rows_of(study, "feasible"):
        assert np.array_equal(decode_mask(row["edit_mask"]["bytes"]), moved)
        assert np.array_equal(decode_mask(row["mask"]["bytes"]), study.mask)
        assert row["edit_mask"]["path"] == f"{row['candidate_id']}.mask.png"
        assert read_recipe(row["image"]["bytes"])["edit_mask_sha256"] == row["edit_mask_sha256"]
    for row in rows_of(study, "infeasible"):
        assert row["edit_mask"] is row["edit_mask_sha256"] is None
        assert "edit_mask_sha256" not in read_recipe(row["image"]["bytes"])
    manifest = tables.read(Path(study.paths.dataset) / "manifest.parquet", MANIFEST)
    assert {(row["feasibility"], row["edit_mask_sha256"] is None) for row in manifest} == {
        ("feasible", False),
        ("infeasible", True),
    }


def test_the_datasets_library_gives_pictures_or_none(study, moved, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    data = datasets.load_dataset("parquet", data_dir=study.paths.dataset, cache_dir=str(tmp_path))["train"]
    assert len(data) == 4
    for row in data:
        if row["feasibility"] == "feasible":
            assert np.array_equal(np.array(row["edit_mask"]), moved)
        else:
            assert row["edit_mask"] is None
        assert np.array_equal(np.array(row["mask"]), study.mask)


def test_coco_marks_the_object_where_it_is_in_the_edit(study, moved):
    folder = Path(study.paths.dataset).parent / "exports" / "coco"
    coco = pycocotools.COCO(str(folder / "annotations" / "instances_train.json"))
    for image in coco.loadImgs(coco.getImgIds()):
        (annotation,) = coco.loadAnns(coco.getAnnIds(image["id"]))
        mask = moved if image["varireal"]["feasibility"] == "feasible" else study.mask
        assert np.array_equal(coco.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        left = 22 + (SHIFT if mask is moved else 0)
        assert annotation["bbox"] == [left, 26, 45, 45]
        with Image.open(folder / "images" / image["file_name"]) as picture:
            red = np.array(picture)[..., 1] < 60
        assert np.array_equal(red, mask)  # the annotation is of this picture


def test_other_exports_give_the_mask_of_their_picture_and_no_bytes_as_text(study, moved):
    import tarfile

    exports = Path(study.paths.dataset).parent / "exports"
    with tarfile.open(exports / "webdataset" / "train-000000.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    for name, data in files.items():
        if name.endswith(".mask.png"):
            facts = json.loads(files[name.replace(".mask.png", ".json")])
            assert ("edit_mask_sha256" in facts) == (facts["feasibility"] == "feasible")
            assert "edit_mask" not in facts
            wanted = moved if facts["feasibility"] == "feasible" else study.mask
            assert np.array_equal(np.array(Image.open(io.BytesIO(data))), wanted)
    lines = (exports / "folders" / "background-infeasible" / "metadata.jsonl").read_text().splitlines()
    assert not any("edit_mask" in json.loads(line) for line in lines)


def test_a_data_set_of_before_is_exported_as_before(study, tmp_path):
    """A file without the columns, as finished studies have it, is read with nulls."""
    source = next(iter(sorted((Path(study.paths.dataset) / "data").glob("*.parquet"))))
    folder = tmp_path / "dataset" / "data"
    folder.mkdir(parents=True)
    pq.write_table(pq.read_table(source).drop_columns(["edit_mask", "edit_mask_sha256"]), folder / source.name)
    rows = list(open_dataset(folder.parent).rows())
    assert len(rows) == 2
    assert [row["edit_mask"] for row in rows] == [None, None]


def test_the_page_draws_it_over_the_edit(study, moved, tmp_path):
    made = Path(study.paths.dataset)
    report.run(
        study.slices["report"], study=study.root, images=Path(study.paths.images), funnel=made / "funnel.parquet",
        copy=tmp_path / "copy.html", output=tmp_path / "report",
    )  # fmt: skip
    script = (tmp_path / "report" / "data" / "page-00000.js").read_text()
    page = json.loads(script[script.index("{") : script.rindex("}") + 1])
    attempts = {row[0]: row for card in page["cards"] for row in card[1:]}
    assert len(attempts) == 4
    for name, row in attempts.items():
        assert row[6:] == ([list(outline(moved))] if ".feasible." in name else [])


@pytest.mark.parametrize("shift", [SHIFT, SHIFT + 1])
def test_a_replay_compares_it(study, monkeypatch, shift):
    """Another mask is another edit, also when every pixel is the same."""
    import moving_objects

    def edit(self, request):
        result = plain(self, request)
        return EditResult("ok", image=result.image, region=result.region, mask=np.roll(request.mask, shift, 1))

    plain = moving_objects.Mover._one
    monkeypatch.setattr(moving_objects.Mover, "_one", edit)
    replay = answer("gull-0.background.feasible.k0.r0", study.root, output=None, ask=False)
    same = shift == SHIFT
    assert replay.comparison["verdict"] == ("equal" if same else "different")
    assert [change["what"] for change in replay.changes] == ([] if same else ["the edit's own mask"])


SQUARE = np.zeros((24, 32), bool)
SQUARE[6:18, 8:24] = True


def request(mask):
    photo = np.random.default_rng(0).integers(0, 255, (*mask.shape, 3), np.uint8)
    return EditRequest(photo, mask, Prompt("p", "gull", "background", "feasible", "moved"), 1)


def given(mask):
    """What becomes of an answer with this mask; the photo's is ``SQUARE``."""
    asked = request(SQUARE)
    result = EditResult("ok", image=asked.image[::-1].copy(), region=~SQUARE, mask=mask(SQUARE))
    item = Item({"image_id": "gull-0"}, "background", "feasible", 0, 0, asked.prompt, 1)
    return measured(Edit(item, asked, result, 0.1, 1), {})


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (lambda square: square.astype(np.uint8), "the editor's mask is uint8 of shape (24, 32), expected bool"),
        (lambda square: square[:-1], "is bool of shape (23, 32), expected bool of shape (24, 32)"),
        (lambda square: np.zeros_like(square), "the editor's mask is empty"),
    ],
    ids=["type", "shape", "empty"],
)
def test_a_mask_that_is_none_fails_the_item(mask, words):
    made = given(mask)
    assert made.row["status"] == "edit_failed"
    assert words in made.row["reason"]
    assert made.data is made.mask is None


def test_the_photos_own_mask_says_nothing_new():
    assert given(lambda square: square.copy()).mask is None
    assert given(lambda square: None).mask is None
    assert np.array_equal(decode_mask(given(lambda square: np.roll(square, 3, 0)).mask), np.roll(SQUARE, 3, 0))


def test_it_is_kept_beside_the_picture_and_the_picture_alone_is_as_before(study):
    with open_store(study.store("edits", "infeasible")) as store:
        assert all(b'"mask"' not in store.get(key).partition(b"\n")[0] for key in store.all_keys())
    row = tables.read(study.table["feasible"], EDITS)[0]
    with open_store(study.store("edits", "feasible")) as store:
        value = store.get(row["params_digest"])
    assert np.array_equal(decode_png(value.partition(b"\n")[2]), decode_png(row["image"]))
