"""Two versions of a finished study, of which one was changed by hand: each change is found, and nothing else."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from varireal.cli import main
from varireal.core.pictures import decode_png, encode_png
from varireal.store import tables
from varireal.store.schemas import EDITS, FUNNEL, IMAGES, MANIFEST, PREDICTIONS
from varireal.tools import compare
from varireal.tools.compare_study import compare_studies

FINISHED = Path(__file__).parents[2] / "finished" / "demo_small.tar.xz"
SHARD = "00000-of-00001.parquet"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    shutil.unpack_archive(FINISHED, folder)
    return folder / "results" / "demo_small"


@pytest.fixture
def copy(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def change(path, schema, stage, edit):
    rows = tables.read(path, schema)
    edit(rows)
    tables.write(path, rows, schema, stage=stage, digest="0" * 16)


def rename(prompts, name):
    """Give the first prompt of a class's file another name."""
    lines = prompts.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.lstrip().startswith("name: "))
    lines[place] = f'{lines[place].partition("name: ")[0]}name: "{name}"'
    prompts.write_text("\n".join(lines) + "\n")


def test_a_copy_differs_in_nothing(finished, copy):
    one = compare_studies(finished, copy)
    assert one.config == ()
    assert one.notes == ()
    assert [(part.only_a, part.only_b) for part in (*one.photos, *one.prompts)] == [(0, 0)] * 11
    assert {(part.alike, part.other, part.only_a, part.only_b, part.accepted_a) for part in one.settings} == {(0,) * 5}
    assert sum(part.equal for part in one.settings) == 37
    assert all(part.wanted == (6, 6) for part in one.settings)
    assert all(row.same and row.pictures == 2 for row in one.accuracies)
    assert len(one.accuracies) == 12
    words = [section.sentence for section in compare.sections(one)]
    assert words[0] == "the same"
    assert words[-1].startswith("0 of 12 paired comparisons found a difference and 12 the same answers")


def test_keys_prompts_and_photos_that_differ_are_named(finished, copy):
    for name in ("images", "report"):
        path = copy / "config" / f"{name}.json"
        part = json.loads(path.read_text())
        part["seed"] = 6
        path.write_text(json.dumps(part))
    prompts = copy / "prompts" / "mallard.yaml"
    rename(prompts, "under a lamp")

    def retake(rows):
        rows[0]["sha256"] = "f" * 64

    change(copy / "images.parquet", IMAGES, "images", retake)
    one = compare_studies(finished, copy)
    assert [(key.key, key.a, key.b) for key in one.config] == [("study.seed", "5", "6")]
    other = [part for part in one.prompts if part.only_a]
    assert [(part.only_a, part.only_b) for part in other] == [(1, 1)]
    assert other[0].examples_b == ("mallard: under a lamp",)
    assert [(part.what, part.only_a, part.only_b) for part in one.photos if part.only_a] == [("photos of test", 1, 1)]
    row = next(row for row in one.accuracies if row.test_set == "test")
    assert row.pictures == 1  # the other is not the same picture any more


@pytest.fixture
def repainted(copy):
    """Of the feasible colours: one picture a level brighter, one painted over, one refused, one not made."""
    made = {}

    def repaint(rows):
        wanted = [row for row in rows if row["status"] == "ok"]
        for row, levels in zip(wanted, (1, 90, 0, None), strict=False):
            if levels is None:
                row["image"], row["status"], row["reason"] = None, "failed", "the card was lost"
            elif levels:
                picture = decode_png(row["image"]).astype(int)
                picture[8:40, 8:40] = np.clip(
                    picture[8:40, 8:40] + levels * (1 - 2 * (picture[8:40, 8:40] > 127)), 0, 255
                )
                row["image"] = encode_png(picture.astype(np.uint8))
            made[row["candidate_id"]] = levels

    def note(rows):
        for row in rows:
            levels = made.get(row["candidate_id"], -1)
            if levels is None:
                row["image_sha256"], row["outcome"] = None, "failed"
            elif levels > 0:
                row["image_sha256"] = f"{levels:064d}"
            elif levels == 0:
                row["outcome"], row["reasons"] = "rejected", ["seam"]

    def count(rows):
        row = next(row for row in rows if (row["attribute"], row["feasibility"]) == ("color", "feasible"))
        row["accepted"], row["short"] = row["accepted"] - 2, row["short"] + 2

    change(copy / "edits" / "color" / "feasible" / "round0" / SHARD, EDITS, "edits", repaint)
    change(copy / "dataset" / "manifest.parquet", MANIFEST, "dataset", note)
    change(copy / "dataset" / "funnel.parquet", FUNNEL, "dataset", count)
    return copy


def test_pictures_are_equal_alike_or_other(finished, repainted):
    one = compare_studies(finished, repainted)
    part = next(part for part in one.settings if part.setting == "color/feasible")
    assert (part.equal, part.alike, part.other, part.only_a, part.only_b) == (3, 1, 1, 1, 0)
    assert (part.accepted_both, part.accepted_a, part.accepted_b) == (4, 2, 0)
    assert (part.wanted, part.accepted) == ((6, 6), (6, 4))
    assert {(other.other, other.accepted_a) for other in one.settings if other is not part} == {(0, 0)}
    some = compare_studies(finished, repainted, most_decoded=1)
    part = next(part for part in some.settings if part.setting == "color/feasible")
    assert (part.alike + part.other, part.not_looked_at) == (1, 1)
    assert some.notes == ("1 pair of edits with other bytes was not looked at; --most says how many are",)


def test_accuracies_are_paired_where_pictures_agree(finished, copy):
    """The second one is wrong everywhere under one regime, and was scored on a picture of its own besides."""

    def miss(rows):
        for row in rows:
            row["top1"] = 1 - row["label"]

    change(copy / "predictions" / "real" / "seed0.parquet", PREDICTIONS, "predictions", miss)
    one = compare_studies(finished, copy)
    rows = {(row.regime, row.test_set): row for row in one.accuracies}
    assert rows["real", "test"].difference.difference.value == -1.0
    assert (rows["real", "test"].a.value, rows["real", "test"].b.value) == (1.0, 0.0)
    assert not rows["real", "test"].same
    assert rows["zero-shot", "test"].same
    cells = {row[:2]: row for row in compare.sections(one)[-1].rows}
    assert cells["real", "test"][5].startswith("−100.0 points [")
    assert cells["zero-shot", "test"][6] == "the same answers"


def test_text_json_and_page_say_the_same(finished, repainted, tmp_path, capsys):
    page = tmp_path / "compared.html"
    assert main(["compare", str(finished), str(repainted), "--page", str(page)]) == 0
    text = capsys.readouterr().out
    assert "Config: the same" in text
    assert "35 equal to the byte" not in text
    assert "34 equal to the byte, 1 alike, 1 other pictures" in text
    html = page.read_text()
    assert "34 equal to the byte, 1 alike, 1 other pictures" in html
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    assert compare.run(a=finished, b=repainted, json_=True) == 0
    assert json.loads(capsys.readouterr().out)["settings"][2]["other"] == 1


def test_a_study_that_is_not_finished_is_compared_as_far_as_it_is(finished, copy):
    for name in ("report", "dataset", "images.parquet"):
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    one = compare_studies(finished, copy)
    assert [note.partition(" so ")[2] for note in one.notes] == [
        "photos are not compared",
        "edits and acceptance are not compared",
        "accuracies are not compared",
    ]
    assert (one.photos, one.settings, one.accuracies) == ((), (), ())
    assert len(one.prompts) == 6


def test_names_from_a_study_are_no_markup(finished, copy, capsys):
    odd = "[red]<b>lamp</b>"
    rename(copy / "prompts" / "mallard.yaml", odd)
    compare.run(a=finished, b=copy, page=(page := copy / "x.html"))
    assert odd in capsys.readouterr().out
    assert "<b>lamp" not in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "nothing is no study: it has no folder 'config'"),
        (["{copy}", "--page", "x.pdf"], "--page x.pdf: expected the name of an HTML file"),
        (["{copy}", "--most", "-1"], "--most -1: expected 0 or more pairs"),
    ],
)
def test_mistakes_are_one_line(finished, copy, capsys, arguments, words):
    given = [argument.format(copy=copy) for argument in arguments]
    assert main(["compare", str(finished), *given]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
