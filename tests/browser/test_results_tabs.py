"""The tabs about the classifiers as a reader meets them: opened from disk in a real browser."""

from urllib.parse import unquote

import pytest

from unit.reporting.study_results import HOSTILE, study
from varireal.reporting.answer import answer_sentences
from varireal.reporting.single import write_single_page

pytestmark = pytest.mark.browser

TABS = ("results", "training", "errors", "gallery", "funnel", "about")


@pytest.fixture
def visit(show, report):
    """Open the report at a tab."""

    def opened(tab="results", **options):
        return show(report, ready=f"#section-{tab}:not([hidden])", address=f"#tab={tab}", **options)

    return opened


def test_the_answer_is_the_first_thing_shown(show, report):
    page = show(report, ready=".finding")
    first, second = answer_sentences(study())
    assert page.locator(".finding").inner_text() == first
    assert page.locator(".power").inner_text() == second
    assert page.locator(".finding").bounding_box()["y"] < 400
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "Results"
    assert page.locator("#section-gallery").is_hidden()


def test_tabs_are_walked_by_keys_and_kept_in_the_address(show, expect, report):
    page = show(report, ready=".finding")
    page.locator("#tab-results").focus()
    for name in (*TABS[1:], TABS[0]):
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#tab-{name}")).to_be_focused()
        expect(page.locator(f"#section-{name}")).to_be_visible()
        assert page.locator("[role=tabpanel]:visible").count() == 1
    page.keyboard.press("ArrowLeft")
    assert page.url.endswith("#tab=about")


def test_the_gallery_fills_when_its_tab_is_opened(show, report):
    page = show(report, ready=".finding")
    page.locator("#tab-gallery").click()
    page.wait_for_selector(".card img")
    assert page.locator("#count").inner_text() == "18 pairs, 42 candidates"
    page.locator("#tab-funnel").click()
    assert page.locator("#section-funnel .answer").inner_text() == "24 of 36 wanted edits accepted"


def test_marks_lie_where_their_numbers_are(visit):
    page = visit()
    places = page.locator("#section-results > .forest tbody .forest-plot").evaluate_all(
        """nodes => nodes.map((node) => {
          const box = node.getBoundingClientRect();
          const middle = (part) => {
            const own = node.querySelector(part).getBoundingClientRect();
            return own.x + own.width / 2;
          };
          const zero = middle(".zero");
          return [zero - box.x - box.width / 2, Math.sign(Math.round(middle(".mark > *") - zero))];
        })"""
    )
    assert [side for _, side in places] == [1, 1]
    assert all(abs(offset) < 1 for offset, _ in places)
    assert page.locator("#section-results > .forest .said").all_inner_texts() == ["feasible higher", "could not tell"]


def test_every_download_is_there(visit, report):
    page = visit("about")
    links = page.locator(".downloads a").evaluate_all("nodes => nodes.map((node) => node.getAttribute('href'))")
    files = [link for link in links if not link.startswith("..")]
    assert len(files) >= 20
    assert {link.rpartition(".")[2] for link in files} == {"csv", "parquet", "tex", "svg", "png"}
    for link in files:
        assert (report / unquote(link)).stat().st_size > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["results", "training", "errors"])
def test_charts_follow_the_theme(visit, tab, scheme):
    page = visit(tab, color_scheme=scheme)
    part = {"results": ".zero", "training": ".panel polyline", "errors": ".matrix td.hit"}[tab]
    name = "backgroundColor" if tab == "errors" else "stroke"
    color = f"getComputedStyle(document.querySelector('#section-{tab} {part}')).{name}"
    before = page.evaluate(color)
    page.locator("#theme").click()
    assert page.evaluate(color) != before


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("width", [360, 768])
def test_nothing_scrolls_sideways_but_tables_in_their_boxes(visit, tab, width):
    page = visit(tab, width=width, height=740)
    page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = page.locator(f"#section-{tab} .scroll:visible")
    assert boxes.evaluate_all("nodes => nodes.every((node) => node.clientWidth <= innerWidth)")
    if tab in ("results", "errors", "training"):
        assert boxes.evaluate_all("nodes => nodes.every((node) => node.tabIndex === 0 && node.ariaLabel)")


def test_the_forest_plot_fits_a_phone_with_its_axis(visit):
    page = visit(width=360, height=740)
    widths = page.locator("#section-results > .forest .axis, #section-results > .forest .forest-plot").evaluate_all(
        "nodes => nodes.map((node) => Math.round(node.getBoundingClientRect().width))"
    )
    assert len(set(widths)) == 1
    assert 300 < widths[0] < 360


def test_errors_show_pictures_and_hostile_names_as_text(visit):
    page = visit("errors")
    images = page.locator("#section-errors img")
    assert images.count() > 0
    page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true")
    assert images.evaluate_all("nodes => nodes.every((node) => node.alt && node.complete && node.naturalWidth)")
    assert page.locator(".matrix tbody th").first.text_content() == HOSTILE
    assert page.locator("b").count() == 0
    assert page.locator("body script").count() == 2


def test_the_copy_opens_with_the_answer(show, report, tmp_path):
    write_single_page(report, tmp_path / "index.html")
    page = show(tmp_path, ready=".finding")
    assert page.locator(".files, .downloads").count() == 0
    page.locator("#tab-errors").click()
    assert page.locator("#section-errors img").first.is_visible()
    page.locator("#tab-gallery").click()
    page.wait_for_selector(".card img")
