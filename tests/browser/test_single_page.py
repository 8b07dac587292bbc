"""The copy in one file, opened from disk and as an address inside a frame, as Snakemake's report shows it."""

import base64

import pytest

from varireal.reporting.single import FRAME_BYTES, write_single_page

pytestmark = pytest.mark.browser

FRAMES = {
    "data": "frame.src = address",
    "blob": "fetch(address).then((r) => r.blob()).then((blob) => { frame.src = URL.createObjectURL(blob); })",
}


@pytest.fixture
def framed(chromium):
    """Open a file as an address inside a frame; no request of it may leave the page, and nothing may go wrong."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    requests, errors = [], []

    def opened(path, tmp_path, kind):
        data = base64.b64encode(path.read_bytes()).decode()
        # written as Snakemake 9 writes it
        address = f"data:text/html;charset=utf8;filename={path.name};base64,{data}"
        outer = tmp_path / "outer.html"
        script = f'const address = "{address}"; const frame = document.querySelector("iframe"); {FRAMES[kind]};'
        outer.write_text(f'<iframe style="width:1300px;height:850px"></iframe><script>{script}</script>')
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(outer.as_uri())
        page.frame_locator("iframe").locator(".card img").first.wait_for()
        return page, page.frame_locator("iframe")

    yield opened
    context.close()
    # the first is the page around the frame
    assert [url for url in requests[1:] if not url.startswith(("data:", "blob:"))] == []
    assert errors == []


def use(page, frame, expect, pairs):
    """Filter, step and look at pictures, as a reader does; pairs alternate between background and colour."""
    count = frame.locator("#count")
    expect(count).to_contain_text(f"{pairs} pairs, ")
    pictures = frame.locator(".card").first.locator("img")
    assert pictures.evaluate_all("nodes => nodes.map((node) => node.complete && node.naturalWidth)") == [32] * 4
    frame.locator('[data-field="attribute"] [data-value="color"]').click()
    expect(count).to_contain_text(f"{pairs // 2} pairs, ")
    frame.locator("#reset").click()
    page.keyboard.press("j")
    frame.locator(".card:focus").wait_for()
    page.keyboard.press("Enter")
    place = frame.locator("#viewer[open] .position")
    expect(place).to_have_text(f"1 of {pairs}")
    expect(frame.locator("#viewer .pane img")).to_have_count(2)
    page.keyboard.press("j")
    expect(place).to_have_text(f"2 of {pairs}")
    page.keyboard.press("Escape")
    expect(frame.locator(".card[data-at='1']")).to_be_focused()
    frame.locator("#theme").click()
    frame.locator("#tab-about").click()
    assert frame.locator(".downloads").count() == 0


def test_from_disk(show, expect, gallery, tmp_path):
    assert write_single_page(gallery, tmp_path / "index.html") == 0
    page = show(tmp_path)
    use(page, page, expect, 18)
    assert page.locator(".copy-note").count() == 0
    assert page.locator("head script").count() == 0


def test_large_pictures_are_shown_when_they_are_in_the_copy(show, gallery, tmp_path):
    write_single_page(gallery, tmp_path / "index.html")
    page = show(tmp_path)
    page.locator(".card .tile").first.click()
    page.wait_for_selector("#viewer[open] .stage[data-sharp] img")
    widths = page.locator("#viewer .pane img").evaluate_all("nodes => nodes.map((node) => node.naturalWidth)")
    assert widths == [48, 48]


@pytest.mark.parametrize("kind", sorted(FRAMES))
def test_in_a_frame_with_what_fits(framed, expect, gallery, tmp_path, kind):
    # no room for large pictures, and not for all pairs
    limit = (gallery / "index.html").stat().st_size + 18_000
    left_out = write_single_page(gallery, tmp_path / "copy.html", limit_bytes=limit)
    held = 18 - left_out
    assert 4 <= held < 18
    page, frame = framed(tmp_path / "copy.html", tmp_path, kind)
    expect(frame.locator(".copy-note")).to_have_text(
        f"This copy holds the first {held} of 18 pairs and lacks large pictures; "
        f"the whole page is {gallery.name}/index.html."
    )
    use(page, frame, expect, held)


def test_a_copy_of_the_default_size_opens_in_a_frame(framed, large, tmp_path):
    left_out = write_single_page(large, tmp_path / "copy.html")
    size = (tmp_path / "copy.html").stat().st_size
    assert left_out > 0
    assert FRAME_BYTES - 5000 < size <= FRAME_BYTES
    _, frame = framed(tmp_path / "copy.html", tmp_path, "data")
    assert frame.locator("#count").inner_text().startswith(f"{5000 - left_out:,} pairs")


@pytest.mark.parametrize(("share", "rows"), [(0.25, 300), (0.0, 0)])
def test_many_counts_are_in_the_copy_or_it_says_that_they_are_not(
    framed, expect, drawn, tmp_path, monkeypatch, share, rows
):
    monkeypatch.setattr("varireal.reporting.single._COUNTS_SHARE", share)
    write_single_page(drawn, tmp_path / "copy.html")
    _, frame = framed(tmp_path / "copy.html", tmp_path, "data")
    expect(frame.locator(".drawn")).to_have_text("18 of 1,800 pairs are shown, drawn evenly")
    frame.locator("#tab-funnel").click()
    expect(frame.locator("table.funnel tbody tr")).to_have_count(rows)
    expect(frame.locator("#funnel .notice")).to_have_count(int(not rows))
