import json
import re

import pytest

from varireal.errors import DataError
from varireal.reporting.gallery import write_gallery
from varireal.reporting.single import write_single_page

BLOCK = re.compile(r'<script type="application/json" id="([^"]+)">(.*?)</script>', re.S)


@pytest.fixture
def gallery(tmp_path, small):
    """20 pairs of 4 candidates on 10 pages; the thumbnails are smaller than the photos."""
    folder = tmp_path / "report"
    write_gallery(folder, small.facts, small.photo, small.stream(10), page_size=8, thumbnail_px=12)
    return folder


@pytest.fixture
def copied(gallery, tmp_path):
    def write(limit_bytes=10_000_000):
        left_out = write_single_page(gallery, tmp_path / "copy.html", limit_bytes=limit_bytes)
        text = (tmp_path / "copy.html").read_text("utf-8")
        return left_out, text, {name: json.loads(data) for name, data in BLOCK.findall(text)}

    return write


def test_a_copy_with_room_holds_every_file_and_says_nothing(copied, gallery, small):
    left_out, text, blocks = copied()
    facts = blocks.pop("facts")
    assert left_out == 0
    assert facts["count"] == {"cards": 20, "candidates": 80, "pages": 10, "chunks": 1}
    assert facts["copy"] is True
    assert sorted(blocks) == sorted(path.stem for path in (gallery / "data").iterdir())
    for kind in ("index", "page", "detail"):
        assert [blocks[name] for name in sorted(blocks) if name.startswith(kind)] == small.payloads(gallery, kind)
    assert "copy-note" not in text.partition("<body>")[2].partition("<script")[0]


def test_what_does_not_fit_is_left_out_from_the_end_and_said(copied, gallery, small):
    size = len((gallery / "index.html").read_bytes()) + 40_000
    left_out, text, blocks = copied(size)
    held = 20 - left_out
    assert 2 < held < 20
    assert len(text.encode()) <= size
    said = (
        f"This copy holds the first {held} of 20 pairs and lacks large pictures; the whole page is report/index.html."
    )
    assert f'<p class="copy-note" role="note">{said}</p>' in text
    assert blocks["facts"]["count"] == {
        "cards": held,
        "candidates": 4 * held,
        "pages": (held + 1) // 2,
        "chunks": 1,
    }
    index, whole = blocks["index-00000"], small.payloads(gallery, "index")[0]
    assert {name: column[:held] for name, column in whole["cards"].items()} == index["cards"]
    assert {name: column[: 4 * held] for name, column in whole["candidates"].items()} == index["candidates"]
    assert index["images"] == [f"photo-{n:04d}" for n in range((held + 1) // 2)]
    pages = [blocks[name] for name in sorted(blocks) if name.startswith("page")]
    expected = [card for page in small.payloads(gallery, "page") for card in page["cards"]]
    assert [card for page in pages for card in page["cards"]] == expected[:held]


def test_a_copy_holds_as_many_pairs_as_fit(copied):
    left_out, text, _ = copied(100_000)
    size = len(text.encode())
    assert copied(size)[0] == left_out
    assert copied(size - 1)[0] == left_out + 1


def test_thumbnails_of_all_pairs_come_before_large_pictures(copied, gallery):
    full = len(copied()[1].encode())
    left_out, text, blocks = copied(full - 1000)
    assert left_out == 0
    details = sorted(name for name in blocks if name.startswith("detail"))
    assert details == [f"detail-{n:05d}" for n in range(9)]
    assert "This copy lacks large pictures; the whole page is report/index.html." in text


def test_an_index_of_several_files_becomes_one(tmp_path, small, monkeypatch):
    monkeypatch.setattr("varireal.reporting.document.CHUNK_CANDIDATES", 8)
    folder = tmp_path / "report"
    write_gallery(folder, small.facts, small.photo, small.stream(10))
    assert len(list((folder / "data").glob("index-*.js"))) == 10
    write_single_page(folder, tmp_path / "copy.html")
    blocks = {name: json.loads(data) for name, data in BLOCK.findall((tmp_path / "copy.html").read_text("utf-8"))}
    assert blocks["index-00000"]["images"] == [f"photo-{n:04d}" for n in range(10)]
    assert blocks["index-00000"]["cards"]["image"] == [n // 2 for n in range(20)]
    assert blocks["index-00000"]["cards"]["size"] == [4] * 20


def test_policy_allows_no_file_and_links_lead_nowhere_else(copied):
    _, text, _ = copied()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "file:" not in policy
    assert "self" not in policy
    assert "unsafe" not in policy
    assert re.search(r"script-src &#39;sha256-[^ ;]+&#39;;", policy) is not None
    assert re.findall(r'(?:href|src)="([^"]+)"', text) == ["#main"]


def test_hostile_text_cannot_end_a_block(copied, small):
    _, text, blocks = copied()
    assert blocks["facts"]["classes"] == [["heron", small.hostile]]
    assert text.count("</script") == len(blocks) + 1
    assert "<img" not in text
    assert not any("<" in data for _, data in BLOCK.findall(text))


def test_the_totals_stay_when_nothing_fits(copied, caplog):
    left_out, text, blocks = copied(1000)
    assert left_out == 20
    assert sorted(blocks) == ["facts", "index-00000"]
    assert "This copy holds the first 0 of 20 pairs" in text
    assert "of 24 wanted edits accepted" in text
    assert "more than 1000: a frame may stay empty" in caplog.text


def test_a_gallery_without_candidates_is_copied(tmp_path, small):
    write_gallery(tmp_path / "report", small.facts, small.photo, ())
    assert write_single_page(tmp_path / "report", tmp_path / "copy.html") == 0


def test_a_copy_is_the_same_every_time(copied):
    assert copied(60_000)[1] == copied(60_000)[1]


@pytest.mark.parametrize(
    ("name", "text"),
    [("data/page-00003.js", None), ("data/page-00003.js", "varireal.page(3,{"), ("index.html", "<p>other</p>")],
)
def test_a_damaged_gallery_is_named(copied, gallery, name, text):
    path = gallery / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(DataError, match=f"{path.name}.*run the stage report again"):
        copied()


def test_counts_by_class_are_in_the_copy_where_they_leave_room(tmp_path, small, monkeypatch):
    monkeypatch.setattr("varireal.reporting.document.EMBEDDED_COUNTS", 2)
    folder = tmp_path / "report"
    write_gallery(folder, small.facts, small.photo, small.stream(2))
    size = (folder / "data/counts-00000.js").stat().st_size

    def copied(limit):
        write_single_page(folder, tmp_path / "copy.html", limit_bytes=limit)
        text = (tmp_path / "copy.html").read_text("utf-8")
        return text, {name: json.loads(data) for name, data in BLOCK.findall(text)}

    text, blocks = copied(10_000_000)
    assert [blocks["counts-00000"]] == small.payloads(folder, "counts")
    assert blocks["facts"]["funnel"] is None
    assert 'class="copy-note"' not in text
    text, blocks = copied(3 * size)
    assert "counts-00000" not in blocks
    assert "and lacks counts by class; the whole page is report/index.html." in text
