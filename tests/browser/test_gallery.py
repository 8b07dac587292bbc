"""The gallery as a reader meets it: opened from disk in a real browser."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from browser.conftest import FACTS, known, photo
from varireal.reporting.gallery import write_gallery

pytestmark = pytest.mark.browser


def count(page):
    return page.locator("#count").inner_text()


def choose(page, field, value):
    page.locator(f'[data-field="{field}"] [data-value="{value}"]').click()


def open_first(page):
    page.keyboard.press("j")
    page.wait_for_selector(".card:focus")
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open] .pane img")


def pane_sources(page):
    return page.locator("#viewer .pane img").evaluate_all("nodes => nodes.map((node) => node.src)")


def test_opens_from_disk_and_shows_the_totals(show, gallery):
    page = show(gallery)
    assert count(page) == "18 pairs, 42 candidates"
    assert page.locator(".answer").inner_text() == "24 of 36 wanted edits accepted"
    assert "no mask (12), visible seam (6)" in page.locator(".shortfall").inner_text()
    card = page.locator(".card").first
    assert card.locator("h3").inner_text() == "Grey heron"
    assert card.locator(".prompt strong").all_inner_texts()[0] == "reed bank"
    assert card.locator(".badge").all_inner_texts() == ["Accepted", "Accepted"]
    assert card.locator("img").evaluate_all(
        "nodes => nodes.every((node) => node.alt && node.complete && node.naturalWidth)"
    )


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([("attribute", "color")], "9 pairs, 21 candidates"),
        ([("arm", "infeasible")], "18 pairs, 24 candidates"),
        ([("outcome", "rejected")], "6 pairs, 6 candidates"),
        ([("outcome", "failed"), ("attribute", "color")], "3 pairs, 6 candidates"),
        ([("outcome", "rejected"), ("arm", "feasible")], "0 pairs, 0 candidates"),
    ],
)
def test_filters_leave_exactly_what_matches(show, expect, gallery, choices, expected):
    page = show(gallery)
    for field, value in choices:
        choose(page, field, value)
    assert count(page) == expected
    # the first block of twelve is near the window, the second is not
    cards = min(12, int(expected.split()[0]))
    expect(page.locator(".card")).to_have_count(cards)
    assert page.locator("#nothing").is_visible() == expected.startswith("0")
    page.locator("#reset").click()
    assert count(page) == "18 pairs, 42 candidates"


def test_menus_and_search(show, gallery):
    page = show(gallery)
    page.locator('select[data-field="class"]').select_option(label="Mallard  (14)")
    assert count(page) == "6 pairs, 14 candidates"
    page.locator('select[data-field="reason"]').select_option(label="visible seam  (2)")
    assert count(page) == "2 pairs, 2 candidates"
    page.locator("#reset").click()
    page.keyboard.press("f")
    page.keyboard.type("PINK tail")
    assert count(page) == "9 pairs, 12 candidates"
    page.locator("#search").fill("mallard-1")
    assert count(page) == "2 pairs, 6 candidates"
    page.locator("#search").fill("no such prompt")
    assert count(page) == "0 pairs, 0 candidates"


def test_tallies_say_what_a_choice_would_leave(show, gallery):
    page = show(gallery)
    choose(page, "outcome", "rejected")
    tally = page.locator('[data-field="attribute"] .tally').all_inner_texts()
    assert tally == ["3", "3"]
    assert page.locator('[data-field="outcome"] .tally').all_inner_texts() == ["24", "6", "12"]


def test_a_filter_that_matches_an_earlier_round_shows_that_round(show, gallery):
    page = show(gallery)
    choose(page, "outcome", "rejected")
    arm = page.locator('.card .column.arm[data-arm="infeasible"]').first
    assert arm.locator(".badge").inner_text() == "Not accepted"
    assert arm.locator(".why").inner_text() == "The border of the edit can be seen as a seam."
    arm.locator(".round").nth(1).click()
    assert page.locator('.card .column.arm[data-arm="infeasible"] .badge').first.inner_text() == "Accepted"


def test_a_candidate_that_was_not_made_says_why(show, expect, gallery):
    page = show(gallery)
    choose(page, "outcome", "failed")
    card = page.locator(".card").first
    expect(card.locator(".badge")).to_have_text(["Not made", "Not made"])
    assert "No usable mask was found in the photo" in card.locator(".why").first.inner_text()
    assert "Nothing stood out." in card.inner_text()


def test_receipt_opens(show, gallery):
    page = show(gallery)
    page.locator(".card summary").first.click()
    page.wait_for_selector(".card .receipt")
    rows = page.locator(".card .receipt").first.locator("tbody tr").all_inner_texts()
    assert [row.split("\t") for row in rows] == [
        ["seam score", "0.250", "0.250"],
        ["leak max", "0", "0"],
        ["round", "0", "0"],
        ["seed", "9007199254740993"],
        ["editor", "procedural", "procedural"],
    ]


def test_the_outline_of_an_edit_that_has_its_own_mask(show, tmp_path):
    """The object of one arm has moved: its outline is drawn there, over the edit but not over the photo."""

    def moved(candidate):
        mask = np.roll(photo(candidate.image_id).mask, 12, 1)
        return replace(candidate, mask=mask) if candidate.feasibility == "feasible" else candidate

    write_gallery(tmp_path, FACTS, photo, (moved(one) for one in list(known())[:2]))
    page = show(tmp_path)
    open_first(page)
    page.keyboard.press("m")

    def lefts():
        paths = page.locator("#viewer .outline .over").evaluate_all("nodes => nodes.map((n) => n.getAttribute('d'))")
        return [int(re.match(r"M(\d+)", path)[1]) for path in paths]

    assert lefts() == [24, 12]
    page.keyboard.press("Space")
    assert lefts() == [12, 12]


def test_keys_step_flip_mask_arm_and_close(show, expect, gallery):
    page = show(gallery)
    open_first(page)
    place = page.locator("#viewer .position")
    expect(place).to_have_text("1 of 18")
    page.wait_for_selector("#viewer .stage[data-sharp]")
    edits = pane_sources(page)
    assert len(set(edits)) == 2
    page.keyboard.press("Space")
    originals = pane_sources(page)
    assert len(set(originals)) == 1
    assert originals[0] not in edits
    page.keyboard.press("Space")
    assert pane_sources(page) == edits

    page.keyboard.press("m")
    assert page.locator("#viewer .outline").count() == 2
    page.keyboard.press("m")
    assert page.locator("#viewer .outline").count() == 0

    page.keyboard.press("2")
    assert page.locator("#viewer .pane").evaluate_all("nodes => nodes.map((n) => n.dataset.arm)") == ["infeasible"]
    page.keyboard.press("2")
    assert page.locator("#viewer .pane").count() == 2

    page.keyboard.press("j")
    expect(place).to_have_text("2 of 18")
    page.keyboard.press("k")
    expect(place).to_have_text("1 of 18")
    page.keyboard.press("?")
    assert page.locator("#help[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#help[open]").count() == 0
    assert page.locator("#viewer[open]").count() == 1
    page.keyboard.press("Escape")
    page.wait_for_selector(".card[data-at='0']:focus")
    assert page.locator("#viewer[open]").count() == 0


def test_difference_map_is_black_where_nothing_changed(show, gallery):
    page = show(gallery)
    choose(page, "attribute", "color")
    open_first(page)
    page.wait_for_selector("#viewer .stage[data-sharp]")
    page.keyboard.press("d")
    page.wait_for_selector("#viewer canvas.difference[data-ready]")
    levels = page.evaluate(
        """() => {
          const canvas = document.querySelector("#viewer canvas.difference");
          const at = (x, y) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[0];
          return [canvas.width, at(2, 2), at(45, 45), at(24, 24)];
        }"""
    )
    # (230, 60, 60) against (120, 120, 120) at most 110 levels apart: the root scale makes 167 of it
    assert levels[:3] == [48, 0, 0]
    assert abs(levels[3] - 167) <= 4
    page.keyboard.press("d")
    assert page.locator("#viewer canvas").count() == 0


def test_hostile_names_and_prompts_are_text(show, gallery):
    page = show(gallery)
    page.locator('select[data-field="class"]').select_option(index=2)
    name = page.locator(".card h3").first.evaluate("node => node.textContent")
    assert name == "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028{{ 7*7 }}"
    prompt = page.locator('.card [data-arm="infeasible"] .prompt strong').first.evaluate("node => node.textContent")
    assert prompt == name
    open_first(page)
    page.keyboard.press("Escape")
    page.locator("#tab-funnel").click()
    page.locator("#tab-about").click()
    assert page.locator('img[src="x"]').count() == 0
    assert page.locator("body script").count() == 2


def test_funnel_sorts_and_leads_to_the_pictures(show, gallery):
    page = show(gallery)
    page.locator("#tab-funnel").click()
    rows = page.locator("table.funnel tbody tr")
    assert rows.count() == 12
    assert page.locator("table.funnel tfoot td.number").all_inner_texts() == ["36", "30", "24", "12"]
    page.get_by_role("button", name="Made").click()
    assert page.locator('th[aria-sort="descending"]').inner_text().startswith("Made")
    made = [int(text) for text in rows.locator("td:nth-child(6)").all_inner_texts()]
    assert made == sorted(made, reverse=True)
    page.get_by_role("button", name="Made").click()
    made = [int(text) for text in rows.locator("td:nth-child(6)").all_inner_texts()]
    assert made == sorted(made)
    page.locator("table.funnel").get_by_role("button", name="visible seam").first.click()
    assert count(page) == "1 pair, 1 candidate"
    assert page.locator("#section-gallery").is_visible()


def test_place_is_kept_in_the_address(show, expect, gallery):
    page = show(gallery)
    choose(page, "arm", "infeasible")
    open_first(page)
    page.keyboard.press("j")
    expect(page.locator("#viewer .position")).to_have_text("2 of 18")
    address = "#" + page.url.partition("#")[2]
    assert "arm=infeasible" in address
    again = show(gallery, address=address)
    assert count(again) == "18 pairs, 24 candidates"
    again.wait_for_selector(".card[data-at='1']:focus")
    assert again.locator('[data-value="infeasible"]').get_attribute("aria-pressed") == "true"


def test_theme_follows_the_system_and_can_be_switched(show, gallery):
    page = show(gallery, color_scheme="dark")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(paper) == "rgb(25, 25, 25)"
    page.locator("#theme").click()
    assert page.evaluate(paper) == "rgb(236, 236, 236)"
    page.reload()
    page.wait_for_selector(".card")
    assert page.evaluate(paper) == "rgb(236, 236, 236)"


@pytest.mark.parametrize("tab", ["gallery", "funnel", "about"])
def test_a_phone_has_nothing_to_scroll_sideways(show, gallery, tab):
    page = show(gallery, width=390, height=844)
    page.locator(f"#tab-{tab}").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_viewer_fits_a_phone(show, gallery):
    page = show(gallery, width=390, height=844)
    page.locator(".filters-toggle").click()
    choose(page, "attribute", "color")
    page.locator('.card .tile[data-arm="infeasible"]').first.click()
    page.wait_for_selector("#viewer[open] .pane img")
    assert page.locator("#viewer .pane").count() == 1
    assert page.evaluate("document.querySelector('#viewer').scrollWidth") == 390


def test_missing_data_is_said_and_not_an_empty_page(chromium, gallery, tmp_path):
    (tmp_path / "index.html").write_bytes((gallery / "index.html").read_bytes())
    page = chromium.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.wait_for_selector(".notice:visible")
    assert "data/index-00000.js could not be read" in page.locator("#grid .notice").inner_text()
    page.close()


def test_ten_thousand_candidates(show, large):
    assert (large / "index.html").stat().st_size < 2_000_000
    page = show(large)
    assert count(page) == "5,000 pairs, 10,000 candidates"
    scripts = page.locator('head script[src^="data/page-"]')
    assert 1 <= scripts.count() <= 3
    assert page.locator(".card").count() <= 48
    choose(page, "outcome", "rejected")
    assert count(page) == "100 pairs, 100 candidates"
    page.locator("#search").fill("feasible prompt 04950")
    assert count(page) == "1 pair, 1 candidate"
    page.wait_for_selector(".card")
    assert page.locator(".card").count() == 1
    page.locator("#reset").click()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.wait_for_selector('.card[data-at="4999"]')
    # the pages between the first and the last were never read, and the window alone is filled
    assert scripts.count() <= 20
    assert page.locator(".card").count() <= 60


def test_a_part_of_a_study_is_shown_and_said(show, drawn):
    page = show(drawn)
    assert page.locator(".drawn").inner_text() == "18 of 1,800 pairs are shown, drawn evenly"
    assert count(page) == "18 pairs, 42 candidates"
    page.locator('select[data-field="class"]').select_option(label="Mallard  (14)")
    assert count(page) == "6 pairs, 14 candidates"


def test_many_counts_are_read_when_they_are_looked_at_and_shown_in_parts(show, expect, drawn):
    page = show(drawn)
    counts = page.locator('head script[src="data/counts-00000.js"]')
    assert counts.count() == 0
    page.locator("#tab-funnel").click()
    rows = page.locator("table.funnel tbody tr")
    expect(rows).to_have_count(300)
    assert counts.count() == 1
    assert page.locator("table.funnel tfoot td.number").first.inner_text() == f"{1788 * 3 + 36:,}"
    more = page.locator("#funnel .more")
    assert more.inner_text() == "Show 300 more of 1,800 rows"
    for number in range(600, 2000, 300):
        more.click()
        expect(rows).to_have_count(number)
    assert not more.is_visible()
    page.get_by_role("button", name="Class").click()
    expect(rows).to_have_count(300)
    assert rows.first.locator("button").first.inner_text() != "Grey heron"


def test_a_class_that_is_not_shown_leaves_nothing_and_not_everything(show, expect, drawn):
    page = show(drawn)
    page.locator("#tab-funnel").click()
    page.locator("table.funnel tbody").get_by_role("button", name="Bird 007").first.click()
    assert count(page) == "0 pairs, 0 candidates"
    assert page.locator("#nothing").inner_text() == "No shown candidate matches these filters."
    assert page.locator("#nothing").is_visible()


def test_missing_counts_are_said(chromium, drawn, tmp_path):
    shutil.copytree(drawn, tmp_path / "copy")
    (tmp_path / "copy/data/counts-00000.js").unlink()
    page = chromium.new_page()
    page.goto((tmp_path / "copy/index.html").as_uri())
    page.wait_for_selector(".card")
    page.locator("#tab-funnel").click()
    page.wait_for_selector("#funnel .notice")
    assert "data/counts-00000.js could not be read" in page.locator("#funnel .notice").inner_text()
    page.close()
