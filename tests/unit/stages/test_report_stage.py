"""The stage report on the tables of a small study: what the files of its page hold."""

import base64
import errno
import html
import json
import re
import signal
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from varireal import names
from varireal.config.model import parse_config
from varireal.config.slices import slice_digest, stage_slices
from varireal.core.paths import StudyPaths, shard_name
from varireal.core.pictures import encode_png
from varireal.core.seeds import shard_of
from varireal.datasets.decoding import file_sha256
from varireal.errors import DataError
from varireal.metrics.measures import RECEIPT_FIELDS
from varireal.reporting import source
from varireal.running import stopping
from varireal.running.room import DiskFullError
from varireal.segmenters.quality import encode_mask
from varireal.stages import report as stage
from varireal.stages.common import Summary
from varireal.store import tables
from varireal.store.schemas import EDITS, FEASIBILITY, FUNNEL, IMAGES, MASKS, VERDICTS

BLANK = {field.name: "" if pa.types.is_string(field.type) else 0 for field in EDITS if not field.nullable}
HEIGHT, WIDTH = 40, 50
PHOTO, EDIT, GREY = (200, 30, 40), (20, 180, 60), (128, 128, 128)
BOX = np.s_[10:30, 12:40]
CLASSES = {"egret": "Snowy <egret>", "gull": "Gull"}


def flat(color):
    return np.full((HEIGHT, WIDTH, 3), color, np.uint8)


def mask_png(box):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box] = True
    return encode_mask(mask)


class Study:
    """Two classes of two train photos, two attributes, two rounds: the first attempt at each egret is rejected."""

    def __init__(self, root, shards=1, max_pairs=4000):
        self.root, self.shards, self.max_pairs = root, shards, max_pairs
        self.paths = StudyPaths(str(root))
        self.attributes = ("color", "texture")
        self.images = [self.photo(class_id, n) for class_id in CLASSES for n in range(2)]
        self.masks = {row["image_id"]: self.mask(row["image_id"]) for row in self.images}
        self.edits, self.verdicts = {}, {}
        for setting in [(a, f) for a in self.attributes for f in names.FEASIBILITIES]:
            for round_ in range(2):
                self.attempt(*setting, round_)

    @property
    def config(self):
        raw = {
            "study": {"name": "pond", "seed": 5, "shards": self.shards},
            "edits": {"attributes": list(self.attributes), "rounds": 2},
            "report": {"title": "Ponds & <b>", "page_size": 10, "max_pairs": self.max_pairs},
        }
        without = {"adapters": {"regimes": []}}  # the pages of the classifiers are tested in test_results.py
        return stage_slices(parse_config(raw | without), CLASSES)["report"]

    def photo(self, class_id, number):
        path = self.root / "photos" / f"{class_id}{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(flat(PHOTO)))
        return {
            "image_id": f"{class_id}-{number}",
            "class_id": class_id,
            "class_name": CLASSES[class_id],
            "split": "train",
            "path": str(path),
            "width": WIDTH,
            "height": HEIGHT,
            "sha256": file_sha256(path),
            "phash": "0" * 16,
            "status": "ok",
            "reason": "",
        }

    def mask(self, image_id):
        return {"image_id": image_id, "status": "ok", "reason": "", "mask": mask_png(BOX), "backend": "provided"}

    def attempt(self, attribute, feasibility, round_):
        for photo in self.images:
            if round_ and photo["class_id"] != "egret":
                continue
            key = (attribute, feasibility, round_, photo["image_id"])
            candidate_id = f"{photo['image_id']}.{attribute}.{feasibility}.k0.r{round_}"
            again = photo["class_id"] == "egret" and not round_
            self.edits[key] = {
                **BLANK,
                "candidate_id": candidate_id,
                **{name: photo[name] for name in ("image_id", "class_id", "class_name")},
                "attribute": attribute,
                "feasibility": feasibility,
                "round": round_,
                "pair_id": f"{photo['image_id']}.{attribute}.k0",
                "prompt_id": f"p.{feasibility}",
                "prompt_name": "hot pink",
                "seed": 2**62 + round_,
                "backend": "procedural",
                "status": "ok",
                "image": encode_png(flat(EDIT)),
                **dict.fromkeys(RECEIPT_FIELDS, 0.25),
            }
            self.verdicts[key] = {
                "candidate_id": candidate_id,
                "params_digest": self.edits[key]["params_digest"],
                "judge": "receipt",
                "accepted": not again,
                "reasons": ["seam: too visible", "leak: 3"] if again else [],
            }

    @property
    def funnel_rows(self):
        return [
            {
                "class_id": class_id,
                "class_name": name,
                "attribute": "color",
                "feasibility": "feasible",
                "wanted": 9,
                "made": 7,
                "accepted": 4,
                "short": 5,
                "reasons": json.dumps({"leak": 1, "seam": 3, "hue": 1}),
            }
            for class_id, name in CLASSES.items()
        ]

    def write(self):
        tables.write(Path(self.paths.images), self.images, IMAGES, stage="images", digest="x")
        for index in range(self.shards):
            rows = [row for key, row in self.masks.items() if shard_of(key, self.shards) == index]
            path = Path(self.paths.masks(shard_name(index, self.shards)))
            tables.write(path, rows, MASKS, stage="masks", digest="x")
        for attribute in self.attributes:
            for feasibility in names.FEASIBILITIES:
                for round_ in range(2):
                    self._write_round(attribute, feasibility, round_)
        tables.write(Path(self.paths.funnel), self.funnel_rows, FUNNEL, stage="dataset", digest="d-dataset")
        return self

    def _write_round(self, *setting):
        for index in range(self.shards):
            place = (*setting, shard_name(index, self.shards))
            own = [k for k in self.edits if k[:3] == setting and shard_of(k[3], self.shards) == index]
            rows = [self.edits[key] for key in sorted(own)]
            tables.write(Path(self.paths.edits(*place)), rows, EDITS, stage="edits", digest="x")
            rows = [self.verdicts[key] for key in sorted(own) if key in self.verdicts]
            tables.write(Path(self.paths.verdicts(*place)), rows, VERDICTS, stage="verdicts", digest="x")

    def run(self, name="report"):
        output = self.root / name
        summary = stage.run(
            self.config,
            study=self.root,
            images=Path(self.paths.images),
            funnel=Path(self.paths.funnel),
            copy=self.root / f"{name}.html",
            output=output,
        )
        return summary, Page(output)


class Page:
    """The files of a report, read as the browser does."""

    def __init__(self, folder):
        self.folder = folder
        self.html = (folder / "index.html").read_text("utf-8")
        self.facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', self.html)[1])

    def payloads(self, kind):
        texts = [path.read_text("ascii") for path in sorted((self.folder / "data").glob(f"{kind}-*.js"))]
        return [json.loads(re.fullmatch(rf"varireal\.{kind}\(\d+,(.*)\);\n", text, re.S)[1]) for text in texts]

    @property
    def candidates(self):
        """[id, seed, backend, picture, reasons, measures] of each candidate."""
        return [row for page in self.payloads("page") for card in page["cards"] for row in card[1:]]

    @property
    def outcomes(self):
        (index,) = self.payloads("index")
        found = [self.facts["outcomes"][number] for number in index["candidates"]["outcome"]]
        return dict(zip([row[0] for row in self.candidates], found, strict=True))

    @property
    def photos(self):
        """image id -> [picture, width, height, outline, split, mask status, mask reason]."""
        found = {}
        for page in self.payloads("page"):
            for card in page["cards"]:
                found[card[1][0].partition(".")[0]] = page["photos"][card[0]]
        return found


def color_of(url):
    """The colour of a picture that has only one."""
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert np.ptp(image, axis=(0, 1)).max() <= 2
    return image[0, 0]


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "pond")


def test_every_candidate_is_on_the_page_in_order(study):
    summary, page = study.write().run()
    wanted = [
        f"{class_id}-{n}.{attribute}.{feasibility}.k0.r{round_}"
        for class_id in ("egret", "gull")
        for n in range(2)
        for attribute in ("color", "texture")
        for feasibility in ("feasible", "infeasible")
        for round_ in ((0, 1) if class_id == "egret" else (0,))
    ]
    assert [row[0] for row in page.candidates] == wanted
    # a pair that finds ten candidates or more on a page begins the next one
    assert [sum(len(card) - 1 for card in one["cards"]) for one in page.payloads("page")] == [12, 10, 2]
    assert summary.counts == {"candidates": 24, "pages": 3}
    assert (summary.computed, summary.lines) == (
        None,
        (f"the report is {study.root / 'report' / 'index.html'}: open it in a browser",),
    )
    assert isinstance(summary, Summary)


def test_a_candidate_has_its_picture_seed_reasons_and_receipt(study):
    _, page = study.write().run()
    key, seed, backend, picture, reasons, measures = page.candidates[0]
    assert (key, seed, backend) == ("egret-0.color.feasible.k0.r0", str(2**62), "procedural")
    assert np.abs(color_of(picture).astype(int) - EDIT).max() <= 3
    assert reasons == ["seam: too visible", "leak: 3"]
    assert page.payloads("page")[0]["measures"] == list(RECEIPT_FIELDS)
    assert measures == [0.25] * len(RECEIPT_FIELDS)


def test_a_photo_has_its_picture_its_mask_and_no_complaint(study):
    _, page = study.write().run()
    assert list(page.photos) == ["egret-0", "egret-1", "gull-0", "gull-1"]
    for picture, width, height, (mask_width, mask_height, path), *rest in page.photos.values():
        assert np.abs(color_of(picture).astype(int) - PHOTO).max() <= 3
        assert (width, height, mask_width, mask_height) == (WIDTH, HEIGHT, WIDTH, HEIGHT)
        assert set(re.findall(r"[\d.]+", path)) == {"10.5", "12.5", "29.5", "39.5"}
        assert rest == ["train", "ok", ""]


def test_outcomes_are_accepted_rejected_or_failed(study):
    failed = ("color", "infeasible", 0, "gull-1")
    reason = "the word 'glorp' is not known"
    study.edits[failed] |= {"status": "unknown_prompt", "reason": reason, "image": None}
    study.edits[failed] |= dict.fromkeys(RECEIPT_FIELDS)
    study.verdicts[failed] |= {"accepted": False, "reasons": [f"unknown_prompt: {reason}"]}
    _, page = study.write().run()
    expected = {
        key: "accepted" if key.startswith("gull") or key.endswith("r1") else "rejected" for key in page.outcomes
    } | {"gull-1.color.infeasible.k0.r0": "failed"}
    assert page.outcomes == expected
    (row,) = [row for row in page.candidates if row[0] == "gull-1.color.infeasible.k0.r0"]
    assert (row[3], row[4]) == (None, [f"unknown_prompt: {reason}"])
    assert row[5] == [None] * len(RECEIPT_FIELDS)


def test_shards_change_no_byte_of_the_data(study, tmp_path):
    _, one = study.write().run()
    _, many = Study(tmp_path / "shards", shards=3).write().run()
    for kind in ("index", "page", "detail"):
        assert many.payloads(kind) == one.payloads(kind)
    assert len(one.candidates) == 24


def test_the_same_tables_give_the_same_bytes(study):
    study.write()
    pages = [study.run(name)[1] for name in ("a", "b")]
    files = [
        {str(path.relative_to(page.folder)): path.read_bytes() for path in page.folder.rglob("*.*")} for page in pages
    ]
    assert len(files[0]) == 1 + 1 + 3 + 3
    assert files[0] == files[1]


def gone(path):
    path.unlink()


def changed(path):
    path.write_bytes(encode_png(flat((1, 2, 3))))


def cut(path):
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize(("damage", "reason"), [(gone, "no file at"), (changed, "changed since"), (cut, "cut off")])
def test_a_photo_that_is_not_what_it_was_is_grey_with_its_reason(study, damage, reason):
    study.write()
    damage(Path(study.images[1]["path"]))
    summary, page = study.run()
    assert summary.counts["candidates"] == 24
    picture, width, height, _, _, status, said = page.photos["egret-1"]
    assert np.abs(color_of(picture).astype(int) - GREY).max() <= 1
    assert (width, height, status) == (WIDTH, HEIGHT, "image_unreadable")
    assert reason in said
    made = [row for row in page.candidates if row[0].startswith("egret-1.")]
    assert len(made) == 8
    assert all(np.abs(color_of(row[3]).astype(int) - EDIT).max() <= 3 for row in made)
    for other in ("egret-0", "gull-0", "gull-1"):
        assert page.photos[other][5:] == ["ok", ""]
        assert np.abs(color_of(page.photos[other][0]).astype(int) - PHOTO).max() <= 3


def test_a_photo_that_images_lacks_is_an_error_with_its_id(study):
    study.images = [row for row in study.images if row["image_id"] != "gull-0"]
    study.write()
    with pytest.raises(DataError, match="gull-0"):
        study.run()
    assert not (study.root / "report" / "index.html").exists()


def test_the_smoothed_mask_is_the_one_that_is_drawn(study):
    study.masks["gull-0"] |= {"smoothed": mask_png(np.s_[4:8, 6:9])}
    _, page = study.write().run()
    assert set(re.findall(r"[\d.]+", page.photos["gull-0"][3][2])) == {"4.5", "6.5", "7.5", "8.5"}


def test_masks_that_are_missing_or_not_usable_say_why(study):
    study.masks.pop("gull-0")
    study.masks["gull-1"] |= {"status": "mask_empty", "reason": "No object pixel.", "mask": None}
    study.masks["egret-0"] |= {"status": "mask_tiny", "reason": "Too small."}
    _, page = study.write().run()
    assert page.photos["gull-0"][3:] == [None, "train", "mask_missing", ""]
    assert page.photos["gull-1"][3:] == [None, "train", "mask_empty", "No object pixel."]
    assert page.photos["egret-0"][3] == page.photos["egret-1"][3]
    assert page.photos["egret-0"][5:] == ["mask_tiny", "Too small."]


def test_the_funnel_has_its_reasons_with_the_most_frequent_first(study):
    _, page = study.write().run()
    assert page.facts["funnel"] == [
        [class_id, name, "color", "feasible", 9, 7, 4, 5, [["seam", 3], ["hue", 1], ["leak", 1]]]
        for class_id, name in CLASSES.items()
    ]


def test_the_page_names_study_seed_and_configs(study):
    _, page = study.write().run()
    listed = re.search(r'<dl class="facts">(.*?)</dl>', page.html, re.S)[1]
    texts = re.findall(r"<d[td]>(.*?)</d[td]>", listed, re.S)
    found = dict(zip(texts[::2], texts[1::2], strict=True))
    assert found["Study"] == "pond"
    assert found["Seed"] == "5"
    assert found["Attributes"] == "color, texture"
    assert found["Config of the data set"] == "d-dataset"
    assert found["Config of the report"] == slice_digest(study.config)
    assert "numpy" in found["Packages"]


def test_texts_are_never_markup(study):
    _, page = study.write().run()
    assert "<title>Ponds &amp; &lt;b&gt;</title>" in page.html
    assert "<egret>" not in page.html
    assert [name for _, name in page.facts["classes"]] == ["Snowy <egret>", "Gull"]


def test_downloads_lead_to_the_files_of_the_data_set(study):
    _, page = study.write().run("deep/report")
    listed = re.search(r'<ul class="downloads">(.*?)</ul>', page.html, re.S)[1]
    found = [html.unescape(address) for address in re.findall(r'href="([^"]*)"', listed)]
    dataset = Path(study.paths.dataset).resolve()
    assert [(page.folder / address).resolve() for address in found] == [
        dataset / name for name in ("README.md", "manifest.parquet", "funnel.csv", "funnel.parquet")
    ]


def test_a_study_without_candidates_has_a_page(study):
    study.edits, study.verdicts = {}, {}
    summary, page = study.write().run()
    assert summary.counts == {"candidates": 0, "pages": 0}
    assert page.facts["count"] == {"cards": 0, "candidates": 0, "pages": 0, "chunks": 0}


def test_a_candidate_without_a_verdict_is_an_error(study):
    study.verdicts.pop(("texture", "feasible", 0, "gull-1"))
    study.write()
    with pytest.raises(DataError, match=r"no verdict on gull-1\.texture\.feasible\.k0\.r0 .*run the stage verdicts"):
        study.run()


@pytest.mark.parametrize("kind", ["images", "masks", "edits", "verdicts", "funnel"])
def test_a_missing_table_is_named(study, kind):
    study.write()
    place = ("color", "infeasible", 1, "00000-of-00001")
    path = {
        "images": study.paths.images,
        "masks": study.paths.masks("00000-of-00001"),
        "edits": study.paths.edits(*place),
        "verdicts": study.paths.verdicts(*place),
        "funnel": study.paths.funnel,
    }[kind]
    Path(path).unlink()
    with pytest.raises(DataError, match=f"{re.escape(path)} does not exist"):
        study.run()


def test_a_damaged_picture_is_an_error(study):
    study.edits["color", "feasible", 0, "gull-0"]["image"] = b"no picture"
    study.write()
    with pytest.raises(DataError, match="cannot be decoded"):
        study.run()


def score(population, **facts):
    return {
        "attribute": "color",
        "feasibility": "feasible",
        "population": population,
        "pictures": 1234,
        "unknown": 5,
        "p_feasible_raw": 0.91,
        "p_feasible_words": 0.52,
        "reviewed": 30,
        "reviewed_feasible": 20,
        "calibration": "platt",
        "note": "",
        **facts,
    }


@pytest.mark.parametrize(
    ("facts", "shown", "told"),
    [
        (
            {"p_feasible": 0.73, "low": 0.61, "high": 0.84},
            ["0.73", "0.61 to 0.84", "0.91", "0.52", "1,234"],
            "corrected",
        ),
        ({"note": "nobody <b> did", "calibration": "none"}, ["–", "–", "0.91", "0.52"], "nobody &lt;b&gt; did"),
    ],
)
def test_the_feasibility_score_of_the_accepted_pictures_is_on_the_page(study, facts, shown, told):
    study.write()
    rows = [score("judged", p_feasible_raw=0.11, **facts | {"p_feasible": None}), score("accepted", **facts)]
    path = Path(study.paths.funnel).with_name("feasibility.parquet")
    tables.write(path, rows, FEASIBILITY, stage="dataset", digest="x")
    _, page = study.run()
    table = re.search(r'<table class="glance" id="feasibility">.*?</table>', page.html, re.S)[0]
    cells = re.findall(r'<td class="number">(.*?)</td>', table)
    assert cells[: len(shown)] == shown
    assert "0.11" not in table
    assert told in page.html
    assert "feasibility.csv" in page.html


def test_a_page_without_a_judge_has_no_feasibility_score(study):
    _, page = study.write().run()
    assert 'id="feasibility"' not in page.html
    assert "feasibility.csv" not in page.html


def pairs_of(page):
    """Pair -> ids of its candidates on the page."""
    found = {}
    for one in page.payloads("page"):
        for card in one["cards"]:
            image_id, attribute, *_ = card[1][0].split(".")
            found[f"{image_id}.{attribute}.k0"] = [row[0] for row in card[1:]]
    return found


@pytest.mark.parametrize("shards", [1, 3])
def test_of_more_pairs_than_the_limit_some_are_shown_with_both_arms_and_all_rounds(study, tmp_path, shards):
    whole = pairs_of(study.write().run()[1])
    summary, page = Study(tmp_path / "large", shards=shards, max_pairs=4).write().run()
    shown = pairs_of(page)
    assert len(shown) == 4
    assert shown == {pair: whole[pair] for pair in whole if pair in shown}
    # two classes, two attributes: one of each
    assert sorted({pair.partition("-")[0] + pair.partition(".")[2] for pair in shown}) == [
        f"{class_id}{attribute}.k0" for class_id in ("egret", "gull") for attribute in ("color", "texture")
    ]
    assert summary.counts == {"candidates": 2 * 4 + 2 * 2, "pages": 2}
    assert summary.lines[1] == "it shows 4 of 8 pairs, drawn evenly; report.max_pairs says how many"


def test_the_page_and_its_copy_say_that_they_show_some(tmp_path):
    large = Study(tmp_path / "large", max_pairs=3)
    _, page = large.write().run()
    said = "3 of 8 pairs are shown, drawn by a digest of their names evenly over classes"
    for text in (page.html, (large.root / "report.html").read_text("utf-8")):
        assert text.count(f'<p class="copy-note drawn">{said}') == 1
        assert "and the manifest lists all.</p>" in text
        assert "No shown candidate matches these filters." in text
    assert page.facts["count"]["cards"] == 3
    # counts are those of the study, and so is what can be chosen
    assert [row[4:8] for row in page.facts["funnel"]] == [[9, 7, 4, 5]] * 2
    assert "of 18 wanted edits accepted" in page.html


def test_a_page_that_shows_all_says_nothing_of_a_draw(study, tmp_path):
    _, page = study.write().run()
    assert "shown" not in page.html.partition("<body>")[2].partition('<script type="application/json"')[0]
    assert "copy-note" not in (study.root / "report.html").read_text("utf-8").partition("<body>")[2]
    exact = Study(tmp_path / "pond", max_pairs=8)
    _, again = exact.run()
    for kind in ("index", "page", "detail"):
        assert again.payloads(kind) == page.payloads(kind)
    digest = f"<dd>{slice_digest(study.config)}</dd>"
    assert again.html == page.html.replace(digest, f"<dd>{slice_digest(exact.config)}</dd>")


def test_nothing_is_decoded_that_is_not_shown(tmp_path, monkeypatch):
    seen = {"png": 0, "photo": set(), "mask": 0}
    decode, read, unpack = source.decode_png, source.read_photo, source.decode_mask
    monkeypatch.setattr(source, "decode_png", lambda data: (seen.update(png=seen["png"] + 1), decode(data))[1])
    monkeypatch.setattr(source, "decode_mask", lambda data: (seen.update(mask=seen["mask"] + 1), unpack(data))[1])
    monkeypatch.setattr(source, "read_photo", lambda row, how: (seen["photo"].add(row["image_id"]), read(row, how))[1])
    large = Study(tmp_path / "large", max_pairs=1)
    large.write()
    _, page = large.run()
    (pair,) = pairs_of(page)
    assert seen == {"png": len(page.candidates), "photo": {pair.partition(".")[0]}, "mask": 1}


def test_a_candidate_that_is_not_shown_needs_a_verdict_too(tmp_path):
    large = Study(tmp_path / "large", max_pairs=1)
    _, page = large.write().run()
    shown = list(pairs_of(page))
    key = next(key for key in large.verdicts if f"{key[3]}.{key[0]}.k0" not in shown)
    lost = large.verdicts.pop(key)["candidate_id"]
    large.write()
    with pytest.raises(DataError, match=re.escape(f"no verdict on {lost} ")):
        large.run()


def test_nothing_but_the_report_is_left(study):
    study.write()
    before = set(study.root.rglob("*"))
    study.run()
    report = study.root / "report"
    fresh = {path for path in study.root.rglob("*") if path not in before and report not in path.parents}
    assert fresh == {report, study.root / "report.html"}


@pytest.mark.parametrize("method", ["choose_pairs", "Candidates", "write_gallery"])
def test_a_signal_ends_it_wherever_it_is(study, monkeypatch, method):
    whole = getattr(stage, method)

    def signalled(*args, **options):
        monkeypatch.setattr(stopping, "_received", [signal.SIGTERM])
        return whole(*args, **options)

    monkeypatch.setattr(stage, method, signalled)
    study.write()
    with pytest.raises(stopping.StoppedError):
        study.run()
    assert not (study.root / "report" / "index.html").exists()


def test_a_full_disk_is_named_and_leaves_no_page(study, monkeypatch):
    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(source.Spool, "add", full)
    study.write()
    with pytest.raises(DiskFullError, match=f"the disk of {study.root / 'report'} is full"):
        study.run()
    assert not (study.root / "report" / "index.html").exists()
