import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from varireal.errors import DataError
from varireal.reporting.gallery import write_gallery


class Elements(HTMLParser):
    """Tags with their attributes and the text inside each."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.open = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])
        self.open = True

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.found[-1][2] += data

    def named(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


@pytest.fixture
def page(tmp_path, small):
    def write(**changes):
        facts = dataclasses.replace(small.facts, **changes)
        write_gallery(tmp_path, facts, small.photo, small.stream(1))
        return (tmp_path / "index.html").read_text("utf-8")

    return write


def test_hostile_text_makes_no_element(page, small):
    elements = Elements(page())
    assert elements.named("img") == []
    assert len(elements.named("script")) == 2
    assert elements.named("title")[0][1] == f"Title {small.hostile}"
    assert any(text == small.hostile for _, text in elements.named("dd"))


def test_policy_allows_the_inline_text_by_hash_and_no_network(page):
    elements = Elements(page())
    policy = next(a["content"] for a, _ in elements.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    script = next(text for attributes, text in elements.named("script") if "type" not in attributes)
    ((_, style),) = elements.named("style")
    for text in (script, style):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_page_names_no_address_outside(page):
    addresses = re.findall(r"https?://[^\s\"')]+", page())
    # the name of the SVG namespace is not an address
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}


def test_settings_are_summed_over_the_classes(page):
    elements = Elements(page())
    row = [text.strip() for _, text in elements.named("td")]
    start = row.index("feasible")
    assert row[start : start + 6] == ["feasible", "", "18", "20", "2", "24"]
    widths = [a["width"] for a, _ in elements.named("rect") if a["class"] == "done"]
    assert widths == ["90.00", "25.00"]


def test_headline_says_what_is_short_and_why(page):
    text = " ".join(page().split())
    assert "<strong>19</strong> of 24 wanted edits accepted" in text
    assert "5 short. Candidates were lost to visible seam (5), wrong hue (4)." in text


def test_facts_of_the_scripts_hold_the_funnel_and_the_meaning_of_the_reasons(page, small):
    elements = Elements(page())
    facts = json.loads(next(text for a, text in elements.named("script") if a.get("type") == "application/json"))
    assert facts["count"] == {"cards": 2, "candidates": 8, "pages": 1, "chunks": 1}
    assert facts["funnel"][0] == ["heron", small.hostile, "color", "feasible", 10, 14, 8, 2, [["seam", 5], ["hue", 1]]]
    assert [code for code, _, _ in facts["reasons"]] == ["seam", "hue"]
    assert facts["classes"] == [["heron", small.hostile]]


def test_downloads_are_quoted_relative_addresses(page):
    assert ("../dataset/data%20card.md", "Data card") in [(a["href"], text) for a, text in Elements(page()).named("a")]


@pytest.mark.parametrize(
    "path", ["https://example.org/x", "//host/x", "/etc/passwd", "javascript:alert(1)", "\\\\host\\x"]
)
def test_a_download_elsewhere_is_refused(page, path):
    with pytest.raises(DataError, match="not a path relative to the report"):
        page(downloads=(("x", path),))


def test_nothing_wanted_divides_by_nothing(page, small):
    assert "Nothing was asked for." in page(funnel=(small.counts("a", "A", "color", "feasible", 0, 0, 0, 0, ()),))


def test_index_stays_small_for_the_largest_preset(page, small):
    reasons = (("seam", 100), ("change_inside", 20), ("hue", 7))
    funnel = tuple(
        small.counts(
            f"class-{n}", f"Class with a longish display name {n}", attribute, arm, 1600, 2000, 1500, 100, reasons
        )
        for n in range(333)
        for attribute in ("background", "color", "texture")
        for arm in ("feasible", "infeasible")
    )
    assert len(page(funnel=funnel).encode()) < 2_000_000
