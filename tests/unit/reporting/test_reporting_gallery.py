import json
import re
import weakref
from dataclasses import replace

import pytest

from varireal.errors import DataError
from varireal.reporting.gallery import write_gallery


def cards_of(small, folder):
    """All cards in order, as (page, image id of the index, candidate ids)."""
    pages, index = small.payloads(folder, "page"), small.payloads(folder, "index")
    images = [image for chunk in index for image in chunk["images"]]
    named = [images[number] for chunk in index for number in chunk["cards"]["image"]]
    cards = [(number, card) for number, page in enumerate(pages) for card in page["cards"]]
    assert len(cards) == len(named)
    return [(page, image, [row[0] for row in card[1:]]) for (page, card), image in zip(cards, named, strict=True)]


def test_pages_partition_the_candidates_and_never_split_a_pair(tmp_path, small):
    candidates = list(small.stream(23))
    summary = write_gallery(tmp_path, small.facts, small.photo, iter(candidates), page_size=10)
    cards = cards_of(small, tmp_path)
    assert [id for _, _, ids in cards for id in ids] == [one.candidate_id for one in candidates]
    assert [len(ids) for _, _, ids in cards] == [4] * 46
    assert all(id.startswith(image) for _, image, ids in cards for id in ids)
    assert summary.candidates == 184
    # a page is closed at the first pair that finds ten candidates or more in it: three pairs
    assert summary.pages == 16
    assert summary.index_bytes == (tmp_path / "index.html").stat().st_size


def test_index_columns_agree_with_the_cards(tmp_path, small):
    write_gallery(tmp_path, small.facts, small.photo, small.stream(5), page_size=10)
    (index,) = small.payloads(tmp_path, "index")
    cards = cards_of(small, tmp_path)
    assert index["cards"]["page"] == [page for page, _, _ in cards]
    assert index["cards"]["size"] == [len(ids) for _, _, ids in cards]
    assert index["candidates"]["round"] == [0, 1] * 20
    assert index["candidates"]["arm"] == [0, 0, 1, 1] * 10
    assert index["combos"] == [[0], []]
    assert index["prompts"][0] == ["background-feasible", small.hostile, ""]


def test_index_is_cut_into_files_of_bounded_size(tmp_path, small, monkeypatch):
    monkeypatch.setattr("varireal.reporting.document.CHUNK_CANDIDATES", 16)
    write_gallery(tmp_path, small.facts, small.photo, small.stream(5), page_size=10)
    chunks = small.payloads(tmp_path, "index")
    assert [len(chunk["candidates"]["arm"]) for chunk in chunks] == [16, 16, 8]
    assert [chunk["images"] for chunk in chunks] == [
        ["photo-0000", "photo-0001"],
        ["photo-0002", "photo-0003"],
        ["photo-0004"],
    ]
    assert [len(chunk["prompts"]) for chunk in chunks] == [4, 0, 0]


def test_each_photo_is_once_on_a_page_and_read_once(tmp_path, small):
    asked = []

    def photos(image_id):
        asked.append(image_id)
        return small.photo(image_id)

    write_gallery(tmp_path, small.facts, photos, small.stream(6), page_size=4)
    assert asked == [f"photo-{number:04d}" for number in range(6)]
    assert [len(page["photos"]) for page in small.payloads(tmp_path, "page")] == [1] * 12


def test_measures_are_rounded_and_what_was_not_measured_is_null(tmp_path, small):
    write_gallery(tmp_path, small.facts, small.photo, small.stream(1))
    (page,) = small.payloads(tmp_path, "page")
    assert page["measures"] == ["seam_score", "hue_distance", "edge_ssim"]
    assert page["cards"][0][1][5] == [0.12346, None, None]
    # as text, for a JavaScript number would lose its last digits
    assert page["cards"][0][1][1] == "9223372036854775807"


def test_a_large_picture_is_kept_only_where_the_thumbnail_lost_something(tmp_path, small):
    def photos(image_id):
        return small.photo(image_id, side=64 if image_id.endswith("1") else 24)

    write_gallery(tmp_path, small.facts, photos, small.stream(2), thumbnail_px=32)
    (detail,) = small.payloads(tmp_path, "detail")
    assert [url is None for url in detail["photos"]] == [True, False]
    assert detail["cards"] == [[None] * 4] * 4


def test_a_candidate_that_was_not_made_has_its_reason_and_no_picture(tmp_path, small):
    failed = small.candidate(
        "photo-0000", "color", "feasible", 0, outcome="failed", reasons=("unknown_prompt: glorp",), image=None
    )
    write_gallery(tmp_path, small.facts, small.photo, [failed])
    (page,) = small.payloads(tmp_path, "page")
    assert page["cards"][0][1][3:5] == [None, ["unknown_prompt: glorp"]]


def test_pictures_are_let_go_as_they_come(tmp_path, small):
    alive = peak = 0

    def gone():
        nonlocal alive
        alive -= 1

    def counted():
        nonlocal alive, peak
        for one in small.stream(40):
            weakref.finalize(one.image, gone)
            alive += 1
            peak = max(peak, alive)
            yield one

    summary = write_gallery(tmp_path, small.facts, small.photo, counted(), page_size=50)
    assert summary.candidates == 320
    assert peak <= 3


def test_same_input_gives_the_same_bytes(tmp_path, small):
    for name in "ab":
        write_gallery(tmp_path / name, small.facts, small.photo, small.stream(7), page_size=10)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")} for name in "ab"]
    assert len(files[0]) == 1 + 5 + 5 + 1
    assert files[0] == files[1]


def test_a_smaller_gallery_replaces_a_larger_one_and_leaves_other_files(tmp_path, small):
    write_gallery(tmp_path, small.facts, small.photo, small.stream(9), page_size=10)
    foreign = tmp_path / "data" / "page-notes.js"
    foreign.write_text("mine")
    write_gallery(tmp_path, small.facts, small.photo, small.stream(1), page_size=10)
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert names == ["detail-00000.js", "index-00000.js", "page-00000.js", "page-notes.js"]


@pytest.mark.parametrize("order", [[1, 0], [0, 0]])
def test_candidates_out_of_order_or_twice_are_refused(tmp_path, small, order):
    candidates = list(small.stream(1))
    with pytest.raises(DataError, match="must be sorted"):
        write_gallery(tmp_path, small.facts, small.photo, [candidates[i] for i in order])
    assert not (tmp_path / "index.html").exists()


def test_no_candidates_make_a_page_too(tmp_path, small):
    summary = write_gallery(tmp_path, small.facts, small.photo, [])
    assert (summary.pages, summary.candidates) == (0, 0)
    assert list((tmp_path / "data").iterdir()) == []


def many(small, classes):
    """The facts of a study of so many classes, each with two settings."""
    row = small.facts.funnel[0]
    rows = [
        {**row, "class_id": f"bird-{n:04d}", "class_name": f"Black-footed albatross {n:04d}", "feasibility": arm}
        for n in range(classes)
        for arm in ("feasible", "infeasible")
    ]
    return replace(small.facts, funnel=tuple(rows))


def facts_of(folder):
    text = (folder / "index.html").read_text("utf-8")
    return json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text)[1])


def test_many_counts_by_class_lie_in_a_file_of_their_own(tmp_path, small):
    write_gallery(tmp_path, many(small, 750), small.photo, small.stream(1))
    assert len(facts_of(tmp_path)["funnel"]) == 1500
    assert not list(tmp_path.glob("data/counts*"))
    few = (tmp_path / "index.html").stat().st_size

    write_gallery(tmp_path, many(small, 5000), small.photo, small.stream(1))
    assert facts_of(tmp_path)["funnel"] is None
    (counts,) = small.payloads(tmp_path, "counts")
    assert len(counts["rows"]) == 10_000
    assert counts["rows"][-1] == [
        *("bird-4999", "Black-footed albatross 4999", "color", "infeasible", 10, 14, 8, 2),
        [["seam", 5], ["hue", 1]],
    ]
    assert (tmp_path / "index.html").stat().st_size < few
    # the sums are in the page all the same
    assert "of 100,000 wanted edits accepted" in (tmp_path / "index.html").read_text("utf-8")

    write_gallery(tmp_path, small.facts, small.photo, small.stream(1))
    assert not list(tmp_path.glob("data/counts*"))


def test_a_gallery_that_shows_a_part_says_so_and_knows_every_class(tmp_path, small):
    facts = replace(small.facts, drawn="2 of 9 <pairs>")
    write_gallery(tmp_path, facts, small.photo, [small.candidate("photo-0000", "background", "infeasible", 0)])
    found = facts_of(tmp_path)
    assert found["classes"] == [["heron", small.hostile], ["mallard", "Mallard"]]
    assert found["attributes"] == ["color", "background"]
    assert found["arms"] == ["feasible", "infeasible"]
    (index,) = small.payloads(tmp_path, "index")
    assert (index["cards"]["attribute"], index["candidates"]["arm"]) == ([1], [1])
    text = (tmp_path / "index.html").read_text("utf-8")
    assert '<p class="copy-note drawn">2 of 9 &lt;pairs&gt;</p>' in text


def test_a_gallery_that_shows_all_has_the_classes_of_its_candidates_only(tmp_path, small):
    write_gallery(tmp_path, small.facts, small.photo, small.stream(1))
    assert facts_of(tmp_path)["classes"] == [["heron", small.hostile]]
    assert "copy-note drawn" not in (tmp_path / "index.html").read_text("utf-8")
